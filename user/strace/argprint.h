/* Functions that the printers of arguments share. Each file makes its printers into kinds (args.h)
   at its end. */
#pragma once

#include <sys/time.h>

#include "args.h"

#define INPUT(name, function) const struct arg_kind arg_##name = {.print = function}
#define OUTPUT(name, function) \
    const struct arg_kind arg_##name = {.print = function, .is_output = true}
#define LAST(name, function) const struct arg_kind arg_##name = {.print = function, .is_last = true}

/* Prints argument n as a number. */
void print_int(const struct tracee *tracee, int n);
void print_long(const struct tracee *tracee, int n);
void print_hex(const struct tracee *tracee, int n);
void print_mode(const struct tracee *tracee, int n);

/* Prints an address, or NULL for 0. */
void print_address(uint64_t address);

/* Prints a string up to its 0, or its first `limit` bytes. */
void print_string(const struct tracee *tracee, uint64_t address, size_t limit);

typedef void element_fn(const struct tracee *tracee, const void *element, size_t index);

/* Prints `count` elements of `size` bytes. */
void print_array(const struct tracee *tracee, uint64_t address, size_t count, size_t size,
                 element_fn *show);

/* Read a structure into `to`, or print its address and return false. fetch_output, for an argument
   that the call fills in, also prints the address if the call has failed. */
bool fetch(const struct tracee *tracee, uint64_t address, void *to, size_t size);
bool fetch_output(const struct tracee *tracee, int n, void *to, size_t size);

/* Prints "name={tv_sec=1, tv_usec=2}". */
void show_timeval(const char *name, const struct timeval *time);
