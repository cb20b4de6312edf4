/* The state that the CPU keeps for a thread while another runs, and the switch between two threads.

   The integer registers are on the thread's kernel stack: the user's in the trapframe, and the
   callee-saved ones of the kernel where context_swap pushed them. The x87 and SSE registers are
   exchanged at every switch. The kernel does not use them itself, and a lazy exchange would leak
   them by speculation.

   Only context_set_fs sets the base of FS, so `fs_base` is what the CPU has while the thread runs,
   and need not be read back. If a program loads FS with a selector, the base is 0, and the next
   switch restores `fs_base`. The selectors are not kept: they mean nothing in 64-bit mode (SDM 3A,
   3.4.4), so one program may see those of another.

   No locks: a context belongs to its thread, and interrupts are disabled where the CPU and the
   record differ. */
#include <arch/context.h>
#include <arch/cpu.h>
#include <arch/page.h>
#include <arch/trap.h>
#include <lib/string.h>
#include <asm/siginfo.h>
#include <linux/errno.h>
#include "context.h"
#include "descriptor.h"
#include "regs.h"

/* The parts of the FXSAVE area that are not 0 in the initial state, in which all exceptions are
   masked (SDM 1, 8.1.5 and 10.2.3). */
#define FPU_FCW           0 /* offset */
#define FPU_FSW           2
#define FPU_MXCSR         24
#define FPU_MXCSR_MASK    28 /* the bits that MXCSR has on this CPU; 0: MXCSR_MASK_DEFAULT */
#define FPU_FCW_INITIAL   0x37f
#define FPU_MXCSR_INITIAL 0x1f80

#define MXCSR_MASK_DEFAULT 0xffbfu
#define MXCSR_MASKS_SHIFT  7 /* from an exception's flag to the bit that masks it */

/* The exceptions of both units, by their flags (SDM 1, 8.1.3.3 and 10.2.3). */
#define FPU_INVALID   (1u << 0)
#define FPU_DENORMAL  (1u << 1)
#define FPU_ZERO      (1u << 2)
#define FPU_OVERFLOW  (1u << 3)
#define FPU_UNDERFLOW (1u << 4)
#define FPU_PRECISION (1u << 5)
#define FPU_ALL       0x3fu

void context_swap(uint64_t *save_rsp, uint64_t rsp);
void context_start(void);

static void fpu_save(struct fpu_state *fpu)
{
    asm volatile("fxsave64 %0" : "=m"(*fpu));
}

static void fpu_load(const struct fpu_state *fpu)
{
    asm volatile("fxrstor64 %0" : : "m"(*fpu));
}

static void fpu_init(struct fpu_state *fpu)
{
    memset(fpu, 0, sizeof *fpu);
    *(uint16_t *)&fpu->bytes[FPU_FCW] = FPU_FCW_INITIAL;
    *(uint32_t *)&fpu->bytes[FPU_MXCSR] = FPU_MXCSR_INITIAL;
}

static uint32_t fpu_mxcsr(const struct fpu_state *fpu)
{
    return *(const uint32_t *)&fpu->bytes[FPU_MXCSR];
}

static uint32_t mxcsr_mask(void)
{
    struct fpu_state now;
    fpu_save(&now);
    uint32_t mask = *(uint32_t *)&now.bytes[FPU_MXCSR_MASK];
    return mask ? mask : MXCSR_MASK_DEFAULT;
}

void context_save_fpu(struct fpu_state *fpu)
{
    memset(fpu, 0, sizeof *fpu); /* FXSAVE does not write all bytes */
    fpu_save(fpu);
}

int context_load_fpu(const struct fpu_state *fpu)
{
    if (fpu_mxcsr(fpu) & ~mxcsr_mask())
        return -EFAULT;
    fpu_load(fpu);
    return 0;
}

void context_reset_fpu(void)
{
    struct fpu_state fpu;
    fpu_init(&fpu);
    fpu_load(&fpu);
}

/* Returns the exceptions that are flagged and not masked. */
static unsigned fpu_exceptions(bool is_x87)
{
    struct fpu_state fpu;
    fpu_save(&fpu);
    if (is_x87)
        return *(uint16_t *)&fpu.bytes[FPU_FSW] & ~*(uint16_t *)&fpu.bytes[FPU_FCW] & FPU_ALL;
    return fpu_mxcsr(&fpu) & ~(fpu_mxcsr(&fpu) >> MXCSR_MASKS_SHIFT) & FPU_ALL;
}

int context_fpu_fault(bool is_x87)
{
    unsigned exceptions = fpu_exceptions(is_x87);
    if (exceptions & FPU_INVALID)
        return FPE_FLTINV;
    if (exceptions & FPU_ZERO)
        return FPE_FLTDIV;
    if (exceptions & FPU_OVERFLOW)
        return FPE_FLTOVF;
    if (exceptions & (FPU_UNDERFLOW | FPU_DENORMAL))
        return FPE_FLTUND;
    return exceptions & FPU_PRECISION ? FPE_FLTRES : SI_KERNEL;
}

void context_init(struct context *context, uint64_t stack_top, void (*entry)(void *arg), void *arg)
{
    uint64_t rsp = stack_top - sizeof(struct trapframe) - sizeof(struct switch_frame);
    *(struct switch_frame *)rsp = (struct switch_frame){
        .r12 = (uint64_t)entry,
        .r13 = (uint64_t)arg,
        .rip = (uint64_t)context_start,
    };
    context->rsp = rsp;
    context->fs_base = 0;
    fpu_init(&context->fpu);
}

void context_switch(struct context *from, struct context *to, uint64_t kernel_stack_top)
{
    struct cpu *cpu = this_cpu();
    cpu->kernel_rsp = kernel_stack_top;
    tss_set_stack(cpu->id, kernel_stack_top);
    fpu_save(&from->fpu);
    fpu_load(&to->fpu);
    msr_write(MSR_FS_BASE, to->fs_base);
    context_swap(&from->rsp, to->rsp);
}

void context_exec(struct context *context, struct trapframe *tf, uaddr_t rip, uaddr_t rsp)
{
    *tf = (struct trapframe){
        .rip = rip,
        .cs = SEL_USER_CODE,
        .rflags = RFLAGS_FIXED | RFLAGS_IF,
        .rsp = rsp,
        .ss = SEL_USER_DATA,
    };
    bool irq = irq_save(); /* a switch here would restore the old state */
    fpu_init(&context->fpu);
    fpu_load(&context->fpu);
    context->fs_base = 0;
    msr_write(MSR_FS_BASE, 0);
    irq_restore(irq);
}

void context_fork(struct context *child)
{
    fpu_save(&child->fpu);
    child->fs_base = msr_read(MSR_FS_BASE);
}

int context_set_fs(struct context *context, uint64_t base)
{
    if (base >= USER_END)
        return -EPERM;
    bool irq = irq_save();
    context->fs_base = base;
    msr_write(MSR_FS_BASE, base);
    irq_restore(irq);
    return 0;
}
