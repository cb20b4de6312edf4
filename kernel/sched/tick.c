/* The timer tick (sched/tick.h).

   Each CPU takes its own tick, TICKS_PER_SEC times a second, and charges it to the thread that it
   has interrupted. CPU 0 alone looks at the deadlines and computes the load averages. No locks: a
   CPU writes its own counts only, and the thread that it interrupts runs here, so its tick counts
   stand still. */

#include <arch/clock.h>
#include <sched/load.h>
#include <sched/run.h>
#include <sched/thread.h>
#include <sched/tick.h>
#include <sched/timer.h>

static struct cpu_ticks tick_totals[MAX_CPUS]; /* each written by its own CPU only */

static bool is_timer_reached(uint64_t ticks, uint64_t timer)
{
    return timer && ticks >= timer;
}

/* Charges a tick to the current thread. If its CPU timer expires, the WORK_ bits suffice,
   because the thread runs and needs no wake-up. */
static void tick_charge(struct thread *thread, const struct trapframe *tf)
{
    struct cpu_ticks *total = &tick_totals[cpu_id()];

    if (trap_from_user(tf)) {
        thread->ticks_user++;
        total->user++;
    } else {
        thread->ticks_kernel++;
        *(run_is_idle(thread) ? &total->idle : &total->kernel) += 1;
    }
    if (is_timer_reached(thread->ticks_user, thread->timer_user) ||
        is_timer_reached(thread->ticks_user + thread->ticks_kernel, thread->timer_total))
        atomic_or(&thread->work, WORK_TIMER | WORK_SIGNAL);
}

void sched_tick(const struct trapframe *tf)
{
    tick_charge(thread_current(), tf);
    if (cpu_id() == 0) {
        uint64_t now_ns = clock_monotonic_ns();

        timer_expire(now_ns);
        load_tick(now_ns);
    }
    run_end_turn();
}

struct cpu_ticks tick_counts(unsigned cpu)
{
    return tick_totals[cpu];
}

uint64_t tick_idle_sum(void)
{
    uint64_t sum = 0;

    for (unsigned n = 0; n < cpu_count(); n++)
        sum += tick_totals[n].idle;
    return sum;
}
