/* The strings that execve gives to a new program, while they are in the kernel.

   They lie one behind the other in a piece of memory that doubles when it is full. A script inserts
   strings before the first.

   Lock: none, because the arguments belong to one thread. */

#include <linux/errno.h>
#include <arch/page.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <vm/usercopy.h>
#include "arguments.h"

#define STRING_MAX (32 * PAGE_SIZE) /* one argument, as on Linux */

/* Doubles the room, up to the limit. -E2BIG, -ENOMEM. */
static int arguments_grow(struct exec_arguments *args)
{
    if (args->size >= args->max)
        return -E2BIG;
    size_t size = min(max(args->size * 2, PAGE_SIZE), args->max);
    char *bytes = heap_alloc(size);
    if (!bytes)
        return -ENOMEM;
    memcpy(bytes, args->bytes, args->len);
    heap_free(args->bytes);
    args->bytes = bytes;
    args->size = size;
    return 0;
}

/* Appends a string of user memory. -EFAULT, -E2BIG, -ENOMEM. */
static int arguments_add(struct exec_arguments *args, const char __user *string)
{
    for (;;) {
        size_t room = min(args->size - args->len, STRING_MAX);
        ssize_t len =
            room ? copy_string_from_user(args->bytes + args->len, string, room) : -ENAMETOOLONG;

        if (len >= 0) {
            args->len += len + 1;
            return 0;
        }
        if (len != -ENAMETOOLONG)
            return len;
        if (room == STRING_MAX)
            return -E2BIG;
        int err = arguments_grow(args);
        if (err)
            return err;
    }
}

/* Counts the strings in a vector that ends with a null pointer; `vector` may be NULL. -EFAULT,
   -E2BIG. */
static int vector_count(const uaddr_t __user *vector, size_t max_bytes, unsigned *count)
{
    uaddr_t string;

    for (*count = 0; vector; ++*count) {
        if (get_user(&string, &vector[*count]))
            return -EFAULT;
        if (!string)
            break;
        if (*count * sizeof(uaddr_t) >= max_bytes)
            return -E2BIG;
    }
    return 0;
}

/* Counts the strings, and subtracts their pointers on the new stack from the limit. */
static int arguments_count(struct exec_arguments *args, const uaddr_t __user *argv,
                           const uaddr_t __user *envp)
{
    int err = vector_count(argv, args->max, &args->argc);

    if (!err)
        err = vector_count(envp, args->max, &args->envc);
    if (err)
        return err;
    size_t pointers = (max(args->argc, 1u) + args->envc) * sizeof(uaddr_t);
    if (pointers >= args->max)
        return -E2BIG;
    args->max -= pointers;
    return 0;
}

static int arguments_add_vector(struct exec_arguments *args, const uaddr_t __user *vector,
                                unsigned count)
{
    for (unsigned n = 0; n < count; n++) {
        uaddr_t string;

        if (get_user(&string, &vector[n]))
            return -EFAULT;
        int err = arguments_add(args, (const char __user *)string);
        if (err)
            return err;
    }
    return 0;
}

/* Makes room for `len` bytes. -E2BIG, -ENOMEM. */
static int arguments_reserve(struct exec_arguments *args, size_t len)
{
    while (args->size - args->len < len) {
        int err = arguments_grow(args);
        if (err)
            return err;
    }
    return 0;
}

/* Appends a string of kernel memory. -E2BIG, -ENOMEM. */
static int arguments_add_own(struct exec_arguments *args, const char *string)
{
    size_t len = strlen(string) + 1;
    int err = arguments_reserve(args, len);

    if (err)
        return err;
    memcpy(args->bytes + args->len, string, len);
    args->len += len;
    return 0;
}

/* Appends argv, or one empty string if it is empty: a program that reads argv[1] unchecked would
   otherwise find its environment there. */
static int arguments_add_argv(struct exec_arguments *args, const uaddr_t __user *argv)
{
    if (args->argc)
        return arguments_add_vector(args, argv, args->argc);
    args->argc = 1;
    return arguments_add_own(args, "");
}

int arguments_collect(struct exec_arguments *args, const char *path, const uaddr_t __user *argv,
                      const uaddr_t __user *envp)
{
    int err = arguments_count(args, argv, envp);

    if (!err)
        err = arguments_add_argv(args, argv);
    args->env = args->len;
    if (!err)
        err = arguments_add_vector(args, envp, args->envc);
    args->path = args->len;
    if (!err)
        err = arguments_add_own(args, path);
    return err;
}

int arguments_push(struct exec_arguments *args, const char *string)
{
    size_t len = strlen(string) + 1;
    int err = arguments_reserve(args, len);

    if (err)
        return err;
    memmove(args->bytes + len, args->bytes, args->len);
    memcpy(args->bytes, string, len);
    args->len += len;
    args->env += len;
    args->path += len;
    args->argc++;
    return 0;
}

/* Removes the first string of argv. */
static void arguments_shift(struct exec_arguments *args)
{
    size_t len = strlen(args->bytes) + 1;

    memmove(args->bytes, args->bytes + len, args->len - len);
    args->len -= len;
    args->env -= len;
    args->path -= len;
    args->argc--;
}

int arguments_rename(struct exec_arguments *args, const char *string)
{
    arguments_shift(args);
    return arguments_push(args, string);
}
