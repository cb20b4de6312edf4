/* How the arguments of system calls are shown: as Linux's strace shows them, down to the blanks. */
#define _GNU_SOURCE
#include "args.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "../lib/memory.h"
#include "calls.h"
#include "names.h"
#include "output.h"

enum { MAX_ELEMENTS = 32 }; /* of an array that is shown */

static size_t string_limit = 32;

void args_set_string_limit(size_t limit)
{
    string_limit = limit;
}

/* ---- Numbers ---- */

static void print_int(const struct tracee *tracee, int n)
{
    print("%d", (int)tracee->args[n]);
}

static void print_long(const struct tracee *tracee, int n)
{
    print("%ld", (long)tracee->args[n]);
}

static void print_unsigned(const struct tracee *tracee, int n)
{
    print("%lu", (unsigned long)tracee->args[n]);
}

static void print_hex(const struct tracee *tracee, int n)
{
    print("%#lx", (unsigned long)tracee->args[n]);
}

static void print_address(uint64_t address)
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

static void print_mode(const struct tracee *tracee, int n)
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

/* ---- Flags and constants: `details` says of which set ---- */

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

/* ---- Strings ---- */

static void print_escaped(unsigned char c, unsigned char next)
{
    static const char letters[] = "\t\n\v\f\r";
    const char *letter = c ? strchr(letters, c) : NULL;
    bool digit_follows = next >= '0' && next <= '9';

    if (letter)
        print("\\%c", "tnvfr"[letter - letters]);
    else if (c == '"' || c == '\\')
        print("\\%c", c);
    else if (c >= ' ' && c < 0x7f)
        print_char(c);
    else
        print(digit_follows ? "\\%03o" : "\\%o", c);
}

static void print_quoted(const unsigned char *bytes, size_t len)
{
    print_char('"');
    for (size_t i = 0; i < len; i++)
        print_escaped(bytes[i], i + 1 < len ? bytes[i + 1] : 0);
    print_char('"');
}

static void print_in_hex(const unsigned char *bytes, size_t len)
{
    print_char('"');
    for (size_t i = 0; i < len; i++)
        print("\\x%02x", bytes[i]);
    print_char('"');
}

static void print_memory(const struct tracee *tracee, uint64_t address, size_t len,
                         void (*show)(const unsigned char *bytes, size_t len))
{
    size_t shown = len < string_limit ? len : string_limit;
    unsigned char *bytes = must_alloc(shown + 1);

    if (!address || !tracee_read(tracee, address, bytes, shown)) {
        print_address(address);
    } else {
        show(bytes, shown);
        if (shown < len)
            print("...");
    }
    free(bytes);
}

/* A string that ends with a 0, or is cut short after `limit` bytes. */
static void print_string(const struct tracee *tracee, uint64_t address, size_t limit)
{
    unsigned char *bytes = must_alloc(limit + 1);
    size_t read = address ? tracee_read_some(tracee, address, bytes, limit + 1) : 0;
    size_t len = strnlen((char *)bytes, read);

    if (!address || (len == read && read <= limit)) {
        print_address(address);
    } else {
        print_quoted(bytes, len < limit ? len : limit);
        if (len > limit)
            print("...");
    }
    free(bytes);
}

static void print_path(const struct tracee *tracee, int n)
{
    print_string(tracee, tracee->args[n], PATH_MAX - 1);
}

/* Bytes whose length is the next argument. */
static void print_bytes(const struct tracee *tracee, int n)
{
    print_memory(tracee, tracee->args[n], tracee->args[n + 1], print_quoted);
}

static void print_out_pointer(const struct tracee *tracee, int n)
{
    print_address(tracee->args[n]);
}

/* Bytes whose length is the result. */
static void print_out_bytes(const struct tracee *tracee, int n)
{
    if (tracee->has_failed)
        print_out_pointer(tracee, n);
    else
        print_memory(tracee, tracee->args[n], tracee->result, print_quoted);
}

static void print_out_hex_bytes(const struct tracee *tracee, int n)
{
    if (tracee->has_failed)
        print_out_pointer(tracee, n);
    else
        print_memory(tracee, tracee->args[n], tracee->result, print_in_hex);
}

static void print_out_string(const struct tracee *tracee, int n)
{
    if (tracee->has_failed)
        print_out_pointer(tracee, n);
    else
        print_path(tracee, n);
}

/* ---- Arrays ---- */

typedef void element_fn(const struct tracee *tracee, const void *element, size_t index);

