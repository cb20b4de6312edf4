/* Places in the kernel: functions, and lines of source files, by addr2line. */
#pragma once

#include "recording.h"

/* Looks up all places of a recording in the kernel `elf`. Places are addresses if it cannot be
   read. */
void places_load(const struct record *record, const char *elf);

/* Returns "entry_replace, kernel/vm/pte.c:12" for an address behind a call, and "" for 0. The text
   is in static memory. */
const char *place_text(uint64_t address);

/* Returns the function alone. */
const char *place_function(uint64_t address);

/* Returns the place of an event; that of its caller, if this is in the allocator of frames;
   0 if the recording has no places. */
uint64_t event_place(const struct event *event);

/* Prints each known address, and its place, one a line. */
void places_print(void);
