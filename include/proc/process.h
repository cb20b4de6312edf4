/* Processes: a vspace, a file table, a place in the tree, and one thread that runs the program. */
#pragma once

#include <fs/fdtable.h>
#include <fs/vnode.h>
#include <proc/itimer.h>
#include <proc/signal.h>
#include <proc/ptrace.h>
#include <sched/lock.h>
#include <sched/thread.h>
#include <vm/vspace.h>

#define PROCESS_NAME_SIZE 16

/* RLIMIT_ values that Pagoda keeps: an array indexed by Linux's numbers. */
#define PROCESS_RLIMITS 16

struct process_rlimit {
    uint64_t soft, hard; /* ~0ul: none */
};

/* What a process used; of itself, and summed over the children that it has waited for. */
struct process_usage {
    uint64_t minor_faults;
    uint64_t ticks_user, ticks_kernel;
};

/* Where the parts of its program are, for who looks at the process; all 0: it has none yet. */
struct process_layout {
    uaddr_t code_start, code_end, data_start, data_end; /* as in its file: struct elf_image */
    uaddr_t stack_top;                                  /* the stack pointer at its first step */
    uaddr_t args_start, env_start, env_end; /* its arguments; behind them, environment */
};

/* Who may write a field: (t) the process-tree lock; (o) only the process's own thread; (e) news_lock; (s) the lock
   of signals; (c) constant. Fields marked (o) are read by others only under the tree lock, and those of an exited
   process not at all. */
struct process {
    int pid;                      /* (c) */
    struct thread *thread;        /* (c) */
    struct vspace *vspace;        /* (o) and (t), both; NULL once it has exited */
    bool borrows_vspace;          /* (o) until its exec it runs in its parent's (CLONE_VM) */
    struct fdtable *files;        /* (o) and (t); NULL once it has exited */
    struct vnode *cwd;            /* (o) and (t); NULL once it has exited */
    struct vnode *exe;            /* (o) and (t) the program's file; NULL once it has exited */
    struct process_layout layout; /* (o) and (t) */
    unsigned umask;               /* (o) */
    char name[PROCESS_NAME_SIZE]; /* (o) of the program; others may see half a change */
    /* (o) and (t), both; but RLIMIT_CPU's soft limit moves on without (t) when it is exceeded (cputimer.c) */
    struct process_rlimit rlimits[PROCESS_RLIMITS];
    uint64_t start_ns; /* (c) monotonic */
    uaddr_t child_tid; /* (c) CLONE_CHILD_SETTID: where it writes its pid first; 0: nowhere */
    struct signal_state signals;
    struct ptrace ptrace;

    struct process *parent;       /* (t) NULL: init */
    struct process_list children; /* (t) */
    TAILQ_ENTRY(process) sibling; /* (t) */
    RB_ENTRY(process) by_pid;     /* (t) */
    int pgid, sid;                /* (t) */
    bool has_execed;              /* (t) it runs another program than it was made with */
    bool has_terminal;            /* (t) its session's terminal is its own too */
    bool zombie;                  /* (t) it has exited and waits to be waited for */
    int exit_status;              /* (t) as wait4 gives it */
    int stop_status;              /* (t) the same of a stop or continuation; 0: nothing new */
    struct alarm alarm;
    struct cpu_timer cpu_timers[CPU_TIMERS]; /* (o) */
    /* (t) of earlier programs of this process; after its exit, of all */
    struct process_usage usage;
    struct process_usage children_usage; /* (t) */

    struct spinlock news_lock; /* RANK_PIPE */
    struct waitq news_waitq;   /* where its own thread waits for a child */
    /* (e) grows when a child exits, stops, is continued, or its vfork ends */
    unsigned news_count;
    bool is_vforked; /* (t) its parent waits for it to leave the parent's vspace */
};

static inline struct process *process_current(void)
{
    return thread_current()->process;
}

/* The process-tree lock (RANK_PROCESS, sleeps). */
extern struct mutex process_tree_lock;

/* Makes the first process, which will run `path`. Once, at boot. */
void process_start_init(const char *path);

