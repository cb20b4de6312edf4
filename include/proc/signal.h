/* Signals: what is pending for a process, what it does about each, and when.

   A signal is posted to a process by anyone, and taken by the process itself on its way back to user
   mode: it is ignored, or stops the process, or ends it, or calls a handler of the program.

       signal.c       posting: kill, faults, the terminal, children
       sigaction.c    what the process asks for: actions, the mask, the alternate stack, waiting
       deliver.c      taking; stopping and continuing; interrupted system calls
       sigframe.c     a handler's frame on the user's stack, and the way back
       itimer.c       alarms
       cputimer.c     timers of CPU time
       ptrace.c        a tracer, which looks at each signal first

   Each signal is queued once, real-time signals too. */
#pragma once

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <arch/spinlock.h>
#include <sched/waitq.h>

struct process;
struct trapframe;

/* The kernel's form of a disposition, as rt_sigaction(2) passes it. */
struct signal_action {
    uaddr_t handler; /* SIG_DFL, SIG_IGN */
    uint64_t flags;
    uaddr_t restorer;
    uint64_t mask;
};

/* What a handler is told; which of the last ones mean something depends on signo and code. */
struct signal_info {
    int signo;
    int code; /* si_code: SI_USER, SI_KERNEL, SEGV_MAPERR, CLD_EXITED, ...; below 0: a program has made it up */
    int pid;        /* the sender, or the child */
    int status;     /* of a child: its exit code, or the signal that ended or stopped it */
    unsigned uid;   /* the sender's, as a program says */
    uint64_t value; /* what a program has to say */
    uaddr_t addr;   /* of a fault */
};

/* sigaltstack(2). */
struct signal_stack {
    uaddr_t start;
    size_t size; /* bytes; 0: there is none */
    bool disarm; /* SS_AUTODISARM: a handler begins with none, and gets it back when it ends */
};

#define SIGNALS 64

/* Bit signo - 1 stands for a signal. Who may write a field: (l) the lock; (o) only the process's own
   thread. */
struct signal_state {
    struct spinlock lock; /* RANK_PIPE */
    uint64_t pending;     /* (l) */
    uint64_t blocked;     /* (l) SIGKILL and SIGSTOP never are */
    uint64_t awaited;     /* (l) rt_sigtimedwait waits for these, blocked or not */
    bool stopped;         /* (l) it is stopped, or about to be */
    bool spared;          /* (l) it is init, to which default actions do not happen */
    bool stop_taken;      /* (l) a stop was taken, and neither SIGCONT nor SIGKILL came since */
    bool traced;          /* (l) a tracer looks at its signals first */
    bool seized;          /* (l) and hears of SIGCONT as of a stop of its own */
    bool held;            /* (l) it sleeps for its tracer, or is about to */
    bool trap_wanted;     /* (l) it is to stop for its tracer */
    bool continue_untold; /* (l) the same, since SIGCONT has come; no other stop does for that */
    struct signal_action actions[SIGNALS]; /* (l) [signo - 1] */
    struct signal_info infos[SIGNALS];     /* (l) [signo - 1] of those that are pending */
    struct waitq continued;                /* where a stopped or held process sleeps */

    struct signal_stack stack; /* (o) */
    uint64_t saved_mask;       /* (o) the mask to return to after rt_sigsuspend */
    bool has_saved_mask;       /* (o) */
    uint64_t resume_ns;        /* (o) the deadline of a sleep that was interrupted; 0: none */
};

void signal_init(struct signal_state *state);

/* A child's dispositions and mask are its parent's; nothing is pending. */
void signal_fork(struct signal_state *child, struct signal_state *parent);

/* A new program starts with the ignored signals ignored, and the defaults for all others. */
void signal_exec(struct signal_state *state);

/* ---- Posting ---- */

/* Posts a signal. The process has not exited: the caller holds the tree lock, or is the process
   itself. */
void signal_send(struct process *process, const struct signal_info *info);

/* The same from the kernel, which says no more about it (SI_KERNEL). */
void signal_send_kernel(struct process *process, int signo);

/* What a fault of the current process is told by: it cannot be blocked or ignored. True if the
   process will die of it, and did not know so yet: worth a report. */
bool signal_force(const struct signal_info *info);

/* kill(2): pid > 0, a process; 0: the caller's group; -1: all but init and the caller; < -1: the
   group -pid. Signal 0 only asks. `code` is SI_USER or SI_TKILL. -ESRCH, -EINVAL. Takes the tree
   lock. */
