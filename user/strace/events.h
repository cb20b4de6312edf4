/* The lines about what is no system call: signals, stops, the end. */
#pragma once

#include <signal.h>

#include "tracee.h"

void print_signal_line(const struct tracee *tracee, const siginfo_t *info);
void print_stopped_line(const struct tracee *tracee, int signal);

/* From its wait status. */
void print_end_line(const struct tracee *tracee, int status);
