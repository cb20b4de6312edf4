/* The state that the CPU keeps for a thread while another runs, and the switch between two
   threads. */
#pragma once

#include <lib/base.h>

struct trapframe;

/* The x87 and SSE state, as FXSAVE lays it out (SDM 1, 10.5). */
struct fpu_state {
    uint8_t bytes[512];
} __aligned(16);

struct context {
    uint64_t rsp;     /* the kernel stack pointer, at the saved registers */
    uint64_t fs_base; /* the thread pointer of user code */
    struct fpu_state fpu;
};

/* Makes `context` start in entry(arg), which never returns, with interrupts off. The kernel stack
   ends at `stack_top`; room for a trapframe is left there. The FPU state is the initial one, and
   fs_base is 0. */
void context_init(struct context *context, uint64_t stack_top, void (*entry)(void *arg), void *arg);

/* Saves this thread in `from` and resumes `to`. Interrupts are off. The next trap from user mode
   starts at `kernel_stack_top`. Returns when another thread switches back to `from`. */
void context_switch(struct context *from, struct context *to, uint64_t kernel_stack_top);

/* Sets the registers of a new program: all 0 but rip and rsp. Resets the running thread's FPU state
   and thread pointer; `context` is its own. */
void context_exec(struct context *context, struct trapframe *tf, uaddr_t rip, uaddr_t rsp);

/* Copies the CPU's current FPU state and thread pointer into `child`, which context_init has
   made. */
void context_fork(struct context *child);

/* Save, load and reset the running thread's FPU state. The load fails with -EFAULT if MXCSR has
   bits that this CPU lacks, because loading them would fault. */
void context_save_fpu(struct fpu_state *fpu);
__must_check int context_load_fpu(const struct fpu_state *fpu);
void context_reset_fpu(void);

/* Returns the FPE_ code (<asm/siginfo.h>) of a floating-point exception, from the x87 or the SSE
   unit. */
int context_fpu_fault(bool is_x87);

/* Sets the running thread's FS base. -EPERM: `base` is not a user address, and WRMSR might fault
   (SDM 2B). */
__must_check int context_set_fs(struct context *context, uint64_t base);