/* Prints `count` elements of `size` bytes; `left` bytes are in them, for those that ask. */
static void print_array(const struct tracee *tracee, uint64_t address, size_t count, size_t size,
                        element_fn *show)
{
    char element[64];

    if (!address || (count && !tracee_read(tracee, address, element, size))) {
        print_address(address);
        return;
    }
    print_char('[');
    for (size_t i = 0; i < count; i++) {
        if (i)
            print(", ");
        if (i == MAX_ELEMENTS || !tracee_read(tracee, address + i * size, element, size)) {
            print("...");
            break;
        }
        show(tracee, element, i);
    }
    print_char(']');
}

static void show_int(const struct tracee *tracee, const void *element, size_t index)
{
    (void)tracee, (void)index;
    print("%d", *(const int *)element);
}

static void print_out_pair(const struct tracee *tracee, int n)
{
    if (tracee->has_failed)
        print_out_pointer(tracee, n);
    else
        print_array(tracee, tracee->args[n], 2, sizeof(int), show_int);
}

static size_t vector_left; /* bytes that the elements to come show */

static void show_iovec(const struct tracee *tracee, const void *element, size_t index)
{
    const struct iovec *piece = element;
    size_t len = piece->iov_len < vector_left ? piece->iov_len : vector_left;

    (void)index;
    print("{iov_base=");
    print_memory(tracee, (uintptr_t)piece->iov_base, len, print_quoted);
    print(", iov_len=%zu}", piece->iov_len);
    vector_left -= len;
}

static void print_vector(const struct tracee *tracee, int n)
{
    vector_left = SIZE_MAX;
    print_array(tracee, tracee->args[n], tracee->args[n + 1], sizeof(struct iovec), show_iovec);
}

static void print_out_vector(const struct tracee *tracee, int n)
{
    if (tracee->has_failed) {
        print_out_pointer(tracee, n);
        return;
    }
    vector_left = tracee->result;
    print_array(tracee, tracee->args[n], tracee->args[n + 1], sizeof(struct iovec), show_iovec);
}

static void show_pollfd(const struct tracee *tracee, const void *element, size_t index)
{
    const struct pollfd *poll = element;

    (void)tracee, (void)index;
    print("{fd=%d", poll->fd);
    if (poll->fd >= 0) {
        print(", events=");
        print_flags(&poll_names, (unsigned short)poll->events);
    }
    print("}");
}

static void print_pollfds(const struct tracee *tracee, int n)
{
    print_array(tracee, tracee->args[n], tracee->args[n + 1], sizeof(struct pollfd), show_pollfd);
}

/* How many words there are before a null pointer. */
static size_t count_words(const struct tracee *tracee, uint64_t address)
{
    uint64_t word;
    size_t count = 0;

    while (tracee_read(tracee, address + count * sizeof(word), &word, sizeof(word)) && word)
        count++;
    return count;
}

static void show_string(const struct tracee *tracee, const void *element, size_t index)
{
    (void)index;
    print_string(tracee, *(const uint64_t *)element, string_limit);
}

static void print_strings(const struct tracee *tracee, int n)
{
    print_array(tracee, tracee->args[n], count_words(tracee, tracee->args[n]), sizeof(uint64_t),
                show_string);
}

static void print_environment(const struct tracee *tracee, int n)
{
    print_address(tracee->args[n]);
    if (tracee->args[n]) {
        size_t count = count_words(tracee, tracee->args[n]);

        print(" /* %zu var%s */", count, count == 1 ? "" : "s");
    }
}

/* ---- Structures ---- */

/* Reads one into `to`, or prints its address. */
static bool fetch(const struct tracee *tracee, uint64_t address, void *to, size_t size)
{
    if (address && tracee_read(tracee, address, to, size))
        return true;
    print_address(address);
    return false;
}

static bool fetch_output(const struct tracee *tracee, int n, void *to, size_t size)
{
    if (!tracee->has_failed)
        return fetch(tracee, tracee->args[n], to, size);
    print_address(tracee->args[n]);
    return false;
}

static void show_file_mode(unsigned mode)
{
    if (mode & S_IFMT) {
        print_one_of(&mode_type_names, mode & S_IFMT);
        print("|");
    }
    print("%s%s%s%#03o", mode & S_ISUID ? "S_ISUID|" : "", mode & S_ISGID ? "S_ISGID|" : "",
          mode & S_ISVTX ? "S_ISVTX|" : "", mode & 0777);
}

