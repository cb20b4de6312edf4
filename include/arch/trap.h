/* How the CPU enters and leaves the kernel.

   arch/ calls up into exactly three places, all defined in kernel/sys/door.c. Each is entered with interrupts off,
   and returns with interrupts off if it goes back to user mode. */
#pragma once

#include <lib/base.h>

/* The registers of what was interrupted, as entry.S pushes them; at the top of the kernel stack if that was user
   code. Of a system call, `error` is its number, or SYSCALL_DONE once it can no longer be started again. */
struct trapframe {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t vector;
    uint64_t error;
    uint64_t rip, cs, rflags, rsp, ss;
};

#define SYSCALL_DONE UINT64_MAX

/* The bits of rflags that user mode can change with POPF and by computing (SDM 1, 3.4.3); and those of them with which
   a function does not begin. IOPL, IF, NT and the virtual-8086 bits are none of a program's business. */
#define RFLAGS_USER          0x50dd5ul /* AC RF OF DF TF SF ZF AF PF CF */
#define RFLAGS_NOT_INHERITED 0x10500ul /* RF DF TF */

/* Segment selectors; the order of the user's is what SYSRET asks for (SDM 2B, SYSRET). */
#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_DATA   (0x18 | 3)
#define SEL_USER_CODE   (0x20 | 3)

static inline bool trap_from_user(const struct trapframe *tf)
{
    return tf->cs & 3;
}

/* What was asked of memory: the error code of a page fault in words (SDM 3A, 4.7). */
#define FAULT_PRESENT  (1u << 0) /* an entry was there and did not allow it */
#define FAULT_WRITE    (1u << 1)
#define FAULT_USER     (1u << 2)
#define FAULT_RESERVED (1u << 3) /* a reserved bit is set in an entry */
#define FAULT_EXEC     (1u << 4)

/* Exceptions by name (SDM 3A, 6.3.1). */
enum vector {
    VECTOR_DIVIDE = 0,
    VECTOR_DEBUG = 1,
    VECTOR_NMI = 2,
    VECTOR_BREAKPOINT = 3,
    VECTOR_OVERFLOW = 4,
    VECTOR_BOUND = 5,
    VECTOR_INVALID_OPCODE = 6,
    VECTOR_NO_FPU = 7,
    VECTOR_DOUBLE_FAULT = 8,
    VECTOR_INVALID_TSS = 10,
    VECTOR_NO_SEGMENT = 11,
    VECTOR_STACK = 12,
    VECTOR_PROTECTION = 13,
    VECTOR_PAGE_FAULT = 14,
    VECTOR_FPU = 16,
    VECTOR_ALIGNMENT = 17,
    VECTOR_MACHINE_CHECK = 18,
    VECTOR_SIMD = 19,
    VECTOR_IRQ_BASE = 32, /* device interrupts: 32 + line */
    VECTOR_TIMER = 48,    /* this CPU's local APIC timer */
    VECTOR_RESCHEDULE = 49,
    VECTOR_TLB = 50,
    VECTOR_SPURIOUS = 255,
    VECTOR_SYSCALL = 256, /* no vector of the CPU: it marks the trapframe of a system call */
};

/* An exception's name, such as "page fault" or "invalid opcode". */
const char *vector_name(unsigned vector);

/* An exception. For a page fault `addr` is CR2, read before anything else could change it, and `access` is
   FAULT_ words; otherwise both are 0. */
void fault_dispatch(struct trapframe *tf, uint64_t addr, unsigned access);

/* A device's or this CPU's timer's interrupt; tf->vector says which. The local APIC's end of interrupt is sent by
   the dispatcher's caller, before the call, so that the dispatcher may switch threads. */
void interrupt_dispatch(struct trapframe *tf);

/* A system call: number in tf->error and tf->rax, arguments in rdi, rsi, rdx, r10, r8, r9; result into tf->rax. */
void syscall_dispatch(struct trapframe *tf);

/* Goes to user mode with the registers of `tf`, the trapframe at the top of the current kernel stack. Interrupts
   are off. Of every trapframe that leaves for user mode, cs and ss are the user's and rip is canonical: IRET to
   another would fault in the kernel. Who lets a program choose its registers checks that rip is below USER_END; one that
   has jumped to no address gets a signal for it, whatever its tracer says (signal_deliver). */
__noreturn void trap_return(struct trapframe *tf);

/* Where a fault at the kernel instruction `rip` continues: only the user-copy routines have such places. 0: none. */
uint64_t extable_find(uint64_t rip);

/* As panic, for what `tf` did: its registers, and the backtrace from there. The caller has told what it knows of the
   address. */
__noreturn __printf(2, 3) void panic_trap(const struct trapframe *tf, const char *fmt, ...);
