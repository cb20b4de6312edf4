/* Control registers, model-specific registers and CPUID, by their names in the SDM (3A 2.5, 4
   chapter 2, 2A CPUID). */
#pragma once

#include <lib/base.h>

#define CR0_PE (1ul << 0)
#define CR0_MP (1ul << 1)
#define CR0_ET (1ul << 4)
#define CR0_NE (1ul << 5)
#define CR0_WP (1ul << 16)
#define CR0_PG (1ul << 31)

#define CR4_PAE        (1ul << 5)
#define CR4_MCE        (1ul << 6)
#define CR4_PGE        (1ul << 7)
#define CR4_OSFXSR     (1ul << 9)
#define CR4_OSXMMEXCPT (1ul << 10)
#define CR4_UMIP       (1ul << 11)
#define CR4_SMEP       (1ul << 20)
#define CR4_SMAP       (1ul << 21)

#define MSR_APIC_BASE      0x1b
#define MSR_PAT            0x277
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_FMASK          0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102

/* The PAT after reset (SDM 3A, table 11-12), but for write combining in entry 1. */
#define PAT_WITH_COMBINING 0x0007040600070106ul

#define EFER_SCE (1ul << 0)
#define EFER_LME (1ul << 8)
#define EFER_LMA (1ul << 10)
#define EFER_NXE (1ul << 11)

#define RFLAGS_FIXED (1ul << 1) /* always 1 */
#define RFLAGS_TF    (1ul << 8)
#define RFLAGS_DF    (1ul << 10)
#define RFLAGS_NT    (1ul << 14)
#define RFLAGS_AC    (1ul << 18)

#define DEFINE_CR(n)                                               \
    static inline uint64_t cr##n##_read(void)                      \
    {                                                              \
        uint64_t value;                                            \
        asm volatile("mov %%cr" #n ", %0" : "=r"(value));          \
        return value;                                              \
    }                                                              \
    static inline void cr##n##_write(uint64_t value)               \
    {                                                              \
        asm volatile("mov %0, %%cr" #n : : "r"(value) : "memory"); \
    }

DEFINE_CR(0)
DEFINE_CR(2)
DEFINE_CR(3)
DEFINE_CR(4)

static inline uint64_t msr_read(uint32_t msr)
{
    uint32_t low, high;
    asm volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
    return (uint64_t)high << 32 | low;
}

static inline void msr_write(uint32_t msr, uint64_t value)
{
    asm volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

/* Reads one leaf; all zero if the CPU lacks it. */
static inline struct cpuid cpuid(uint32_t leaf)
{
    struct cpuid c, most;
    asm volatile("cpuid"
                 : "=a"(most.eax), "=b"(most.ebx), "=c"(most.ecx), "=d"(most.edx)
                 : "a"(leaf & 0x80000000), "c"(0));
    if (leaf > most.eax)
        return (struct cpuid){0};
    asm volatile("cpuid" : "=a"(c.eax), "=b"(c.ebx), "=c"(c.ecx), "=d"(c.edx) : "a"(leaf), "c"(0));
    return c;
}

#define CPUID_80000001_EDX_GIB_PAGES (1u << 26)

/* Reads the TSC without waiting for earlier instructions, which is exact enough for a clock. */
static inline uint64_t tsc_read(void)
{
    uint32_t low, high;
    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}
