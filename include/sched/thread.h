/* Threads: a kernel stack and a context each. A thread runs a task of a process, or belongs to the
   kernel; sched/ only carries the pointer to the task. sched/run.h shares the CPUs among the
   threads. */
#pragma once

#include <sys/tree.h>
#include <arch/atomic.h>
#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/tlb.h>
#include <arch/trap.h>
#include <sched/cputime.h>
#include <sched/waitq.h>

enum thread_state {
    THREAD_NEW,      /* not started yet; nothing wakes it */
    THREAD_RUNNABLE, /* running, or in a run queue */
    THREAD_SLEEPING, /* in a wait queue, or only waiting for a deadline */
    THREAD_DEAD,     /* will never run again */
};

/* How large a thread's share of the CPU is. */
#define NICE_MIN (-20) /* the largest share */
#define NICE_MAX 19

struct thread_share {
    int8_t nice;   /* NICE_MIN .. NICE_MAX */
    bool is_idle;  /* the least share, whatever its niceness (SCHED_IDLE) */
    bool is_batch; /* SCHED_BATCH, which makes no difference */
};

#define AFFINITY_ALL  ((cpumask_t)-1)
#define TURN_RATE_ONE (1u << 16)

/* Reasons for a thread to do something else before it goes on in user mode. */
#define WORK_RESCHEDULE (1u << 0) /* its turn is over */
#define WORK_SIGNAL     (1u << 1) /* a signal may be pending */
#define WORK_STOP       (1u << 2) /* the world is to stop */
#define WORK_KILL       (1u << 3) /* with WORK_SIGNAL: the signal ends the process */
#define WORK_TIMER      (1u << 4) /* with WORK_SIGNAL: timer_user_ns or timer_cpu_ns is reached */
#define WORK_PTRACE     (1u << 5) /* a tracer follows its system calls; stays set */

/* A thread. Writers of a field: (o) the owner alone, the thread itself; (q) the run-queue lock
   of its CPU, `cpu`; (w) the lock of the wait queue; (T) the lock of the tree of deadlines; (W)
   the world's lock; (a) atomic; (c) constant once the thread runs. */
struct thread {
    struct context context;        /* (o) */
    uint64_t stack_top;            /* (c) of its kernel stack */
    void (*entry)(void *arg);      /* (c) the function that it runs */
    void *arg;                     /* (c) */
    struct mmu_space *space;       /* (o) its user addresses; NULL: a kernel thread */
    unsigned id;                   /* its tid, for events; 0: none; written by proc/ */
    void *task;                    /* (c) the task that it runs; NULL: a kernel thread */
    unsigned work;                 /* (a) WORK_ bits */
    unsigned fail_nth;             /* (a) its allocation that is to fail; 0: none (mm/failnth.h) */
    unsigned fail_io;              /* (a) its request to a disk that is to fail; 0: none
                                      (dev/block.h) */
    enum thread_state state;       /* (q) */
    bool on_cpu;                   /* (q) its stack is in use */
    unsigned cpu;                  /* (q) the CPU whose run queue it uses, or last used; to read
                                      also without, as an estimate */
    cpumask_t affinity;            /* (q) the CPUs that it may use */
    RB_ENTRY(thread) turn;         /* (q) */
    bool queued;                   /* (q) it waits for its turn */
    uint64_t virtual_ns;           /* (q) CPU time as it counts for its turns (turns.c) */
    struct thread_share share;     /* (q) */
    unsigned rate;                 /* (q) virtual time per CPU time, times TURN_RATE_ONE */
    uint64_t arrival;              /* (q) decides between threads of the same virtual time */
    TAILQ_ENTRY(thread) wait_link; /* (w) */
    struct waitq *waiting_on;      /* (w) the queue that it stands in; NULL: none, or woken */
    uint64_t deadline_ns;          /* (T) */
    unsigned timer_cpu;            /* (o) the CPU in whose tree of deadlines it stands or stood */
    RB_ENTRY(thread) timer;        /* (T) */
    bool timed;                    /* (T) it stands in the tree of deadlines */
    bool at_rest;                  /* (a) sched/world.h */
    bool has_references;           /* (c) a kernel thread that takes references on frames */
    TAILQ_ENTRY(thread) all;       /* (W) */
    uint64_t cpu_ns;               /* (q) CPU time, up to the last switch or tick */
    struct cputime_samples times;  /* (o) how cpu_ns divides; sched/cputime.h */
    uint64_t timer_user_ns;        /* (o) user time at which WORK_TIMER is set; 0: never */
    uint64_t timer_cpu_ns;         /* (o) CPU time at which WORK_TIMER is set; 0: never */
    struct lock_record locks;      /* (o) DEBUG */
};

static inline struct thread *thread_current(void)
{
    return cpu_read(current);
}

/* Returns the registers with which the thread will return to user mode, on its kernel stack. */
static inline struct trapframe *thread_trapframe(const struct thread *thread)
{
    return (struct trapframe *)(thread->stack_top) - 1;
}

/* Makes a thread that calls entry(arg) once thread_start lets it run. `entry` never returns: it
   ends in thread_exit or trap_return. Returns NULL if memory or kernel stacks are out. */
__must_check struct thread *thread_create(void (*entry)(void *arg), void *arg);
void thread_start(struct thread *thread);

/* Ends the current thread. Another thread calls thread_destroy later. */
__noreturn void thread_exit(void);

/* Frees a thread that was never started or has called thread_exit; waits until its stack is out of
   use. May sleep. */
void thread_destroy(struct thread *thread);

/* Returns how many threads there are, except idle threads. */
unsigned thread_count(void);

/* Sleeps until `deadline_ns` (monotonic). Returns -EINTR if a signal came first. */
__must_check int thread_sleep_until(uint64_t deadline_ns);

/* Makes `space` the address space of the current thread (exec); NULL: the kernel's own (exit). */
void thread_set_space(struct mmu_space *space);

/* Makes the nth allocation of the thread from now on fail; 0: none. A thread that runs on another
   CPU notices when it is next switched to. */
void thread_set_fail_nth(struct thread *thread, unsigned nth);

/* Returns true if the current thread has WORK_ bits set. */
static inline bool thread_has_work(void)
{
    return unlikely(atomic_load_relaxed(&thread_current()->work));
}

/* Returns true if a tracer follows the system calls of the current thread. */
static inline bool thread_is_ptraced(void)
{
    return unlikely(atomic_load_relaxed(&thread_current()->work) & WORK_PTRACE);
}

/* Returns true if a signal may be pending for the current thread: long work ends early then. */
static inline bool thread_is_interrupted(void)
{
    return unlikely(atomic_load_relaxed(&thread_current()->work) & WORK_SIGNAL);
}

/* Returns true if a pending signal will end the process: a reason to end even work that must not
   end early otherwise. */
static inline bool thread_is_killed(void)
{
    return unlikely(atomic_load_relaxed(&thread_current()->work) & WORK_KILL);
}
