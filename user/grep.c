/* grep [-vinc] PATTERN [FILE...]: shows the lines that match a POSIX basic regular expression.

       -v    shows the lines that do not match
       -i    ignores the case of letters
       -n    shows line numbers
       -c    shows only the number of lines

   The status is 0 if a line was selected, 1 if none was, and 2 after an error. */
#include <errno.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/message.h"

static struct {
    bool inverted;
    bool ignores_case;
    bool shows_numbers;
    bool shows_count;
    bool shows_names; /* each line begins with its file's name, because there are several files */
} options;

static regex_t pattern;
static bool has_match; /* some file has a selected line */
static bool has_error; /* some file could not be read */

static void line_show(const char *name, unsigned long number, const char *line)
{
    if (options.shows_names)
        printf("%s:", name);
    if (options.shows_numbers)
        printf("%lu:", number);
    puts(line);
}

static bool is_selected(const char *line)
{
    bool is_match = regexec(&pattern, line, 0, NULL, 0) == 0;

    return is_match != options.inverted;
}

static void count_show(const char *name, unsigned long count)
{
    if (options.shows_names)
        printf("%s:", name);
    printf("%lu\n", count);
}

static void stream_search(FILE *stream, const char *name)
{
    char *line = NULL;
    size_t capacity = 0;
    unsigned long count = 0;
    ssize_t len;

    for (unsigned long number = 1; (len = getline(&line, &capacity, stream)) > 0; number++) {
        if (line[len - 1] == '\n')
            line[len - 1] = '\0';
        if (!is_selected(line))
            continue;
        count++;
        if (!options.shows_count)
            line_show(name, number, line);
    }
    if (ferror(stream)) {
        complain_errno("%s", name);
        has_error = true;
    }
    if (options.shows_count)
        count_show(name, count);
    has_match = has_match || count > 0;
    free(line);
}

static void file_search(const char *path)
{
    FILE *file = fopen(path, "r");

    if (!file) {
        complain_errno("%s", path);
        has_error = true;
        return;
    }
    stream_search(file, path);
    fclose(file);
}

static void options_read(int argc, char **argv)
{
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, "vinc")) != -1) {
        switch (option) {
        case 'v':
            options.inverted = true;
            break;
        case 'i':
            options.ignores_case = true;
            break;
        case 'n':
            options.shows_numbers = true;
            break;
        case 'c':
            options.shows_count = true;
            break;
        default:
            usage("[-vinc] PATTERN [FILE...]");
        }
    }
    if (optind == argc)
        usage("[-vinc] PATTERN [FILE...]");
}

static void pattern_compile(const char *text)
{
    int error = regcomp(&pattern, text, REG_NOSUB | (options.ignores_case ? REG_ICASE : 0));
    char reason[64];

    if (error == 0)
        return;
    regerror(error, &pattern, reason, sizeof(reason));
    complain("%s: %s", text, reason);
    exit(2);
}

int main(int argc, char **argv)
{
    options_read(argc, argv);
    pattern_compile(argv[optind++]);
    options.shows_names = argc - optind > 1;
    if (optind == argc)
        stream_search(stdin, "standard input");
    for (int i = optind; i < argc; i++)
        file_search(argv[i]);
    if (finish(0) != 0 || has_error)
        return 2;
    return has_match ? 0 : 1;
}
