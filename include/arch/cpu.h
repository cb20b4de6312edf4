/* This CPU: its per-CPU record (found through GS), interrupts, preemption. */
#pragma once

#include <lib/base.h>

#define MAX_CPUS 8u

typedef uint64_t cpumask_t; /* bit n: CPU n */

struct lock_record;

/* What the entry code and every floor need to know of the CPU that they run on. Each floor that keeps more of its
   own keeps an array[MAX_CPUS] indexed by cpu_id(). Written only by its own CPU, except where it says so.
   kernel/arch/entry.S knows the offsets of the first fields: arch/cpu.c asserts them. */
struct cpu {
    struct cpu *self;
    /* the top of the current thread's kernel stack: where traps from user mode start */
    uint64_t kernel_rsp;
    uint64_t user_rsp;         /* scratch of the syscall entry */
    struct thread *current;    /* never NULL once sched_init has run */
    unsigned preempt_count;    /* preemption is off while this is not 0 */
    unsigned id;               /* 0 .. MAX_CPUS - 1; 0 booted the machine */
    unsigned apic_id;          /* of its local APIC */
    unsigned *fail_nth;        /* the current thread's, if that is not 0 (mm/failure.h) */
    struct lock_record *locks; /* DEBUG: the locks that the current thread holds */
};

/* The record of CPU n, or NULL if it is not there. */
struct cpu *cpu_get(unsigned n);

/* CPUs that are up; at least 1. */
unsigned cpu_count(void);

/* Who made this CPU, and what it is. */
struct cpu_identity {
    char vendor[13], name[49];
    unsigned family, model, stepping;
};
struct cpu_identity cpu_identify(void);

/* What CPUID leaf 1 says in edx: AT_HWCAP of a program. */
uint32_t cpu_features_edx(void);

/* Fields of this CPU's record, each in one instruction: right even if a preemption moves the thread between. */
#define cpu_read(field)                                                                     \
    ({                                                                                      \
        __typeof__(((struct cpu *)0)->field) value_;                                        \
        asm volatile("mov %%gs:%c1, %0" : "=r"(value_) : "i"(offsetof(struct cpu, field))); \
        value_;                                                                             \
    })

/* Whether a pointer there is not NULL. */
#define cpu_has(field)                                                                         \
    ({                                                                                         \
        bool has_;                                                                             \
        asm volatile("cmpq $0, %%gs:%c1" : "=@ccne"(has_) : "i"(offsetof(struct cpu, field))); \
        has_;                                                                                  \
    })

/* Stays true only while preemption is off. */
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

/* Does not reschedule by itself: the next interrupt, or the way out to user mode, does. */
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

/* Disables interrupts; returns whether they were enabled, for irq_restore. */
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

/* Enables interrupts and waits for one; no interrupt is lost between the two (SDM 2B, STI). */
static inline void cpu_idle(void)
{
    asm volatile("sti; hlt" : : : "memory");
}

static inline void cpu_relax(void)
{
    asm volatile("pause");
}
