/* Jobs and the terminal: its foreground group, its signals, and its settings. */
#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

#include "job.h"
#include "jobs.h"

static const int terminal_signals[] = {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU};

enum { NTERMINAL_SIGNALS = sizeof(terminal_signals) / sizeof(terminal_signals[0]) };

void terminal_signals_set(void (*action)(int))
{
    for (int i = 0; i < NTERMINAL_SIGNALS; i++)
        signal(terminal_signals[i], action);
}

/* The settings that the shell restores when a stopped or killed job has changed them. */
static struct termios terminal_modes;

void terminal_give(pid_t group)
{
    tcsetpgrp(STDIN_FILENO, group);
}

void jobs_begin_interactive(void)
{
    terminal_signals_set(SIG_IGN);
    setpgid(0, 0);
    terminal_give(getpgrp());
    tcgetattr(STDIN_FILENO, &terminal_modes);
}

void terminal_block(void)
{
    int flags = fcntl(STDIN_FILENO, F_GETFL);

    if (flags >= 0 && flags & O_NONBLOCK)
        fcntl(STDIN_FILENO, F_SETFL, flags & ~O_NONBLOCK);
}

/* A job that ended by itself keeps its settings, because it meant to set them. */
void terminal_take(const struct job *job)
{
    terminal_give(getpgrp());
    tcflow(STDIN_FILENO, TCOON); /* a job may leave the output stopped, and no key starts it then */
    terminal_block();
    if (job_last_process(job)->signal)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &terminal_modes);
    else
        tcgetattr(STDIN_FILENO, &terminal_modes);
}

void terminal_leave(void)
{
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    close(STDIN_FILENO);
    open("/dev/null", O_RDONLY); /* takes the lowest free number, which is that of standard input */
}
