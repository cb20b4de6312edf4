/* The commands by which a person reads a recording. They return false after a message. */
#pragma once

#include "moment.h"

/* Runs a command on the recording at `path`. The command "-" reads others from standard input, one
   a line. Places in the code are those of build/pagoda.elf, or of the kernel that the variable
   KERNEL of the environment names. */
bool commands_run(const char *path, char **words);

/* What a command is about, as its words say: N..M, page=ADDR, ... */
struct query {
    uint64_t first, last; /* events */
    bool has_number;      /* `first` was given */
    bool has_page, has_frame, has_space, has_pid, has_tid, has_cpu, has_outcome, has_kind;
    uint64_t page, frame;
    uint64_t space; /* number */
    uint32_t pid, tid, cpu;
    int outcome;
    const char *function; /* NULL: any */
    bool kinds[EVENT_KINDS];
};

/* Reads the words of a query. Returns false after a message. */
bool query_parse(struct query *query, const struct record *record, char **words);

bool list_command(const struct record *record, char **words);
bool at_command(const struct record *record, char **words);
bool why_command(const struct record *record, char **words);
bool diff_command(const struct record *record, char **words);
bool state_command(const struct record *record, char **words);
bool places_command(const struct record *record, char **words);

/* Finds the address space that a query means: that of space=, of pid=, or of the thread of the
   latest event. Returns NULL after a message. */
struct vspace *query_space(const struct query *query, struct moment *moment);

/* Prints the walk of an address, and what it allows. */
void walk_print(struct moment *moment, struct vspace *space, uint64_t address);