static void show_device(dev_t device)
{
    print("makedev(%#x, %#x)", major(device), minor(device));
}

static void print_out_stat(const struct tracee *tracee, int n)
{
    struct stat stat;

    if (!fetch_output(tracee, n, &stat, sizeof(stat)))
        return;
    print("{st_mode=");
    show_file_mode(stat.st_mode);
    if (S_ISCHR(stat.st_mode) || S_ISBLK(stat.st_mode)) {
        print(", st_rdev=");
        show_device(stat.st_rdev);
    } else {
        print(", st_size=%lld", (long long)stat.st_size);
    }
    print(", ...}");
}

/* mknod: the device is only there for devices. */
static void print_node_mode(const struct tracee *tracee, int n)
{
    unsigned mode = tracee->args[n];

    show_file_mode(mode);
    if (S_ISCHR(mode) || S_ISBLK(mode)) {
        print(", ");
        show_device(tracee->args[n + 1]);
    }
}

/* A field of a name in struct utsname. */
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

/* ---- Times ---- */

static void show_timespec(const struct timespec *time)
{
    print("{tv_sec=%lld, tv_nsec=%ld}", (long long)time->tv_sec, time->tv_nsec);
}

static void print_time(const struct tracee *tracee, int n)
{
    struct timespec time;

    if (fetch(tracee, tracee->args[n], &time, sizeof(time)))
        show_timespec(&time);
}

static void print_out_time(const struct tracee *tracee, int n)
{
    struct timespec time;

    if (fetch_output(tracee, n, &time, sizeof(time)))
        show_timespec(&time);
}

#define ERESTART_RESTARTBLOCK 516

/* What is left of a sleep is only said of one that was interrupted. */
static void print_left_time(const struct tracee *tracee, int n)
{
    struct timespec time;

    if (tracee->has_failed && tracee->result == -ERESTART_RESTARTBLOCK) {
        if (fetch(tracee, tracee->args[n], &time, sizeof(time)))
            show_timespec(&time);
    } else {
        print_address(tracee->args[n]);
    }
}

static void show_file_time(const struct tracee *tracee, const void *element, size_t index)
{
    const struct timespec *time = element;
    char date[32], zone[8];

    (void)tracee, (void)index;
    if (time->tv_nsec == UTIME_NOW || time->tv_nsec == UTIME_OMIT) {
        print("%s", time->tv_nsec == UTIME_NOW ? "UTIME_NOW" : "UTIME_OMIT");
        return;
    }
    show_timespec(time);
    const struct tm *tm = localtime(&time->tv_sec);
    if (!tm)
        return;
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", tm);
    strftime(zone, sizeof(zone), "%z", tm);
    print(" /* %s", date);
    if (time->tv_nsec)
        print(".%09ld", time->tv_nsec);
    print("%s */", zone);
}

static void print_times(const struct tracee *tracee, int n)
{
    print_array(tracee, tracee->args[n], 2, sizeof(struct timespec), show_file_time);
}

static void show_timeval(const char *name, const struct timeval *time)
{
    print("%s={tv_sec=%lld, tv_usec=%ld}", name, (long long)time->tv_sec, (long)time->tv_usec);
}

static void show_itimer(const struct itimerval *timer)
{
    print("{");
    show_timeval("it_interval", &timer->it_interval);
    print(", ");
    show_timeval("it_value", &timer->it_value);
    print("}");
}

static void print_itimer(const struct tracee *tracee, int n)
{
    struct itimerval timer;

    if (fetch(tracee, tracee->args[n], &timer, sizeof(timer)))
        show_itimer(&timer);
}

