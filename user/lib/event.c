/* Events of /proc/events, each one a line:

       12345 987654321 cpu 0 tid 7 entry_set table=0x7d1e index=0x1ff old=0 new=0x867 at=NAME+0x2a
*/
#include "event.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "message.h"

/* A line is shorter. */
enum { LINE = 320, OUTCOMES_MAX = 32 };

FILE *events_open(void)
{
    FILE *file = fopen("/proc/events", "re");

    if (!file) {
        complain_errno("/proc/events");
        return NULL;
    }
    int first = getc(file);
    if (first == EOF) {
        complain("the kernel makes no events: start it with `events` on its command line "
                 "(make qemu APPEND=events)");
        fclose(file);
        return NULL;
    }
    ungetc(first, file);
    return file;
}

/* Takes the function from "at=FUNCTION+0x2a"; or, if this is in the allocator of frames, from
   "caller=...". */
static void take_function(struct machine_event *event)
{
    const char *word = strstr(event->words, " at="), *caller = strstr(event->words, " caller=");

    if (caller && word && strncmp(word, " at=frame_", 10) == 0)
        word = caller;
    if (!word)
        return;
    word = strchr(word, '=') + 1;
    snprintf(event->function, sizeof(event->function), "%.*s", (int)strcspn(word, "+ "), word);
}

bool event_read(FILE *file, struct machine_event *event)
{
    char line[LINE];
    int end = 0;

    clearerr(file);
    memset(event, 0, sizeof(*event));
    if (!fgets(line, sizeof(line), file) ||
        sscanf(line, "%" SCNu64 " %" SCNu64 " cpu %d tid %d %23s%n", &event->number, &event->time,
               &event->cpu, &event->tid, event->name, &end) != 5)
        return false;
    snprintf(event->words, sizeof(event->words), "%.*s", (int)strcspn(line + end, "\n"),
             line + end);
    take_function(event);
    return true;
}

uint64_t event_word(const struct machine_event *event, const char *name)
{
    size_t len = strlen(name);

    for (const char *word = event->words; (word = strchr(word, ' ')); word++)
        if (strncmp(word + 1, name, len) == 0 && word[1 + len] == '=')
            return strtoull(word + len + 2, NULL, 0);
    return 0;
}

/* The kernel lists the outcomes in the order of their numbers. */
const char *outcome_name(uint64_t outcome)
{
    static char names[OUTCOMES_MAX][24];
    FILE *file;

    if (outcome >= OUTCOMES_MAX)
        return NULL;
    if (!*names[0] && (file = fopen("/proc/self/faults", "re"))) {
        for (unsigned n = 0; n < OUTCOMES_MAX && fscanf(file, "%23s %*u", names[n]) == 1; n++)
            ;
        fclose(file);
    }
    return *names[outcome] ? names[outcome] : NULL;
}
