/* Prints arguments of system calls in the format of Linux's strace, to the blank. This file has
   numbers, flags and constants; the other arg*.c files have the rest. */
#define _GNU_SOURCE
#include "argprint.h"

#include <fcntl.h>

#include "calls.h"
#include "names.h"
#include "output.h"

/* ---- Numbers ---- */

void print_int(const struct tracee *tracee, int n)
{
    print("%d", (int)tracee->args[n]);
}

void print_long(const struct tracee *tracee, int n)
{
    print("%ld", (long)tracee->args[n]);
}

static void print_unsigned(const struct tracee *tracee, int n)
{
    print("%lu", (unsigned long)tracee->args[n]);
}

void print_hex(const struct tracee *tracee, int n)
{
    print("%#lx", (unsigned long)tracee->args[n]);
}

void print_address(uint64_t address)
{
    if (address)
        print("%#llx", (unsigned long long)address);
    else
        print("NULL");
}

static void print_pointer(const struct tracee *tracee, int n)
{
    print_address(tracee->args[n]);
}

void print_mode(const struct tracee *tracee, int n)
{
    print("%#03o", (unsigned)tracee->args[n] & 0xffff);
}

static void print_dir_fd(const struct tracee *tracee, int n)
{
    if ((int)tracee->args[n] == AT_FDCWD)
        print("AT_FDCWD");
    else
        print_int(tracee, n);
}

static void print_signal_number(const struct tracee *tracee, int n)
{
    print_signal((int)tracee->args[n]);
}

/* ---- Flags and constants; `details` is their set ---- */

static const struct names *names_of(const struct tracee *tracee, int n)
{
    return tracee->call->args[n]->details;
}

static void print_set(const struct tracee *tracee, int n)
{
    print_flags(names_of(tracee, n), (unsigned)tracee->args[n]);
}

static void print_constant(const struct tracee *tracee, int n)
{
    print_one_of(names_of(tracee, n), (unsigned)tracee->args[n]);
}

/* ---- The kinds ---- */

#define FLAGS(name, set) const struct arg_kind arg_##name = {.print = print_set, .details = &set}
#define CONSTANT(name, set) \
    const struct arg_kind arg_##name = {.print = print_constant, .details = &set}

INPUT(int, print_int);
INPUT(long, print_long);
INPUT(unsigned, print_unsigned);
INPUT(hex, print_hex);
INPUT(pointer, print_pointer);
INPUT(mode, print_mode);
INPUT(dir_fd, print_dir_fd);
INPUT(signal, print_signal_number);

FLAGS(access, access_names);
FLAGS(at_flags, at_names);
FLAGS(rename_flags, rename_names);
FLAGS(prot, prot_names);
FLAGS(map_flags, map_names);
FLAGS(pipe_flags, pipe_names);
FLAGS(wait_flags, wait_names);
FLAGS(unshare_flags, clone_names);
FLAGS(timer_flags, timer_names);
FLAGS(random_flags, random_names);
CONSTANT(whence, seek_names);
CONSTANT(ioctl, ioctl_names);
CONSTANT(mask_how, mask_how_names);
CONSTANT(resource, resource_names);
CONSTANT(clock, clock_names);
CONSTANT(which_itimer, itimer_names);
CONSTANT(prctl, prctl_names);
FLAGS(flock, flock_names);
CONSTANT(who, usage_names);
