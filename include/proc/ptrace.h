/* Tracing: ptrace(2), as far as Pagoda has it.

   A process, the tracer, watches another, the tracee, which then stops at what the tracer asked to see: its system
   calls, its signals, its forks and execs. Each such stop is told to the tracer by wait4, once; while it lasts, the
   tracer looks at the tracee, and then lets it go on. SIGKILL ends every stop.

   The tracee's side is called by the tracee itself, where it would stop; the tracer's side by ptrace(2). */
#pragma once

#include <sys/queue.h>
#include <arch/trap.h>
#include <proc/signal.h>

struct process;
struct vspace;

TAILQ_HEAD(process_list, process);

/* What a tracee has stopped at. */
enum ptrace_stop {
    PTRACE_STOP_NONE,   /* it has not, or goes on already */
    PTRACE_STOP_ENTRY,  /* before a system call */
    PTRACE_STOP_EXIT,   /* behind one */
    PTRACE_STOP_SIGNAL, /* a signal was taken, and nothing has been done about it yet */
    PTRACE_STOP_EVENT,  /* a fork or an exec */
    PTRACE_STOP_GROUP,  /* a signal has stopped it, as it would without a tracer */
    PTRACE_STOP_TRAP,   /* it was asked to, by PTRACE_INTERRUPT or at its birth */
};

/* (t) is the process-tree lock. */
struct ptrace {
    struct process *tracer;      /* (t) NULL: not traced */
    struct process_list tracees; /* (t) of this process, as a tracer */
    TAILQ_ENTRY(process) link;   /* (t) among the tracer's tracees */
    unsigned options;            /* (t) PTRACE_O_ */
    bool is_seized;              /* (t) by PTRACE_SEIZE, not PTRACE_TRACEME */
    enum ptrace_stop stop;       /* (t) */
    int status;                  /* (t) of the stop, as wait4 gives it; 0: it has been told */
    uint64_t message;            /* (t) PTRACE_GETEVENTMSG */
    struct signal_info info;     /* (t) PTRACE_GETSIGINFO */
    int inject;                  /* (t) the signal that the tracer lets it go on with; 0: none */
};

/* ---- The tracee's side: of the current process. Each is no more than a look if it is not traced, or the tracer has
   not asked for this; it may sleep, and no lock is held. ---- */

/* Before and behind a system call with the registers of `tf`. False: the call is not to be made, the process is
   being killed. */
__must_check bool ptrace_call_begins(struct trapframe *tf);
void ptrace_call_ends(void);

/* A signal was taken: whether to go on with it, and `info` is then what the tracer made of it. */
__must_check bool ptrace_signal(struct signal_info *info);

/* A signal has stopped the process: whether it was held for its tracer, and let go. */
bool ptrace_group_stop(int signo);

/* PTRACE_INTERRUPT, or the birth of a child of a tracee. */
void ptrace_trap(void);

/* The tracer is told of `event`, a PTRACE_EVENT_ of forks, with this message. */
void ptrace_forked(int event, uint64_t message);

/* A new program is loaded. */
void ptrace_execed(void);

/* ---- For fork and exit; the tree lock is held ---- */

/* The child that the current process has linked, and not yet started, is traced too if the options say so for
   `event`. */
void ptrace_inherit(struct process *child, int event);

/* Nobody traces the process any more; it goes on if it is stopped, with the signal that it has stopped at. */
void ptrace_end(struct process *process);

/* The current process ends: it traces nobody any more. */
void ptrace_tracer_exits(struct process *tracer);

/* ---- The tracer's side: ptrace(2). Take the tree lock. -ESRCH: there is no such process, or it is none of the
   caller's tracees, or (where nothing else is said) it runs. ---- */

/* Makes the caller's parent its tracer. -EPERM: it is traced already. */
__must_check int ptrace_me(void);

/* Makes the caller the tracer of the process, which runs on. -EPERM: it is the caller, init, traced already, or has
   ended; -EIO: unknown options. */
__must_check int ptrace_seize(int pid, uint64_t options);

/* Options for a tracee. -EINVAL: unknown ones. */
__must_check int ptrace_set_options(int pid, uint64_t options);

/* Has a tracee stop, whatever it does; it may run. -EIO: it was not seized. */
__must_check int ptrace_interrupt(int pid);

/* SIGKILL for a tracee; it may run. */
__must_check int ptrace_kill(int pid);

/* How a tracee goes on. */
enum ptrace_resume {
    PTRACE_RESUME_CONT,
    PTRACE_RESUME_SYSCALL, /* up to the next system call's entry or exit */
    PTRACE_RESUME_LISTEN,  /* not at all: it stays stopped by the signal that stopped it */
    PTRACE_RESUME_DETACH,  /* and is no tracee any more */
};

/* Lets a tracee go on, with a signal (0: none). -EIO: no signal has that number, or PTRACE_RESUME_LISTEN means nothing at this
   stop. */
__must_check int ptrace_resume(int pid, enum ptrace_resume how, uint64_t signo);

/* All that there is to see of a tracee that has stopped. */
struct ptrace_view {
    enum ptrace_stop stop;
    bool has_info; /* `info` means something */
    struct trapframe tf;
    uint64_t fs_base;
    uint64_t message;
    struct signal_info info;
};
__must_check int ptrace_look(int pid, struct ptrace_view *view);

/* The memory of a tracee that has stopped, with a reference. */
__must_check int ptrace_get_vspace(int pid, struct vspace **vspace);
