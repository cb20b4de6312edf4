/* The frame of a signal handler, as Linux lays it out on the user's stack, and the way back from
   it.

       what was interrupted     <- rsp before
       red zone                    128 bytes that a leaf function may use below rsp
       x87 and SSE state           as FXSAVE stores it; aligned to 64
       siginfo_t
       struct ucontext             registers, mask, alternate stack
       the restorer's address   <- rsp in the handler, 16n + 8: its return address

   The handler returns into the restorer, which calls rt_sigreturn with rsp above its own address.
   The program may have changed the frame, or may call rt_sigreturn without one.

   Always true: rt_sigreturn puts nothing into a register that user mode could not put there itself.

   Locks: none; the frame is user memory, and the rest belongs to the thread.

   Sources: System V ABI AMD64, 3.2.2 (red zone), 3.2.3; SDM 1, 3.4.3 (RFLAGS), 10.5.1 (FXSAVE). */

#include <linux/errno.h>
#include <linux/signal.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <arch/console.h>
#include <arch/context.h>
#include <arch/page.h>
#include <arch/trap.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <proc/process.h>
#include <vm/usercopy.h>
#include "signal_set.h"

#define RED_ZONE       128
#define FPU_ALIGNMENT  64
#define RETURN_ADDRESS 8

struct sigframe {
    uaddr_t restorer;
    struct ucontext uc;
    siginfo_t info;
};

/* The addresses of the parts of a new frame. */
struct frame_place {
    uaddr_t frame, fpu;
};

/* ---- The contents of a frame ---- */

static bool is_fault(const struct signal_info *info)
{
    return (BIT(info->signo) & SYNCHRONOUS) && info->code > 0 && info->code != SI_KERNEL;
}

void signal_to_siginfo(const struct signal_info *info, siginfo_t *out)
{
    memset(out, 0, sizeof(*out)); /* the padding goes to user memory too */
    out->si_signo = info->signo;
    out->si_code = info->code;
    if (is_fault(info)) {
        out->si_addr = (void *)info->addr;
    } else {
        out->si_pid = info->pid;
        out->si_uid = info->uid;
        if (info->code < 0)
            out->si_ptr = (void *)info->value;
        else
            out->si_status = info->status;
    }
}

static struct sigcontext context_from(const struct trapframe *tf, const struct signal_trap *trap,
                                      uint64_t mask, uaddr_t fpu)
{
    return (struct sigcontext){
        .r8 = tf->r8,
        .r9 = tf->r9,
        .r10 = tf->r10,
        .r11 = tf->r11,
        .r12 = tf->r12,
        .r13 = tf->r13,
        .r14 = tf->r14,
        .r15 = tf->r15,
        .rdi = tf->rdi,
        .rsi = tf->rsi,
        .rbp = tf->rbp,
        .rbx = tf->rbx,
        .rdx = tf->rdx,
        .rax = tf->rax,
        .rcx = tf->rcx,
        .rsp = tf->rsp,
        .rip = tf->rip,
        .eflags = tf->rflags,
        .cs = tf->cs,
        .ss = tf->ss,
        .err = trap->error,
        .trapno = trap->vector,
        .oldmask = mask,
        .cr2 = trap->addr,
        .fpstate = (struct _fpstate *)fpu,
    };
}

static void registers_from(struct trapframe *tf, const struct sigcontext *context)
{
    tf->r8 = context->r8;
    tf->r9 = context->r9;
    tf->r10 = context->r10;
    tf->r11 = context->r11;
    tf->r12 = context->r12;
    tf->r13 = context->r13;
    tf->r14 = context->r14;
    tf->r15 = context->r15;
    tf->rdi = context->rdi;
    tf->rsi = context->rsi;
    tf->rbp = context->rbp;
    tf->rbx = context->rbx;
    tf->rdx = context->rdx;
    tf->rax = context->rax;
    tf->rcx = context->rcx;
    tf->rsp = context->rsp;
    tf->rip = context->rip;
    tf->rflags = (tf->rflags & ~RFLAGS_USER) | (context->eflags & RFLAGS_USER);
}

/* ---- Pushing ---- */

static bool is_within(const struct signal_stack *stack, uaddr_t addr)
{
    return addr - stack->start < stack->size;
}

/* Chooses the place of a frame. -EFAULT: the alternate stack that the program is on is too
   small. */
static int place_frame(const struct trapframe *tf, const struct signal_action *action,
                       struct frame_place *place)
{
    const struct signal_stack *stack = &task_current()->signals.stack;
    bool nested = !stack->disarm && is_within(stack, tf->rsp - 1);
    uaddr_t top = tf->rsp - RED_ZONE;

