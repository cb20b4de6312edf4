/* The current CPU on the host: a number that the platform sets. Interrupts are always enabled.
   Preemption is only counted, so that the locks find a sleep with preemption disabled. */
#pragma once

#include <lib/base.h>

#define MAX_CPUS 4u

typedef uint64_t cpumask_t; /* bit n: CPU n */

/* The host has no per-CPU record. platform.c makes allocations fail, so no thread counts its
   own. */
#define cpu_has(field)  false
#define cpu_read(field) ((unsigned *)NULL)

extern unsigned this_cpu_id;                /* the CPU whose code runs now */
extern unsigned preempt_disabled[MAX_CPUS]; /* 0: preemption is enabled */

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
