/* Signals: which are pending for a process or one of its tasks, and what is done about each.

   Any thread may post a signal, to a process or to one task. A signal to a process is taken by one
   of its tasks that does not block it. The task takes it on its way back to user mode: then the
   signal is ignored, stops the process, ends it, or calls a handler of the program in this task.

       signal.c       posting
       take.c         taking one that is pending
       kill.c         posting by number: to a process, a group, all
       queue.c        the signals that are pending
       actions.c      the actions, which processes may share
       sigaction.c    a process's settings: actions, the mask, the alternate stack; waiting
       deliver.c      acting on a signal that was taken; stopping and continuing
       sigframe.c     a handler's frame on the user's stack, and the way back
       restart.c      system calls that a signal has interrupted
       itimer.c       alarms
       posixtimer.c   timers of timer_create
       cputimer.c     timers of CPU time
       tracing.c      the state of a task that is traced
       ptrace.c       a tracer, which sees each signal first

   Signals 1 to 31 are pending once at most; real-time signals are queued. SIGKILL is always one to
   the process, and stays pending until the process has ended. */
#pragma once

#include <sys/queue.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <arch/spinlock.h>
#include <proc/tracing.h>
#include <sched/waitq.h>

struct process;
struct signal_actions;
struct task;
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
    bool is_timer;  /* of a POSIX timer: `pid` is its number, `uid` the overrun */
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

/* Signals that are pending (queue.c). In a set, bit signo - 1 stands for signal signo. */
struct signal_queue {
    uint64_t set;
    uint64_t counted;                  /* those whose first one counts for RLIMIT_SIGPENDING */
    struct signal_info infos[SIGNALS]; /* [signo - 1] of the first one of those in the set */
    STAILQ_HEAD(, queued_signal) more; /* real-time signals behind the first of their number */
};

/* The job stop: a stop by a signal, of all tasks of a process.

       RUNNING --a task acts on a stop signal--> STOPPED
          ^                                         |
          +----- SIGCONT or SIGKILL is posted ------+

   Before it acts on the signal, a task takes it, and its tracer sees it; SIGCONT and SIGKILL then
   cancel it (`may_stop`). In STOPPED every task goes to sleep as soon as it can. The parent is
   notified once: when all sleep but those that a tracer lets run in spite of the stop. STOPPED
   lasts for those too: the next stop, or the end of the tracing, stops them again. */
enum job_state { JOB_RUNNING, JOB_STOPPED };

/* The signals of a process. Writers of a field: (l) the holder of the lock. */
struct signal_state {
    struct spinlock lock;           /* RANK_PIPE; for the signals of its tasks too */
    struct signal_queue pending;    /* (l) for any of its tasks */
    struct signal_actions *actions; /* (l) processes may share them; replaced in exec */
    bool spared;                    /* (l) it is init, for which default actions do nothing */
    enum job_state job;             /* (l) */
    unsigned stop_number;           /* (l) counts the stops that have begun */
    int stop_signo;                 /* (l) the signal of the stop; 0: there is none */
    unsigned asleep;                /* (l) tasks that sleep because of the stop */
    bool stop_told;                 /* (l) the parent was notified of the stop */
    bool continue_due;              /* (l) the parent is to be notified of the end of a stop */
    struct waitq continued;         /* where a stopped or held task sleeps */
    bool exiting;                   /* (l) all tasks are to end */
    struct task *execs;             /* (l) the task that ends all others; NULL: none */
    struct waitq task_ended;        /* where it waits for their end */
};

/* The signals of a task. Writers of a field: (l) the holder of signals.lock of the process; (o)
   only the task itself. */
struct task_signals {
    struct signal_queue pending; /* (l) for this task alone */
    uint64_t blocked;            /* (l) SIGKILL and SIGSTOP never are */
    uint64_t awaited;            /* (l) rt_sigtimedwait sleeps for these, blocked or not */
    uint64_t sent_to_all;        /* (l) sent to several processes, such as a group, since the fork
                                    of this task began; see signal_fork_begin */

    bool is_ending;          /* (l) it takes no signals any more */
    bool may_stop;           /* (l) no SIGCONT was posted since it took its last signal */
    unsigned told_stop;      /* (l) the number of the stop that its tracer was told of last */
    unsigned overruled_stop; /* (l) the number of the stop in which its tracer lets it run; or 0 */
    struct tracing tracing;  /* (l) */

    struct signal_stack stack; /* (o) */
    struct signal_trap trap;   /* (o) */
    uint64_t saved_mask;       /* (o) the mask to return to after rt_sigsuspend */
    bool has_saved_mask;       /* (o) */
    uint64_t resume_ns;        /* (o) the deadline of a sleep that was interrupted; 0: none */
};

void signal_init(struct signal_state *state);
void signal_destroy(struct signal_state *state);

/* Makes and frees the queue of a task. */
void signal_queue_init(struct signal_queue *queue);
void signal_queue_discard(struct signal_queue *queue, uint64_t set);

