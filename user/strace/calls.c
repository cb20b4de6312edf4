/* The system calls that strace knows: those of Pagoda, and those that a C library on Linux makes
   before main. */
#define _GNU_SOURCE
#include "calls.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "names.h"
#include "output.h"

#include <pagoda/syscall.h>
#include <sys/calls.h>

#define CALL(name, ...)        [SYS_##name] = {#name, {__VA_ARGS__}, DECIMAL}
#define GIVES(kind, name, ...) [SYS_##name] = {#name, {__VA_ARGS__}, kind}

static const struct call calls[] = {
    CALL(read, &arg_int, &arg_out_bytes, &arg_unsigned),
    CALL(write, &arg_int, &arg_bytes, &arg_unsigned),
    CALL(readv, &arg_int, &arg_out_vector, &arg_unsigned),
    CALL(writev, &arg_int, &arg_vector, &arg_unsigned),
    CALL(pread64, &arg_int, &arg_out_bytes, &arg_unsigned, &arg_long),
    CALL(pwrite64, &arg_int, &arg_bytes, &arg_unsigned, &arg_long),
    CALL(open, &arg_path, &arg_open_flags),
    CALL(openat, &arg_dir_fd, &arg_path, &arg_open_flags),
    CALL(creat, &arg_path, &arg_mode),
    CALL(close, &arg_int),
    CALL(lseek, &arg_int, &arg_long, &arg_whence),
    CALL(dup, &arg_int),
    CALL(dup2, &arg_int, &arg_int),
    CALL(dup3, &arg_int, &arg_int, &arg_pipe_flags),
    CALL(pipe, &arg_out_pair),
    CALL(pipe2, &arg_out_pair, &arg_pipe_flags),
    GIVES(FCNTL, fcntl, &arg_int, &arg_fcntl),
    CALL(ioctl, &arg_int, &arg_ioctl, &arg_ioctl_data),
    GIVES(POLLED, poll, &arg_pollfds, &arg_unsigned, &arg_int),
    CALL(epoll_create, &arg_int),
    CALL(epoll_create1, &arg_hex),
    CALL(epoll_ctl, &arg_int, &arg_int, &arg_int, &arg_pointer),
    CALL(epoll_wait, &arg_int, &arg_pointer, &arg_int, &arg_int),
    CALL(epoll_pwait, &arg_int, &arg_pointer, &arg_int, &arg_int, &arg_mask, &arg_unsigned),
    CALL(epoll_pwait2, &arg_int, &arg_pointer, &arg_int, &arg_time, &arg_mask, &arg_unsigned),
    CALL(stat, &arg_path, &arg_out_stat),
    CALL(fstat, &arg_int, &arg_out_stat),
    CALL(lstat, &arg_path, &arg_out_stat),
    CALL(newfstatat, &arg_dir_fd, &arg_path, &arg_out_stat, &arg_at_flags),
    CALL(access, &arg_path, &arg_access),
    CALL(faccessat, &arg_dir_fd, &arg_path, &arg_access),
    CALL(faccessat2, &arg_dir_fd, &arg_path, &arg_access, &arg_at_flags),
    CALL(getdents64, &arg_int, &arg_out_entries, &arg_unsigned),
    CALL(mkdir, &arg_path, &arg_mode),
    CALL(mkdirat, &arg_dir_fd, &arg_path, &arg_mode),
    CALL(mknod, &arg_path, &arg_node_mode),
    CALL(mknodat, &arg_dir_fd, &arg_path, &arg_node_mode),
    CALL(link, &arg_path, &arg_path),
    CALL(linkat, &arg_dir_fd, &arg_path, &arg_dir_fd, &arg_path, &arg_at_flags),
    CALL(symlink, &arg_path, &arg_path),
    CALL(symlinkat, &arg_path, &arg_dir_fd, &arg_path),
    CALL(rmdir, &arg_path),
    CALL(unlink, &arg_path),
    CALL(unlinkat, &arg_dir_fd, &arg_path, &arg_at_flags),
    CALL(rename, &arg_path, &arg_path),
    CALL(renameat, &arg_dir_fd, &arg_path, &arg_dir_fd, &arg_path),
    CALL(renameat2, &arg_dir_fd, &arg_path, &arg_dir_fd, &arg_path, &arg_rename_flags),
    CALL(truncate, &arg_path, &arg_long),
    CALL(ftruncate, &arg_int, &arg_long),
    CALL(fallocate, &arg_int, &arg_unsigned, &arg_long, &arg_long),
    CALL(chdir, &arg_path),
    CALL(fchdir, &arg_int),
    CALL(getcwd, &arg_out_string, &arg_unsigned),
    GIVES(OCTAL, umask, &arg_mode),
    CALL(readlink, &arg_path, &arg_out_bytes, &arg_unsigned),
    CALL(readlinkat, &arg_dir_fd, &arg_path, &arg_out_bytes, &arg_unsigned),
    CALL(chmod, &arg_path, &arg_mode),
    CALL(fchmod, &arg_int, &arg_mode),
    CALL(fchmodat, &arg_dir_fd, &arg_path, &arg_mode),
    CALL(utimensat, &arg_dir_fd, &arg_path, &arg_times, &arg_at_flags),
    CALL(flock, &arg_int, &arg_flock),
    CALL(fsync, &arg_int),
    CALL(fdatasync, &arg_int),
    CALL(sync, NULL),
    CALL(sync_file_range, &arg_int, &arg_long, &arg_long, &arg_unsigned),
    CALL(syncfs, &arg_int),
    CALL(mount, &arg_path, &arg_path, &arg_path, &arg_unsigned, &arg_path),
    CALL(umount2, &arg_path, &arg_unsigned),
    CALL(fadvise64, &arg_int, &arg_long, &arg_long, &arg_int),
    CALL(readahead, &arg_int, &arg_long, &arg_unsigned),

    GIVES(ADDRESS, mmap, &arg_pointer, &arg_unsigned, &arg_prot, &arg_map_flags, &arg_int,
          &arg_hex),
    CALL(munmap, &arg_pointer, &arg_unsigned),
    CALL(mprotect, &arg_pointer, &arg_unsigned, &arg_prot),
    GIVES(ADDRESS, mremap, &arg_pointer, &arg_unsigned, &arg_unsigned, &arg_hex, &arg_pointer),
    GIVES(ADDRESS, brk, &arg_pointer),
    CALL(mlock, &arg_pointer, &arg_unsigned),
    CALL(mlock2, &arg_pointer, &arg_unsigned, &arg_hex),
    CALL(munlock, &arg_pointer, &arg_unsigned),
    CALL(mlockall, &arg_hex),
    CALL(munlockall, NULL),
    CALL(mincore, &arg_pointer, &arg_unsigned, &arg_pointer),
    CALL(shmget, &arg_hex, &arg_unsigned, &arg_hex),
    GIVES(ADDRESS, shmat, &arg_int, &arg_pointer, &arg_hex),
    CALL(shmdt, &arg_pointer),
    CALL(shmctl, &arg_int, &arg_int, &arg_pointer),

    CALL(fork, NULL),
    CALL(vfork, NULL),
    CALL(clone, &arg_clone),
    CALL(clone3, &arg_pointer, &arg_unsigned),
    CALL(timer_create, &arg_clock, &arg_pointer, &arg_out_pointer),
    CALL(timer_settime, &arg_int, &arg_timer_flags, &arg_pointer, &arg_out_pointer),
    CALL(timer_gettime, &arg_int, &arg_out_pointer),
    CALL(timer_getoverrun, &arg_int),
    CALL(timer_delete, &arg_int),
    CALL(unshare, &arg_unshare_flags),
    CALL(execve, &arg_path, &arg_strings, &arg_environment),
    CALL(execveat, &arg_dir_fd, &arg_path, &arg_strings, &arg_environment, &arg_at_flags),
    GIVES(NO_RETURN, exit, &arg_int),
    GIVES(NO_RETURN, exit_group, &arg_int),
    CALL(wait4, &arg_int, &arg_out_status, &arg_wait_flags, &arg_out_usage),
    CALL(getpid, NULL),
    CALL(gettid, NULL),
    CALL(getppid, NULL),
    CALL(setpgid, &arg_int, &arg_int),
    CALL(getpgid, &arg_int),
    CALL(getpgrp, NULL),
    CALL(setsid, NULL),
    CALL(getsid, &arg_int),
    CALL(getuid, NULL),
    CALL(geteuid, NULL),
    CALL(getgid, NULL),
    CALL(getegid, NULL),
    CALL(setuid, &arg_int),
    CALL(setgid, &arg_int),
    CALL(setreuid, &arg_int, &arg_int),
    CALL(setregid, &arg_int, &arg_int),
    CALL(setresuid, &arg_int, &arg_int, &arg_int),
    CALL(setresgid, &arg_int, &arg_int, &arg_int),
    CALL(getresuid, &arg_out_pointer, &arg_out_pointer, &arg_out_pointer),
    CALL(getresgid, &arg_out_pointer, &arg_out_pointer, &arg_out_pointer),
    CALL(setfsuid, &arg_int),
    CALL(setfsgid, &arg_int),
    CALL(getgroups, &arg_int, &arg_out_pointer),
    CALL(setgroups, &arg_int, &arg_pointer),
    CALL(sched_yield, NULL),
    CALL(sched_setaffinity, &arg_int, &arg_unsigned, &arg_pointer),
    CALL(sched_getaffinity, &arg_int, &arg_unsigned, &arg_out_pointer),
    CALL(getcpu, &arg_out_pointer, &arg_out_pointer, &arg_pointer),
    CALL(setpriority, &arg_int, &arg_int, &arg_int),
    CALL(getpriority, &arg_int, &arg_int),
    CALL(sched_setscheduler, &arg_int, &arg_int, &arg_pointer),
    CALL(sched_getscheduler, &arg_int),
    CALL(sched_setparam, &arg_int, &arg_pointer),
    CALL(sched_getparam, &arg_int, &arg_out_pointer),
    CALL(sched_get_priority_max, &arg_int),
    CALL(sched_get_priority_min, &arg_int),
    CALL(sched_rr_get_interval, &arg_int, &arg_out_pointer),
    CALL(set_tid_address, &arg_pointer),
    CALL(prctl, &arg_hex, &arg_hex, &arg_hex, &arg_hex, &arg_hex),
    CALL(futex, &arg_pointer, &arg_futex),
    CALL(membarrier, &arg_int, &arg_hex, &arg_int),
    CALL(get_robust_list, &arg_int, &arg_out_pointer, &arg_out_pointer),
    CALL(arch_prctl, &arg_prctl, &arg_hex),
    CALL(ptrace, &arg_hex, &arg_int, &arg_pointer, &arg_pointer),
    CALL(process_vm_readv, &arg_int, &arg_out_pointer, &arg_unsigned, &arg_pointer, &arg_unsigned,
         &arg_unsigned),

    CALL(kill, &arg_int, &arg_signal),
    CALL(tkill, &arg_int, &arg_signal),
    CALL(tgkill, &arg_int, &arg_int, &arg_signal),
    CALL(rt_sigaction, &arg_signal, &arg_action, &arg_out_action, &arg_unsigned),
    CALL(rt_sigprocmask, &arg_mask_how, &arg_mask, &arg_out_mask, &arg_unsigned),
    CALL(rt_sigreturn, &arg_sigreturn),
    CALL(rt_sigpending, &arg_out_mask, &arg_unsigned),
    CALL(rt_sigsuspend, &arg_mask, &arg_unsigned),
    GIVES(SIGNAL, rt_sigtimedwait, &arg_mask, &arg_out_pointer, &arg_time, &arg_unsigned),
    CALL(pause, NULL),
    CALL(sigaltstack, &arg_stack, &arg_out_stack),
    CALL(alarm, &arg_unsigned),
    CALL(setitimer, &arg_which_itimer, &arg_itimer, &arg_out_itimer),
    CALL(getitimer, &arg_which_itimer, &arg_out_itimer),

    CALL(uname, &arg_out_name),
    CALL(sysinfo, &arg_out_pointer),
    CALL(syslog, &arg_int, &arg_out_pointer, &arg_unsigned),
    CALL(time, &arg_pointer),
    CALL(clock_gettime, &arg_clock, &arg_out_time),
    CALL(clock_getres, &arg_clock, &arg_out_time),
    CALL(gettimeofday, &arg_out_pointer, &arg_pointer),
    CALL(nanosleep, &arg_time, &arg_left_time),
    CALL(clock_nanosleep, &arg_clock, &arg_timer_flags, &arg_time, &arg_left_time),
    CALL(getrlimit, &arg_resource, &arg_out_rlimit),
    CALL(setrlimit, &arg_resource, &arg_rlimit),
    CALL(prlimit64, &arg_int, &arg_resource, &arg_rlimit, &arg_out_rlimit),
    CALL(getrusage, &arg_who, &arg_out_usage),
    CALL(getrandom, &arg_out_hex_bytes, &arg_unsigned, &arg_random_flags),
    CALL(reboot, &arg_hex, &arg_hex, &arg_hex),

    CALL(set_robust_list, &arg_pointer, &arg_unsigned),
    CALL(rseq, &arg_pointer, &arg_hex, &arg_unsigned, &arg_hex),
};

