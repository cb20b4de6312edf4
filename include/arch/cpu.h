/* This CPU: its per-CPU record, which GS points to; interrupts; preemption. */
#pragma once

#include <lib/base.h>

#define MAX_CPUS 8u

typedef uint64_t cpumask_t; /* bit n: CPU n */

struct lock_record;

/* The record of one CPU, for the entry code and all floors. A floor that needs more keeps an
   array[MAX_CPUS] of its own, indexed by cpu_id(). Only its own CPU writes a record, unless a field
   says otherwise. kernel/arch/entry.S knows the offsets of the first fields; arch/cpu.c asserts
   them. */
struct cpu {
    struct cpu *self;
    /* the top of the current thread's kernel stack, where traps from user mode start */
    uint64_t kernel_rsp;
    uint64_t user_rsp;         /* scratch space of the system-call entry */
    struct thread *current;    /* never NULL after sched_init */
    struct runqueue *runqueue; /* sched/'s; constant after the CPU's start */
    unsigned preempt_count;    /* preemption is disabled while this is not 0 */
    unsigned id;               /* 0 .. MAX_CPUS - 1; the boot CPU is 0 */
    unsigned apic_id;          /* of its local APIC */
    unsigned *fail_nth;        /* the current thread's, or NULL (mm/failnth.h) */
    const unsigned *thread_id; /* the number of the current thread, or NULL; for events */
    struct lock_record *locks; /* DEBUG: the locks that the current thread holds */
    uint64_t interrupts;    /* how many it has taken, without NMIs; written with interrupts off */
    uint64_t tlb_events[4]; /* kernel/arch/translations.h; written in one instruction */
} __aligned(64);

/* Returns the record of CPU n, or NULL if there is no such CPU. */
struct cpu *cpu_get(unsigned n);

/* Returns the number of CPUs that are running; at least 1. */
unsigned cpu_count(void);

/* The vendor and the model of this CPU. */
struct cpu_identity {
    char vendor[13], name[49];
    unsigned family, model, stepping;
};
struct cpu_identity cpu_identify(void);

/* Returns edx of CPUID leaf 1, which programs get as AT_HWCAP. */
uint32_t cpu_features_edx(void);

/* Read a field of this CPU's record in one instruction, which is correct even if the thread is
   preempted and moves to another CPU. */
#define cpu_read(field)                                                                     \
    ({                                                                                      \
        __typeof__(((struct cpu *)0)->field) value_;                                        \
        asm volatile("mov %%gs:%c1, %0" : "=r"(value_) : "i"(offsetof(struct cpu, field))); \
        value_;                                                                             \
    })

/* Returns true if a pointer in the record is not NULL. */
#define cpu_has(field)                                                                         \
    ({                                                                                         \
        bool has_;                                                                             \
        asm volatile("cmpq $0, %%gs:%c1" : "=@ccne"(has_) : "i"(offsetof(struct cpu, field))); \
        has_;                                                                                  \
    })

/* Returns this CPU's number. It may become wrong as soon as preemption is enabled. */
static inline unsigned cpu_id(void)
{
    return cpu_read(id);
}

static inline struct cpu *this_cpu(void)
{
    return cpu_read(self);
}

static inline void preempt_disable(void)
{
    asm volatile("incl %%gs:%c0" : : "i"(offsetof(struct cpu, preempt_count)) : "memory");
}

/* Enables preemption, without a switch. The next interrupt, or the return to user mode,
   reschedules. */
static inline void preempt_enable(void)
{
    asm volatile("decl %%gs:%c0" : : "i"(offsetof(struct cpu, preempt_count)) : "memory");
}

#define RFLAGS_IF (1ul << 9)

static inline bool irq_enabled(void)
{
    uint64_t flags;
    asm volatile("pushfq; pop %0" : "=r"(flags));
    return flags & RFLAGS_IF;
}

static inline void irq_enable(void)
{
    asm volatile("sti" : : : "memory");
}

static inline void irq_disable(void)
{
    asm volatile("cli" : : : "memory");
}

/* Disables interrupts. Returns true if they were enabled; irq_restore takes this value. */
static inline bool irq_save(void)
{
    bool was = irq_enabled();
    irq_disable();
    return was;
}

static inline void irq_restore(bool was)
{
    if (was)
        irq_enable();
}

/* Enables interrupts and waits for one. None is lost between the two (SDM 2B, STI). */
static inline void cpu_idle(void)
{
    asm volatile("sti; hlt" : : : "memory");
}

static inline void cpu_relax(void)
{
    asm volatile("pause");
}
