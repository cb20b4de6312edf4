/* hexdump [-Cv] [-n BYTES] [-s BYTES] [FILE...]: shows the bytes of files, or of the standard
   input, in hexadecimal. A line shows sixteen bytes as words of two bytes; with -C, as single bytes
   and as characters. A "*" stands for lines that repeat the previous one, unless -v is given. -s
   skips bytes at the beginning, and -n limits the number of bytes. Several files are shown as
   one. */
#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/message.h"
#include "lib/number.h"

enum { LINE = 16 };

static const char synopsis[] = "[-Cv] [-n BYTES] [-s BYTES] [FILE...]";

static struct {
    bool is_canonical; /* -C */
    bool shows_all;    /* -v */
    long skip, max;    /* in bytes */
} options = {.max = LONG_MAX};

/* The bytes left to show: the rest of `stream`, then `files`. */
static FILE *stream;
static const char *stream_name;
static char **files;
static int status;

/* Opens the next file that can be opened. Returns false if there is none. */
static bool next_file(void)
{
    if (stream && stream != stdin)
        fclose(stream);
    stream = NULL;
    while (!stream && *files) {
        stream_name = *files++;
        stream = fopen(stream_name, "r");
        if (!stream) {
            complain_errno("%s", stream_name);
            status = 1;
        }
    }
    return stream;
}

/* Returns the next byte of all files, or EOF after the last. */
static int next_byte(void)
{
    while (stream) {
        int byte = getc(stream);
        if (byte != EOF)
            return byte;
        if (ferror(stream)) {
            complain_errno("%s", stream_name);
            status = 1;
        }
        if (!next_file())
            break;
    }
    return EOF;
}

static size_t line_read(unsigned char *line, size_t size)
{
    size_t len = 0;
    int byte;

    while (len < size && (byte = next_byte()) != EOF)
        line[len++] = byte;
    return len;
}

static void words_print(const unsigned char *line, size_t len)
{
    for (size_t i = 0; i < LINE; i += 2) {
        unsigned word = line[i] | (i + 1 < len ? line[i + 1] << 8 : 0);
        if (i < len)
            printf(" %04x", word);
        else
            fputs("     ", stdout);
    }
    putchar('\n');
}

static void bytes_print(const unsigned char *line, size_t len)
{
    for (size_t i = 0; i < LINE; i++) {
        fputs(i % 8 == 0 ? "  " : " ", stdout);
        if (i < len)
            printf("%02x", line[i]);
        else
            fputs("  ", stdout);
    }
    fputs("  |", stdout);
    for (size_t i = 0; i < len; i++)
        putchar(line[i] < 0x80 && isprint(line[i]) ? line[i] : '.');
    puts("|");
}

static void offset_print(long offset)
{
    printf(options.is_canonical ? "%08lx" : "%07lx", offset);
}

static void dump(long offset)
{
    unsigned char line[LINE] = {0}, last[LINE];
    bool has_last = false, is_repeating = false;
    long end = offset + (options.max < LONG_MAX - offset ? options.max : LONG_MAX - offset);
    size_t len;

    while ((len = line_read(line, end - offset < LINE ? end - offset : LINE)) > 0) {
        bool is_same = has_last && len == LINE && memcmp(line, last, LINE) == 0;
        if (is_same && !options.shows_all) {
            if (!is_repeating)
                puts("*");
        } else {
            offset_print(offset);
            (options.is_canonical ? bytes_print : words_print)(line, len);
        }
        is_repeating = is_same;
        has_last = true;
        memcpy(last, line, LINE);
        offset += len;
    }
    if (offset > 0 && options.max > 0) {
        offset_print(offset);
        putchar('\n');
    }
}

static long count_parse(const char *text)
{
    long number;

    if (!number_parse(text, 0, LONG_MAX, &number)) {
        complain("%s: not a decimal number of bytes", text);
        exit(1);
    }
    return number;
}

static void options_read(int argc, char **argv)
{
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, "Cvn:s:")) != -1) {
        if (option == '?')
            usage(synopsis);
        options.is_canonical |= option == 'C';
        options.shows_all |= option == 'v';
        if (option == 'n')
            options.max = count_parse(optarg);
        if (option == 's')
            options.skip = count_parse(optarg);
    }
}

int main(int argc, char **argv)
{
    long offset = 0;

    options_read(argc, argv);
    files = argv + optind;
    stream = stdin;
    stream_name = "standard input";
    if (*files)
        (void)next_file();
    while (offset < options.skip && next_byte() != EOF)
        offset++;
    dump(offset);
    return finish(status);
}
