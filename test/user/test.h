/* The harness of the user-level tests.

   A test is a program of small cases, which main() runs by name:

       static void a_new_page_reads_zero(void)
       {
           char *page = map_pages(1);
           CHECK_EQ(peek(page), 0);
       }

       int main(void)
       {
           RUN(a_new_page_reads_zero);
           return test_end();
       }

   Each case is one line of output, in TAP: "ok - sbrk: a new page reads zero", or "not ok - ...".
   Everything else that a program prints is a remark, a line that begins with "# ".

   A failed check prints a remark with the case, the place and both values, and ends the case:

   - In the process that runs the cases, it jumps back to RUN, which goes on with the next case. The
     children, descriptors, mappings and signal handlers that the case has made stay. Only the
     signal mask is restored. The first failure is therefore the one to read. If TEST_STOP is in the
     environment, the program ends instead.
   - In a child it ends the child with TEST_FAILED, and the parent checks the child's wait status.
   - Outside of any case it ends the program with TEST_FAILED.

   Linux is the oracle: a case that uses only what Linux has runs there too, as the same binary.
   Other cases are run by RUN_ON_PAGODA, or their whole program begins with pagoda_only().

   A fault is seen from outside: a child commits it, and the parent checks the wait status. Signal
   handlers appear only in the programs that test them. No case sleeps to wait for another process:
   gates, pipes and await_state() serve for that. No stdio stream is used, because a fork would
   print a buffered line twice. */
#pragma once

#ifndef _GNU_SOURCE /* a C++ compiler has defined it */
#define _GNU_SOURCE /* all that Linux has; so this file is included first */
#endif

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pagoda.h"

