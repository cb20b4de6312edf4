/* echo [-n] [WORD...]: prints its arguments with blanks between them. Without -n, a newline
   follows. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/message.h"

int main(int argc, char **argv)
{
    bool has_newline = argc < 2 || strcmp(argv[1], "-n") != 0;

    for (int i = has_newline ? 1 : 2; i < argc; i++) {
        fputs(argv[i], stdout);
        if (i + 1 < argc)
            putchar(' ');
    }
    if (has_newline)
        putchar('\n');
    return finish(0);
}
