/* What the files of signals share: sets of signals, and taking one out of those that are pending. */
#pragma once

#include <proc/signal.h>

#define BIT(signo)  (1ul << ((signo)-1))
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))

/* What happens by default: nothing; a stop. All others end the process. */
#define DEFAULT_IGNORED (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT))
#define DEFAULT_STOP    (BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))

/* Signals of faults: they are told before others, where they happened. */
#define SYNCHRONOUS \
    (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGFPE) | BIT(SIGSYS))

static inline bool is_signal(int signo)
{
    return signo >= 1 && signo <= SIGNALS;
}

static inline bool has_handler(const struct signal_action *action)
{
    return action->handler != (uaddr_t)SIG_DFL && action->handler != (uaddr_t)SIG_IGN;
}

/* Whether the process would do nothing about the signal. Its lock is held. */
bool signal_is_ignored(const struct signal_state *state, int signo);

/* Takes the first of the pending signals in `set`; false: none. The lock is held. */
bool signal_take(struct signal_state *state, uint64_t set, struct signal_info *info);

/* Makes `mask` the current process's, and sees to what it lets through. */
void signal_change_mask(uint64_t mask);

/* sigframe.c. Makes `tf` a call of the handler, whose frame on the user's stack says how to get
   back, and to which mask. -EFAULT: there is no place for it; `tf` stays. */
__must_check int sigframe_push(struct trapframe *tf, const struct signal_info *info,
                               const struct signal_action *action, uint64_t mask);

/* SIGSEGV for the current process, whose stack is of no use for a frame. */
void signal_bad_frame(const struct trapframe *tf, const char *what);
