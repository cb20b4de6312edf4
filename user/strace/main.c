/* strace: shows the system calls and the signals of a program.

       strace [-cfFq] [-a COLUMN] [-e [trace=][!]CALL,...] [-o FILE] [-s LENGTH]
              PROGRAM [ARGUMENT...]
       strace [-cfFq] ... -p PID[,PID...]

   -f   traces children too, and all threads
   -F   shows page faults too, as the kernel's events tell them
   -c   prints no lines, but a table of the calls at the end
   -a   sets the column of the results (40)
   -e   shows only these calls; after a !, all others
   -o   writes to a file instead of standard error
   -p   traces running processes until they end or strace ends; then Ctrl-Z does not stop strace
   -q   omits messages about processes that are attached or detached
   -s   sets the longest string that is shown in full (32)

   strace uses ptrace(2), runs on Linux too, and prints lines like those of Linux's strace.

   wait reports each stop of a tracee once, and strace answers it with one request that continues
   the tracee. A program to be started waits, as strace's child, for the end of a pipe until it is
   seized; its calls before execve are hidden. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/memory.h"
#include "../lib/message.h"
#include "../lib/number.h"
#include "calls.h"
#include "events.h"
#include "faults.h"
#include "output.h"
#include "summary.h"

static const char synopsis[] = "[-cfFq] [-a COLUMN] [-e CALL,...] [-o FILE] [-s LENGTH] "
                               "{-p PID | PROGRAM [ARGUMENT...]}";

#define SYSGOOD_TRAP (SIGTRAP | 0x80)
#define MAX_CALLS    1024 /* above the named numbers, except Pagoda's own */

/* The user's options. */
static struct {
    bool follows;            /* -f */
    bool shows_faults;       /* -F */
    bool counts;             /* -c */
    bool is_quiet;           /* -q */
    const char *file;        /* -o */
    bool has_filter;         /* -e */
    bool filter_is_inverted; /* -e !... */
    bool is_wanted[MAX_CALLS];
    char *pids; /* -p */
} wish;

static pid_t program;                     /* the process that strace has started, or 0 */
static int program_status;                /* its wait status at its end */
static volatile sig_atomic_t interrupted; /* the signal that asks strace to end, or 0 */

/* ---- ptrace ---- */

/* Makes a request of ptrace. Returns false if it fails. A tracee may be killed at any moment
   (ESRCH), which is no error, because wait reports its end. */
static bool request(int what, const struct tracee *tracee, uintptr_t address, uintptr_t data)
{
    if (ptrace(what, tracee->pid, address, data) >= 0)
        return true;
    if (errno != ESRCH)
        complain_errno("ptrace(%#x, %d)", what, tracee->pid);
    return false;
}

static void go_on(const struct tracee *tracee, int signal)
{
    (void)request(PTRACE_SYSCALL, tracee, 0, signal);
}

static bool seize(struct tracee *tracee)
{
    long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC;

    if (wish.follows)
        options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
    if (ptrace(PTRACE_SEIZE, tracee->pid, 0, options) == 0 &&
        ptrace(PTRACE_INTERRUPT, tracee->pid, 0, 0) == 0)
        return true;
    complain_errno("attach: ptrace(PTRACE_SEIZE, %d)", tracee->pid);
    return false;
}

/* ---- System calls ---- */

static bool is_wanted(uint64_t number)
{
    if (!wish.has_filter)
        return true;
    return (number < MAX_CALLS && wish.is_wanted[number]) != wish.filter_is_inverted;
}

static void call_begins(struct tracee *tracee, const struct __ptrace_syscall_info *info,
                        const struct rusage *usage)
{
    tracee->in_call = true;
    tracee->number = info->entry.nr;
    tracee->call = call_find(tracee->number);
    memcpy(tracee->args, info->entry.args, sizeof(tracee->args));
    tracee->stack_pointer = info->stack_pointer;
    tracee->usage = *usage;
    if (tracee->number == SYS_execve)
        tracee->is_hidden = false;
    tracee->is_shown = !tracee->is_hidden && is_wanted(tracee->number);
    if (tracee->is_shown && !wish.counts)
        call_print_entry(tracee);
}

