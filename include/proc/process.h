/* Processes: an address space, a place in the tree, and the tasks that run the program
   (proc/task.h). */
#pragma once

#include <fs/vnode.h>
#include <proc/itimer.h>
#include <proc/signal.h>
#include <proc/task.h>
#include <sched/lock.h>
#include <sched/thread.h>

#define INIT_PID     1
#define PID_MAX      (1 << 22) /* the highest pid */
#define AUXV_ENTRIES 18        /* of the auxiliary vector, AT_NULL included */

/* The number of limits that Pagoda keeps: an array indexed by Linux's RLIMIT_ numbers. */
#define PROCESS_RLIMITS 16

struct process_rlimit {
    uint64_t soft, hard; /* ~0ul: none */
};

/* The resources that a process used, or the sum over the children that it has waited for. */
struct process_usage {
    uint64_t minor_faults;
    struct cputime cpu;
};

/* The addresses of the program's parts, for observers; all 0 until the first exec. */
struct process_layout {
    uaddr_t code_start, code_end, data_start, data_end; /* as in its file: struct elf_image */
    uaddr_t stack_top;                                  /* the stack pointer at its first step */
    uaddr_t args_start, env_start, env_end; /* the arguments; behind them, the environment */
    uint64_t auxv[AUXV_ENTRIES][2];         /* as on the first stack: AT_ numbers and values */
};

TAILQ_HEAD(process_list, process);

/* The lock under which a field is written:
     (t) the process-tree lock
     (l) signals.lock
     (1) none: it changes only while the process has one task, in exec, or none, after the last one
         has left. So the tasks of the process read it without lock
     (n) news_lock
     (a) atomic
     (c) constant
   Others read a field marked (1) only under the tree lock, and not after the process has exited. */
struct process {
    int pid;                      /* (c) */
    struct task *leader;          /* (t) the task with its number, which may have ended */
    struct task_list tasks;       /* (t) and (l), both: those that have not ended */
    struct task_list ended;       /* (t) those that have ended and are to be freed */
    unsigned unseen_ends;         /* (t) those whose tracer is to wait for them, but the leader */
    struct vspace *vspace;        /* (1) and (t), both; NULL once it has exited */
    bool has_barriers;            /* (a) membarrier(2) is registered */
    bool borrows_vspace;          /* (1) vspace is the parent's until exec (CLONE_VM) */
    struct vnode *exe;            /* (1) and (t) the program's file; NULL once it has exited */
    struct process_layout layout; /* (1) and (t) */
    struct process_rlimit rlimits[PROCESS_RLIMITS]; /* (t); soft limits are read without lock */
    uint64_t start_ns;                              /* (c) monotonic */
    struct signal_state signals;
    TAILQ_HEAD(, task) tracees; /* (t) that it traces */

    struct process *parent;       /* (t) NULL: init */
    struct task *creator;         /* (t) the task of the parent that made it, or one in its place */
    int exit_signal;              /* (t) which the parent gets at its end; 0: none */
    struct process_list children; /* (t) */
    TAILQ_ENTRY(process) sibling; /* (t) */
    RB_ENTRY(process) by_pid;     /* (t) */
    int pgid, sid;                /* (t) its group and session (proc/group.h) */
    RB_ENTRY(process) by_group;   /* (t) */
    RB_ENTRY(process) by_session; /* (t) */
    bool has_execed;              /* (t) exec has succeeded since fork */
    bool is_inits;                /* (c) init has started it, as it starts the shell */
    int oom_score_adj;            /* (t) /proc/PID/oom_score_adj (proc/oom.h) */
    uint64_t oom_deadline_ns;     /* (t) until then it is waited for to give memory back; 0: not */
    uint32_t reserve_left;        /* frames of the reserve that it may take; only it uses this,
                                     with the lock of the frames */
    bool has_terminal;            /* (t) the terminal of its session is its controlling terminal */
    int death_signal;             /* (t) which it gets when its creator ends; 0: none */
    bool zombie;                  /* (t) it has exited, and its parent has not waited for it yet */
    int exit_status;              /* (l) as wait4 returns it; a zombie's does not change */
    int stop_status;              /* (t) of a stop or continuation, as wait4 returns it; 0: none */
    struct alarm alarm;           /* (t) */
    TAILQ_HEAD(posix_timer_list, posix_timer) timers; /* (t) and (l), both: of timer_create */
    unsigned timer_count;                             /* (t) their number */
    struct cpu_timer cpu_timers[CPU_TIMERS];          /* (t) */
    bool counts_cpu; /* (a) a CPU timer or RLIMIT_CPU is set, so ticks check them (cputimer.c) */
    uint64_t earlier_faults;             /* (t) minor faults in its earlier address spaces */
    struct cputime freed_cpu;            /* (t) CPU time of tasks that were freed */
    uint64_t freed_user_ticks;           /* (t) ticks that came in their user mode */
    struct process_usage children_usage; /* (t) */

    struct spinlock news_lock; /* RANK_PIPE */
    struct waitq news_waitq;   /* where its tasks wait for a child */
    unsigned news_count;       /* (n) grows with every news of a child (proc/news.h) */
    bool is_vforked; /* (t) its parent sleeps until it no longer uses the parent's vspace */
};

static inline struct process *process_current(void)
{
    return task_current()->process;
}

/* The process-tree lock (RANK_PROCESS, sleeps). */
extern struct mutex process_tree_lock;

/* ---- fork, exec, exit: fork.c, exec.c, exit.c ---- */

/* Makes the first process, which will run `path`. Called once, at boot. */
void process_start_init(const char *path);

