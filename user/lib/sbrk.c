/* pagoda_sbrk and pagoda_audit: Pagoda's own system calls, or the closest equivalent on Linux. */
#define _GNU_SOURCE
#include "pagoda.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <pagoda/syscall.h>

bool on_pagoda(void)
{
    struct utsname names;

    return uname(&names) == 0 && strcmp(names.sysname, "Pagoda") == 0;
}

/* Moves the break to `end` if possible, by the system call below brk(). Returns the break. */
static uintptr_t linux_brk(uintptr_t end)
{
    return syscall(SYS_brk, end);
}

static void *linux_sbrk(intptr_t n)
{
    static uintptr_t heap_start;
    uintptr_t old = linux_brk(0);
    uintptr_t new;

    if (heap_start == 0)
        heap_start = old;
    bool is_overflow = __builtin_add_overflow(old, n, &new);
    if (n < 0 && (is_overflow || new < heap_start))
        return (void *)old;
    if (is_overflow || linux_brk(new) != new) {
        errno = ENOMEM;
        return (void *)-1;
    }
    return (void *)old;
}

void *pagoda_sbrk(intptr_t n)
{
    long old = syscall(PAGODA_SYS_sbrk, n);

    return old == -1 && errno == ENOSYS ? linux_sbrk(n) : (void *)old;
}

long pagoda_audit(void)
{
    return syscall(PAGODA_SYS_audit);
}
