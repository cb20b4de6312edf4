/* Completion: how a word that was begun could go on. */
#pragma once

#include <stddef.h>

/* What is known of the word that ends a text. */
struct completion {
    char *rest;   /* from malloc: what all the possibilities go on with; "": nothing */
    char **names; /* from malloc, each too: the possibilities, as a person should see them */
    size_t count;
};

/* Completes the last word of `text`: a command where one belongs, otherwise a file. */
struct completion complete(const char *text);
void completion_free(struct completion *completion);
