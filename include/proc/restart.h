/* System calls that a signal has interrupted, and how they go on: signal(7). */
#pragma once

#include <arch/trap.h>
#include <lib/base.h>

struct signal_action;

/* If the call of `tf` was interrupted, lets it end or makes `tf` start it again. `action` is that
   of the handler which is called first; NULL: there is none. */
void restart_finish(struct trapframe *tf, const struct signal_action *action);

/* Makes `tf` start its call again, once the signals that are due have been taken. */
void restart_always(struct trapframe *tf);

/* If the call of `tf` was interrupted, sets its result to Linux's internal -ERESTART... of the way
   it will go on, for a tracer to see. */
void restart_show(struct trapframe *tf);

/* Returns the deadline of a call that is to end at `deadline_ns`. If the call is started again
   after an interruption that no handler has seen, that is the deadline which it had before. */
uint64_t restart_deadline(uint64_t deadline_ns);

/* Keeps the deadline of a call that returns -EINTR, for restart_deadline. */
void restart_keep_deadline(uint64_t deadline_ns);
