/* From words as they were written to the strings that they stand for:

       'text'            itself
       "text"            itself, except for $ and for \ before $ " \ ` and newline
       \x                x
       $NAME ${NAME}     the value of a variable, and so $? $$ $! $# $0 ... $9; outside
                         quotes it is split into fields at its blanks
       * ? [...]         outside quotes: the names of the files that match, if there are any

   What other shells know beyond this ($(...), `...`, $@, ${NAME:-...}) is an error. */
#pragma once

#include "syntax.h"

/* => the fields of all words, ended by NULL, in line memory; NULL after a message. */
char **expand_words(const struct word *words);

/* The same for a word that stands for one string, whatever is in it: it is not split, and matches
   no files. */
char *expand_string(const char *raw);
