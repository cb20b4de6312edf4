/* From the hardware's terms to the kernel's: every exception and interrupt comes through
   trap_dispatch.

       page fault        CR2 and the error code become an address and FAULT_ words; fault_dispatch
       other exception   fault_dispatch
       VECTOR_TLB        another CPU asks for a flush: done here
       other interrupt   end of interrupt, then interrupt_dispatch
       NMI               a panic stops the other CPUs; or interrupt_dispatch reports where this
                         one is
       #DF, #MC          panic

   A kernel stack ends in a guard page. A page fault there cannot push its frame on the stack, so it
   arrives as a double fault, on a stack of its own, with CR2 in the guard. */
#include <arch/cpu.h>
#include <arch/paging.h>
#include <arch/port.h>
#include <arch/trap.h>
#include <lib/panic.h>
#include "apic.h"
#include "hang.h"
#include "panic.h"
#include "regs.h"
#include "shootdown.h"

/* The PC's system control port B: bits 6 and 7 tell of an error of an expansion card or of the
   memory, which arrives as an NMI. */
#define SYSTEM_CONTROL     0x61
#define SYSTEM_NMI_REASONS 0xc0u

struct extable_entry {
    uint64_t rip, then;
};

extern const struct extable_entry extable_start[], extable_end[];

uint64_t extable_find(uint64_t rip)
{
    for (const struct extable_entry *e = extable_start; e < extable_end; e++)
        if (e->rip == rip)
            return e->then;
    return 0;
}

/* The bits of the error code are the FAULT_ words (SDM 3A, 4.7, figure 4-12). Higher bits belong to
   features that are off. */
_Static_assert(FAULT_PRESENT == 1 && FAULT_WRITE == 2 && FAULT_USER == 4, "a word is not the bit");
_Static_assert(FAULT_RESERVED == 8 && FAULT_EXEC == 16, "a word is not the bit");

#define FAULT_ALL (FAULT_PRESENT | FAULT_WRITE | FAULT_USER | FAULT_RESERVED | FAULT_EXEC)

static void check_stack_overflow(const struct trapframe *tf, uint64_t addr)
{
    if (!trap_from_user(tf) && kstack_is_guard(addr))
        panic_trap(tf, RULE(9) "kernel stack overflow: %#lx is in the guard below the stack", addr);
}

static void page_fault(struct trapframe *tf)
{
    uint64_t addr = cr2_read();
    check_stack_overflow(tf, addr);
    fault_dispatch(tf, addr, tf->error & FAULT_ALL);
}

/* Handles an NMI: a panic on another CPU, a hardware error, or a request for the report of
   where.c (a button, or QEMU's command `nmi`). */
static void nmi(struct trapframe *tf)
{
    panic_stop_if_asked();
    if (port_read8(SYSTEM_CONTROL) & SYSTEM_NMI_REASONS)
        panic_trap(tf, "NMI: the hardware reports an error");
    interrupt_dispatch(tf);
    hang_answered();
}

static void exception(struct trapframe *tf)
{
    switch (tf->vector) {
    case VECTOR_NMI:
        nmi(tf);
        break;
    case VECTOR_DOUBLE_FAULT:
        check_stack_overflow(tf, cr2_read());
        panic_trap(tf, RULE(9) "double fault: an exception could not be delivered");
    case VECTOR_MACHINE_CHECK:
        panic_trap(tf, "machine check: the CPU or the memory failed");
    default:
        fault_dispatch(tf, 0, 0);
    }
}

static void interrupt(struct trapframe *tf)
{
    apic_eoi();
    this_cpu()->interrupts++;
    if (tf->vector == VECTOR_TLB)
        shootdown_answer();
    else
        interrupt_dispatch(tf);
}

/* Called by entry.S with interrupts off. */
void trap_dispatch(struct trapframe *tf);
void trap_dispatch(struct trapframe *tf)
{
    if (likely(tf->vector == VECTOR_PAGE_FAULT))
        page_fault(tf);
    else if (tf->vector >= VECTOR_IRQ_BASE)
        interrupt(tf);
    else
        exception(tf);
}