/* The calls that Linux lacks. */
static const struct call pagoda_calls[] = {
    [PAGODA_SYS_sbrk - PAGODA_SYS_FIRST] = {"sbrk", {&arg_long}, ADDRESS},
    [PAGODA_SYS_audit - PAGODA_SYS_FIRST] = {"audit", {NULL}, DECIMAL},
};

static const struct call unknown_call = {
    .args = {&arg_hex, &arg_hex, &arg_hex, &arg_hex, &arg_hex, &arg_hex}};

/* Names of Pagoda's calls, for those without an entry above. */
#define NAME_OF(name) [SYS_##name] = #name,
static const char *const call_names[] = {LINUX_CALLS(NAME_OF)};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct call *call_find(uint64_t number)
{
    if (number < COUNT(calls) && calls[number].name)
        return &calls[number];
    if (number - PAGODA_SYS_FIRST < COUNT(pagoda_calls))
        return &pagoda_calls[number - PAGODA_SYS_FIRST];
    return &unknown_call;
}

long call_number(const char *name)
{
    for (size_t n = 0; n < COUNT(calls); n++)
        if (calls[n].name && strcmp(calls[n].name, name) == 0)
            return n;
    for (size_t n = 0; n < COUNT(pagoda_calls); n++)
        if (strcmp(pagoda_calls[n].name, name) == 0)
            return n + PAGODA_SYS_FIRST;
    for (size_t n = 0; n < COUNT(call_names); n++)
        if (call_names[n] && strcmp(call_names[n], name) == 0)
            return n;
    return -1;
}

