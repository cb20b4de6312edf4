/* Sets of signals, and the steps of posting and taking, for the files of kernel/proc. */
#pragma once

#include <proc/signal.h>

#define BIT(signo)  (1ul << ((signo)-1))
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))

/* The default actions: ignore, stop. All other signals end the process. */
#define DEFAULT_IGNORED (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT))
#define DEFAULT_STOP    (BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))

/* The signals of faults, which are taken before others, so that the handler runs where they
   arose. */
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

/* Posts a signal without waking the process. Returns the WORK_ bits that its thread must get. The
   lock is held. */
unsigned signal_post_locked(struct signal_state *state, const struct signal_info *info);

/* Returns true if the process ignores the signal, by its action or by default. The lock is held. */
bool signal_is_ignored(const struct signal_state *state, int signo);

/* Takes the first of the pending signals in `set`. Returns false if there is none. The lock is
   held. */
bool signal_take(struct signal_state *state, uint64_t set, struct signal_info *info);

/* Sets the mask of the current process. Pending signals that it unblocks are taken on the way to
   user mode. */
void signal_change_mask(uint64_t mask);

/* Pushes a frame onto the user's stack, which keeps the registers and `mask`, and makes `tf` a call
   of the handler. -EFAULT: the frame has no room, or the handler is not callable; `tf` stays. */
__must_check int sigframe_push(struct trapframe *tf, const struct signal_info *info,
                               const struct signal_action *action, uint64_t mask);

/* Sends SIGSEGV to the current process, whose stack holds no valid frame, and reports `what`. */
void sigframe_refuse(const struct trapframe *tf, const char *what);
