/* The frame of a generator: a program whose output must be the same on Pagoda and on Linux.

   A generator is run as

       NAME [-v] [-w CALL,...] [-k STEP,...] SEED FIRST COUNT

   and prints one line for each of COUNT cases, from number FIRST on: "case 17 HASH". A case is a
   sequence of steps in a process of its own. A step makes random choices, does what was chosen, and
   says what happened. The hash is that of all that the case has said and of how its process ended.

   With -v, the words of each step come before the line: "17.4 munmap(A+0x1000, 1) = EINVAL".
   With -w, the generator leaves out these system calls, because one of the kernels lacks them.
   With -k, only these steps of each case are done. The choices of a step depend on the seed, the
   case and the number of the step, so a step chooses the same whether or not others are done.

   Nothing that is said may depend on what kernels may choose: addresses of new mappings, process
   ids, times, or the order of names in a directory. */
#pragma once

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE          4096ul
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Runs the cases that the arguments ask for. Returns the exit status of the program. `run` is
   called in the process of each case; it calls step_next() for each step, up to steps_max times. */
struct generator {
    void (*run)(void);
    unsigned steps_max;
};
int generator_main(int argc, char **argv, const struct generator *generator);

/* Ends the words of the last step, and begins the next. Returns false behind the last step. */
bool step_next(void);

/* Number of the current step, from 0 on. */
unsigned step_number(void);

/* Number of the current case. */
unsigned case_number(void);

/* Adds to the words of the current step. A text beyond 4000 bytes is cut off. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says " = result", with the name of the error if the result is that of a failed raw call. */
void say_result(long result);

/* Says the bytes: letters as they are, others in hexadecimal; of a long text only the hash. */
void say_bytes(const void *bytes, size_t len);

/* Writes what was said so far, so that it stays if the process dies next. A process that was forked
   in the middle of a step calls it before it ends. */
void say_flush(void);

/* Returns the name of an error, as "ENOENT"; a number as text if it has none here. */
const char *error_name(int error);

/* Random choices of the current step. random_begin is for programs that have no steps. */
void random_begin(uint64_t seed, unsigned number, unsigned step);
uint64_t random_word(void);
unsigned random_to(unsigned limit); /* returns one of 0 to limit - 1 */
bool one_in(unsigned n);            /* returns true with a chance of 1/n */
#define ANY_OF(array) ((array)[random_to(ARRAY_SIZE(array))])

/* Returns false if the call is to be left out (-w). */
bool has_call(const char *name);

/* Makes a raw system call. Returns its result, or -errno. */
#define CALL_(number, a, b, c, d, e, f, ...) \
    raw_call(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define CALL(...) CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)
long raw_call(long number, long a, long b, long c, long d, long e, long f);

/* Accesses one byte of memory, or 8 bytes that may lie on two pages; calls a function. Returns true,
   or false after a signal, which fault_* describe. */
bool probe_read(uintptr_t address, uint8_t *byte);
bool probe_write(uintptr_t address, uint8_t byte);
bool probe_write_word(uintptr_t address, uint64_t word);
bool probe_call(uintptr_t address);
extern int fault_signal, fault_code;
extern uintptr_t fault_address;