const char *call_name(const struct tracee *tracee)
{
    static char name[32];

    if (tracee->call->name)
        return tracee->call->name;
    if (tracee->number < COUNT(call_names) && call_names[tracee->number])
        return call_names[tracee->number];
    snprintf(name, sizeof(name), "syscall_%#llx", (unsigned long long)tracee->number);
    return name;
}

/* Prints the arguments from number `from` on; at the entry of the call, up to the first output.
   Returns the number of the next argument. */
static int print_args(const struct tracee *tracee, int from, bool is_exit)
{
    int n = from;

    for (; n < MAX_ARGS && tracee->call->args[n]; n++) {
        const struct arg_kind *kind = tracee->call->args[n];

        if (kind->is_output && !is_exit)
            break;
        if (n > from)
            print(", ");
        kind->print(tracee, n);
        if (kind->is_last)
            return MAX_ARGS;
    }
    return n;
}

static bool has_arg(const struct tracee *tracee, int n)
{
    return n < MAX_ARGS && tracee->call->args[n];
}

/* Returns the first argument that is known only at the exit, or MAX_ARGS. */
static int first_output(const struct tracee *tracee)
{
    for (int n = 0; has_arg(tracee, n); n++)
        if (tracee->call->args[n]->is_output)
            return n;
    return MAX_ARGS;
}

