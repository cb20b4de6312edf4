/* Arguments of system calls that are addresses of bytes, strings and arrays. */
#define _GNU_SOURCE
#include "argprint.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "../lib/memory.h"
#include "output.h"

enum { MAX_ELEMENTS = 32 }; /* of an array; the rest is cut off */

static size_t string_limit = 32;

void args_set_string_limit(size_t limit)
{
    string_limit = limit;
}

/* ---- Strings ---- */

static void print_escaped(unsigned char c, unsigned char next)
{
    static const char letters[] = "\t\n\v\f\r";
    const char *letter = c ? strchr(letters, c) : NULL;
    bool digit_follows = next >= '0' && next <= '9';

    if (letter)
        print("\\%c", "tnvfr"[letter - letters]);
    else if (c == '"' || c == '\\')
        print("\\%c", c);
    else if (c >= ' ' && c < 0x7f)
        print_char(c);
    else
        print(digit_follows ? "\\%03o" : "\\%o", c);
}

static void print_quoted(const unsigned char *bytes, size_t len)
{
    print_char('"');
    for (size_t i = 0; i < len; i++)
        print_escaped(bytes[i], i + 1 < len ? bytes[i + 1] : 0);
    print_char('"');
}

static void print_in_hex(const unsigned char *bytes, size_t len)
{
    print_char('"');
    for (size_t i = 0; i < len; i++)
        print("\\x%02x", bytes[i]);
    print_char('"');
}

static void print_memory(const struct tracee *tracee, uint64_t address, size_t len,
                         void (*show)(const unsigned char *bytes, size_t len))
{
    size_t shown = len < string_limit ? len : string_limit;
    unsigned char *bytes = must_alloc(shown + 1);

    if (!address || !tracee_read(tracee, address, bytes, shown)) {
        print_address(address);
    } else {
        show(bytes, shown);
        if (shown < len)
            print("...");
    }
    free(bytes);
}

/* Prints a string up to its 0, or its first `limit` bytes. */
void print_string(const struct tracee *tracee, uint64_t address, size_t limit)
{
    unsigned char *bytes = must_alloc(limit + 1);
    size_t read = address ? tracee_read_some(tracee, address, bytes, limit + 1) : 0;
    size_t len = strnlen((char *)bytes, read);

    if (!address || (len == read && read <= limit)) {
        print_address(address);
    } else {
        print_quoted(bytes, len < limit ? len : limit);
        if (len > limit)
            print("...");
    }
    free(bytes);
}

static void print_path(const struct tracee *tracee, int n)
{
    print_string(tracee, tracee->args[n], PATH_MAX - 1);
}

/* Prints bytes whose number is the next argument. */
static void print_bytes(const struct tracee *tracee, int n)
{
    print_memory(tracee, tracee->args[n], tracee->args[n + 1], print_quoted);
}

static void print_out_pointer(const struct tracee *tracee, int n)
{
    print_address(tracee->args[n]);
}

/* Prints bytes whose number is the result. */
static void print_out_bytes(const struct tracee *tracee, int n)
{
    if (tracee->has_failed)
        print_out_pointer(tracee, n);
    else
        print_memory(tracee, tracee->args[n], tracee->result, print_quoted);
}

static void print_out_hex_bytes(const struct tracee *tracee, int n)
{
    if (tracee->has_failed)
        print_out_pointer(tracee, n);
    else
        print_memory(tracee, tracee->args[n], tracee->result, print_in_hex);
}

static void print_out_string(const struct tracee *tracee, int n)
{
    if (tracee->has_failed)
        print_out_pointer(tracee, n);
    else
        print_path(tracee, n);
}

/* ---- Arrays ---- */

/* Prints `count` elements of `size` bytes. */
void print_array(const struct tracee *tracee, uint64_t address, size_t count, size_t size,
                 element_fn *show)
{
    char element[64];

    if (!address || (count && !tracee_read(tracee, address, element, size))) {
        print_address(address);
        return;
    }
    print_char('[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            print(", ");
        if (i == MAX_ELEMENTS || !tracee_read(tracee, address + i * size, element, size)) {
            print("...");
            break;
        }
        show(tracee, element, i);
    }
    print_char(']');
}

static void show_int(const struct tracee *tracee, const void *element, size_t index)
{
    (void)tracee, (void)index;
    print("%d", *(const int *)element);
}

static void print_out_pair(const struct tracee *tracee, int n)
{
    if (tracee->has_failed)
        print_out_pointer(tracee, n);
    else
        print_array(tracee, tracee->args[n], 2, sizeof(int), show_int);
}

static size_t vector_left; /* bytes that the next elements may show */

static void show_iovec(const struct tracee *tracee, const void *element, size_t index)
{
    const struct iovec *piece = element;
    size_t len = piece->iov_len < vector_left ? piece->iov_len : vector_left;

    (void)index;
    print("{iov_base=");
    print_memory(tracee, (uintptr_t)piece->iov_base, len, print_quoted);
    print(", iov_len=%zu}", piece->iov_len);
    vector_left -= len;
}

static void print_vector(const struct tracee *tracee, int n)
{
    vector_left = SIZE_MAX;
    print_array(tracee, tracee->args[n], tracee->args[n + 1], sizeof(struct iovec), show_iovec);
}

static void print_out_vector(const struct tracee *tracee, int n)
{
    if (tracee->has_failed) {
        print_out_pointer(tracee, n);
        return;
    }
    vector_left = tracee->result;
    print_array(tracee, tracee->args[n], tracee->args[n + 1], sizeof(struct iovec), show_iovec);
}

/* Counts the words before a null pointer. */
static size_t count_words(const struct tracee *tracee, uint64_t address)
{
    uint64_t word;
    size_t count = 0;

    while (tracee_read(tracee, address + count * sizeof(word), &word, sizeof(word)) && word)
        count++;
    return count;
}

static void show_string(const struct tracee *tracee, const void *element, size_t index)
{
    (void)index;
    print_string(tracee, *(const uint64_t *)element, string_limit);
}

static void print_strings(const struct tracee *tracee, int n)
{
    print_array(tracee, tracee->args[n], count_words(tracee, tracee->args[n]), sizeof(uint64_t),
                show_string);
}

static void print_environment(const struct tracee *tracee, int n)
{
    print_address(tracee->args[n]);
    if (tracee->args[n]) {
        size_t count = count_words(tracee, tracee->args[n]);

        print(" /* %zu var%s */", count, count == 1 ? "" : "s");
    }
}

/* ---- Structures ---- */

/* Reads a structure into `to`, or prints its address. */
bool fetch(const struct tracee *tracee, uint64_t address, void *to, size_t size)
{
    if (address && tracee_read(tracee, address, to, size))
        return true;
    print_address(address);
    return false;
}

bool fetch_output(const struct tracee *tracee, int n, void *to, size_t size)
{
    if (!tracee->has_failed)
        return fetch(tracee, tracee->args[n], to, size);
    print_address(tracee->args[n]);
    return false;
}

/* ---- The kinds ---- */

INPUT(path, print_path);
INPUT(bytes, print_bytes);
INPUT(vector, print_vector);
INPUT(strings, print_strings);
INPUT(environment, print_environment);
OUTPUT(out_pointer, print_out_pointer);
OUTPUT(out_bytes, print_out_bytes);
OUTPUT(out_hex_bytes, print_out_hex_bytes);
OUTPUT(out_vector, print_out_vector);
OUTPUT(out_string, print_out_string);
OUTPUT(out_pair, print_out_pair);
