/* wc [-lwc] [FILE...]: counts lines, words and bytes. Without an option, it shows all three. */
#include <ctype.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/message.h"

enum { LINES, WORDS, BYTES, NCOUNTS };

struct counts {
    unsigned long of[NCOUNTS];
};

static bool is_shown[NCOUNTS]; /* the counts that the options select */

static void counts_print(const struct counts *counts, const char *name)
{
    const char *separator = "";

    for (int i = 0; i < NCOUNTS; i++) {
        if (is_shown[i]) {
            printf("%s%7lu", separator, counts->of[i]);
            separator = " ";
        }
    }
    printf("%s%s\n", name ? " " : "", name ? name : "");
}

static void counts_add_text(struct counts *counts, const char *text, size_t len, bool *in_word)
{
    counts->of[BYTES] += len;
    for (size_t i = 0; i < len; i++) {
        bool is_blank = isspace((unsigned char)text[i]);
        counts->of[LINES] += text[i] == '\n';
        counts->of[WORDS] += !is_blank && !*in_word;
        *in_word = !is_blank;
    }
}

/* Counts the rest of `fd`, prints the counts, and adds them to `total`. */
static bool fd_count(int fd, const char *name, struct counts *total)
{
    struct counts counts = {0};
    char buffer[4096];
    bool in_word = false;
    ssize_t len;

    while ((len = read(fd, buffer, sizeof(buffer))) > 0)
        counts_add_text(&counts, buffer, len, &in_word);
    if (len < 0)
        complain_errno("%s", name ? name : "standard input");
    counts_print(&counts, name);
    for (int i = 0; i < NCOUNTS; i++)
        total->of[i] += counts.of[i];
    return len == 0;
}

static bool file_count(const char *path, struct counts *total)
{
    int fd = open(path, O_RDONLY);

    if (fd < 0) {
        complain_errno("%s", path);
        return false;
    }
    bool is_counted = fd_count(fd, path, total);
    close(fd);
    return is_counted;
}

static void options_read(int argc, char **argv)
{
    static const char letters[] = "lwc"; /* in the order of the counts */
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, letters)) != -1) {
        if (option == '?')
            usage("[-lwc] [FILE...]");
        is_shown[strchr(letters, option) - letters] = true;
    }
    if (!is_shown[LINES] && !is_shown[WORDS] && !is_shown[BYTES])
        is_shown[LINES] = is_shown[WORDS] = is_shown[BYTES] = true;
}

int main(int argc, char **argv)
{
    struct counts total = {0};
    bool is_ok = true;

    options_read(argc, argv);
    if (optind == argc)
        is_ok = fd_count(STDIN_FILENO, NULL, &total);
    for (int i = optind; i < argc; i++) {
        if (!file_count(argv[i], &total))
            is_ok = false;
    }
    if (argc - optind > 1)
        counts_print(&total, "total");
    return finish(!is_ok);
}