void call_print_entry(const struct tracee *tracee)
{
    line_begin(tracee);
    print("%s(", call_name(tracee));
    int next = print_args(tracee, 0, false);
    if (next > 0 && has_arg(tracee, next))
        print(", ");
    output_flush();
}

/* ---- Results ---- */

/* Returns Linux's name for the result of an interrupted call, which only tracers see; or NULL. */
static const char *restart_name(int64_t result)
{
    switch (result) {
    case -512:
        return "ERESTARTSYS (To be restarted if SA_RESTART is set)";
    case -513:
        return "ERESTARTNOINTR (To be restarted)";
    case -514:
        return "ERESTARTNOHAND (To be restarted if no handler)";
    case -516:
        return "ERESTART_RESTARTBLOCK (Interrupted by signal)";
    default:
        return NULL;
    }
}

static void print_polled(const struct tracee *tracee)
{
    struct pollfd poll;
    const char *separator = "";

    print("%lld (", (long long)tracee->result);
    if (tracee->result == 0) {
        print("Timeout)");
        return;
    }
    print("[");
    for (uint64_t n = 0; n < tracee->args[1]; n++) {
        if (!tracee_read(tracee, tracee->args[0] + n * sizeof(poll), &poll, sizeof(poll)))
            break;
        if (!poll.revents)
            continue;
        print("%s{fd=%d, revents=", separator, poll.fd);
        print_flags(&poll_names, (unsigned short)poll.revents);
        print("}");
        separator = ", ";
    }
    print("])");
}