/* How a child differs from a copy. */
struct fork_request {
    /* CSIGNAL (by which a tracer tells fork and clone apart), CLONE_VM, CLONE_VFORK, CLONE_SETTLS, CLONE_CHILD_SETTID
       and _CLEARTID, CLONE_PARENT_SETTID */
    unsigned flags;
    uaddr_t stack;      /* its stack pointer; 0: the parent's */
    uint64_t tls;       /* CLONE_SETTLS: its FS base */
    uaddr_t child_tid;  /* CLONE_CHILD_SETTID: where the child writes its pid */
    uaddr_t parent_tid; /* CLONE_PARENT_SETTID: where the parent writes the child's pid */
};

/* fork(2), vfork(2) and what posix_spawn needs of clone(2): the child's pid. With CLONE_VFORK, returns when the child
   has called exec or has exited. -EAGAIN: too many; -ENOMEM: nothing has changed; -EINTR: a signal is to be taken
   first, and the call is to be started again. */
__must_check int process_fork(const struct fork_request *request);

/* execve(2): on success the current process returns to user mode in the new program. `path` is in kernel memory, argv
   and envp are the user's. -ENOEXEC, -E2BIG, -EFAULT, -ENOMEM, or what vfs_open_exe says: the caller goes on as
   before. */
__must_check int process_exec(const char *path, const uaddr_t __user *argv,
                              const uaddr_t __user *envp);

/* Ends the current process with a wait status (exit code << 8, or a signal). */
__noreturn void process_exit(int status);

/* Which children are waited for, and for what of them, as waitid(2) has it. */
struct wait_request {
    int which; /* P_ALL, P_PID, P_PGID */
    int id;    /* the process or group; P_PGID: 0 is the caller's */
    int options; /* WEXITED, WSTOPPED, WCONTINUED; WNOHANG; WNOWAIT: the child can be waited for once more */
};

struct wait_result {
    int pid, status; /* as wait4(2) gives them */
    bool is_trap;    /* a stop for its tracer, which the caller is */
    struct process_usage usage;
};

/* Waits for a child of the current process: 1 with a result; 0 with WNOHANG if there is none yet. -ECHILD, -EINTR. */
__must_check int process_wait(const struct wait_request *request, struct wait_result *result);

/* What SIGCHLD and waitid(2) tell of a child with that wait status. */
struct signal_info news_child_info(int pid, int status);

/* Tells the vspace of the current process, or of a child that it makes, the limits on memory. One that runs in its
   parent's leaves that its limits: its own count for its children, and from its exec on. Takes the vspace's lock. */
void process_limit_vspace(struct process *process);

/* What the process has used so far. The tree lock is held, or it is the current one. */
struct process_usage process_usage(const struct process *process);

/* The memory of a process, with a reference; NULL: there is no such process, or it has exited. Takes the tree lock. */
struct vspace *process_get_vspace(int pid);

/* The process with that pid (zombies too), or NULL. The tree lock is held. */
struct process *process_find(int pid);

/* The first process whose pid is `from` or above, or NULL. The tree lock is held. */
struct process *process_find_from(int from);

/* Calls `each` for every process of the group that has not exited: how many there are. The tree lock is held. */
unsigned process_group_each(int pgid, void (*each)(struct process *process, const void *arg),
                            const void *arg);

/* How many processes there have been since boot, and the pid of the last one. The tree lock is held. */
uint64_t process_births(int *last);

/* For process.c, fork.c, exit.c. An unlinked process with the defaults; NULL: no memory. */
struct process *process_alloc(void);
void process_free(struct process *process);

/* Gives the process a pid and a place below `parent` (NULL: init). -EAGAIN. The tree lock is held. */
__must_check int process_link(struct process *process, struct process *parent);
void process_unlink(struct process *process);

/* The process has been stopped by a signal, or continued: tells its parent. The tree lock is held. */
void news_of_stop(struct process *process, int signo);
void news_of_continue(struct process *process);

/* The process stops for its tracer, with what wait4 will call the signal that stopped it. The tree lock is held. */
void news_of_ptrace_stop(struct process *process, int signo);

/* The process has exited, and nobody traces it: tells its parent. The tree lock is held. */
void news_of_end(struct process *process);

/* Wakes who waits for this process's children and tracees. */
void news_wake(struct process *parent);

/* Sleeps, by waitq_sleep or waitq_sleep_killable, until the current process's news_count is not `seen`. -EINTR. */
__must_check int news_wait(unsigned seen, waitq_sleep_fn *sleep);

/* The process has left the vspace that its vfork lent it. Takes the tree lock. */
void news_of_vfork_end(struct process *process);
