/* init: process 1, which the kernel starts. When it ends, the kernel powers the machine off with
   init's status.

   If there is a script /etc/run, init runs it and takes over its status. Otherwise it shows
   /etc/motd and keeps a shell on the console, until the shell ends five times in a row as soon as
   it has started. In both cases init reaps every process that has lost its parent. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "lib/files.h"
#include "lib/message.h"

#define SHELL  "/bin/sh"
#define SCRIPT "/etc/run"
#define MOTD   "/etc/motd"

#define DISK           "/dev/vda"
#define DISK_DIRECTORY "/disk"

/* A shell that lives for less than a second counts as one that could not start. After PATIENCE of
   them in a row, init waits before the next one; after SHELLS, it gives up. */
#define LEAST_SECONDS 1.0
#define PATIENCE      2
#define SHELLS        5

static char *const environment[] = {"PATH=/bin:/test", "HOME=/", "TERM=vt100", "PS1=$ ", NULL};

/* Opens the console as standard input, output and error where they are closed, and makes it the
   terminal of init's session. */
static void console_open(void)
{
    setsid();
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
        bool is_open = fcntl(fd, F_GETFD) >= 0;
        if (!is_open)
            open("/dev/console", O_RDWR); /* the lowest free number, so fd */
    }
    /* fails without harm if it is so already, or is no terminal */
    ioctl(STDIN_FILENO, TIOCSCTTY, 0);
}

/* Starts a shell, and retries until there is enough memory. Returns its pid.

   An interactive shell ignores the signals of the keyboard, but not from its first instruction on.
   So it starts in the background, and takes the foreground itself. */
static pid_t shell_start(char *const arguments[])
{
    pid_t pid;

    while ((pid = fork()) < 0) {
        complain_errno("fork");
        sleep(1);
    }
    if (pid == 0) {
        bool is_interactive = !arguments[1];
        if (is_interactive)
            setpgid(0, 0);
        execve(SHELL, arguments, environment);
        complain_errno(SHELL);
        _exit(127);
    }
    return pid;
}

/* Waits for the end of `child`, and reaps orphans meanwhile. Returns its wait status. A shell that
   stops itself (kill -STOP $$) is continued at once, because often no other process could do
   that. */
static int child_wait(pid_t child)
{
    int status;

    for (;;) {
        pid_t pid = waitpid(-1, &status, WUNTRACED);

        if (pid < 0) {
            complain_errno("wait");
            return 1 << 8;
        }
        if (pid != child)
            continue;
        if (!WIFSTOPPED(status))
            return status;
        if (WSTOPSIG(status) == SIGSTOP)
            kill(child, SIGCONT);
    }
}

/* Returns the status of an ended process as a shell counts it: 128 + the signal that killed it. */
static int exit_status(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static double seconds_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec + now.tv_nsec / 1e9;
}

/* Keeps a shell on the console. Returns the wait status of the last one when SHELLS in a row have
   ended at once: the system is broken, and so would the next one be. Keys that were typed for a
   shell which has ended are dropped before init waits, so that a Ctrl-D that is held down for too
   long ends a few shells, and not the machine. */
static int shells_run(void)
{
    static char *const interactive[] = {"sh", NULL};
    int status = 0, failed = 0;

    while (failed < SHELLS) {
        double start = seconds_now();

        status = child_wait(shell_start(interactive));
        failed = seconds_now() - start < LEAST_SECONDS ? failed + 1 : 0;
        if (failed > PATIENCE && failed < SHELLS) {
            sleep(1);
            tcflush(STDIN_FILENO, TCIFLUSH);
        }
    }
    complain("%s has ended %d times within a second, the last time with status %d%s%s; the machine "
             "stops",
             SHELL, SHELLS, exit_status(status), WIFSIGNALED(status) ? ": " : "",
             WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "");
    return status;
}

static bool disk_mount(void)
{
    if (mount(DISK, DISK_DIRECTORY, "ext2", 0, NULL) == 0)
        return true;
    return errno == EROFS && mount(DISK, DISK_DIRECTORY, "ext2", MS_RDONLY, NULL) == 0;
}

/* Mounts the first disk, if there is one. Without it, the system is whole; a message of the kernel
   says why a disk cannot be mounted. A child does it, because a broken disk may never answer: then
   init goes on after some seconds, and the child waits. */
static void disk_begin(void)
{
    const struct timespec patience = {.tv_sec = 5};
    sigset_t child_ended, before;

    if (access(DISK, F_OK) < 0)
        return;
    mkdir(DISK_DIRECTORY, 0755);
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ended, &before);
    pid_t pid = fork();
    if (pid == 0)
        _exit(!disk_mount());
    if (pid < 0 || sigtimedwait(&child_ended, NULL, &patience) < 0)
        complain("%s is not mounted yet", DISK);
    else
        waitpid(pid, NULL, WNOHANG);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

int main(void)
{
    static char *const script[] = {"sh", SCRIPT, NULL};

    console_open();
    disk_begin();
    if (access(SCRIPT, F_OK) == 0)
        return exit_status(child_wait(shell_start(script)));
    if (access(MOTD, F_OK) == 0)
        file_show(MOTD);
    int status = exit_status(shells_run());
    return status ? status : 1; /* the machine fails, whatever the shell said */
}