/* The differences between a child and a copy of its parent, or between a new task and the
   caller. */
struct fork_request {
    /* CSIGNAL (by which a tracer tells fork and clone apart), CLONE_VM, CLONE_VFORK, CLONE_FILES,
       CLONE_FS, CLONE_SIGHAND, CLONE_CLEAR_SIGHAND, CLONE_PARENT, CLONE_SETTLS,
       CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID, CLONE_PARENT_SETTID. CSIGNAL is the signal that
       the parent gets at the end of the child */
    uint64_t flags;
    uaddr_t stack;      /* the child's stack pointer; 0: the parent's */
    uint64_t tls;       /* CLONE_SETTLS: the child's FS base */
    uaddr_t child_tid;  /* CLONE_CHILD_SETTID, CLONE_CHILD_CLEARTID: a word of the child */
    uaddr_t parent_tid; /* CLONE_PARENT_SETTID: where the parent writes the child's pid */
};

/* Makes a child: fork(2), vfork(2) and what posix_spawn needs of clone(2). Returns its pid; with
   CLONE_VFORK, when the child has called exec or has exited. -EAGAIN: RLIMIT_NPROC. -ENOMEM:
   nothing has changed. -EINTR: a signal must be taken first, and the call started again. */
__must_check int process_fork(const struct fork_request *request);

/* A program to run. */
struct exec_request {
    struct vnode *file; /* a program or a script; the caller keeps its reference */
    const char *path;   /* how the program finds its file: AT_EXECFN, and an argument of a script */
    const char *name;   /* of the process; a longer one is cut off */
    bool is_hidden;     /* no program can open `path`, so the file must not be a script */
    const uaddr_t __user *argv, *envp;
};

/* Runs a new program in the current process: execve(2). On success the process returns to user mode
   in it, or, if the file is a script, in the program that its first line names. On failure the old
   program goes on: -ENOEXEC, -E2BIG, -EFAULT, -ENOMEM, -ELOOP (too many scripts in a row), or an
   error of vfs_open_exe. */
__must_check int process_exec(const struct exec_request *request);

/* Ends the current process, all its tasks, with a wait status (exit code << 8, or a signal). */
__noreturn void process_exit(int status);

/* Ends the current process because of a signal. DEBUG: if the kernel has sent it, the audit runs
   first, while the process still has its memory. */
__noreturn void process_exit_by_signal(const struct signal_info *info);

/* Returns a soft limit, by its RLIMIT_ number. Another task may be about to change it. */
static inline uint64_t process_limit(const struct process *process, unsigned resource)
{
    return atomic_load_relaxed(&process->rlimits[resource].soft);
}

/* ---- The tree: process.c; the tree lock is held ---- */

/* Returns the process with that pid, zombie or not, or NULL. */
struct process *process_find(int pid);

/* Returns the first process whose pid is `from` or above, or NULL. */
struct process *process_find_from(int from);

/* Returns the number of processes made since boot; *last is the pid of the last one. */
uint64_t process_births(int *last);

/* Makes init the parent of a process that has another one. */
void process_give_to_init(struct process *process);

/* Makes the parent of the current process, which is not init, the parent of its child `process`
   (CLONE_PARENT). */
void process_give_to_parent(struct process *process);

/* Takes a zombie that nobody waits for out of the tree, to be freed by process_reap_disowned. */
void process_disown(struct process *process);

/* Returns a process that was disowned and is now the caller's; NULL: there is none. Takes the tree
   lock. */
struct process *process_take_disowned(void);

/* Returns what the process has used so far, all its tasks. */
struct process_usage process_usage(struct process *process);

/* Returns what the current process has used so far, and in *children (may be NULL) what the
   children have that it has waited for. Takes the tree lock. */
struct process_usage process_usage_current(struct process_usage *children);

/* Returns the next number that is free for a process or a task; 0: there is none. */
int process_choose_number(void);

/* Returns true for init, for what init has started, and for the leader of the session that has the
   terminal: the processes by which a person can act when others use up the machine. */
bool process_is_vital(const struct process *process);

/* Returns the same about the current process, for a caller that holds any lock. A terminal that it
   gains or loses just now may be seen or not. */
bool process_is_vital_now(void);

/* Returns true if there are fewer processes and threads than the parent's RLIMIT_NPROC allows, or
   the parent is vital. */
bool process_may_fork(const struct process *parent);

/* Counts a task that is not a leader: 1 when it begins, -1 when it ends or becomes the leader. */
void process_count_further_task(int change);

/* Gives a new process a pid and a place below `parent` (NULL: it is init). -EAGAIN: the
   parent may not fork, or no pid is free. */
__must_check int process_link(struct process *process, struct process *parent);
void process_unlink(struct process *process);

/* ---- Without the tree lock ---- */

/* Returns true if the current process has one task, and shares neither its address space nor its
   actions with another process. Takes the tree lock. */
bool process_is_alone(void);

/* Returns the address space of a process, with a reference. `pid` is the number of the process or of
   one of its tasks. Returns NULL if there is none, or it has exited. Takes the tree lock. */
struct vspace *process_get_vspace(int pid);

/* Returns the limits of the process that concern memory. Only for the current process, or a child
   that it makes. */
struct vspace_limits process_vspace_limits(const struct process *process);

/* Sets the limits on memory in the address space of the current process, or of a child that it
   makes. An address space that is borrowed keeps its owner's limits. Takes the vspace's lock. */
void process_limit_vspace(struct process *process);

/* Makes a process with the defaults, not yet linked. Returns NULL if memory is out. */
struct process *process_alloc(void);
void process_free(struct process *process);
