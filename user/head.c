/* head [-qv] [-n LINES | -c BYTES] [FILE...]: shows the first ten lines of files, or the number of
   lines or bytes that an option gives. "-", or no file at all, stands for the standard input. With
   several files, each has a heading with its name; -q omits all headings, -v prints each. -LINES is
   short for -n LINES. */
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/files.h"
#include "lib/message.h"
#include "lib/number.h"

static const char synopsis[] = "[-qv] [-n LINES | -c BYTES] [FILE...]";

static struct {
    long count;
    bool counts_bytes;
    bool is_quiet, is_verbose;
} options = {.count = 10};

/* Returns how many of these bytes to show if `left` lines or bytes are still wanted, and lowers
   `left`. */
static size_t wanted(const char *bytes, size_t len, long *left)
{
    size_t n = 0;

    if (options.counts_bytes) {
        n = len < (size_t)*left ? len : (size_t)*left;
        *left -= n;
        return n;
    }
    for (; n < len && left[0] > 0; n++)
        left[0] -= bytes[n] == '\n';
    return n;
}

static bool fd_head(int fd, const char *name)
{
    char buffer[4096];
    long left = options.count;
    ssize_t len = 0;

    while (left > 0 && (len = read(fd, buffer, sizeof(buffer))) > 0) {
        size_t n = wanted(buffer, len, &left);
        if (!write_all(STDOUT_FILENO, buffer, n)) {
            complain_errno("write error");
            return false;
        }
    }
    if (len < 0)
        complain_errno("%s", name);
    return len >= 0;
}

/* Shows one file, with a heading if `has_name`. A blank line precedes the heading unless
   `is_first`. */
static bool file_head(const char *path, bool has_name, bool is_first)
{
    bool is_input = strcmp(path, "-") == 0;
    const char *name = is_input ? "standard input" : path;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY);

    if (fd < 0) {
        complain_errno("%s", path);
        return false;
    }
    if (has_name) {
        printf("%s==> %s <==\n", is_first ? "" : "\n", name);
        fflush(stdout); /* file contents are written without the stream */
    }
    bool is_ok = fd_head(fd, name);
    if (!is_input)
        close(fd);
    return is_ok;
}

static void count_set(const char *text, bool counts_bytes)
{
    options.counts_bytes = counts_bytes;
    if (number_parse(text, 0, LONG_MAX, &options.count))
        return;
    complain("%s: not a number of %s", text, counts_bytes ? "bytes" : "lines");
    exit(1);
}

static void options_read(int argc, char **argv)
{
    int option;

    opterr = 0;
    if (argc > 1 && argv[1][0] == '-' && isdigit((unsigned char)argv[1][1])) {
        count_set(argv[1] + 1, false);
        optind = 2;
    }
    while ((option = getopt(argc, argv, "n:c:qv")) != -1) {
        if (option == '?')
            usage(synopsis);
        if (option == 'n' || option == 'c')
            count_set(optarg, option == 'c');
        options.is_quiet = option == 'q' || (options.is_quiet && option != 'v');
        options.is_verbose = option == 'v' || (options.is_verbose && option != 'q');
    }
}

int main(int argc, char **argv)
{
    bool is_ok = true, is_first = true;

    options_read(argc, argv);
    bool has_name = options.is_verbose || (argc - optind > 1 && !options.is_quiet);
    if (optind == argc)
        return finish(!file_head("-", has_name, true));
    for (int i = optind; i < argc; i++) {
        bool is_shown = file_head(argv[i], has_name, is_first);
        is_first = is_first && !is_shown;
        is_ok = is_ok && is_shown;
    }
    return finish(!is_ok);
}
