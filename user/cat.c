/* cat [FILE...]: shows files, one after the other. "-", or no file at all, stands for the standard
   input. */
#include <string.h>
#include <unistd.h>

#include "lib/files.h"

int main(int argc, char **argv)
{
    int status = 0;

    if (argc < 2)
        return !fd_show(STDIN_FILENO, "standard input");
    for (int i = 1; i < argc; i++) {
        bool is_input = strcmp(argv[i], "-") == 0;
        if (!(is_input ? fd_show(STDIN_FILENO, "standard input") : file_show(argv[i])))
            status = 1;
    }
    return status;
}