static void print_out_itimer(const struct tracee *tracee, int n)
{
    struct itimerval timer;

    if (fetch_output(tracee, n, &timer, sizeof(timer)))
        show_itimer(&timer);
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

/* ---- Signals ---- */

enum { MASK_BITS = 64 };

static void show_mask(uint64_t mask)
{
    bool is_inverted = __builtin_popcountll(mask) >= MASK_BITS * 2 / 3;
    const char *separator = "";

    print(is_inverted ? "~[" : "[");
    if (is_inverted)
        mask = ~mask;
    for (int signal = 1; signal <= MASK_BITS; signal++) {
        if (!(mask >> (signal - 1) & 1))
            continue;
        print("%s", separator);
        print_short_signal(signal);
        separator = " ";
    }
    print("]");
}

static void print_mask(const struct tracee *tracee, int n)
{
    uint64_t mask;

    if (fetch(tracee, tracee->args[n], &mask, sizeof(mask)))
        show_mask(mask);
}

static void print_out_mask(const struct tracee *tracee, int n)
{
    uint64_t mask;

    if (fetch_output(tracee, n, &mask, sizeof(mask)))
        show_mask(mask);
}

/* As the kernel has it. */
struct kernel_action {
    uint64_t handler, flags, restorer, mask;
};

#define RESTORER_GIVEN 0x04000000

static void show_action(const struct kernel_action *action)
{
    print("{sa_handler=");
    if (action->handler == (uintptr_t)SIG_DFL || action->handler == (uintptr_t)SIG_IGN)
        print("%s", action->handler ? "SIG_IGN" : "SIG_DFL");
    else
        print_address(action->handler);
    print(", sa_mask=");
    show_mask(action->mask);
    print(", sa_flags=");
    print_flags(&sa_names, action->flags);
    if (action->flags & RESTORER_GIVEN)
        print(", sa_restorer=%#llx", (unsigned long long)action->restorer);
    print("}");
}

static void print_action(const struct tracee *tracee, int n)
{
    struct kernel_action action;

    if (fetch(tracee, tracee->args[n], &action, sizeof(action)))
        show_action(&action);
}

static void print_out_action(const struct tracee *tracee, int n)
{
    struct kernel_action action;

    if (fetch_output(tracee, n, &action, sizeof(action)))
        show_action(&action);
}

static void show_stack(const stack_t *stack)
{
    print("{ss_sp=");
    print_address((uintptr_t)stack->ss_sp);
    print(", ss_flags=");
    print_flags(&ss_names, stack->ss_flags);
    print(", ss_size=%zu}", stack->ss_size);
}

static void print_stack(const struct tracee *tracee, int n)
{
    stack_t stack;

    if (fetch(tracee, tracee->args[n], &stack, sizeof(stack)))
        show_stack(&stack);
}

static void print_out_stack(const struct tracee *tracee, int n)
{
    stack_t stack;

    if (fetch_output(tracee, n, &stack, sizeof(stack)))
        show_stack(&stack);
}

/* The frame that the call finds on the stack is a ucontext; its mask is what will hold. */
static void print_sigreturn(const struct tracee *tracee, int n)
{
    uint64_t at = tracee->stack_pointer + offsetof(ucontext_t, uc_sigmask);
    uint64_t mask;

    (void)n;
    if (tracee_read(tracee, at, &mask, sizeof(mask))) {
        print("{mask=");
        show_mask(mask);
        print("}");
    } else {
        print_address(tracee->stack_pointer);
    }
}

/* ---- Files ---- */

static void show_open_flags(unsigned flags)
{
    static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};

    print("%s", modes[flags & 3]);
    print_more_flags(&open_names, flags & ~3u);
}

/* The mode is only there if a file may be made. */
static void print_open_flags(const struct tracee *tracee, int n)
{
    unsigned flags = tracee->args[n];
    bool is_temporary = (flags & O_TMPFILE) == O_TMPFILE;

    show_open_flags(flags);
    if ((flags & O_CREAT) || is_temporary) {
        print(", ");
        print_mode(tracee, n + 1);
    }
}

/* A command, and what it wants. */
static void print_fcntl(const struct tracee *tracee, int n)
{
    print_one_of(&fcntl_names, tracee->args[n]);
    switch (tracee->args[n]) {
    case F_GETFD:
    case F_GETFL:
        return;
    case F_SETFD:
        print(", ");
        print_flags(&fd_names, tracee->args[n + 1]);
        return;
    case F_SETFL:
        print(", ");
        show_open_flags(tracee->args[n + 1]);
        return;
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        print(", ");
        print_long(tracee, n + 1);
        return;
    default:
        print(", ");
        print_hex(tracee, n + 1);
    }
}

static void print_int_behind(const struct tracee *tracee, int n)
{
    int value;

    if (fetch(tracee, tracee->args[n], &value, sizeof(value)))
        print("[%d]", value);
}

