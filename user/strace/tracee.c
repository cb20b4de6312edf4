/* The processes that strace watches. */
#define _GNU_SOURCE
#include "tracee.h"

#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "../lib/memory.h"

#define PAGE 4096UL

static struct tracee *tracees;

struct tracee *tracee_first(void)
{
    return tracees;
}

bool tracee_is_only(void)
{
    return tracees && !tracees->next;
}

struct tracee *tracee_find(pid_t pid)
{
    struct tracee *tracee = tracees;

    while (tracee && tracee->pid != pid)
        tracee = tracee->next;
    return tracee;
}

struct tracee *tracee_add(pid_t pid)
{
    struct tracee *tracee = must_alloc(sizeof(*tracee));

    *tracee = (struct tracee){.next = tracees, .pid = pid};
    tracees = tracee;
    return tracee;
}

void tracee_remove(struct tracee *tracee)
{
    struct tracee **link = &tracees;

    while (*link != tracee)
        link = &(*link)->next;
    *link = tracee->next;
    free(tracee);
}

/* Reads page by page, because a read that meets an unmapped page does not report how much it
   copied. */
size_t tracee_read_some(const struct tracee *tracee, uint64_t address, void *to, size_t len)
{
    size_t done = 0;

    while (done < len) {
        size_t in_page = PAGE - (address + done) % PAGE;
        size_t part = len - done < in_page ? len - done : in_page;
        struct iovec local = {(char *)to + done, part};
        struct iovec remote = {(void *)(address + done), part};

        if (process_vm_readv(tracee->pid, &local, 1, &remote, 1, 0) != (ssize_t)part)
            break;
        done += part;
    }
    return done;
}

bool tracee_read(const struct tracee *tracee, uint64_t address, void *to, size_t len)
{
    return tracee_read_some(tracee, address, to, len) == len;
}
