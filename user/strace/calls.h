/* The system calls that strace knows. */
#pragma once

#include "args.h"

/* The format of a result that is no error. */
enum result { DECIMAL, ADDRESS, OCTAL, POLLED, FCNTL, SIGNAL, NO_RETURN };

struct call {
    const char *name;
    const struct arg_kind *args[MAX_ARGS]; /* ended by NULL */
    enum result result;
};

/* Returns the description of a call, or NULL if strace does not know it. */
const struct call *call_find(uint64_t number);

/* Returns the number of the call with this name, or -1. */
long call_number(const char *name);

/* Print the line of a call: its first part at the entry, and the rest at the exit. */
void call_print_entry(const struct tracee *tracee);
void call_print_exit(const struct tracee *tracee);

/* Returns the name of the tracee's call, as "read" or "syscall_0x3e7". The next use overwrites
   it. */
const char *call_name(const struct tracee *tracee);
