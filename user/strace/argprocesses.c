/* Arguments of system calls about processes, their resource usage and their limits. */
#define _GNU_SOURCE
#include "argprint.h"

#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "names.h"
#include "output.h"

static void print_out_status(const struct tracee *tracee, int n)
{
    int status;

    if (tracee->result <= 0 || !tracee->args[n]) {
        print_address(tracee->args[n]);
        return;
    }
    if (!fetch_output(tracee, n, &status, sizeof(status)))
        return;
    if (WIFSTOPPED(status)) {
        print("[{WIFSTOPPED(s) && WSTOPSIG(s) == ");
        print_signal(WSTOPSIG(status));
    } else if (WIFSIGNALED(status)) {
        print("[{WIFSIGNALED(s) && WTERMSIG(s) == ");
        print_signal(WTERMSIG(status));
        print("%s", WCOREDUMP(status) ? " && WCOREDUMP(s)" : "");
    } else if (WIFCONTINUED(status)) {
        print("[{WIFCONTINUED(s)");
    } else {
        print("[{WIFEXITED(s) && WEXITSTATUS(s) == %d", WEXITSTATUS(status));
    }
    print("}]");
}

/* Prints the arguments of clone by name, because their order differs from that of the C library.
   The flags decide which of them exist. */
static void print_clone(const struct tracee *tracee, int n)
{
    const uint64_t *args = &tracee->args[n];
    unsigned flags = args[0] & ~(uint64_t)CSIGNAL;

    print("child_stack=");
    print_address(args[1]);
    print(", flags=");
    if (flags)
        print_flags(&clone_names, flags);
    if (args[0] & CSIGNAL) {
        print("%s", flags ? "|" : "");
        print_signal(args[0] & CSIGNAL);
    } else if (!flags) {
        print("0");
    }
    if (flags & CLONE_PARENT_SETTID)
        print(", parent_tid=%#llx", (unsigned long long)args[2]);
    if (flags & CLONE_SETTLS)
        print(", tls=%#llx", (unsigned long long)args[4]);
    if (flags & (CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID)) {
        print(", child_tidptr=");
        print_address(args[3]);
    }
}

/* Prints a field of struct utsname. */
static void print_out_name(const struct tracee *tracee, int n)
{
    struct utsname name;

    if (!fetch_output(tracee, n, &name, sizeof(name)))
        return;
    print("{sysname=\"%s\", nodename=\"%s\", ...}", name.sysname, name.nodename);
}

static void show_limit(rlim_t limit)
{
    if (limit == RLIM_INFINITY)
        print("RLIM64_INFINITY");
    else if (limit > 1024 && limit % 1024 == 0)
        print("%llu*1024", (unsigned long long)limit / 1024);
    else
        print("%llu", (unsigned long long)limit);
}

static void show_rlimit(const struct rlimit *limit)
{
    print("{rlim_cur=");
    show_limit(limit->rlim_cur);
    print(", rlim_max=");
    show_limit(limit->rlim_max);
    print("}");
}

static void print_rlimit(const struct tracee *tracee, int n)
{
    struct rlimit limit;

    if (fetch(tracee, tracee->args[n], &limit, sizeof(limit)))
        show_rlimit(&limit);
}

static void print_out_rlimit(const struct tracee *tracee, int n)
{
    struct rlimit limit;

    if (fetch_output(tracee, n, &limit, sizeof(limit)))
        show_rlimit(&limit);
}

static void print_out_usage(const struct tracee *tracee, int n)
{
    struct rusage usage;
    size_t len = offsetof(struct rusage, ru_maxrss);

    if (!fetch_output(tracee, n, &usage, len))
        return;
    print("{");
    show_timeval("ru_utime", &usage.ru_utime);
    print(", ");
    show_timeval("ru_stime", &usage.ru_stime);
    print(", ...}");
}

/* ---- The kinds ---- */

INPUT(rlimit, print_rlimit);
OUTPUT(out_rlimit, print_out_rlimit);
OUTPUT(out_status, print_out_status);
OUTPUT(out_name, print_out_name);
OUTPUT(out_usage, print_out_usage);
LAST(clone, print_clone);
