/* The last events of the machine's memory system, from /proc/events (docs/recording.md). */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct machine_event {
    uint64_t number, time; /* time: by the TSC */
    int cpu, tid;
    char name[24];     /* as in pagoda/event.h */
    char function[64]; /* of the kernel, that has made the change; "" if unknown */
    char words[160];   /* "name=value" for each word, with a blank before each */
};

/* Opens /proc/events. Returns NULL, after a message, if the kernel makes no events, as Linux. */
FILE *events_open(void);

/* Reads the next event. Returns false if there is none yet, or after an error. */
bool event_read(FILE *file, struct machine_event *event);

/* Returns the number of the event's word, or 0 if it has no such word. */
uint64_t event_word(const struct machine_event *event, const char *name);

/* Returns the name of an outcome of a fault, "zero_filled", or NULL if it is none that ends a
   fault. */
const char *outcome_name(uint64_t outcome);
