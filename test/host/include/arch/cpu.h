/* The current CPU on the host: a number that the platform sets. The only interrupt is a request
   for a flush (mmu.c). Preemption is only counted, so that the locks find a sleep with preemption
   disabled. */
#pragma once

#include <lib/base.h>

#define MAX_CPUS  4u
#define HOST_CPUS 3u /* that take requests for flushes */

typedef uint64_t cpumask_t; /* bit n: CPU n */

/* The host has no per-CPU record. platform.c makes allocations fail, so no thread counts its
   own. */
#define cpu_has(field)  false
#define cpu_read(field) ((void *)host_thread)

extern char host_thread[]; /* zeros: no work is set for the current thread */

extern unsigned this_cpu_id;                /* the CPU whose code runs now */
extern unsigned preempt_disabled[MAX_CPUS]; /* 0: preemption is enabled */
extern bool irq_disabled[MAX_CPUS];

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

static inline bool irq_enabled(void)
{
    return !irq_disabled[this_cpu_id];
}

static inline bool irq_save(void)
{
    bool was = irq_enabled();

    irq_disabled[this_cpu_id] = true;
    return was;
}

static inline void irq_restore(bool was)
{
    irq_disabled[this_cpu_id] = !was;
}

/* Returns the number of CPUs. */
static inline unsigned cpu_count(void)
{
    return HOST_CPUS;
}

/* Lets the CPUs go on that this one waits for. */
void cpu_relax(void);
