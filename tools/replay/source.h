/* Where the records come from: a file, or the memory of a machine that runs. */
#pragma once

#include <stdbool.h>
#include <stdio.h>
#include <pagoda/event.h>

struct source {
    const char *path;
    struct recording header;
    FILE *file;             /* NULL: the source is alive */
    struct recording *ring; /* NULL: the source is a file */
    const struct event *slots;
    FILE *copy; /* gets everything that is read; NULL: nothing does */
};

/* Open a recording, or the ring of a machine, which the machine may not have begun yet. They end
   the process if they cannot. */
void source_open_file(struct source *source, const char *path);
void source_open_ring(struct source *source, const char *path);

/* Keeps a copy of the recording in a file. */
void source_copy_to(struct source *source, const char *path);

/* Reads the next record. Returns false at the end: of the file, or after the machine has ended,
   which standard input tells by its own end. */
bool source_next(struct source *source, struct event *event);

/* Completes the copy. */
void source_close(struct source *source);
