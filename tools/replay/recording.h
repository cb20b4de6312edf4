/* A recording (docs/recording.md), in memory. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pagoda/event.h>

struct record {
    const char *path;
    const struct event *events;
    uint64_t count;
    struct recording_layout layout;
};

/* Maps the recording at `path`. Returns false after a message. */
bool record_open(struct record *record, const char *path);

/* Returns the kind with that name, or EVENT_none. */
enum event_kind kind_find(const char *name);

/* Returns the number of the event's word `name`, or EVENT_WORDS if there is none. */
unsigned word_find(enum event_kind kind, const char *name);
