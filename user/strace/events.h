/* Lines about events that are no system calls: signals, stops, the end of a process. */
#pragma once

#include <signal.h>

#include "tracee.h"

void print_signal_line(const struct tracee *tracee, const siginfo_t *info);
void print_stopped_line(const struct tracee *tracee, int signal);

/* Prints that a leader has ended because another thread, with this number, has called execve. */
void print_superseded_line(const struct tracee *tracee, pid_t tid);

/* Prints the line about the end of a process or thread with this wait status. */
void print_end_line(const struct tracee *tracee, int status);