    if ((action->flags & SA_ONSTACK) && stack->size && !nested)
        top = stack->start + stack->size;
    place->fpu = round_down(top - sizeof(struct fpu_state), FPU_ALIGNMENT);
    place->frame = round_down(place->fpu - sizeof(struct sigframe), 16) - RETURN_ADDRESS;
    return nested && !is_within(stack, place->frame) ? -EFAULT : 0;
}

static int write_fpu(uaddr_t to)
{
    struct fpu_state fpu;

    context_save_fpu(&fpu);
    return copy_to_user((void __user *)to, &fpu, sizeof(fpu));
}

static int write_frame(const struct frame_place *place, const struct trapframe *tf,
                       const struct signal_info *info, const struct signal_action *action,
                       uint64_t mask)
{
    struct sigframe frame = {
        .restorer = action->restorer,
        .uc.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS,
        .uc.uc_mcontext = context_from(tf, &task_current()->signals.trap, mask, place->fpu),
        .uc.uc_sigmask = mask,
    };

    signal_to_siginfo(info, &frame.info);
    signal_get_stack(tf->rsp, &frame.uc.uc_stack);
    return copy_to_user((void __user *)place->frame, &frame, sizeof(frame));
}

int sigframe_push(struct trapframe *tf, const struct signal_info *info,
                  const struct signal_action *action, uint64_t mask)
{
    struct signal_stack *stack = &task_current()->signals.stack;
    struct frame_place place;
    bool is_callable = (action->flags & SA_RESTORER) && action->handler < USER_END;
    int err = is_callable ? place_frame(tf, action, &place) : -EFAULT;

    if (!err)
        err = write_fpu(place.fpu);
    if (!err)
        err = write_frame(&place, tf, info, action, mask);
    if (err)
        return err;
    if (stack->disarm)
        *stack = (struct signal_stack){0}; /* the frame keeps it for rt_sigreturn */
    context_reset_fpu();
    tf->rdi = info->signo;
    tf->rsi = place.frame + offsetof(struct sigframe, info);
    tf->rdx = place.frame + offsetof(struct sigframe, uc);
    tf->rax = 0;
    tf->rsp = place.frame;
    tf->rip = action->handler;
    tf->rflags &= ~RFLAGS_NOT_INHERITED;
    return 0;
}

void sigframe_refuse(const struct trapframe *tf, const char *what)
{
    const struct process *self = process_current();

    if (signal_force(&(struct signal_info){.signo = SIGSEGV, .code = SI_KERNEL}))
        printk("pid %d %s: %s, rip 0x%016lx rsp 0x%016lx --kill proc\n", self->pid,
               task_current()->name, what, tf->rip, tf->rsp);
}

/* ---- Returning ---- */

/* Returns true if user mode can have these registers: segments and rip are restricted. */
static bool sigframe_is_possible(const struct sigcontext *context)
{
    return context->cs == SEL_USER_CODE && context->ss == SEL_USER_DATA && context->rip < USER_END;
}

/* Loads the FPU state from user memory (0: the initial state). -EFAULT: it is not readable, or has
   bits set that the CPU refuses. */
static int load_fpu(uaddr_t from)
{
    struct fpu_state fpu;

    if (!from) {
        context_reset_fpu();
        return 0;
    }
    if (copy_from_user(&fpu, (const void __user *)from, sizeof(fpu)))
        return -EFAULT;
    return context_load_fpu(&fpu);
}

/* Restores the registers, the mask and the alternate stack. -EFAULT: there is no valid frame. */
static int frame_return(struct trapframe *tf)
{
    uaddr_t frame = tf->rsp - RETURN_ADDRESS;
    struct ucontext uc;

    if (get_user(&uc, (const struct ucontext __user *)(frame + offsetof(struct sigframe, uc))))
        return -EFAULT;
    if (!sigframe_is_possible(&uc.uc_mcontext))
        return -EFAULT;
    int err = load_fpu((uaddr_t)uc.uc_mcontext.fpstate);
    if (err)
        return err;
    registers_from(tf, &uc.uc_mcontext);
    signal_change_mask(uc.uc_sigmask);
    (void)!signal_set_stack(&uc.uc_stack, tf->rsp); /* a broken uc_stack is ignored, as on Linux */
    return 0;
}

void signal_return(struct trapframe *tf)
{
    if (frame_return(tf))
        sigframe_refuse(tf, "rt_sigreturn without a valid frame");
    tf->error = SYSCALL_DONE;
}
