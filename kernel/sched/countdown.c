/* The timer of each CPU (sched/countdown.h).

   The timer counts down once, to the earliest time that was asked for. It is left running when an
   idle CPU no longer needs its tick, or a thread its deadline: an interrupt without a reason costs
   less than to prevent it, and there is at most one for each time that was asked for.

   Always true: the timer interrupts at due_ns or earlier, and due_ns is at or before the next tick
   and every deadline that was asked for.

   Locks: none; each record belongs to its CPU, with interrupts off. */

#include <arch/clock.h>
#include <arch/cpu.h>
#include <lib/panic.h>
#include <sched/countdown.h>
#include <sched/tick.h>

#define NEVER UINT64_MAX

static struct countdown {
    uint64_t due_ns;  /* monotonic, when the timer interrupts; NEVER: it is off */
    uint64_t tick_ns; /* monotonic, the next tick; NEVER: the CPU is idle */
} countdowns[MAX_CPUS] = {[0 ... MAX_CPUS - 1] = {NEVER, NEVER}};

static struct countdown *my_countdown(void)
{
    assert(!irq_enabled());
    return &countdowns[cpu_id()];
}

static uint64_t next_tick_ns(uint64_t now_ns)
{
    return (now_ns / TICK_NS + 1) * TICK_NS;
}

void countdown_to(uint64_t deadline_ns)
{
    struct countdown *mine = my_countdown();

    if (deadline_ns >= mine->due_ns)
        return;
    mine->due_ns = deadline_ns;
    timer_interrupt_at(deadline_ns);
}

void countdown_start_ticks(uint64_t now_ns)
{
    my_countdown()->tick_ns = next_tick_ns(now_ns);
    countdown_to(my_countdown()->tick_ns);
}

void countdown_end_ticks(void)
{
    my_countdown()->tick_ns = NEVER;
}

bool countdown_take(uint64_t now_ns)
{
    struct countdown *mine = my_countdown();
    bool is_tick = now_ns >= mine->tick_ns;

    if (is_tick)
        mine->tick_ns = next_tick_ns(now_ns);
    mine->due_ns = NEVER;
    countdown_to(mine->tick_ns);
    return is_tick;
}
