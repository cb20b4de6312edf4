/* Memory with the lifetime of a command line. It holds the line, its syntax tree, and its expanded
   words. Pieces are never freed one by one; line_release frees all of them. */
#pragma once

#include <stddef.h>

/* A string that is still growing. */
struct text {
    char *bytes;     /* in line memory; without a final 0 */
    size_t len;      /* in bytes */
    size_t capacity; /* in bytes */
};

/* Returns zeroed memory. If there is none, the shell prints a message and ends. */
void *line_alloc(size_t size);
char *line_copy(const char *bytes, size_t len);
__attribute__((format(printf, 1, 2))) char *line_format(const char *format, ...);

void text_put(struct text *text, char byte);

/* Returns a copy of the text so far, with a final 0. */
char *text_string(const struct text *text);

/* Frees all line memory. */
void line_release(void);
