/* Numbers in the arguments of a program. */
#pragma once

#include <stdbool.h>

/* Sets *value to the decimal number in `text`. Returns false if `text` is anything else, or if the
   number lies outside of `min` to `max`. */
bool number_parse(const char *text, long min, long max, long *value);
