/* Numbers in the arguments of a program. */
#include "number.h"

#include <errno.h>
#include <stdlib.h>

bool number_parse(const char *text, long min, long max, long *value)
{
    char *end;

    errno = 0;
    long number = strtol(text, &end, 10);
    bool is_number = end != text && *end == '\0' && errno == 0;
    if (!is_number || number < min || number > max)
        return false;
    *value = number;
    return true;
}