static void print_ioctl_data(const struct tracee *tracee, int n)
{
    struct winsize size;

    switch (tracee->args[n - 1]) {
    case FIONREAD:
    case TIOCGPGRP:
    case TIOCGSID:
        if (tracee->has_failed)
            print_address(tracee->args[n]);
        else
            print_int_behind(tracee, n);
        return;
    case FIONBIO:
    case TIOCSPGRP:
        print_int_behind(tracee, n);
        return;
    case TIOCGWINSZ:
        if (fetch_output(tracee, n, &size, sizeof(size)))
            print("{ws_row=%d, ws_col=%d, ws_xpixel=%d, ws_ypixel=%d}", size.ws_row, size.ws_col,
                  size.ws_xpixel, size.ws_ypixel);
        return;
    default:
        print("%#lx", (unsigned long)tracee->args[n]);
    }
}

static void print_out_entries(const struct tracee *tracee, int n)
{
    struct dirent entry;
    unsigned count = 0;

    print_address(tracee->args[n]);
    if (tracee->has_failed)
        return;
    for (int64_t at = 0; at < tracee->result; at += entry.d_reclen) {
        size_t len = offsetof(struct dirent, d_name);

        if (!tracee_read(tracee, tracee->args[n] + at, &entry, len) || entry.d_reclen == 0)
            return;
        count++;
    }
    print(" /* %u entr%s */", count, count == 1 ? "y" : "ies");
}

/* ---- Processes ---- */

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

/* The arguments are in another order than those of the C library, and which there are depends on the flags. */
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

/* ---- The kinds ---- */

#define INPUT(name, function) const struct arg_kind arg_##name = {.print = function}
#define OUTPUT(name, function) \
    const struct arg_kind arg_##name = {.print = function, .is_output = true}
#define LAST(name, function) const struct arg_kind arg_##name = {.print = function, .is_last = true}
#define FLAGS(name, set)     const struct arg_kind arg_##name = {.print = print_set, .details = &set}
#define CONSTANT(name, set) \
    const struct arg_kind arg_##name = {.print = print_constant, .details = &set}

INPUT(int, print_int);
INPUT(long, print_long);
INPUT(unsigned, print_unsigned);
INPUT(hex, print_hex);
INPUT(pointer, print_pointer);
INPUT(mode, print_mode);
INPUT(dir_fd, print_dir_fd);
INPUT(path, print_path);
INPUT(bytes, print_bytes);
INPUT(vector, print_vector);
INPUT(pollfds, print_pollfds);
INPUT(mask, print_mask);
INPUT(action, print_action);
INPUT(stack, print_stack);
INPUT(signal, print_signal_number);
INPUT(rlimit, print_rlimit);
INPUT(time, print_time);
INPUT(times, print_times);
INPUT(itimer, print_itimer);
INPUT(strings, print_strings);
INPUT(environment, print_environment);

OUTPUT(out_pointer, print_out_pointer);
OUTPUT(out_bytes, print_out_bytes);
OUTPUT(out_hex_bytes, print_out_hex_bytes);
OUTPUT(out_vector, print_out_vector);
OUTPUT(out_string, print_out_string);
OUTPUT(out_stat, print_out_stat);
OUTPUT(out_mask, print_out_mask);
OUTPUT(out_action, print_out_action);
OUTPUT(out_stack, print_out_stack);
OUTPUT(out_rlimit, print_out_rlimit);
OUTPUT(out_time, print_out_time);
OUTPUT(left_time, print_left_time);
OUTPUT(out_itimer, print_out_itimer);
OUTPUT(out_pair, print_out_pair);
OUTPUT(out_status, print_out_status);
OUTPUT(out_entries, print_out_entries);
OUTPUT(out_name, print_out_name);
OUTPUT(out_usage, print_out_usage);
OUTPUT(ioctl_data, print_ioctl_data);

LAST(open_flags, print_open_flags);
LAST(fcntl, print_fcntl);
LAST(node_mode, print_node_mode);
LAST(clone, print_clone);
LAST(sigreturn, print_sigreturn);

FLAGS(access, access_names);
FLAGS(at_flags, at_names);
FLAGS(rename_flags, rename_names);
FLAGS(prot, prot_names);
FLAGS(map_flags, map_names);
FLAGS(pipe_flags, pipe_names);
FLAGS(wait_flags, wait_names);
FLAGS(timer_flags, timer_names);
FLAGS(random_flags, random_names);
CONSTANT(whence, seek_names);
CONSTANT(ioctl, ioctl_names);
CONSTANT(mask_how, mask_how_names);
CONSTANT(resource, resource_names);
CONSTANT(clock, clock_names);
CONSTANT(which_itimer, itimer_names);
CONSTANT(prctl, prctl_names);
CONSTANT(who, usage_names);
