/* The processes that strace watches, and what it knows of each. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

enum { MAX_ARGS = 6 };

struct call;

struct tracee {
    struct tracee *next;
    pid_t pid;
    bool was_attached; /* by -p: it runs on when strace ends */
    bool has_stopped;  /* its first stop has been seen */
    bool is_hidden;    /* it is strace's own child, on its way to the program */
    bool in_call;      /* between the entry and the exit of a system call */
    bool is_shown;     /* the user wants to see that call */

    /* The call; the last two at its exit. */
    const struct call *call;
    uint64_t number;
    uint64_t args[MAX_ARGS];
    uint64_t stack_pointer;
    int64_t result; /* an error is below 0 */
    bool has_failed;

    struct rusage usage; /* at the entry: for -c */
};

/* => NULL: strace does not know the process */
struct tracee *tracee_find(pid_t pid);
struct tracee *tracee_add(pid_t pid);
void tracee_remove(struct tracee *tracee);

/* The first of all; the others follow by `next`. */
struct tracee *tracee_first(void);
bool tracee_is_only(void);

/* Reads as many of `len` bytes as there are. => how many */
size_t tracee_read_some(const struct tracee *tracee, uint64_t address, void *to, size_t len);

/* Reads all of them. */
bool tracee_read(const struct tracee *tracee, uint64_t address, void *to, size_t len);
