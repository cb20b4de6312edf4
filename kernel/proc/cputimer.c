/* Timers of CPU time, and the limit on it. Both count all tasks of a process.

   ITIMER_PROF counts the exact CPU time, and ITIMER_VIRTUAL the ticks that come in user mode. While
   a timer or a limit is set, each tick of a task makes that task look at them on its way to user
   mode, because an interrupt cannot add up the tasks. So a signal is late by a tick at most, unless
   the task is in a long call. The task that has looked last also notes how much time is left: if it
   uses that alone, the tick ends its call early.

   A timer outlives exec, and a child does not inherit it.

   Always true: counts_cpu is set if a timer or the limit is.

   Lock: the tree lock. */

#include <linux/resource.h>
#include <lib/panic.h>
#include <proc/process.h>
#include <sched/run.h>
#include <sched/tick.h>

/* Returns the CPU time of the process that a timer of this kind counts. The list is as long as the
   process has tasks. */
static uint64_t cpu_timer_now_ns(struct process *process, enum cpu_timer_kind kind)
{
    uint64_t ticks = process->freed_user_ticks;
    struct task *task;

    if (kind == CPU_TIMER_PROF) {
        struct process_usage usage = process_usage(process);

        return usage.cpu.user_ns + usage.cpu.kernel_ns;
    }
    TAILQ_FOREACH (task, &process->tasks, link)
        ticks += atomic_load_relaxed(&task->thread->times.user);
    TAILQ_FOREACH (task, &process->ended, link)
        ticks += atomic_load_relaxed(&task->thread->times.user);
    return ticks * TICK_NS;
}

/* Notes in the current thread when it reaches the deadline, if no other task runs meanwhile. A tick
   that interrupts sees the old time or the new one. */
static void note_deadline(const struct process *process, enum cpu_timer_kind kind, uint64_t now_ns)
{
    struct thread *thread = thread_current();
    uint64_t deadline_ns = process->cpu_timers[kind].deadline_ns;
    uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;

    if (kind == CPU_TIMER_PROF)
        atomic_store_relaxed(&thread->timer_cpu_ns, deadline_ns ? run_cpu_ns(thread) + left_ns : 0);
    else
        atomic_store_relaxed(&thread->timer_user_ns,
                             deadline_ns ? thread->times.user * TICK_NS + left_ns : 0);
}

struct alarm_setting cpu_timer_get(enum cpu_timer_kind kind)
{
    struct process *self = process_current();

    mutex_lock(&process_tree_lock);
    const struct cpu_timer *timer = &self->cpu_timers[kind];
    struct alarm_setting setting = {.interval_ns = timer->interval_ns};
    uint64_t now_ns = cpu_timer_now_ns(self, kind);
    /* If the timer is due but its signal not sent yet, a tick is left, as on Linux. */
    if (timer->deadline_ns)
        setting.left_ns = timer->deadline_ns > now_ns ? timer->deadline_ns - now_ns : TICK_NS;
    mutex_unlock(&process_tree_lock);
    return setting;
}

void cpu_timer_set(enum cpu_timer_kind kind, const struct alarm_setting *setting)
{
    struct process *self = process_current();
    struct cpu_timer *timer = &self->cpu_timers[kind];

    mutex_lock(&process_tree_lock);
    uint64_t now_ns = cpu_timer_now_ns(self, kind);
    *timer = (struct cpu_timer){.interval_ns = setting->interval_ns};
    if (setting->left_ns)
        timer->deadline_ns = now_ns + setting->left_ns;
    note_deadline(self, kind, now_ns);
    cpu_timer_watch(self);
    mutex_unlock(&process_tree_lock);
}

void cpu_timer_watch(struct process *process)
{
    bool counts_cpu = process_limit(process, RLIMIT_CPU) != ~0ul; /* the hard limit is not lower */

    assert(mutex_is_held(&process_tree_lock));
    for (enum cpu_timer_kind kind = 0; kind < CPU_TIMERS; kind++)
        counts_cpu |= process->cpu_timers[kind].deadline_ns != 0;
    atomic_store(&process->counts_cpu, counts_cpu);
}

/* Returns true if the timer is due, and sets it to its next time, or off if it has no interval.
   Expiries that were missed in between are skipped. */
static bool cpu_timer_rearm(struct process *self, enum cpu_timer_kind kind)
{
    struct cpu_timer *timer = &self->cpu_timers[kind];
    uint64_t now_ns = timer->deadline_ns ? cpu_timer_now_ns(self, kind) : 0;
    bool is_due = timer->deadline_ns && timer->deadline_ns <= now_ns;

    if (is_due && timer->interval_ns)
        timer->deadline_ns +=
            ((now_ns - timer->deadline_ns) / timer->interval_ns + 1) * timer->interval_ns;
    else if (is_due)
        timer->deadline_ns = 0;
    note_deadline(self, kind, now_ns);
    return is_due;
}

void cpu_timer_tick(void)
{
    const struct task *task = task_current();

    if (task && atomic_load_relaxed(&task->process->counts_cpu))
        thread_set_work(thread_current(), WORK_TIMER);
}

static void limit_cpu(struct process *self)
{
    struct process_rlimit *limit = &self->rlimits[RLIMIT_CPU];
    struct process_usage usage = process_usage(self);
    uint64_t seconds = (usage.cpu.user_ns + usage.cpu.kernel_ns) / 1000000000;

    if (seconds >= limit->hard) {
        signal_send_kernel(self, SIGKILL);
    } else if (seconds >= limit->soft) {
        signal_send_kernel(self, SIGXCPU);
        atomic_store_relaxed(&limit->soft, seconds + 1); /* getrlimit shows it, as on Linux */
    }
}

void cpu_timer_expire(void)
{
    struct process *self = process_current();

    atomic_and(&thread_current()->work, ~WORK_TIMER);
    mutex_lock(&process_tree_lock);
    if (cpu_timer_rearm(self, CPU_TIMER_VIRTUAL))
        signal_send_kernel(self, SIGVTALRM);
    if (cpu_timer_rearm(self, CPU_TIMER_PROF))
        signal_send_kernel(self, SIGPROF);
    limit_cpu(self);
    cpu_timer_watch(self);
    mutex_unlock(&process_tree_lock);
}
