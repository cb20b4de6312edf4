/* Timers of CPU time, and the limit on it.

   ITIMER_PROF counts the exact CPU time, and ITIMER_VIRTUAL the ticks that come in user mode. The
   tick looks at both: from the time on that the thread has noted for a timer, it sets WORK_TIMER. On
   its way back to user mode the thread sends itself the signal, because an interrupt cannot. The
   limit is checked after every tick.

   A timer outlives exec, and a child does not inherit it.

   Always true: the thread has noted the time of every timer that is set.

   Locks: none; timers and limits belong to the process's own thread. */

#include <linux/resource.h>
#include <proc/process.h>
#include <sched/run.h>
#include <sched/tick.h>

/* Returns the CPU time that a timer of this kind counts. */
static uint64_t cpu_timer_now_ns(enum cpu_timer_kind kind)
{
    struct thread *thread = thread_current();

    return kind == CPU_TIMER_PROF ? run_cpu_ns(thread) : thread->times.user * TICK_NS;
}

/* Notes when the timer is due; 0: never. A tick that interrupts sees the old time or the new one. */
static void note_deadline(enum cpu_timer_kind kind, uint64_t deadline_ns)
{
    struct thread *thread = thread_current();

    atomic_store_relaxed(kind == CPU_TIMER_PROF ? &thread->timer_cpu_ns : &thread->timer_user_ns,
                         deadline_ns);
}

struct alarm_setting cpu_timer_get(enum cpu_timer_kind kind)
{
    const struct cpu_timer *timer = &process_current()->cpu_timers[kind];
    struct alarm_setting setting = {.interval_ns = timer->interval_ns};
    uint64_t now_ns = cpu_timer_now_ns(kind);

    /* If the timer is due but its signal not sent yet, a tick is left, as on Linux. */
    if (timer->deadline_ns)
        setting.left_ns = timer->deadline_ns > now_ns ? timer->deadline_ns - now_ns : TICK_NS;
    return setting;
}

void cpu_timer_set(enum cpu_timer_kind kind, const struct alarm_setting *setting)
{
    struct cpu_timer *timer = &process_current()->cpu_timers[kind];

    *timer = (struct cpu_timer){.interval_ns = setting->interval_ns};
    if (setting->left_ns)
        timer->deadline_ns = cpu_timer_now_ns(kind) + setting->left_ns;
    note_deadline(kind, timer->deadline_ns);
}

/* Returns true if the timer is due, and sets it to its next time, or off if it has no interval.
   Expiries that were missed in between are skipped. */
static bool cpu_timer_rearm(enum cpu_timer_kind kind)
{
    struct cpu_timer *timer = &process_current()->cpu_timers[kind];
    uint64_t now_ns = cpu_timer_now_ns(kind);

    if (!timer->deadline_ns || timer->deadline_ns > now_ns)
        return false;
    if (timer->interval_ns)
        timer->deadline_ns +=
            ((now_ns - timer->deadline_ns) / timer->interval_ns + 1) * timer->interval_ns;
    else
        timer->deadline_ns = 0;
    note_deadline(kind, timer->deadline_ns);
    return true;
}

void cpu_timer_tick(void)
{
    const struct task *task = task_current();

    if (task && task->process->rlimits[RLIMIT_CPU].soft != ~0ul) /* the hard limit is not lower */
        thread_set_work(thread_current(), WORK_TIMER);
}

static void limit_cpu(struct process *self)
{
    struct process_rlimit *limit = &self->rlimits[RLIMIT_CPU];
    struct process_usage usage = process_usage_current(NULL);
    uint64_t seconds = (usage.cpu.user_ns + usage.cpu.kernel_ns) / 1000000000;

    if (seconds >= limit->hard) {
        signal_send_kernel(self, SIGKILL);
    } else if (seconds >= limit->soft) {
        signal_send_kernel(self, SIGXCPU);
        limit->soft = seconds + 1; /* getrlimit shows it, as on Linux */
    }
}

void cpu_timer_expire(void)
{
    atomic_and(&thread_current()->work, ~WORK_TIMER);
    if (cpu_timer_rearm(CPU_TIMER_VIRTUAL))
        signal_send_kernel(process_current(), SIGVTALRM);
    if (cpu_timer_rearm(CPU_TIMER_PROF))
        signal_send_kernel(process_current(), SIGPROF);
    limit_cpu(process_current());
}
