/* The names of exceptions and interrupts. */
#include <arch/trap.h>

static const char *const vector_names[] = {
    [VECTOR_DIVIDE] = "divide error",
    [VECTOR_DEBUG] = "debug exception",
    [VECTOR_NMI] = "NMI",
    [VECTOR_BREAKPOINT] = "breakpoint",
    [VECTOR_OVERFLOW] = "overflow",
    [VECTOR_BOUND] = "bound range exceeded",
    [VECTOR_INVALID_OPCODE] = "invalid opcode",
    [VECTOR_NO_FPU] = "FPU not available",
    [VECTOR_DOUBLE_FAULT] = "double fault",
    [VECTOR_INVALID_TSS] = "invalid TSS",
    [VECTOR_NO_SEGMENT] = "segment not present",
    [VECTOR_STACK] = "stack-segment fault",
    [VECTOR_PROTECTION] = "general protection fault",
    [VECTOR_PAGE_FAULT] = "page fault",
    [VECTOR_FPU] = "x87 floating-point error",
    [VECTOR_ALIGNMENT] = "alignment check",
    [VECTOR_MACHINE_CHECK] = "machine check",
    [VECTOR_SIMD] = "SIMD floating-point error",
    [VECTOR_TIMER] = "timer interrupt",
    [VECTOR_RESCHEDULE] = "reschedule interrupt",
    [VECTOR_TLB] = "TLB shootdown",
    [VECTOR_SYSCALL] = "system call",
};

const char *vector_name(unsigned vector)
{
    if (vector < ARRAY_SIZE(vector_names) && vector_names[vector])
        return vector_names[vector];
    return vector < VECTOR_IRQ_BASE ? "reserved exception" : "device interrupt";
}
