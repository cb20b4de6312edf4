/* The commands by which a person reads a recording. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "message.h"
#include "places.h"
#include "words.h"

#define KERNEL    "build/pagoda.elf"
#define WORDS_MAX 32

static const char help_text[] =
    "list [N..M] [KIND...] [FILTER...]  the events that pass: those of one of these kinds, and of\n"
    "                                   all filters\n"
    "at N                               the processes and frames right after event N\n"
    "at N SPACE                         the regions of an address space\n"
    "at N page=ADDR [SPACE]             the region and the walk of an address\n"
    "at N frame=FRAME                   the owners of a frame\n"
    "why ADDR@N [SPACE]                 the events that have made the entry of ADDR what it is\n"
    "                                   after event N\n"
    "diff N M                           what differs between two moments\n"
    "state N...                         all state after each of these events, for programs\n"
    "places                             the places in the kernel of all events, for programs\n"
    "help, quit\n"
    "\n"
    "SPACE:   pid=PID or space=NUMBER; without it, that of the thread that has made event N\n"
    "filters: page=ADDR frame=FRAME space=NUMBER pid=PID tid=TID cpu=CPU outcome=OUTCOME\n"
    "         in=FUNCTION\n"
    "kinds:   those of include/pagoda/event.h, as entry_set; or a group: faults, frames, tables,\n"
    "         regions, flushes, spaces, processes, threads, pages\n"
    "\n"
    "A number is in hexadecimal if it begins with 0x.\n";

static bool help_command(const struct record *record, char **words)
{
    (void)record;
    (void)words;
    fputs(help_text, stdout);
    return true;
}

static const struct {
    const char *name;
    bool (*run)(const struct record *record, char **words);
} commands[] = {
    {"list", list_command},     {"at", at_command},     {"why", why_command},
    {"diff", diff_command},     {"help", help_command}, {"state", state_command},
    {"places", places_command},
};

static bool command_run(const struct record *record, char **words)
{
    for (unsigned n = 0; n < sizeof(commands) / sizeof(commands[0]); n++)
        if (strcmp(commands[n].name, words[0]) == 0)
            return commands[n].run(record, words + 1);
    return complain("there is no command '%s'. `help` lists them.", words[0]);
}

/* Runs the commands that a person types, or that a pipe has. Returns false if one failed. */
static bool commands_read(const struct record *record)
{
    char *line = NULL, *words[WORDS_MAX + 1], *rest;
    size_t capacity = 0;
    bool is_good = true;
    bool is_person = isatty(STDIN_FILENO);

    for (;;) {
        unsigned n = 0;

        if (is_person)
            fputs("(replay) ", stdout);
        fflush(stdout);
        if (getline(&line, &capacity, stdin) < 0)
            break;
        for (char *word = strtok_r(line, " \t\n", &rest); word && n < WORDS_MAX;
             word = strtok_r(NULL, " \t\n", &rest))
            words[n++] = word;
        words[n] = NULL;
        if (n > 0 && strcmp(words[0], "quit") == 0)
            break;
        if (n > 0)
            is_good = command_run(record, words) && is_good;
    }
    free(line);
    return is_good;
}

bool commands_run(const char *path, char **words)
{
    const char *kernel = getenv("KERNEL");
    struct record record;

    if (strcmp(words[0], "help") == 0)
        return help_command(NULL, NULL);
    if (!record_open(&record, path))
        return false;
    colours_choose();
    places_load(&record, kernel && *kernel ? kernel : KERNEL);
    return strcmp(words[0], "-") == 0 ? commands_read(&record) : command_run(&record, words);
}
