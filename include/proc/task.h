/* Tasks: the threads of a program. A process has one or more; each runs on a struct thread of
   sched/, in the address space of its process. Most share their descriptors and their working
   directory with the other tasks of the process (CLONE_FILES, CLONE_FS).

   A task's number (tid) comes from the same numbers as pids. The first task of a process, its
   leader, has the number of the process. */
#pragma once

#include <fs/fdtable.h>
#include <fs/workdir.h>
#include <proc/ptrace.h>
#include <proc/signal.h>
#include <sched/thread.h>
#include <vm/fault.h>

struct fork_request;
struct process;

#define TASK_NAME_SIZE 16

TAILQ_HEAD(task_list, task);

/* The lock under which a field is written:
     (t) the process-tree lock
     (l) signals.lock of the process
     (m) the tree lock, by the task itself, which reads it without lock
     (o) none, because only the task itself uses it
     (c) constant once the task runs */
struct task {
    int tid;                      /* (t) changes only in exec */
    struct thread *thread;        /* (c) */
    struct process *process;      /* (c) */
    TAILQ_ENTRY(task) link;       /* (t) and (l), both: among the tasks of its process that run */
    RB_ENTRY(task) by_tid;        /* (t) */
    bool has_ended;               /* (t) */
    int end_status;               /* (t) as wait4 returns it, if the process has none */
    char name[TASK_NAME_SIZE];    /* (t) others may see half a change */
    struct fdtable *files;        /* (m) its descriptors; NULL once it ends */
    struct workdir *workdir;      /* (m) its working directory and umask; NULL once it ends */
    uaddr_t set_child_tid;        /* (c) where it writes its tid first; 0: nowhere */
    uaddr_t clear_tid;            /* (o) a word to clear when it ends (proc/futex.h); 0: none */
    uaddr_t robust_list;          /* (o) as set_robust_list(2) passed it; 0: none */
    struct fault_repeats repeats; /* (o) its last page fault */
    bool lacks_frames;            /* (o) it was refused a frame since it last waited for memory */
    uint64_t minor_faults;        /* (o) its page faults that were resolved */
    struct task_signals signals;
    struct ptrace ptrace;
};

static inline struct task *task_current(void)
{
    return thread_current()->task;
}

/* Makes a task of `process` that will run begin(task), not linked yet. Returns NULL if memory or
   kernel stacks are out. */
struct task *task_create(struct process *process, void (*begin)(void *task));

/* Frees a task whose thread was never started or has ended. May sleep. */
void task_free(struct task *task);

/* Returns the task with that number, or NULL. The tree lock is held. */
struct task *task_find(int tid);

/* Returns the task with that number, or NULL. It may have ended, while its tracer has not waited
   for it. The tree lock is held. */
struct task *task_find_even_ended(int tid);

/* Returns the task of the process whose tid is the next above `tid`, or NULL. The tree lock is
   held. */
struct task *task_next(const struct process *process, int tid);

/* Calls `each` for every task of the machine. The tree lock is held. */
void task_each(void (*each)(struct task *task, void *arg), void *arg);

/* Adds a task to its process, under a number that is free. A thread_start of its thread must
   follow. -EINTR: the process is ending, or a task execs. */
__must_check int task_link(struct task *task, int tid);

/* Moves a task that ends to `ended` of its process, with its status. If it has a tracer, and is not
   the leader, its number stays taken. Returns true if the task was the last of its process. The
   tree lock is held. */
__must_check bool task_unlink(struct task *task, int status);

/* Frees the number of a task that has ended, because no tracer will wait for it any more. The tree
   lock is held. */
void task_free_number(struct task *task);

/* Returns the status of the end of a task, as wait4 returns it: that of its process, if that has
   ended as a whole. The tree lock is held. */
int task_end_status(const struct task *task);

/* Changes the number of a task that is linked. The tree lock is held. */
void task_renumber(struct task *task, int tid);

/* Names a task of the current process; a longer name is cut. The name of a process is that of its
   leader. Takes the tree lock. */
void task_set_name(struct task *task, const char *name);

/* Returns the CPU time of a task. The tree lock is held, or the task is the caller. */
struct cputime task_cputime(struct task *task);

/* ---- sharing.c: descriptors and working directories. These take the tree lock ---- */

/* Lets a new task share those of the current one (CLONE_FILES, CLONE_FS), or copies them. -ENOMEM:
   the caller drops what the task has. Takes no lock. */
__must_check int task_copy_files(struct task *task, unsigned flags);

/* Drops both, of a task that ends or was not started. */
void task_drop_files(struct task *task);

/* Gives the current task other descriptors, and drops the old ones. */
void task_replace_files(struct task *self, struct fdtable *files);

/* Ends the sharing of what CLONE_FILES and CLONE_FS name: unshare(2). -ENOMEM: nothing has
   changed. */
__must_check int task_unshare(unsigned flags);

/* ---- fork.c, exit.c ---- */

/* Makes another task of the current process. Returns its tid. -EAGAIN: RLIMIT_NPROC, or no number is
   free. -ENOMEM.
   -EINTR: a signal must be taken first, and the call started again. */
__must_check int task_clone(const struct fork_request *request);

/* Ends the current task, and with the last one its process. `status` is a wait
   status, which is that of the process if nothing else ends it. */
__noreturn void task_exit(int status);

/* Frees the tasks of the process that have ended, except its leader. Takes the tree lock. */
void task_free_ended(struct process *process);

/* Ends all other tasks of the process, and gives the current one the number of the process: for
   exec. -EINTR: the current task is to end itself. */
__must_check int task_end_others(void);
