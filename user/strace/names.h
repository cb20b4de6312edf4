/* Numbers that have names: flags, constants, errors, signals. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct name {
    uint64_t value;
    const char *name;
};

/* A set of names. A value without a name is shown as a number; if it stands alone, `unknown`
   follows. */
struct names {
    const char *unknown; /* such as "O_???" */
    const struct name *names;
    size_t count;
};

#define NAME(constant)        \
    {                         \
        (constant), #constant \
    }
#define NAMES(comment, ...)                                                        \
    {                                                                              \
        .unknown = (comment), .names = (const struct name[]){__VA_ARGS__},         \
        .count = sizeof((const struct name[]){__VA_ARGS__}) / sizeof(struct name), \
    }

/* Print a value that is one of the set, or a combination of several, with | between them. */
void print_one_of(const struct names *names, uint64_t value);
void print_flags(const struct names *names, uint64_t value);

/* Prints further flags, each with a | before it. */
void print_more_flags(const struct names *names, uint64_t value);

/* Prints an error, as "ENOENT (No such file or directory)". */
void print_error(int error);

/* Print a signal, as "SIGSEGV"; the short form is "SEGV". */
void print_signal(int signal);
void print_short_signal(int signal);

extern const struct names open_names, access_names, at_names, prot_names, map_names, seek_names,
    fcntl_names, ioctl_names, poll_names, mask_how_names, sa_names, ss_names, wait_names,
    resource_names, clock_names, timer_names, clone_names, mode_type_names, itimer_names,
    random_names, pipe_names, rename_names, prctl_names, flock_names, lock_names, futex_names,
    usage_names, fd_names;
