/* Events, entries and regions in words. */
#pragma once

#include <stdio.h>

#include "moment.h"

/* Text that is put together piece by piece; it is cut at the end. */
struct text {
    char bytes[512];
    size_t len;
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Kinds of frames: more than there are. */
#define FRAME_KINDS_MAX 16u

/* Return the name of a kind of frames, and of an outcome; "?" for none. */
const char *frame_kind_name(unsigned kind);
const char *outcome_name(uint64_t outcome);

/* Returns the outcome with that name, or -1. */
int outcome_find(const char *name);

/* "frame 0x7d1b [P W U A D NX]", "absent"; `moment` (NULL: none) adds its kind and count. */
void text_add_entry(struct text *text, struct moment *moment, uint64_t entry);

/* "0x604000-0x605000 rw- heap" */
void text_add_region(struct text *text, struct region *region);
void text_add_attributes(struct text *text, uint64_t attributes);

/* "sh (pid 7)", "the kernel" for 0 */
void text_add_process(struct text *text, struct moment *moment, uint32_t pid);
void text_add_thread(struct text *text, struct moment *moment, uint32_t tid);
void text_add_space(struct text *text, struct moment *moment, uint64_t number);

/* "leaf table", "root" */
const char *level_name(int level);

/* What the event says. The moment is that after the event. */
void text_add_event(struct text *text, struct moment *moment, const struct event *event);

/* Prints the line of event `n`: number, CPU, thread, kind, words and place. */
void event_line(struct moment *moment, uint64_t n);

/* Colours, if standard output is a terminal; else empty. */
extern const char *colour_dim, *colour_bold, *colour_end;
void colours_choose(void);
