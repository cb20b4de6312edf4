/* Places. The kernel has a few hundred at which events are made. addr2line is asked once for all of
   them, and gives for each the functions that the compiler has inlined there, the innermost
   first. The small functions of headers are passed over, for the function that uses them. */
#define _GNU_SOURCE
#include "places.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"

#define KERNEL_HALF 0xffffffff00000000ull
#define SLOTS       4096u /* of the hash table: more than there are places */
#define NAME        64
#define LINE        512

struct place {
    uint64_t address; /* 0: free */
    char function[NAME], line[NAME];
};

static struct place places[SLOTS];
static unsigned used;

/* Returns the slot of an address, or the free one that it would get. */
static struct place *slot_of(uint64_t address)
{
    unsigned n = address * 0x9e3779b97f4a7c15ull >> 52;

    while (places[n].address && places[n].address != address)
        n = (n + 1) % SLOTS;
    return &places[n];
}

static void add(uint64_t address)
{
    struct place *place = slot_of(address);

    if (place->address || used >= SLOTS / 2)
        return;
    place->address = address;
    used++;
}

/* Returns the caller that the event names, or 0. */
static uint64_t caller_of(const struct event *event)
{
    unsigned word = word_find(event->kind, "caller");

    return word < EVENT_WORDS ? event->words[word] : 0;
}

uint64_t event_place(const struct event *event)
{
    static const char frames[] = "kernel/mm/frame.c:";
    uint64_t place = KERNEL_HALF | event->place;

    if (!event->place)
        return 0;
    if (caller_of(event) && strncmp(slot_of(place)->line, frames, sizeof(frames) - 1) == 0)
        return caller_of(event);
    return place;
}

/* Returns the part of a path from kernel/ or include/ on. */
static const char *path_short(const char *path)
{
    static const char *const parts[] = {"/kernel/", "/include/"};

    for (unsigned n = 0; n < sizeof(parts) / sizeof(parts[0]); n++) {
        const char *found = strstr(path, parts[n]);

        if (found)
            return found + 1;
    }
    return path;
}

/* Takes one function of a place; `path` is that of the line. */
static void take_function(struct place *place, const char *function, const char *path)
{
    path = path_short(path);
    if (*place->function && strncmp(place->line, "include/", 8) != 0)
        return;
    snprintf(place->function, NAME, "%.*s", (int)strcspn(function, " \n"), function);
    snprintf(place->line, NAME, "%.*s", (int)strcspn(path, " \n"), path);
}

/* Reads what addr2line prints: an address, then pairs of a function and a line. */
static void take_answer(FILE *answer)
{
    char function[LINE], path[LINE];
    struct place *place = NULL;

    while (fgets(function, sizeof(function), answer)) {
        if (strncmp(function, "0x", 2) == 0)
            place = slot_of(strtoull(function, NULL, 16) + 1);
        else if (fgets(path, sizeof(path), answer) && place && place->address && *function != '?')
            take_function(place, function, path);
    }
}

/* Asks addr2line. The byte before an address is looked up, because it is behind a call. */
static bool ask(const char *elf)
{
    const char *tool = getenv("ADDR2LINE");
    char command[LINE], questions[] = "/tmp/replay.XXXXXX";
    int fd = mkstemp(questions);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w"), *answer;

    if (!file)
        return complain_errno(questions);
    for (unsigned n = 0; n < SLOTS; n++)
        if (places[n].address)
            fprintf(file, "%#" PRIx64 "\n", places[n].address - 1);
    bool is_written = fclose(file) == 0;
    snprintf(command, sizeof(command), "exec %s -a -f -i -e '%s' <%s 2>/dev/null",
             tool && *tool ? tool : "addr2line", elf, questions);
    answer = is_written ? popen(command, "re") : NULL;
    if (answer)
        take_answer(answer);
    unlink(questions);
    return answer && pclose(answer) == 0;
}

/* Returns false if the kernel is another one than that of the recording: then the first events are
   not where they should be. */
static bool places_fit(const struct record *record)
{
    for (uint64_t n = 0; n < record->count; n++) {
        const struct event *event = &record->events[n];

        if (event->kind == EVENT_vspace_new)
            return strcmp(place_function(event_place(event)), "vspace_alloc") == 0;
        if (event->kind == EVENT_memory &&
            strcmp(place_function(event_place(event)), "frame_init") != 0)
            return false;
    }
    return true;
}

void places_load(const struct record *record, const char *elf)
{
    for (uint64_t n = 0; n < record->count; n++) {
        if (!record->events[n].place)
            continue; /* of the tests on the host */
        add(KERNEL_HALF | record->events[n].place);
        if (caller_of(&record->events[n]))
            add(caller_of(&record->events[n]));
    }
    if (used == 0)
        return;
    if (access(elf, R_OK) < 0 || strchr(elf, '\'') || !ask(elf)) {
        complain("%s cannot be read by addr2line, so places are shown as addresses", elf);
    } else if (!places_fit(record)) {
        complain("%s is not the kernel of this recording, so places are shown as addresses. The "
                 "variable KERNEL of the environment can name another one.",
                 elf);
        memset(places, 0, sizeof(places));
    }
}

const char *place_function(uint64_t address)
{
    static char number[24];
    const struct place *place = slot_of(address);

    if (!address)
        return "";
    if (place->address && *place->function)
        return place->function;
    snprintf(number, sizeof(number), "%#" PRIx64, address);
    return number;
}

const char *place_text(uint64_t address)
{
    static char text[2 * NAME + 4];
    const struct place *place = slot_of(address);

    if (!address || !place->address || !*place->function)
        return place_function(address);
    snprintf(text, sizeof(text), "%s, %s", place->function, place->line);
    return text;
}

void places_print(void)
{
    for (unsigned n = 0; n < SLOTS; n++)
        if (places[n].address && *places[n].function)
            printf("%" PRIx64 " %s, %s\n", places[n].address, places[n].function, places[n].line);
}