static void call_ends(struct tracee *tracee, const struct __ptrace_syscall_info *info,
                      const struct rusage *usage)
{
    if (!tracee->in_call)
        return; /* strace attached in the middle of the call */
    tracee->in_call = false;
    tracee->result = info->exit.rval;
    tracee->has_failed = info->exit.is_error;
    if (!tracee->is_shown)
        return;
    if (wish.counts)
        summary_count(tracee, usage);
    else
        call_print_exit(tracee);
}

static void syscall_stop(struct tracee *tracee, const struct rusage *usage)
{
    struct __ptrace_syscall_info info;

    if (!request(PTRACE_GET_SYSCALL_INFO, tracee, sizeof(info), (uintptr_t)&info))
        return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
        call_begins(tracee, &info, usage);
    else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
        call_ends(tracee, &info, usage);
    go_on(tracee, 0);
}

/* ---- Other stops ---- */

static void signal_stop(struct tracee *tracee, int signal)
{
    siginfo_t info;

    if (!wish.counts && !tracee->is_hidden &&
        request(PTRACE_GETSIGINFO, tracee, 0, (uintptr_t)&info))
        print_signal_line(tracee, &info);
    go_on(tracee, signal);
}

static void say_attached(const struct tracee *tracee)
{
    line_break();
    if (!wish.is_quiet)
        complain("Process %d attached", tracee->pid);
}

/* Handles a stop that strace asked for (at the birth of a tracee, or by an interrupt), or a stop by
   a signal, which then lasts. */
static void trap_stop(struct tracee *tracee, int signal)
{
    if (signal != SIGTRAP) {
        if (!wish.counts)
            print_stopped_line(tracee, signal);
        (void)request(PTRACE_LISTEN, tracee, 0, 0);
        return;
    }
    go_on(tracee, 0);
}

/* Handles a fork, whose child is traced too. Parent and child may stop in either order, so the
   child may be known already. */
static void fork_stop(struct tracee *tracee)
{
    unsigned long pid;

    if (request(PTRACE_GETEVENTMSG, tracee, 0, (uintptr_t)&pid) && !tracee_find(pid))
        tracee_add(pid)->was_attached = tracee->was_attached;
    go_on(tracee, 0);
}

static void show_call_end(struct tracee *tracee)
{
    if (!tracee->in_call || !tracee->is_shown)
        return;
    line_resume(tracee, call_name(tracee));
    print(") ");
    print_to_column();
    print("= ?");
    line_end();
}

/* Handles an exec. If a thread has made it, the process goes on as that thread, under the number of
   the leader, of which nothing more is reported. */
static void exec_stop(struct tracee *tracee)
{
    unsigned long old_tid;
    struct tracee *thread = NULL;

    if (request(PTRACE_GETEVENTMSG, tracee, 0, (uintptr_t)&old_tid) &&
        old_tid != (unsigned long)tracee->pid)
        thread = tracee_find(old_tid);
    if (!thread) {
        go_on(tracee, 0);
        return;
    }
    line_break();
    if (!wish.counts) {
        show_call_end(tracee);
        print_superseded_line(tracee, old_tid);
    }
    thread->pid = tracee->pid;
    tracee_remove(tracee);
    go_on(thread, 0);
}

static void stop(struct tracee *tracee, int status, const struct rusage *usage)
{
    int signal = WSTOPSIG(status), event = status >> 16;

    /* Mostly a stop that was asked for; but that of a fork may have come first. */
    if (!tracee->has_stopped && tracee->pid != program)
        say_attached(tracee);
    tracee->has_stopped = true;
    if (event == PTRACE_EVENT_STOP)
        trap_stop(tracee, signal);
    else if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK ||
             event == PTRACE_EVENT_CLONE)
        fork_stop(tracee);
    else if (event == PTRACE_EVENT_EXEC)
        exec_stop(tracee);
    else if (event)
        go_on(tracee, 0);
    else if (signal == SYSGOOD_TRAP)
        syscall_stop(tracee, usage);
    else
        signal_stop(tracee, signal);
}

/* ---- The end ---- */

static void show_end(struct tracee *tracee, int status)
{
    if (wish.counts || tracee->is_hidden)
        return;
    show_call_end(tracee); /* exit never returns */
    print_end_line(tracee, status);
}

static void tracee_ended(struct tracee *tracee, int status)
{
    if (tracee->pid == program)
        program_status = status;
    show_end(tracee, status);
    tracee_remove(tracee);
}