#ifdef __cplusplus
#define _Noreturn [[noreturn]]
extern "C" {
#endif

#define PAGE 4096UL
#define KIB  1024UL
#define MIB  (1024 * KIB)
#define GIB  (1024 * MIB)

#define TABLE_BYTES (512 * PAGE) /* what a page table covers */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The exit statuses that the runner understands. */
enum { TEST_PASSED = 0, TEST_FAILED = 1, TEST_SKIPPED = 77 };

/* Running cases. */

#define RUN(name)           test_run(#name, name)
#define RUN_ON_PAGODA(name) (on_pagoda() ? test_run(#name, name) : test_skip(#name))

/* Runs a case and reports it. The underscores of its name are printed as spaces. */
void test_run(const char *name, void (*body)(void));
void test_run_with(const char *name, void (*body)(void *), void *arg);

/* Reports a case as skipped. */
void test_skip(const char *name);

/* Returns true on a machine whose clock counts instructions, so that no load of the host moves it.
   Only there may a case check that nothing is late. make test runs the programs there that ask. */
bool time_is_virtual(void);

/* Keeps this process and its children on the CPU on which it runs. */
void stay_on_this_cpu(void);

/* Lets this process run on all CPUs again. */
void use_all_cpus(void);

/* Returns the exit status of a program whose cases have run: TEST_FAILED if one of them failed. */
int test_end(void);

/* Names the case to which the remarks of this process belong, in a program that a case started. */
void test_begin(const char *name);
const char *test_case_name(void);

/* Skips the whole program anywhere but on Pagoda. */
void pagoda_only(void);

/* The cases that a program has reported so far. The runner gives the program a file of one tally as
   its standard input, with the offset at the end, so that it reads as empty. */
struct test_tally {
    int passed, failed, skipped;
};

/* Starts the program again, with the same arguments and no environment, under a stack limit of ten
   pages, as the stacks of xk and osv have. It is the first call in main. */
#define TEN_PAGES (10 * PAGE)
void with_ten_page_stack(char **argv);

/* Prints one line, prefixed with "# ". */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Checking. */

#define CHECK(condition)                                                   \
    do {                                                                   \
        if (!(condition))                                                  \
            test_fail(__FILE__, __LINE__, "%s does not hold", #condition); \
    } while (0)

#define CHECK_EQ(a, b) check_equal(__FILE__, __LINE__, #a, (long)(a), #b, (long)(b))

/* Checks that the call returns -1 (or MAP_FAILED) and leaves this error in errno. */
#define CHECK_ERR(error, call) \
    (errno = 0, check_error(__FILE__, __LINE__, #call, (long)(call), #error, error))

/* Checks that the call succeeds. The value of the macro is the value of the call. */
#define CHECK_OK(call)                                                       \
    ({                                                                       \
        __typeof__(call) result_ = (call);                                   \
        if ((long)result_ == -1)                                             \
            test_fail(__FILE__, __LINE__, "%s: %s", #call, strerror(errno)); \
        result_;                                                             \
    })

_Noreturn void test_fail(const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void check_equal(const char *file, int line, const char *a_text, long a, const char *b_text,
                 long b);
void check_error(const char *file, int line, const char *call, long result, const char *error_name,
                 int error);

/* Children. A body that returns makes its child exit with status 0. */

pid_t start_child(void (*body)(void *), void *arg);
int wait_child(pid_t pid);                     /* returns its wait status */
int in_child(void (*body)(void *), void *arg); /* both of the above */

/* Return true if the wait status is as asked. Otherwise they print what happened instead. */
bool exited_with(int status, int code);
bool killed_by(int status, int signal);

/* Start a child for the body, and return true if its wait status is as asked. */
bool exits_with(int code, void (*body)(void *), void *arg);
bool dies_by(int signal, void (*body)(void *), void *arg);

/* Bodies. Three touch what their argument points to, one returns at once, and one waits until it is
   killed. */
void read_byte(void *address);
void write_byte(void *address);
void call_code(void *code);
void do_nothing(void *unused);
void wait_for_ever(void *unused);

/* Returns the name of a signal, such as "SIGSEGV". */
const char *signal_name(int signal);

/* Returns the absolute path of this program, even after the current directory has changed. */
const char *self_path(void);

/* Returns the state letter of a process from /proc/PID/stat: S sleeping, T stopped, ... */
char process_state(pid_t pid);
void await_state(pid_t pid, char state);

/* A gate lets through as many processes as it was opened times. */
struct gate {
    int fds[2];
};
struct gate gate_make(void);
void gate_open(const struct gate *gate);
void gate_pass(const struct gate *gate); /* waits until it is opened */
void gate_destroy(const struct gate *gate);

/* A child that sleeps before its body until it is released. While it is held it touches no page. */
struct held_child {
    struct gate arrived, released;
    pid_t pid;
};
void hold_child(struct held_child *child, void (*body)(void *), void *arg);
int release_child(struct held_child *child); /* returns its wait status */

/* Memory. */

/* Access exactly one byte. The compiler may not drop the access. */
static inline char peek(const void *address)
{
    return *(const volatile char *)address;
}

static inline void poke(void *address, char value)
{
    *(volatile char *)address = value;
}

static inline char *page_round_up(const void *address)
{
    return (char *)(((uintptr_t)address + PAGE - 1) & ~(PAGE - 1));
}

/* Returns private anonymous memory, readable and writable. */
char *map_pages(size_t npages);

/* Returns two pages of ones under two page tables, the second behind the first. */
char *map_border(void);

/* Returns the start of addresses at which nothing is mapped. */
char *map_hole(size_t npages);

void unmap_pages(void *start, size_t npages);

bool is_zero(const char *bytes, size_t len);

/* Touches the pages of the stack in the `len` bytes below the caller's frame, so that calls which
   need no more cost no new page. */
void touch_stack(size_t len);

/* Files. */

/* Enters a new, empty directory under /tmp; leaves it, and checks that it is empty again. */
void temp_dir_enter(void);
void temp_dir_leave(void);

/* Returns the descriptor of a new file, open for reading and writing. */
int create_file(const char *name, const void *bytes, size_t len);

/* Calls visit for each name in a directory but "." and "..", until visit returns false. Returns
   what visit returned last. It uses no malloc, which takes new pages even when as much is freed. */
bool each_entry(const char *path, bool (*visit)(const char *name, void *context), void *context);

/* Removes all that is in a directory. */
void empty_directory(const char *path);

void make_pipe(int fds[2]);

/* What the kernel says. */

/* A consistent reading of what memory is used for. A reading costs no memory that it would show. */
struct counters {
    long mem_free;    /* pages; of the machine */
    long anon_pages;  /* pages; private memory of all processes */
    long page_tables; /* pages; page tables of all processes */
    long minor_fault; /* of this process */
    long outcomes;    /* faults of this process as /proc/self/faults counts them; 0 on Linux */
};
struct counters counters_now(void);
struct counters counters_since(const struct counters *before);

/* Calls visit for each line of a file, without its newline. Returns false if the file cannot be
   read. */
bool each_line(const char *path, void (*visit)(const char *line, void *context), void *context);

/* Returns true on a Pagoda that was built with DEBUG=1. */
bool is_debug_build(void);

/* Returns the number on the line "key number" or "key: number unit" of a file, or -1 without
   one. */
long number_in(const char *path, const char *key);

/* Returns the kernel's last message about a process, without its newline, or "". The next call
   overwrites it. Pagoda only. */
const char *kernel_message(pid_t pid);

/* A line of /proc/self/maps. */
struct region {
    uintptr_t start, end; /* bytes; page aligned */
    char prot[5];         /* "r-xp" */
    char name[64];        /* cut short where it is longer */
};
bool region_parse(const char *line, struct region *region);
bool region_find(const void *address, struct region *region);

/* Returns how many regions overlap this range. */
int regions_within(const void *start, size_t len);

/* Random tests. */

/* Returns a seed that differs from run to run, unless TEST_SEED is in the environment. Prints
   it. */
uint64_t random_seed(void);
uint32_t random_next(uint64_t *state);
uint32_t random_below(uint64_t *state, uint32_t limit);

#ifdef __cplusplus
}
#endif
