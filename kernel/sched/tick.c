/* The timer interrupt and the tick (sched/tick.h).

   Each CPU takes its own timer interrupts: at the deadlines that were set on it and, while it runs
   a thread, at ticks (sched/countdown.h). Ticks come on a grid of time, whatever the thread does,
   so they sample its modes fairly. No locks: a CPU writes its own counts only, and the thread that
   it interrupts runs here, so its counts stand still. */

#include <arch/clock.h>
#include <sched/countdown.h>
#include <sched/load.h>
#include <sched/run.h>
#include <sched/thread.h>
#include <sched/tick.h>
#include <sched/timer.h>

static struct cputime_samples cpu_samples[MAX_CPUS]; /* each written by its own CPU only */

static bool is_timer_reached(uint64_t now_ns, uint64_t timer_ns)
{
    return timer_ns && now_ns >= timer_ns;
}

static void sample(struct cputime_samples *samples, bool in_user_mode)
{
    uint64_t *count = in_user_mode ? &samples->user : &samples->kernel;

    atomic_store_relaxed(count, *count + 1);
}

/* Samples the current thread and its CPU. If a CPU timer of the thread expires, the WORK_ bits
   suffice, because the thread runs and needs no wake-up. An idle CPU has no ticks. */
static void tick_sample(struct thread *thread, bool in_user_mode)
{
    uint64_t cpu_ns = run_tick();

    sample(&thread->times, in_user_mode);
    sample(&cpu_samples[cpu_id()], in_user_mode);
    if (is_timer_reached(thread->times.user * TICK_NS, thread->timer_user_ns) ||
        is_timer_reached(cpu_ns, thread->timer_cpu_ns))
        atomic_or(&thread->work, WORK_TIMER | WORK_SIGNAL);
}

bool sched_timer(const struct trapframe *tf)
{
    uint64_t now_ns = clock_monotonic_ns();
    bool is_tick = countdown_take(now_ns);

    if (is_tick) {
        tick_sample(thread_current(), trap_from_user(tf));
        load_update(now_ns);
    }
    countdown_to(timer_expire(now_ns));
    return is_tick;
}

struct cpu_use tick_cpu_use(unsigned cpu)
{
    struct cpu_use use;
    uint64_t busy_ns;

    run_cpu_use(cpu, &busy_ns, &use.idle_ns);
    use.busy = cputime_divide(&cpu_samples[cpu], busy_ns);
    return use;
}