/* ---- The loop ---- */

/* Handles a change of a tracee. A child may stop before its parent reports the fork. */
static void handle(pid_t pid, int status, const struct rusage *usage)
{
    struct tracee *tracee = tracee_find(pid);

    if (!tracee)
        tracee = tracee_add(pid);
    if (wish.shows_faults)
        faults_print();
    if (WIFSTOPPED(status))
        stop(tracee, status, usage);
    else if (WIFEXITED(status) || WIFSIGNALED(status))
        tracee_ended(tracee, status);
}

static void watch(void)
{
    struct rusage usage;
    int status;

    while (tracee_first() && !interrupted) {
        pid_t pid = wait4(-1, &status, __WALL, &usage);

        if (pid > 0)
            handle(pid, status, &usage);
        else if (errno == ECHILD)
            return;
    }
}

/* Detaches a tracee. Only a stopped tracee can be detached, so it is interrupted first; a signal
   that arrives before is passed on. */
static void detach(struct tracee *tracee)
{
    int status;

    if (!request(PTRACE_INTERRUPT, tracee, 0, 0))
        return;
    if (waitpid(tracee->pid, &status, __WALL) != tracee->pid || !WIFSTOPPED(status))
        return;
    bool is_signal = !(status >> 16) && WSTOPSIG(status) != SYSGOOD_TRAP;
    (void)request(PTRACE_DETACH, tracee, 0, is_signal ? WSTOPSIG(status) : 0);
    if (!wish.is_quiet)
        complain("Process %d detached", tracee->pid);
}

/* Ends strace at a signal. Processes that strace attached to run on; the program that strace
   started is killed. */
static void leave(void)
{
    struct tracee *tracee;

    line_break();
    while ((tracee = tracee_first())) {
        if (!tracee->was_attached)
            kill(tracee->pid, interrupted);
        detach(tracee);
        tracee_remove(tracee);
    }
}

static void note_interrupt(int signal)
{
    interrupted = signal;
}

/* Catches the signals that end strace. Without SA_RESTART, wait4 ends with EINTR. The program has
   its signal actions already. */
