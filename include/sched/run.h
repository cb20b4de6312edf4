/* The run queues: which thread runs on each CPU, and which threads wait for their turn.

   Each CPU has a queue of runnable threads. The thread that has had least of the CPU is next, and a
   thread that has slept comes before those that have not. Kernel code is preempted as well, except
   where preempt_disable (every spinlock) forbids it. */
#pragma once

#include <arch/cpu.h>

struct thread;
struct thread_share;

/* Makes the code that runs now CPU 0's idle thread. Called once, at boot. */
void sched_init(void);

/* Runs other threads whenever there are any, and halts the CPU otherwise: the rest of the boot
   thread's life. Interrupts are on. */
__noreturn void sched_idle(void);

/* What a CPU other than the boot CPU does once it is prepared: it counts as running, and schedules
   for ever. */
void sched_cpu_main(void);

/* Lets another thread of this CPU run first, even if its turn has not come. */
void thread_yield(void);

/* Makes a sleeping thread runnable; does nothing to other threads. The thread itself checks its
   condition again. If the thread has had much less of its CPU than the running one, it runs at
   once. */
void thread_wake(struct thread *thread);

/* Gives the CPU to the thread whose turn it is, which may be the current one. */
void thread_schedule(void);

/* Announces that the current thread is about to sleep: the next thread_schedule gives the CPU away
   until thread_wake, unless a thread_wake has come in between. For sched/ itself; others use wait
   queues. */
void thread_prepare_sleep(void);

/* Sets WORK_ bits (sched/thread.h) and, if the thread runs on another CPU, interrupts that CPU, so
   that the thread looks at them soon. */
void thread_set_work(struct thread *thread, unsigned bits);

/* Makes the thread look at its signals before it returns to user mode, and wakes it from the sleeps
   that `work` ends: waitq_sleep and waitq_sleep_until (WORK_SIGNAL), waitq_sleep_killable
   (WORK_KILL). */
void thread_interrupt(struct thread *thread, unsigned work);

/* Set and return how large a thread's share of the CPU is. */
void thread_set_share(struct thread *thread, const struct thread_share *share);
struct thread_share thread_share(struct thread *thread);

/* Restricts a thread to these CPUs; it leaves another CPU soon. -EINVAL: none of them runs. */
__must_check int thread_set_affinity(struct thread *thread, cpumask_t affinity);

/* Returns the running CPUs that the thread may use. */
cpumask_t thread_affinity(struct thread *thread);

/* Gives the CPU away if the turn of the current thread is over and preemption is on. Called on the
   way out of an interrupt into kernel code. */
void sched_preempt(void);

/* Returns how many threads run or are runnable, over all CPUs; idle threads do not count. */
unsigned run_count(void);

/* Returns how many context switches there have been, over all CPUs. */
uint64_t run_switches(void);

/* Returns the CPU time that a thread has had. */
uint64_t run_cpu_ns(struct thread *thread);

/* Store how long a CPU has run threads and how long it has been idle, since sched_init. */
void run_cpu_use(unsigned cpu, uint64_t *busy_ns, uint64_t *idle_ns);

/* ---- For thread.c and tick.c ---- */

/* Completes the switch to a thread that runs for the first time; its first step. Switches
   interrupts on. */
void run_begin(void);

/* Switches away from the current thread for ever. Interrupts are off. */
__noreturn void run_end(void);

/* Returns true if `thread` is the idle thread of this CPU. Interrupts are off. */
bool run_is_idle(const struct thread *thread);

/* Lets a new thread run, with half of the current thread's lead (kernel/sched/turns.c). */
void run_start(struct thread *thread);

/* Charges the current thread, and ends its turn if another one is due. Returns its CPU time. The
   CPU is not idle, and interrupts are off. */
uint64_t run_tick(void);