/* Gives the first process the default actions. -ENOMEM. */
__must_check int signal_create_actions(struct process *init);

/* Lets a child share the actions of the current process (CLONE_SIGHAND), or copies them, or, with
   CLONE_CLEAR_SIGHAND, those without a handler. -ENOMEM. */
__must_check int signal_copy_actions(struct process *child, uint64_t flags);

/* Copies the mask of the current task to the child. Copies the alternate stack too, unless both are
   to run in one address space. Nothing is pending for the child. */
void signal_fork(struct task *child, uint64_t flags);

/* While a process forks, its child is no member of its group yet. A signal that is sent to the
   group meanwhile is for the child too. Begin: such signals are collected for the current task from
   now on; or, if the task blocks all signals, since it began to do so, because then its library is
   in the middle of a fork. (On Linux a child that is forked just after the signal escapes.) End: the child, which is linked now, has them pending. The tree lock is held at the end,
   so no signal comes between link and end. */
void signal_fork_begin(void);
void signal_fork_end(struct task *child);

/* Makes actions in *spare for signal_exec if other processes share those of the current one.
   -ENOMEM. */
__must_check int signal_exec_prepare(struct signal_actions **spare);
void signal_exec_discard(struct signal_actions *spare);

/* Resets the actions for a new program: ignored signals stay ignored, others get the default. If
   other processes share the actions, *spare takes their place. The alternate stack goes. */
void signal_exec(struct signal_actions **spare);

/* ---- Posting ---- */

/* Posts a signal. So that the process does not exit meanwhile, the caller holds the tree lock, or
   is the process itself. -EAGAIN: a real-time signal with information cannot be queued, because of
   RLIMIT_SIGPENDING or because memory is out. */
int signal_send(struct process *process, const struct signal_info *info);

/* Posts a signal to one task. Locks and error as for signal_send. */
int signal_send_task(struct task *task, const struct signal_info *info);

/* Posts a signal of the kernel, without further information (SI_KERNEL). Locks as for
   signal_send. */
void signal_send_kernel(struct process *process, int signo);

/* Posts a signal of the current process to itself, as kill(2) does. */
void signal_send_self(int signo);

/* Posts the signal of a fault to the current task, and unblocks it; if it has no handler, it
   gets the default action. Returns true if it ends the process and was not pending yet: the caller
   then reports the fault. */
bool signal_force(const struct signal_info *info);

/* Sends a signal: kill(2). pid > 0 is a process; 0: the caller's group; -1: all but init and the
   caller; < -1: the group -pid. Signal 0 only checks that a receiver exists. `code` is SI_USER or
   SI_TKILL. -ESRCH, -EINVAL. Takes the tree lock. */
__must_check int signal_kill(int pid, int signo, int code);

/* Sends a signal with information that the caller has chosen: rt_sigqueueinfo(2). -EPERM: the code
   is one of the kernel or of kill(2), and the receiver is not the caller. -EAGAIN as of
   signal_send. -ESRCH, -EINVAL. Takes the tree lock. */
__must_check int signal_queue_info(int pid, const struct signal_info *info);

/* Sends a signal to one task of the process `tgid` (0: of any): tkill(2), tgkill(2). -ESRCH,
   -EINVAL, -EAGAIN. Takes the tree lock. */
__must_check int signal_kill_task(int tgid, int tid, const struct signal_info *info);

/* The same with information that the caller has chosen: rt_tgsigqueueinfo(2). -EPERM as of
   signal_queue_info. */
__must_check int signal_queue_task(int tgid, int tid, const struct signal_info *info);

/* Sends a signal of the kernel to every process of a group. The tree lock is held. */
void signal_group(int pgid, int signo);

/* A copy of the sets of a task and of its process. */
struct signal_masks {
    uint64_t pending, shared_pending, blocked, ignored, caught;
};
struct signal_masks signal_masks_of(struct task *task);

/* Returns true if the current task blocks the signal, or its process ignores it. */
bool signal_is_held_off(int signo);

/* Returns true if the task sleeps, or is about to, because a signal has stopped its process. */
bool signal_has_stopped(struct task *task);

/* Returns true if the current task has signals to take. */
bool signal_is_pending(void);

/* Returns true if the current task is to end: SIGKILL is pending, or its process is ending. */
bool signal_is_killed(void);

/* ---- Taking ---- */

/* Takes the pending signals, on the way to user mode with the registers of `tf`. Stops or ends the
   process if that is the action. If a signal has a handler, makes `tf` a call of it. A system call
   that was interrupted ends, or is started again (proc/restart.h). */
void signal_deliver(struct trapframe *tf);

/* Restores `tf` from a handler's frame, for rt_sigreturn(2). If user mode cannot have these
   registers, the process gets SIGSEGV, and `tf` stays. */
void signal_return(struct trapframe *tf);

/* Passes the signals that are pending for the process on to tasks that do not block them. The
   current task has blocked them, awaits them no more, or ends. signals.lock is held. */
void signal_pass_on(struct process *process);

/* ---- The settings of the current process and task ---- */

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
