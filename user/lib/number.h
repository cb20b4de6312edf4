/* Numbers in the arguments of a program. */
#pragma once

#include <stdbool.h>

/* Whether all of `text` is a decimal number from `min` to `max`; if so, sets *value to it. */
bool number_parse(const char *text, long min, long max, long *value);