static void catch_interrupts(void)
{
    static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGTERM};
    const struct sigaction action = {.sa_handler = note_interrupt};

    for (size_t n = 0; n < sizeof(signals) / sizeof(signals[0]); n++) {
        struct sigaction old;

        if (sigaction(signals[n], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(signals[n], &action, NULL);
    }
}

/* ---- Starting ---- */

static bool is_program(const char *path)
{
    struct stat stat_of;

    return stat(path, &stat_of) == 0 && S_ISREG(stat_of.st_mode) && access(path, X_OK) == 0;
}

/* Returns the path of the program that a shell would run, or NULL after a message. */
static char *program_find(const char *name)
{
    const char *path = getenv("PATH");

    if (strchr(name, '/') && access(name, F_OK) == 0)
        return must_copy(name);
    for (const char *next = path ? path : "/bin"; !strchr(name, '/') && *next;) {
        int len = strcspn(next, ":");
        char *candidate;

        if (asprintf(&candidate, "%.*s%s%s", len, next, len ? "/" : "./", name) < 0)
            break;
        if (is_program(candidate))
            return candidate;
        free(candidate);
        next += len + (next[len] == ':');
    }
    errno = ENOENT;
    complain_errno("Can't stat '%s'", name);
    return NULL;
}

/* Becomes the program, after the other end of the pipe is closed. */
static _Noreturn void become_program(int gate[2], const char *path, char **argv)
{
    char nothing;

    close(gate[1]);
    while (read(gate[0], &nothing, 1) < 0 && errno == EINTR)
        ;
    close(gate[0]);
    execv(path, argv);
    complain_errno("exec: %s", path);
    _exit(1);
}

static bool start(char **argv)
{
    char *path = program_find(argv[0]);
    int gate[2];

    if (!path)
        return false;
    if (pipe(gate) < 0 || (program = fork()) < 0) {
        complain_errno("%s", argv[0]);
        return false;
    }
    if (program == 0)
        become_program(gate, path, argv);
    free(path);
    close(gate[0]);
    struct tracee *tracee = tracee_add(program);
    tracee->is_hidden = true;
    if (!seize(tracee)) {
        kill(program, SIGKILL);
        return false;
    }
    /* The child is interrupted before the pipe lets it go, so it stops before its exec. */
    close(gate[1]);
    return true;
}

static bool attach_task(pid_t tid)
{
    struct tracee *tracee = tracee_add(tid);

    tracee->was_attached = true;
    if (seize(tracee))
        return true;
    tracee_remove(tracee);
    return false;
}

/* Attaches to the threads of a process that are not traced yet. Returns how many there were. */
static unsigned attach_new_threads(pid_t pid)
{
    char path[40];
    unsigned count = 0;
    const struct dirent *entry;

    snprintf(path, sizeof(path), "/proc/%d/task", pid);
    DIR *dir = opendir(path);
    while (dir && (entry = readdir(dir))) {
        long tid;

        if (number_parse(entry->d_name, 1, INT_MAX, &tid) && !tracee_find(tid))
            count += attach_task(tid);
    }
    if (dir)
        closedir(dir);
    return count;
}

static bool attach(const char *text)
{
    long pid;

    if (!number_parse(text, 1, INT_MAX, &pid)) {
        complain("Invalid process id: '%s'", text);
        return false;
    }
    if (!attach_task(pid))
        return false;
    /* Until none is new: a thread that was not traced yet may have started another one. */
    while (wish.follows && attach_new_threads(pid))
        ;
    return true;
}

static bool attach_all(void)
{
    bool ok = true;

    for (char *pid = strtok(wish.pids, ", "); pid && ok; pid = strtok(NULL, ", "))
        ok = attach(pid);
    return ok;
}

/* ---- Options ---- */

/* Parses the argument of -e: [trace=][!]CALL,... */
static bool filter_parse(char *text)
{
    if (strncmp(text, "trace=", 6) == 0)
        text += 6;
    wish.has_filter = true;
    wish.filter_is_inverted = *text == '!';
    text += wish.filter_is_inverted;
    if (strcmp(text, "all") == 0 || strcmp(text, "none") == 0) {
        wish.filter_is_inverted ^= *text == 'a';
        return true;
    }
    for (char *name = strtok(text, ","); name; name = strtok(NULL, ",")) {
        long number = call_number(name);

        if (number < 0 || number >= MAX_CALLS) {
            complain("invalid system call '%s'", name);
            return false;
        }
        wish.is_wanted[number] = true;
    }
    return true;
}

static long number_of_option(char option, const char *text)
{
    long number;

    if (number_parse(text, 0, INT_MAX / 2, &number))
        return number;
    complain("invalid -%c argument: '%s'", option, text);
    exit(1);
}

static void option_take(int option)
{
    switch (option) {
    case 'f':
        wish.follows = true;
        return;
    case 'F':
        wish.shows_faults = true;
        return;
    case 'c':
        wish.counts = true;
        return;
    case 'q':
        wish.is_quiet = true;
        return;
    case 'a':
        output_set_column(number_of_option('a', optarg));
        return;
    case 's':
        args_set_string_limit(number_of_option('s', optarg));
        return;
    case 'e':
        if (!filter_parse(optarg))
            exit(1);
        return;
    case 'o':
        wish.file = optarg;
        return;
    case 'p':
        wish.pids = optarg;
        return;
    default:
        usage(synopsis);
    }
}

/* Ends strace as the program has ended: with its status, or by its signal. */
static int end_like(int status)
{
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        raise(WTERMSIG(status));
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, "+a:ce:fFo:p:qs:")) != -1)
        option_take(option);
    argv += optind;
    if (!*argv == !wish.pids)
        usage(synopsis);
    wish.is_quiet |= wish.file && *argv;
    wish.shows_faults &= !wish.counts;
    if (!output_open(wish.file, wish.follows) || (wish.shows_faults && !faults_open()))
        return 1;
    /* A traced shell could not continue a stopped strace. */
    if (wish.pids)
        signal(SIGTSTP, SIG_IGN);
    if (wish.pids ? !attach_all() : !start(argv))
        return 1;
    catch_interrupts();
    watch();
    leave();
    if (wish.counts)
        summary_print();
    if (wish.shows_faults)
        faults_close();
    if (!output_is_whole())
        complain("%s: a part of the output is lost", wish.file ? wish.file : "standard error");
    if (interrupted) {
        signal(interrupted, SIG_DFL);
        raise(interrupted);
    }
    return end_like(program_status);
}
