/* The timer tick (sched/tick.h).

   Each CPU takes its own tick, TICKS_PER_SEC times a second. The tick samples the mode of the
   thread that it has interrupted. CPU 0 alone looks at the deadlines and computes the load
   averages. No locks: a CPU writes its own counts only, and the thread that it interrupts runs
   here, so its counts stand still. */

#include <arch/clock.h>
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
   suffice, because the thread runs and needs no wake-up. */
static void tick_sample(struct thread *thread, bool in_user_mode)
{
    uint64_t cpu_ns = run_charge();

    if (run_is_idle(thread))
        return;
    sample(&thread->times, in_user_mode);
    sample(&cpu_samples[cpu_id()], in_user_mode);
    if (is_timer_reached(thread->times.user * TICK_NS, thread->timer_user_ns) ||
        is_timer_reached(cpu_ns, thread->timer_cpu_ns))
        atomic_or(&thread->work, WORK_TIMER | WORK_SIGNAL);
}

void sched_tick(const struct trapframe *tf)
{
    tick_sample(thread_current(), trap_from_user(tf));
    if (cpu_id() == 0) {
        uint64_t now_ns = clock_monotonic_ns();

        timer_expire(now_ns);
        load_tick(now_ns);
    }
    run_end_turn();
}

struct cpu_use tick_cpu_use(unsigned cpu)
{
    struct cpu_use use;
    uint64_t busy_ns;

    run_cpu_use(cpu, &busy_ns, &use.idle_ns);
    use.busy = cputime_divide(&cpu_samples[cpu], busy_ns);
    return use;
}
