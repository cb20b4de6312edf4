/* The report of where the machine is, for a person who believes that it hangs.

   An NMI requests the report. It arrives with interrupts off and locks held too, so the report
   takes no lock. The report reads the names of processes and the stacks of threads that do not
   run, and both may change meanwhile. If a machine hangs because every thread sleeps, the stacks
   of the sleeping threads show it.

   tools/places.py knows the first and the last line, and those of a thread. */

#include <arch/backtrace.h>
#include <arch/console.h>
#include <arch/hang.h>
#include <arch/report.h>
#include <arch/tlb.h>
#include <arch/trap.h>
#include <lib/rule.h>
#include <proc/process.h>
#include <sched/heldlocks.h>
#include <sched/run.h>
#include <sched/world.h>
#include "where.h"

static void thread_print(const struct thread *thread, const char *what)
{
    const struct task *task = thread->task;

    if (task)
        printk("pid %d %.*s, %s:\n", task->tid, TASK_NAME_SIZE, task->name, what);
    else
        printk("a thread of the kernel, %s:\n", what);
}

/* ---- Locks ---- */

/* Says for which spinlock this CPU spins, and who holds it. */
static void spinning_print(void)
{
    const struct spinlock *lock = hang_lock_of(cpu_id());
    unsigned holder = lock ? atomic_load(&lock->locked) : 0;

    if (holder)
        printk("it spins for the lock 0x%016lx (%s), held by CPU %u\n", (uint64_t)lock,
               lock_rank_name(lock->rank), holder - 1);
    else if (lock)
        printk("it spins for the lock 0x%016lx (%s), which is free now\n", (uint64_t)lock,
               lock_rank_name(lock->rank));
}

/* Names the CPUs whose flush this CPU awaits. */
static void flushing_print(void)
{
    cpumask_t awaited = shootdown_awaited_by(cpu_id());

    for (unsigned cpu = 0; awaited >> cpu; cpu++)
        if (awaited >> cpu & 1)
            printk("it waits for CPU %u to flush translations\n", cpu);
}

static const void *searched; /* the lock whose holders are searched; in CPU 0's report only */

static void holder_print(const struct thread *thread)
{
    if (lock_is_held_by(searched, thread))
        thread_print(thread, "holds it");
}

/* DEBUG: says which sleeping lock a thread waits for. Its holders follow; world_each_nmi has the
   list of threads. */
static void sleeping_lock_print(const struct thread *thread)
{
    searched = lock_waited_for(thread);
    if (!searched)
        return;
    printk("it waits for the lock 0x%016lx:\n", (uint64_t)searched);
    world_each_nmi(holder_print);
}

static void waiting_print(const struct thread *thread)
{
    if (thread->state == THREAD_DEAD || thread->state == THREAD_NEW)
        return;
    thread_print(thread, thread->state == THREAD_SLEEPING ? "asleep" : "ready to run");
    sleeping_lock_print(thread);
    backtrace_of_context(&thread->context);
}

void where_report(const struct trapframe *tf)
{
    const struct thread *thread = thread_current();

    console_report_begin();
    printk("\n--- where CPU %u is\n", cpu_id());
    if (hang_reason()) {
        printk("this CPU %s: it may hang\n", rule_text(hang_reason()));
        report_broken(hang_reason(), "");
    }
    if (!thread) /* before sched_init; another CPU, before sched_cpu_main */
        printk("starting:\n");
    else if (run_is_idle(thread))
        printk("idle:\n");
    else
        thread_print(thread, "running");
    spinning_print();
    flushing_print();
    backtrace_of_trap(tf);
    if (cpu_id() == 0 && !world_try_each(waiting_print))
        printk("the list of threads is being changed\n");
    printk("--- end of CPU %u's report\n", cpu_id());
    console_report_end();
}
