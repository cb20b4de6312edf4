/* Memory that lives as long as the command line for which it is needed: the line itself, what it
   was parsed into, and the words that it expands to. Nobody frees a piece of it; all of it goes at
   once. */
#pragma once

#include <stddef.h>

/* A string that is still growing. */
struct text {
    char *bytes;     /* in line memory; not terminated */
    size_t len;      /* how many there are */
    size_t capacity; /* how many there is room for */
};

/* Zeroed memory. Where there is none, the shell says so and ends. */
void *line_alloc(size_t size);
char *line_copy(const char *bytes, size_t len);
__attribute__((format(printf, 1, 2))) char *line_format(const char *format, ...);

void text_put(struct text *text, char byte);

/* => the text so far, as a terminated string of its own. */
char *text_string(const struct text *text);

/* Frees all of it. */
void line_release(void);
