/* Threads, and the scheduler that shares the CPUs among them.

   A thread is a kernel stack and a context; what it belongs to above (a process) it only carries. Each CPU has a
   queue of runnable threads, served in turn for a tick each. Kernel code is preempted as well, except where
   preempt_disable (every spinlock) says otherwise. */
#pragma once

#include <sys/tree.h>
#include <arch/atomic.h>
#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/tlb.h>
#include <arch/trap.h>
#include <sched/waitq.h>

enum thread_state {
    THREAD_RUNNABLE, /* running, or in a run queue */
    THREAD_SLEEPING, /* in a wait queue, or only waiting for a deadline */
    THREAD_DEAD,     /* will never run again */
};

/* Reasons for a thread to do something else before it goes on in user mode. */
#define WORK_RESCHEDULE (1u << 0) /* its turn is over */
#define WORK_SIGNAL     (1u << 1) /* a signal may be pending */
#define WORK_STOP       (1u << 2) /* the world is to stop */
#define WORK_KILL       (1u << 3) /* with WORK_SIGNAL: the signal is the end of the process */
#define WORK_TIMER      (1u << 4) /* with WORK_SIGNAL: it has run for timer_user or timer_total ticks */
#define WORK_TRACE      (1u << 5) /* a tracer wants to see its system calls; stays set */

/* Who may write a field: (o) only its owner, the thread itself; (q) the run-queue lock of its CPU; (w) the lock of the
   wait queue; (T) the timer lock; (W) the world's lock; (a) atomic; (c) constant once the thread runs. */
struct thread {
    struct context context;        /* (o) */
    uint64_t stack_top;            /* (c) of its kernel stack */
    void (*entry)(void *arg);      /* (c) where it starts */
    void *arg;                     /* (c) */
    struct mmu_space *space;       /* (o) what user addresses mean; NULL: a kernel thread */
    void *process;                 /* (c) the process that it runs for; NULL: a kernel thread */
    unsigned work;                 /* (a) WORK_ bits */
    unsigned fail_nth;             /* (a) its allocation that is to fail; 0: none (mm/failure.h) */
    enum thread_state state;       /* (q) */
    bool on_cpu;                   /* (q) its stack is in use */
    unsigned cpu;                  /* (c) whose run queue it stands in */
    TAILQ_ENTRY(thread) run_link;  /* (q) */
    TAILQ_ENTRY(thread) wait_link; /* (w) */
    struct waitq *waiting_on; /* (w) the queue that it stands in; NULL: none, it has been woken */
    uint64_t deadline_ns;     /* (T) */
    RB_ENTRY(thread) timer;   /* (T) */
    bool timed;               /* (T) it stands in the tree of deadlines */
    bool at_rest;             /* (a) sched/world.h */
    TAILQ_ENTRY(thread) all;  /* (W) */
    uint64_t ticks_user, ticks_kernel; /* (o) timer ticks taken in each mode */
    /* (o) WORK_TIMER comes when so many were taken in user mode, or in both; 0: never */
    uint64_t timer_user, timer_total;
    struct lock_record locks; /* (o) DEBUG */
};

static inline struct thread *thread_current(void)
{
    return cpu_read(current);
}

/* The trapframe of the thread's way back to user mode. */
static inline struct trapframe *thread_trapframe(const struct thread *thread)
{
    return (struct trapframe *)(thread->stack_top) - 1;
}

/* Makes what runs now CPU 0's idle thread. Once, at boot. */
void sched_init(void);

/* What the boot thread becomes: runs when nobody else wants to. Interrupts are on. */
__noreturn void sched_idle(void);

/* A thread that will call entry(arg) when thread_start lets it run; NULL if memory or kernel stacks are out. entry
   never returns: it ends in thread_exit or trap_return. */
__must_check struct thread *thread_create(void (*entry)(void *arg), void *arg);
void thread_start(struct thread *thread);

/* Takes back a thread that was never started, or one that is in thread_exit. May sleep. */
void thread_destroy(struct thread *thread);

/* Ends the current thread. Whoever knows it calls thread_destroy later, which waits until its stack is out of use. */
__noreturn void thread_exit(void);

/* Lets others run. */
void thread_yield(void);

/* Lets a sleeping thread run on; no-op for others. It finds out by itself whether what it waits for has come. */
void thread_wake(struct thread *thread);

/* Gives the CPU away until thread_wake, if the state has been set to THREAD_SLEEPING by thread_prepare_sleep before
   and no thread_wake came since. For sched/ itself; others use wait queues. */
void thread_prepare_sleep(void);
void thread_schedule(void);

/* Sets WORK_ bits, and sees to it that the thread looks at them soon even if it runs on another CPU. */
void thread_set_work(struct thread *thread, unsigned bits);

/* Makes the thread look at its signals before it goes on in user mode, and wakes it out of the sleeps that `work` ends:
   waitq_sleep and waitq_sleep_until (WORK_SIGNAL), waitq_sleep_killable (WORK_KILL). */
void thread_interrupt(struct thread *thread, unsigned work);

/* Sleeps until `deadline_ns` (monotonic). -EINTR if a signal came first. */
__must_check int thread_sleep_until(uint64_t deadline_ns);

/* Runs `space` from now on (exec; NULL: the kernel's own, exit). */
void thread_set_space(struct mmu_space *space);

/* The thread's nth allocation from now on fails (one that runs on another CPU: from its next turn on); 0: none does. */
void thread_set_fail_nth(struct thread *thread, unsigned nth);

/* A timer tick on this CPU; from interrupt_dispatch, interrupts off. */
void sched_tick(const struct trapframe *tf);

/* On the way out of an interrupt into kernel code: gives the CPU away if the turn is over and preemption is on. */
void sched_preempt(void);

/* Whether the current thread has WORK_ bits set. */
static inline bool thread_has_work(void)
{
    return unlikely(atomic_load_relaxed(&thread_current()->work));
}

/* Whether the current thread's system calls are traced. */
static inline bool thread_is_traced(void)
{
    return unlikely(atomic_load_relaxed(&thread_current()->work) & WORK_TRACE);
}

/* Whether a signal may be waiting for the current thread: work that could go on for long then ends early. */
static inline bool thread_is_interrupted(void)
{
    return unlikely(atomic_load_relaxed(&thread_current()->work) & WORK_SIGNAL);
}

/* Whether it is to die: for work that must not end early otherwise. */
static inline bool thread_is_killed(void)
{
    return unlikely(atomic_load_relaxed(&thread_current()->work) & WORK_KILL);
}

/* Timer ticks since boot, TICKS_PER_SEC a second. */
struct cpu_ticks {
    uint64_t user, kernel, idle;
};

/* Numbers for /proc, over all CPUs. */
struct sched_stats {
    uint64_t context_switches, idle_ticks;
    unsigned runnable, threads;
};
void sched_stats(struct sched_stats *stats);

/* How CPU n spent its time. */
struct cpu_ticks sched_cpu_ticks(unsigned n);
