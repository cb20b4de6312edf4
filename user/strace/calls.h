/* The system calls that strace knows. */
#pragma once

#include "args.h"

/* How a result that is no error is shown. */
enum result { DECIMAL, ADDRESS, OCTAL, POLLED, FCNTL, SIGNAL, NO_RETURN };

struct call {
    const char *name;
    const struct arg_kind *args[MAX_ARGS]; /* NULL after the last */
    enum result result;
};

/* => NULL: it is not known */
const struct call *call_find(uint64_t number);

/* The number of the call with this name; -1: there is none. */
long call_number(const char *name);

/* The lines of a call: at its entry, and at its exit. */
void call_print_entry(const struct tracee *tracee);
void call_print_exit(const struct tracee *tracee);

/* "read", or "syscall_0x3e7". The next call of the function overwrites it. */
const char *call_name(const struct tracee *tracee);
