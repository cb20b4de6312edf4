/* Signals: which are pending for a process, and what the process does about each.

   A signal is posted to a process by any thread. The process itself takes it, on its way back to
   user mode: then the signal is ignored, stops the process, ends it, or calls a handler of the
   program.

       signal.c       posting, and taking one that is pending
       kill.c         posting by number: to a process, a group, all
       sigaction.c    a process's settings: actions, the mask, the alternate stack; waiting
       deliver.c      acting on a signal that was taken; stopping and continuing
       sigframe.c     a handler's frame on the user's stack, and the way back
       restart.c      system calls that a signal has interrupted
       itimer.c       alarms
       cputimer.c     timers of CPU time
       ptrace.c       a tracer, which sees each signal first

   Each signal is pending once at most, real-time signals too. */
#pragma once

#include <asm/siginfo.h>
#include <asm/signal.h>
#include <arch/spinlock.h>
#include <sched/waitq.h>

struct process;
struct trapframe;

/* The action of a signal, as rt_sigaction(2) passes it. */
struct signal_action {
    uaddr_t handler; /* SIG_DFL, SIG_IGN */
    uint64_t flags;
    uaddr_t restorer;
    uint64_t mask;
};

/* The details of a signal for its handler. Only some fields have a meaning, by signo and code. */
struct signal_info {
    int signo;
    int code;     /* si_code: SI_USER, SI_KERNEL, SEGV_MAPERR, ...; below 0: chosen by a program */
    int pid;      /* the sender, or the child */
    int status;   /* of a child: its exit code, or the signal that ended or stopped it */
    unsigned uid; /* of the sender, chosen by a program */
    uint64_t value; /* chosen by a program */
    uaddr_t addr;   /* of a fault */
};

/* sigaltstack(2). */
struct signal_stack {
    uaddr_t start;
    size_t size; /* bytes; 0: there is none */
    bool disarm; /* SS_AUTODISARM: it is disabled while a handler runs */
};

/* The last exception that became a signal, as the context of a handler shows it. It stays, so the
   handler of any later signal finds it too, as on Linux. */
struct signal_trap {
    uint64_t vector, error; /* as the CPU delivered them; 0 before the first exception */
    uaddr_t addr;           /* CR2 of the last page fault among them */
};

#define SIGNALS 64

/* The signals of a process. In a set, bit signo - 1 stands for signal signo. Writers of a field:
   (l) the holder of the lock; (o) only the process's own thread. */
struct signal_state {
    struct spinlock lock; /* RANK_PIPE */
    uint64_t pending;     /* (l) */
    uint64_t blocked;     /* (l) SIGKILL and SIGSTOP never are */
    uint64_t awaited;     /* (l) rt_sigtimedwait sleeps for these, blocked or not */
    bool stopped;         /* (l) it is stopped, or about to be */
    bool spared;          /* (l) it is init, for which default actions do nothing */
    bool stop_taken;      /* (l) a stop was taken, and no SIGCONT or SIGKILL posted since */
    struct signal_action actions[SIGNALS]; /* (l) [signo - 1] */
    struct signal_info infos[SIGNALS];     /* (l) [signo - 1] of those that are pending */
    struct waitq continued;                /* where a stopped or held process sleeps */

    /* For ptrace.c. */
    bool traced;          /* (l) a tracer sees its signals first */
    bool seized;          /* (l) SIGCONT makes it stop for its tracer */
    bool held;            /* (l) it sleeps for its tracer, or is about to */
    bool trap_wanted;     /* (l) it must stop for its tracer */
    bool continue_untold; /* (l) it must stop for its tracer because of a SIGCONT */

    struct signal_stack stack; /* (o) */
    struct signal_trap trap;   /* (o) */
    uint64_t saved_mask;       /* (o) the mask to return to after rt_sigsuspend */
    bool has_saved_mask;       /* (o) */
    uint64_t resume_ns;        /* (o) the deadline of a sleep that was interrupted; 0: none */
};

void signal_init(struct signal_state *state);

/* Copies the actions, the mask, the alternate stack and the last exception to a child, for which
   nothing is pending. */
void signal_fork(struct signal_state *child, struct signal_state *parent);

/* Resets the actions for a new program: ignored signals stay ignored, others get the default. */
void signal_exec(struct signal_state *state);

/* ---- Posting ---- */

