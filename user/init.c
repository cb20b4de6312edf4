/* init: process 1, which the kernel starts. When it ends, the kernel powers the machine off with
   init's status.

   If there is a script /etc/run, init runs it and takes over its status. Otherwise it shows
   /etc/motd and keeps a shell on the console for ever. In both cases it reaps every process that
   has lost its parent. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/files.h"
#include "lib/message.h"

#define SHELL  "/bin/sh"
#define SCRIPT "/etc/run"
#define MOTD   "/etc/motd"

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

/* Starts a shell, and retries until there is enough memory. Returns its pid. */
static pid_t shell_start(char *const arguments[])
{
    pid_t pid;

    while ((pid = fork()) < 0) {
        complain_errno("fork");
        sleep(1);
    }
    if (pid == 0) {
        execve(SHELL, arguments, environment);
        complain_errno(SHELL);
        sleep(1); /* limits how often init retries */
        _exit(127);
    }
    return pid;
}

/* Waits for the end of `child`, and reaps orphans meanwhile. Returns its status as a shell counts
   it: 128 + the signal that killed it. A shell that stops itself (kill -STOP $$) is continued at
   once, because often no other process could do that. */
static int child_wait(pid_t child)
{
    int status;

    for (;;) {
        if (waitpid(-1, &status, WUNTRACED) != child)
            continue;
        if (WIFEXITED(status))
            return WEXITSTATUS(status);
        if (WIFSIGNALED(status))
            return 128 + WTERMSIG(status);
        if (WSTOPSIG(status) == SIGSTOP)
            kill(child, SIGCONT);
    }
}

int main(void)
{
    static char *const script[] = {"sh", SCRIPT, NULL};
    static char *const interactive[] = {"sh", NULL};

    console_open();
    if (access(SCRIPT, F_OK) == 0)
        return child_wait(shell_start(script));
    if (access(MOTD, F_OK) == 0)
        file_show(MOTD);
    for (;;)
        child_wait(shell_start(interactive));
}