static void print_fcntl_result(const struct tracee *tracee)
{
    static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};
    uint64_t flags = tracee->result;

    if (tracee->args[1] == F_GETFL) {
        print("%#llx (flags %s", (unsigned long long)flags, modes[flags & 3]);
        print_more_flags(&open_names, flags & ~3ull);
        print(")");
    } else if (tracee->args[1] == F_GETFD && flags) {
        print("%#llx (flags ", (unsigned long long)flags);
        print_flags(&fd_names, flags);
        print(")");
    } else {
        print("%lld", (long long)tracee->result);
    }
}

static void print_success(const struct tracee *tracee)
{
    long long result = tracee->result;

    switch (tracee->call->result) {
    case ADDRESS:
        print("%#llx", result);
        return;
    case OCTAL:
        print("%#03llo", result);
        return;
    case POLLED:
        print_polled(tracee);
        return;
    case FCNTL:
        print_fcntl_result(tracee);
        return;
    case SIGNAL:
        print("%lld (", result);
        print_signal(result);
        print(")");
        return;
    default:
        print("%lld", result);
    }
}

static void print_result(const struct tracee *tracee)
{
    const char *restart = restart_name(tracee->result);

    if (!tracee->has_failed) {
        print_success(tracee);
    } else if (restart) {
        print("? %s", restart);
    } else {
        print("-1 ");
        print_error(-tracee->result);
    }
}

void call_print_exit(const struct tracee *tracee)
{
    line_resume(tracee, call_name(tracee));
    print_args(tracee, first_output(tracee), true);
    print(") ");
    print_to_column();
    print("= ");
    print_result(tracee);
    line_end();
}
