/* The strings that execve gives to a new program, while they are in the kernel. */
#pragma once

#include <lib/base.h>

/* The strings of argv, then of envp, then the path, each with its final 0. */
struct exec_arguments {
    char *bytes;      /* on the heap */
    size_t len, size; /* bytes in use, and allocated */
    size_t env, path; /* offsets of the first string of envp, and of the path */
    size_t max;       /* the limit of len, from which the pointers' sizes are subtracted */
    unsigned argc, envc;
};

/* Copies argv and envp, which may be NULL, and the path. `args` has its limit and no bytes. The
   caller frees args->bytes, also on failure. If argv is empty, it becomes one empty string.
   Errors: -EFAULT, -E2BIG, -ENOMEM. */
__must_check int arguments_collect(struct exec_arguments *args, const char *path,
                                   const uaddr_t __user *argv, const uaddr_t __user *envp);

/* Inserts a string before the first one of argv. Errors: -E2BIG, -ENOMEM. */
__must_check int arguments_push(struct exec_arguments *args, const char *string);

/* Replaces the first string of argv, which has one. Errors: -E2BIG, -ENOMEM. */
__must_check int arguments_rename(struct exec_arguments *args, const char *string);
