/* What the CPU keeps for a thread while another runs, and the switch between two. */
#pragma once

#include <lib/base.h>

struct trapframe;

/* The x87 and SSE state, as FXSAVE lays it out (SDM 1, 10.5). */
struct fpu_state {
    uint8_t bytes[512];
} __aligned(16);

struct context {
    uint64_t rsp;     /* where the callee-saved registers stand on its kernel stack */
    uint64_t fs_base; /* the thread pointer of user code */
    struct fpu_state fpu;
};

/* Makes `context` start in entry(arg), which never returns, on a kernel stack that ends at `stack_top`, below a
   trapframe's room. The FPU state is the initial one; fs_base is 0. Interrupts are off on entry. */
void context_init(struct context *context, uint64_t stack_top, void (*entry)(void *arg), void *arg);

/* Saves this thread in `from` and goes on in `to`. Interrupts are off. `kernel_stack_top` is where the next trap from
   user mode will start. Returns when somebody switches back to `from`. */
void context_switch(struct context *from, struct context *to, uint64_t kernel_stack_top);

/* The registers of a new program: all 0 but rip and rsp; clears the thread's FPU state and thread pointer.
   `context` is the running thread's. */
void context_exec(struct context *context, struct trapframe *tf, uaddr_t rip, uaddr_t rsp);

/* Copies what is in the CPU now (FPU state, thread pointer) into `child`, which context_init has made. */
void context_fork(struct context *child);

/* The FPU state of the running thread: out of the CPU, into it (-EFAULT: MXCSR has bits that the CPU does not have, and
   would fault on), and back to the initial one. */
void context_save_fpu(struct fpu_state *fpu);
__must_check int context_load_fpu(const struct fpu_state *fpu);
void context_reset_fpu(void);

/* What the x87 and SSE units complain of: an FPE_ code of <asm/siginfo.h>. */
int context_fpu_fault(bool is_x87);

/* Sets the running thread's FS base. -EPERM if `base` is not a user address (WRMSR would fault; SDM 2B). */
__must_check int context_set_fs(struct context *context, uint64_t base);
