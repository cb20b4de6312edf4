/* Completion of the word that ends a line. */
#pragma once

#include <stddef.h>

/* The possible completions of a word. */
struct completion {
    char *rest;   /* from malloc: the text that all possibilities continue with; may be "" */
    char **names; /* array and names from malloc: the possibilities, as a person should see them */
    size_t count;
};

/* Completes the last word of `text`: a command where a command belongs, otherwise a file. */
struct completion complete(const char *text);
void completion_free(struct completion *completion);
