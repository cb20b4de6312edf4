/* Expands words as they were written into the strings that they stand for:

       'text'            itself
       "text"            itself, except for $ and for \ before $ " \ ` and newline
       \x                x
       $NAME ${NAME}     the value of a variable, or of $? $$ $! $# $0 ... $9; outside quotes it
                         is split into fields at its blanks
       * ? [...]         outside quotes: the names of the files that match, if any do

   The further expansions of other shells ($(...), `...`, $@, ${NAME:-...}) are errors. */
#pragma once

#include "syntax.h"

/* Expands all words. Returns their fields, ended by NULL, in line memory; NULL after a message. */
char **expand_words(const struct word *words);

/* Expands a word that stands for one string: it is not split, and matches no files. Returns the
   string, in line memory, or NULL after a message. */
char *expand_string(const char *raw);
