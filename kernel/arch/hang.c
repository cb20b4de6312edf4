/* The report of a hang (arch/hang.h).

   The CPU that lost its patience sends an NMI to each CPU, itself included, and waits until the CPU
   has reported. So the reports come in the order of the CPUs' numbers. An NMI reaches a CPU that
   spins with interrupts off. No lock is taken, because any may be a part of the hang.

   CPU 1 spins for a lock of CPU 2, which spins for one of CPU 3, and so on: if this path comes back
   to CPU 1, none of them will go on, and the kernel panics. */
#include <arch/atomic.h>
#include <arch/clock.h>
#include <arch/hang.h>
#include <arch/spinlock.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include "apic.h"
#include "hang.h"

#define TURNS_A_LOOK 1024u
#define LOOK_MAX_NS  20000000ul   /* what one look adds at most */
#define PATIENCE_NS  2000000000ul /* of spinning */
#define QUIET_NS     60000000000ul
#define ANSWER_NS    2000000000ul /* a CPU sends its report by a serial line */

static bool is_busy;         /* atomic; a CPU reports */
static uint64_t quiet_until; /* monotonic; (is_busy) */
static const char *reason;   /* (is_busy) */
static unsigned hang_cpu;    /* (is_busy) the CPU that reports */
static unsigned answers;     /* atomic; NMIs that were handled */

/* The lock for which each CPU spins. Written by its own CPU; read in reports. */
static const struct spinlock *waited_for[MAX_CPUS];

const struct spinlock *hang_lock_of(unsigned cpu)
{
    return atomic_load_relaxed(&waited_for[cpu]);
}

const struct spinlock *hang_set_lock(const struct spinlock *lock)
{
    const struct spinlock *before = waited_for[cpu_id()];

    atomic_store(&waited_for[cpu_id()], lock);
    return before;
}

bool patience_ends(struct patience *patience)
{
    if (likely(++patience->turns % TURNS_A_LOOK != 0))
        return false;
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t since_ns = now_ns > patience->seen_ns ? now_ns - patience->seen_ns : 0;

    if (patience->seen_ns)
        patience->spun_ns += min(since_ns, LOOK_MAX_NS);
    patience->seen_ns = now_ns;
    if (patience->spun_ns < PATIENCE_NS)
        return false;
    patience->spun_ns = 0;
    return true;
}

void hang_answered(void)
{
    atomic_add_fetch(&answers, 1u);
}

const char *hang_reason(void)
{
    return atomic_load(&is_busy) && hang_cpu == cpu_id() ? reason : NULL;
}

/* Makes a CPU report, and waits until it has. */
static void report_of(unsigned cpu)
{
    unsigned before = atomic_load(&answers);
    uint64_t end_ns = clock_monotonic_ns() + ANSWER_NS;

    apic_send_nmi(cpu);
    while (atomic_load(&answers) == before && clock_monotonic_ns() < end_ns)
        cpu_relax();
}

/* Returns the CPU that holds the lock for which `cpu` spins; MAX_CPUS: none. */
static unsigned next_in_path(unsigned cpu)
{
    const struct spinlock *lock = hang_lock_of(cpu);
    unsigned holder = lock ? atomic_load(&lock->locked) : 0;

    return holder ? holder - 1 : MAX_CPUS;
}

/* Returns true if the path of locks and holders from this CPU on comes back to it. */
static bool is_in_circle(void)
{
    unsigned cpu = cpu_id();

    for (unsigned n = 0; n < MAX_CPUS; n++) {
        cpu = next_in_path(cpu);
        if (cpu == cpu_id())
            return true;
        if (cpu == MAX_CPUS)
            return false;
    }
    return false;
}

static __noreturn void panic_of_circle(void)
{
    char text[512] = "";
    size_t len = 0;
    unsigned cpu = cpu_id();

    for (unsigned n = 0; n < MAX_CPUS && cpu != MAX_CPUS; n++) {
        const struct spinlock *lock = hang_lock_of(cpu);

        len +=
            snprintf(text + len, sizeof(text) - len, "%sCPU %u%s spins for the lock 0x%016lx (%s)",
                     n ? ", held by " : "", cpu, n ? ", which" : "", (uint64_t)lock,
                     lock ? lock_rank_name(lock->rank) : "?");
        cpu = next_in_path(cpu);
        if (cpu == cpu_id() || len >= sizeof(text))
            break;
    }
    panic(RULE(7) "deadlock: %s, held by CPU %u", text, cpu_id());
}

void hang_report(const char *what)
{
    preempt_disable();
    if (atomic_exchange(&is_busy, true)) { /* another CPU reports */
        preempt_enable();
        return;
    }
    if (clock_monotonic_ns() >= quiet_until) {
        quiet_until = clock_monotonic_ns() + QUIET_NS;
        reason = what;
        hang_cpu = cpu_id();
        for (unsigned cpu = 0; cpu < cpu_count(); cpu++)
            report_of(cpu);
        /* CPU 2 spins for our lock, so it will not move again. It may have released the lock for
           which we spin, but only before we saw it spin; then the second look finds no circle. */
        if (is_in_circle()) {
            bool is_still = is_in_circle();

            if (is_still)
                panic_of_circle();
        }
    }
    atomic_store(&is_busy, false);
    preempt_enable();
}