/* Posts a signal. So that the process does not exit meanwhile, the caller holds the tree lock, or
   is the process itself. */
void signal_send(struct process *process, const struct signal_info *info);

/* Posts a signal of the kernel, without further information (SI_KERNEL). Locks as for
   signal_send. */
void signal_send_kernel(struct process *process, int signo);

/* Posts a signal of the current process to itself, as kill(2) does. */
void signal_send_self(int signo);

/* Posts the signal of a fault to the current process, and unblocks it; if it has no handler, it
   gets the default action. Returns true if it ends the process and was not pending yet: the caller
   then reports the fault. */
bool signal_force(const struct signal_info *info);

/* Sends a signal: kill(2). pid > 0 is a process; 0: the caller's group; -1: all but init and the
   caller; < -1: the group -pid. Signal 0 only checks that a receiver exists. `code` is SI_USER or
   SI_TKILL. -ESRCH, -EINVAL. Takes the tree lock. */
__must_check int signal_kill(int pid, int signo, int code);

/* Sends a signal with information that the caller has chosen: rt_sigqueueinfo(2). -EPERM: the code
   is one of the kernel or of kill(2), and the receiver is not the caller. -ESRCH, -EINVAL. Takes
   the tree lock. */
__must_check int signal_queue(int pid, const struct signal_info *info);

/* Sends a signal of the kernel to every process of a group. The tree lock is held. */
void signal_group(int pgid, int signo);

/* A copy of the sets of a process; bit signo - 1 stands for signal signo. */
struct signal_masks {
    uint64_t pending, blocked, ignored, caught;
};
struct signal_masks signal_masks_of(struct process *process);

/* Returns true if the process blocks or ignores the signal. */
bool signal_is_held_off(struct process *process, int signo);

/* Returns true if the current process has signals to take. */
bool signal_is_pending(void);

/* Returns true if SIGKILL is pending for the current process. */
bool signal_is_killed(void);

/* Returns true if the WORK_KILL that has ended a sleep still means that the process must end. If
   not, because a tracer has come since and may suppress the signal, clears WORK_KILL. */
bool signal_is_fatal(void);

/* ---- Taking ---- */

/* Takes the pending signals, on the way to user mode with the registers of `tf`. Stops or ends the
   process if that is the action. If a signal has a handler, makes `tf` a call of it. A system call
   that was interrupted ends, or is started again (proc/restart.h). */
void signal_deliver(struct trapframe *tf);

/* Restores `tf` from a handler's frame, for rt_sigreturn(2). If user mode cannot have these
   registers, the process gets SIGSEGV, and `tf` stays. */
void signal_return(struct trapframe *tf);

/* ---- The settings of the current process ---- */

/* Sets an action or the mask: rt_sigaction(2), rt_sigprocmask(2). `old`, which may be NULL,
   receives the old value. -EINVAL. */
__must_check int signal_set_action(int signo, const struct signal_action *action,
                                   struct signal_action *old);
__must_check int signal_set_mask(int how, const uint64_t *set, uint64_t *old);

/* Returns the signals that are pending and blocked: rt_sigpending(2). */
uint64_t signal_pending_blocked(void);

/* Get and set the alternate stack: sigaltstack(2) with stack pointer `rsp`. -EINVAL. -ENOMEM: it is
   too small. -EPERM: the old one is in use. */
void signal_get_stack(uaddr_t rsp, stack_t *out);
__must_check int signal_set_stack(const stack_t *stack, uaddr_t rsp);

/* Sets the mask for one system call. At its end signal_return_mask restores the old mask. If the
   call ends with -EINTR, signal_deliver restores it, after it has chosen a handler by `mask`. */
void signal_borrow_mask(uint64_t mask);
void signal_return_mask(void);

/* Sleeps until a signal is not blocked by `mask` (NULL: by the present mask). -EINTR. */
__must_check int signal_suspend(const uint64_t *mask);

/* Sleeps until a signal of `set` is pending, and takes it: rt_sigtimedwait(2). Returns its number.
   -EAGAIN at `deadline_ns`; -EINTR. */
__must_check int signal_timed_wait(uint64_t set, uint64_t deadline_ns, struct signal_info *info);

/* Converts to Linux's form. Fields without a meaning are 0. */
void signal_to_siginfo(const struct signal_info *info, siginfo_t *out);

/* Returns the action of one signal. */
struct signal_action signal_action_of(struct process *process, int signo);