__must_check int signal_kill(int pid, int signo, int code);

/* rt_sigqueueinfo(2): the same with all that the receiver is told, but for the signal's number, made up by the caller. He
   may say to himself alone what the kernel or kill(2) would say: -EPERM. */
__must_check int signal_queue(int pid, const struct signal_info *info);

/* Sends to every process of a group, from the kernel. The tree lock is held. */
void signal_group(int pgid, int signo);

/* What others may see of a process's signals; bit signo - 1 stands for a signal. */
struct signal_masks {
    uint64_t pending, blocked, ignored, caught;
};
struct signal_masks signal_masks_of(struct process *process);

/* Returns true if the process blocks or ignores the signal. */
bool signal_is_held_off(struct process *process, int signo);

/* Whether a signal is waiting to be taken by the current process. */
bool signal_is_pending(void);

/* Whether SIGKILL is. */
bool signal_is_killed(void);

/* Whether the WORK_KILL that has ended a sleep still means the end: a tracer that has come since may think otherwise.
   If not, it is cleared. */
bool signal_is_deadly(void);

/* For ptrace.c: the signals of a process that is traced, or no longer. */
void signal_set_traced(struct signal_state *state, bool traced, bool seized);

/* Has a tracee stop for its tracer as soon as it can, and now if it sleeps or is stopped by a signal. */
void signal_want_trap(struct process *process);

/* Has a tracee that has not started do so before its first step: for its tracer, or with a SIGSTOP. */
void signal_begin_stopped(struct process *child, bool is_trap);

/* ---- Taking ---- */

/* Takes what is pending, on the way to user mode with the registers of `tf`. Ends or stops the
   process if that is the default, and makes `tf` that of a handler's call if there is one. A system
   call that was interrupted is started again where Linux does so. */
void signal_deliver(struct trapframe *tf);

/* Makes `tf`, of a call that ends now, say how it will go on if a signal has interrupted it: Linux's internal
   -ERESTART... for a tracer to see. */
void signal_show_restart(struct trapframe *tf);

/* rt_sigreturn(2): makes `tf` what the handler's frame says. If that is nothing that a program may
   have in its registers, the process gets SIGSEGV, and `tf` stays. */
void signal_return(struct trapframe *tf);

/* The deadline of a call that is to end at `deadline_ns`: the same as before if a signal has
   interrupted it and no handler has seen that. signal_keep_deadline, on -EINTR, remembers it. */
uint64_t signal_resumed_deadline(uint64_t deadline_ns);
void signal_keep_deadline(uint64_t deadline_ns);

/* ---- The process's wishes ---- */

/* rt_sigaction(2) and rt_sigprocmask(2) for the current process; `old` is filled in if it is not
   NULL. -EINVAL. */
__must_check int signal_set_action(int signo, const struct signal_action *action,
                                   struct signal_action *old);
__must_check int signal_set_mask(int how, const uint64_t *set, uint64_t *old);

/* rt_sigpending(2). */
uint64_t signal_pending_blocked(void);

/* sigaltstack(2), in a program whose stack pointer is `rsp`. -EINVAL; -ENOMEM: too small; -EPERM: it
   is in use. */
void signal_get_stack(uaddr_t rsp, stack_t *out);
__must_check int signal_set_stack(const stack_t *stack, uaddr_t rsp);

/* Makes `mask` the mask for the time of one system call: at its end, signal_return_mask brings the old one back, or, if
   the call ends with -EINTR, signal_deliver, after it has chosen a handler by the borrowed one. */
void signal_borrow_mask(uint64_t mask);
void signal_return_mask(void);

/* Waits for a signal that is not blocked; meanwhile `mask` is the mask, if it is not NULL. -EINTR. */
__must_check int signal_suspend(const uint64_t *mask);

/* rt_sigtimedwait(2): takes a signal out of `set`: its number. -EAGAIN at `deadline_ns`; -EINTR. */
__must_check int signal_timed_wait(uint64_t set, uint64_t deadline_ns, struct signal_info *info);

/* In Linux's form, with zeros in all that does not mean anything. */
void signal_to_siginfo(const struct signal_info *info, siginfo_t *out);

/* The handler and flags of one signal. */
struct signal_action signal_action_of(struct process *process, int signo);
