/* Timers of CPU time, and its limit. The tick is their clock: it counts, and when a count is reached that the thread has
   noted, gives it work (WORK_TIMER). On its way back to user mode the thread sends itself the signal, since no interrupt
   can. A limit is looked at after every tick in user mode.

   A timer outlives exec, and is not inherited by a child. */

#include <linux/resource.h>
#include <arch/clock.h>
#include <proc/process.h>
#include <sched/run.h>

#define TICK_NS (1000000000ul / TICKS_PER_SEC)

/* The CPU time that a timer goes by. */
static uint64_t cpu_time_ns(enum cpu_timer_kind kind)
{
    const struct thread *thread = thread_current();
    uint64_t ticks = thread->ticks_user;

    if (kind == CPU_TIMER_PROF)
        ticks += thread->ticks_kernel;
    return ticks * TICK_NS;
}

/* Notes the tick at which the timer is due, or that it never is. A tick may come in between: it sees one or the other. */
static void note_tick(enum cpu_timer_kind kind, uint64_t deadline_ns)
{
    struct thread *thread = thread_current();
    uint64_t tick = deadline_ns / TICK_NS + (deadline_ns % TICK_NS != 0);

    atomic_store_relaxed(kind == CPU_TIMER_PROF ? &thread->timer_total : &thread->timer_user, tick);
}

struct alarm_setting cpu_timer_get(enum cpu_timer_kind kind)
{
    const struct cpu_timer *timer = &process_current()->cpu_timers[kind];
    struct alarm_setting setting = {.interval_ns = timer->interval_ns};
    uint64_t now_ns = cpu_time_ns(kind);

    if (timer
            ->deadline_ns) /* one that is due, but was not sent yet, is not over yet: as on Linux */
        setting.left_ns = timer->deadline_ns > now_ns ? timer->deadline_ns - now_ns : TICK_NS;
    return setting;
}

void cpu_timer_set(enum cpu_timer_kind kind, const struct alarm_setting *setting)
{
    struct cpu_timer *timer = &process_current()->cpu_timers[kind];

    *timer = (struct cpu_timer){.interval_ns = setting->interval_ns};
    if (setting->left_ns)
        timer->deadline_ns = cpu_time_ns(kind) + setting->left_ns;
    note_tick(kind, timer->deadline_ns);
}

/* Sets it to the next time from now on that the interval comes to, if there is one. True: it was due. */
static bool go_on(enum cpu_timer_kind kind)
{
    struct cpu_timer *timer = &process_current()->cpu_timers[kind];
    uint64_t now_ns = cpu_time_ns(kind);

    if (!timer->deadline_ns || timer->deadline_ns > now_ns)
        return false;
    if (timer->interval_ns)
        timer->deadline_ns +=
            ((now_ns - timer->deadline_ns) / timer->interval_ns + 1) * timer->interval_ns;
    else
        timer->deadline_ns = 0;
    note_tick(kind, timer->deadline_ns);
    return true;
}

void cpu_timer_tick(void)
{
    if (process_current()->rlimits[RLIMIT_CPU].soft != ~0ul) /* the hard limit is not below it */
        thread_set_work(thread_current(), WORK_TIMER);
}

static void limit_cpu(struct process *self)
{
    struct process_rlimit *limit = &self->rlimits[RLIMIT_CPU];
    struct process_usage usage = process_usage(self);
    uint64_t seconds = (usage.ticks_user + usage.ticks_kernel) / TICKS_PER_SEC;

    if (seconds >= limit->hard) {
        signal_send_kernel(self, SIGKILL);
    } else if (seconds >= limit->soft) {
        signal_send_kernel(self, SIGXCPU);
        limit->soft = seconds + 1; /* as on Linux, where getrlimit shows it, too */
    }
}

void cpu_timer_expire(void)
{
    atomic_and(&thread_current()->work, ~WORK_TIMER);
    if (go_on(CPU_TIMER_VIRTUAL))
        signal_send_kernel(process_current(), SIGVTALRM);
    if (go_on(CPU_TIMER_PROF))
        signal_send_kernel(process_current(), SIGPROF);
    limit_cpu(process_current());
}
