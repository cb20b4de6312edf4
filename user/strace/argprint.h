/* What the printers of arguments share. Each is made a kind (args.h) at the end of its file. */
#pragma once

#include <sys/time.h>

#include "args.h"

#define INPUT(name, function) const struct arg_kind arg_##name = {.print = function}
#define OUTPUT(name, function) \
    const struct arg_kind arg_##name = {.print = function, .is_output = true}
#define LAST(name, function) const struct arg_kind arg_##name = {.print = function, .is_last = true}

/* Argument n, as a number. */
void print_int(const struct tracee *tracee, int n);
void print_long(const struct tracee *tracee, int n);
void print_hex(const struct tracee *tracee, int n);
void print_mode(const struct tracee *tracee, int n);

/* "NULL" for 0. */
void print_address(uint64_t address);

/* A string that ends with a 0, or is cut short after `limit` bytes. */
void print_string(const struct tracee *tracee, uint64_t address, size_t limit);

typedef void element_fn(const struct tracee *tracee, const void *element, size_t index);

/* Prints `count` elements of `size` bytes, 64 at the most. */
void print_array(const struct tracee *tracee, uint64_t address, size_t count, size_t size,
                 element_fn *show);

/* Reads a structure into `to`, or prints its address; the second if the call, which fills in argument n, has failed,
   too. */
bool fetch(const struct tracee *tracee, uint64_t address, void *to, size_t size);
bool fetch_output(const struct tracee *tracee, int n, void *to, size_t size);

/* "name={tv_sec=1, tv_usec=2}" */
void show_timeval(const char *name, const struct timeval *time);
