/* A signal handler that counts its calls and keeps what it is told, and the mask of signals. */
#pragma once

#include "test.h"

#include <setjmp.h>
#include <ucontext.h>

extern volatile sig_atomic_t handler_calls; /* since handler_set */
extern volatile int handled_signal;         /* of the last call */
extern siginfo_t handled_info;
extern ucontext_t handled_context;

/* Handlers. The first counts. The second also keeps all that it is told. The third then jumps to
   after_fault. */
void handler_count(int signal);
void handler_keep(int signal, siginfo_t *info, void *context);
void handler_escape(int signal, siginfo_t *info, void *context);
extern sigjmp_buf after_fault;

/* Sets the handler of a signal, and the counter to 0. */
void handler_set(int signal, void (*handler)(int), int flags);
void handler_set_info(int signal, void (*handler)(int, siginfo_t *, void *), int flags);

/* The mask of signals. */
sigset_t signal_set_of(int signal);
bool signal_is_blocked(int signal);
void signal_mask_change(int how, int signal);
