/* ptrace(2), as far as Pagoda has it. A reader who does not care for it can skip this header and
   ptrace.c: for a process without a tracer each hook does nothing.

   A tracer is a process, and watches tasks of other processes, its tracees. A tracee stops at what
   the tracer asked to see: its system calls, its signals, its forks and execs. Each such stop is
   reported to the tracer by wait4, once. While the tracee is stopped, the tracer inspects it, and
   then resumes it; other tasks of its process run on. SIGKILL ends every stop.

   The hooks are called by the tracee itself, at the places where it may stop. */
#pragma once

#include <sys/queue.h>
#include <arch/trap.h>
#include <proc/signal.h>

struct process;
struct task;
struct vspace;

/* The reason for which a tracee has stopped. */
enum ptrace_stop {
    PTRACE_STOP_NONE,   /* the tracee runs, or is about to */
    PTRACE_STOP_ENTRY,  /* the entry of a system call */
    PTRACE_STOP_EXIT,   /* the exit of a system call */
    PTRACE_STOP_SIGNAL, /* a signal that was taken, before anything is done about it */
    PTRACE_STOP_EVENT,  /* a fork, an exec, the end of a vfork or of the task */
    PTRACE_STOP_GROUP,  /* a signal that stops the process, traced or not */
    PTRACE_STOP_TRAP,   /* PTRACE_INTERRUPT, or the tracee's birth */
};

/* The part of a task that ptrace needs; all under the process-tree lock. */
struct ptrace {
    struct process *tracer; /* NULL: not traced */
    TAILQ_ENTRY(task) link; /* among the tracer's tracees */
    unsigned options;       /* PTRACE_O_ */
    bool is_seized;         /* traced by PTRACE_SEIZE, not PTRACE_TRACEME */
    enum ptrace_stop stop;
    int status;              /* of the stop, as wait4 returns it; 0: it was reported */
    uint64_t message;        /* PTRACE_GETEVENTMSG */
    struct signal_info info; /* PTRACE_GETSIGINFO */
    int inject;              /* the signal that the tracer resumes it with; 0: none */
};

/* ---- Hooks: the current process may stop here. They may sleep; no lock is held. ---- */

/* A system call with the registers of `tf` begins. Returns false if the call must not be made,
   because the process is being killed. */
__must_check bool ptrace_call_begins(struct trapframe *tf);

/* A system call ends; its result is in the trapframe. */
void ptrace_call_ends(void);

/* A signal was taken. Returns true if it is to be acted on; `info` is then the tracer's choice. */
__must_check bool ptrace_signal(struct signal_info *info);

/* A signal has stopped the process. Returns when the tracer has resumed the task, or there is
   none. */
void ptrace_group_stop(int signo);

/* The process was asked to stop, by PTRACE_INTERRUPT or as the child of a tracee. */
void ptrace_trap(void);

/* The current task is about to end, with this wait status. If it must end already, because SIGKILL or
   another task ends it, it does not stop. */
void ptrace_exits(int status);

/* The child `pid` of vfork no longer uses the address space. */
void ptrace_vfork_done(int pid);

/* The process has made the child `pid`, with these flags of clone. */
void ptrace_forked(unsigned flags, int pid);

/* The process has loaded a new program. Before, the task had the number `old_tid`. */
void ptrace_execed(int old_tid);

/* ---- Hooks for fork, wait and exit; the tree lock is held ---- */

/* The current process has linked a child, which has not started yet. If the tracer's options ask
   for it, the child is traced too. */
void ptrace_inherit(struct task *child, unsigned flags);

/* A task has ended. If it is traced, its tracer is notified; of the leader, when the whole process
   has ended. */
void ptrace_task_ended(struct task *task);

/* Ends the tracing of a task. If it is stopped, it runs on, with the signal that it stopped at. If
   it has ended, its process can be reaped without it. */
void ptrace_end(struct task *task);

/* Ends the tracing of all tracees of the current process, which exits. */
void ptrace_tracer_exits(struct process *tracer);

/* ---- The tracer's requests: ptrace(2). They take the tree lock. -ESRCH: the process does not
   exist, is no tracee of the caller or, unless said otherwise, is not stopped. ---- */

/* Makes the caller's parent its tracer. -EPERM: it is traced already. */
__must_check int ptrace_me(void);

/* Makes the caller the tracer of a task, which runs on. -EPERM: the task belongs to the caller's
   process or to init, is traced already, or has ended. -EIO: an option is unknown. */
__must_check int ptrace_seize(int pid, uint64_t options);

/* Makes the caller the tracer of a task, and sends it SIGSTOP. -EPERM: as for ptrace_seize. */
__must_check int ptrace_attach(int pid);

/* Sets the options of a tracee. -EINVAL: an option is unknown. */
__must_check int ptrace_set_options(int pid, uint64_t options);

/* Makes a tracee stop, running or not. -EIO: it was not seized. */
__must_check int ptrace_interrupt(int pid);

/* Sends SIGKILL to a tracee, running or not. */
__must_check int ptrace_kill(int pid);

/* The ways in which a tracee continues. */
enum ptrace_resume {
    PTRACE_RESUME_CONT,
    PTRACE_RESUME_SYSCALL, /* up to the entry or exit of its next system call */
    PTRACE_RESUME_LISTEN,  /* not at all: it stays stopped by the signal that stopped it */
    PTRACE_RESUME_DETACH,  /* and is untraced from now on */
};

/* Resumes a tracee with a signal (0: none). -EIO: no signal has that number, or the stop does not
   allow PTRACE_RESUME_LISTEN. */
__must_check int ptrace_resume(int pid, enum ptrace_resume how, uint64_t signo);

/* A copy of all that the tracer can see of a stopped tracee, except its memory. */
struct ptrace_view {
    enum ptrace_stop stop;
    bool has_info; /* `info` has a meaning */
    struct trapframe tf;
    uint64_t fs_base;
    uint64_t message;
    struct signal_info info;
};
__must_check int ptrace_look(int pid, struct ptrace_view *view);

/* Returns in *vspace the address space of a stopped tracee, with a reference. */
__must_check int ptrace_get_vspace(int pid, struct vspace **vspace);
