/* The processes that strace traces, and the state of each. */
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
    bool was_attached; /* by -p; it runs on after strace */
    bool has_stopped;  /* its first stop has been seen */
    bool is_hidden;    /* a child of strace that has not become the program yet */
    bool in_call;      /* between the entry and the exit of a system call */
    bool is_shown;     /* the options select that call */

    /* The call. The last two fields are set at its exit. */
    const struct call *call;
    uint64_t number;
    uint64_t args[MAX_ARGS];
    uint64_t stack_pointer;
    int64_t result; /* negative for an error */
    bool has_failed;

    struct rusage usage; /* usage at the entry; for -c */

    /* Its page fault, for -F: an access, in the words of the CPU. */
    unsigned fault_access;
};

/* Returns the tracee, or NULL if strace does not trace the process. */
struct tracee *tracee_find(pid_t pid);
struct tracee *tracee_add(pid_t pid);
void tracee_remove(struct tracee *tracee);

/* Returns the first tracee; the others follow by `next`. */
struct tracee *tracee_first(void);
bool tracee_is_only(void);

/* Reads up to `len` bytes. Returns the number of bytes before an unmapped page. */
size_t tracee_read_some(const struct tracee *tracee, uint64_t address, void *to, size_t len);

/* Reads all `len` bytes. Returns false if it cannot. */
bool tracee_read(const struct tracee *tracee, uint64_t address, void *to, size_t len);
