/* Signals: what is pending for a process, what it does about each, and when.

   A signal is posted to a process by anyone, and taken by the process itself on its way back to user mode. */
#pragma once

#include <asm/signal.h>
#include <arch/spinlock.h>

struct process;
struct trapframe;

/* The kernel's form of a disposition, as rt_sigaction(2) passes it. */
struct signal_action {
    uaddr_t handler; /* SIG_DFL, SIG_IGN */
    uint64_t flags;
    uaddr_t restorer;
    uint64_t mask;
};

#define SIGNALS 64

/* Bit signo - 1 stands for a signal. */
struct signal_state {
    struct spinlock lock; /* RANK_PIPE; guards the rest */
    uint64_t pending;
    uint64_t blocked;                      /* SIGKILL and SIGSTOP never are */
    struct signal_action actions[SIGNALS]; /* [signo - 1] */
};

void signal_init(struct signal_state *state);

/* A child's dispositions and mask are its parent's; nothing is pending. */
void signal_fork(struct signal_state *child, struct signal_state *parent);

/* A new program starts with the ignored signals ignored, and the defaults for all others. */
void signal_exec(struct signal_state *state);

/* Posts a signal. The process has not exited: the caller holds the tree lock, or is the process itself. */
void signal_send(struct process *process, int signo);

/* As the kernel does for a fault: the signal is taken even if it is blocked or ignored. To the current process. False
   if it was pending already. */
bool signal_force(int signo);

/* kill(2): pid > 0, a process; 0: the caller's group; -1: all but init and the caller; < -1: the group -pid. Signal 0
   only asks. -ESRCH, -EINVAL. Takes the tree lock. */
__must_check int signal_kill(int pid, int signo);

/* Sends to every process of a group; for the terminal. Takes the tree lock. */
void signal_group(int pgid, int signo);

/* Whether a signal is waiting to be taken by the current process. */
bool signal_is_pending(void);

/* Takes what is pending, on the way to user mode. Ends the process if that is the default. */
void signal_deliver(void);

/* rt_sigaction(2) and rt_sigprocmask(2) for the current process; `old` is filled in if it is not NULL. -EINVAL;
   -ENOSYS: a handler, which is not there yet. */
__must_check int signal_set_action(int signo, const struct signal_action *action,
                                   struct signal_action *old);
__must_check int signal_set_mask(int how, const uint64_t *set, uint64_t *old);
