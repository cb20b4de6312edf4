/* How the CPU enters and leaves the kernel.

   arch/ calls up into exactly three functions, the doors in kernel/sys/door.c. Each is entered with
   interrupts off, and returns with interrupts off if the interrupted code was a program. */
#pragma once

#include <lib/base.h>

/* The registers of the interrupted code, as entry.S pushes them; at the top of the kernel stack if
   that was user code. `error` of a system call is its number, or SYSCALL_DONE once it must not be
   restarted. */
struct trapframe {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t vector;
    uint64_t error;
    uint64_t rip, cs, rflags, rsp, ss;
};

#define SYSCALL_DONE UINT64_MAX

/* The bits of rflags that user mode can change, with POPF and arithmetic (SDM 1, 3.4.3), and those
   of them that are clear when a function begins. A program cannot change IOPL, IF, NT and the
   virtual-8086 bits. */
#define RFLAGS_USER          0x50dd5ul /* AC RF OF DF TF SF ZF AF PF CF */
#define RFLAGS_NOT_INHERITED 0x10500ul /* RF DF TF */

/* Segment selectors. SYSRET requires the order of the user's (SDM 2B, SYSRET). Their values are
   those of Linux, because a debugger tells 64-bit code by its selector. */
#define SEL_KERNEL_CODE 0x08
#define SEL_KERNEL_DATA 0x10
#define SEL_USER_DATA   (0x28 | 3)
#define SEL_USER_CODE   (0x30 | 3)

static inline bool trap_from_user(const struct trapframe *tf)
{
    return tf->cs & 3;
}

/* An access to memory: the error code of a page fault in words (SDM 3A, 4.7). */
#define FAULT_PRESENT  (1u << 0) /* an entry was present, and did not allow the access */
#define FAULT_WRITE    (1u << 1)
#define FAULT_USER     (1u << 2)
#define FAULT_RESERVED (1u << 3) /* a reserved bit is set in an entry */
#define FAULT_EXEC     (1u << 4)

/* The vectors of exceptions (SDM 3A, 6.3.1) and of interrupts. */
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
    VECTOR_MESSAGE_BASE = 51, /* VECTOR_MESSAGES vectors for devices that send messages */
    VECTOR_SPURIOUS = 255,
    VECTOR_SYSCALL = 256, /* no vector of the CPU; marks the trapframe of a system call */
};

#define VECTOR_MESSAGES 13u

/* Returns the name of an exception or interrupt, such as "page fault" or "invalid opcode". */
const char *vector_name(unsigned vector);

/* Handles an exception. For a page fault `addr` is CR2, and `access` is FAULT_ words; otherwise
   both are 0. */
void fault_dispatch(struct trapframe *tf, uint64_t addr, unsigned access);

/* Handles an interrupt of a device or of this CPU's timer; tf->vector says which. The caller has
   sent the local APIC's end of interrupt, so the handler may switch threads. VECTOR_NMI asks for a
   report of where this CPU is: its handler takes no lock and switches no threads. */
void interrupt_dispatch(struct trapframe *tf);

/* Handles a system call: the number is in tf->error and tf->rax, arguments are in rdi, rsi, rdx,
   r10, r8 and r9, and the result goes to rax. */
void syscall_dispatch(struct trapframe *tf);

/* Returns to user mode with the registers of `tf`, the trapframe at the top of the current kernel
   stack. Interrupts are off.

   IRET faults in the kernel unless cs and ss are the user's and rip is canonical. So code that lets
   a program choose its registers checks that rip is below USER_END. A program that has jumped to a
   non-canonical address gets a signal, whatever its tracer does (signal_deliver). */
__noreturn void trap_return(struct trapframe *tf);

/* Returns the address at which a fault of the kernel instruction `rip` continues, or 0. Only the
   user-copy routines have such addresses. */
uint64_t extable_find(uint64_t rip);

/* Panics because of a trap: prints the registers of `tf` and the backtrace from there. The caller
   has printed what it knows of the address. */
__noreturn __printf(2, 3) void panic_trap(const struct trapframe *tf, const char *fmt, ...);
