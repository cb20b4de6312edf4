/* This CPU, on the host: a number that the platform sets. Interrupts are always on, and preemption is only counted, so
   that sleeping with it off is noticed. */
#pragma once

#include <lib/base.h>

#define MAX_CPUS 4u

typedef uint64_t cpumask_t; /* bit n: CPU n */

/* Nothing of this CPU's record: no thread counts its allocations, platform.c makes them fail. */
#define cpu_has(field)  false
#define cpu_read(field) ((unsigned *)NULL)

extern unsigned this_cpu_id;                /* whose code runs now */
extern unsigned preempt_disabled[MAX_CPUS]; /* preemption is off while this is not 0 */

static inline unsigned cpu_id(void)
{
    return this_cpu_id;
}

static inline void preempt_disable(void)
{
    preempt_disabled[this_cpu_id]++;
}

static inline void preempt_enable(void)
{
    preempt_disabled[this_cpu_id]--;
}

static inline bool irq_save(void)
{
    return true;
}

static inline void irq_restore(bool was __unused)
{
}
