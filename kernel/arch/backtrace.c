/* Backtraces (arch/backtrace.h).

   The stack is followed by rbp. If a return address is one of entry.S's *_called, the frame's saved
   rbp points to the trapframe of the interrupted code, and the walk continues there. The walk reads
   kernel stacks only, so a broken stack does not cause another fault. No locks. */
#include <arch/backtrace.h>
#include <arch/console.h>
#include <arch/context.h>
#include <arch/page.h>
#include <arch/paging.h>
#include <arch/trap.h>
#include "context.h"
#include "symbol.h"

/* A longer backtrace is shown in part: its first and its last steps. */
#define FIRST_STEPS 16u
#define LAST_STEPS  16u
#define MAX_STEPS   4096u /* a broken stack can be a circle */

/* The words that `call` and a function's first two instructions push. */
struct stack_frame {
    uint64_t rbp, rip;
};

/* A point of the walk: an instruction, and the frame of its function. */
struct step {
    uint64_t rip, rbp;
    bool is_return;               /* rip is a return address, not an interrupted instruction */
    const struct trapframe *trap; /* the trap that interrupted rip; NULL: none, or the start */
};

extern char trap_called[], paranoid_called[], syscall_called[];

static bool is_trap_call(uint64_t rip)
{
    return rip == (uint64_t)trap_called || rip == (uint64_t)paranoid_called ||
           rip == (uint64_t)syscall_called;
}

/* Returns the trapframe that a frame returns to, or NULL if it returns to an ordinary caller. */
static const struct trapframe *frame_trap(const struct stack_frame *frame)
{
    bool good = is_trap_call(frame->rip) && kstack_contains(frame->rbp, sizeof(struct trapframe));
    return good ? (const struct trapframe *)frame->rbp : NULL;
}

static struct step step_of_trap(const struct trapframe *tf)
{
    return (struct step){.rip = tf->rip, .rbp = tf->rbp, .trap = tf};
}

/* Returns true if the kernel jumped to an address where it has no code, such as NULL. The call's
   return address is then the last word on the stack, and rbp belongs to the caller. */
static bool is_wild_jump(const struct step *step)
{
    uint64_t offset;

    return step->trap && !trap_from_user(step->trap) && !symbol_find(step->rip, &offset) &&
           kstack_contains(step->trap->rsp, sizeof(uint64_t));
}

/* Moves to the caller, or to the interrupted code. Returns false at the end of the walk. */
static bool step_out(struct step *step)
{
    bool is_user = step->trap && trap_from_user(step->trap);

    if (is_wild_jump(step)) {
        *step = (struct step){
            .rip = *(const uint64_t *)step->trap->rsp, .rbp = step->rbp, .is_return = true};
        return true;
    }

    if (is_user || step->rbp % 8 != 0 || !kstack_contains(step->rbp, sizeof(struct stack_frame)))
        return false;
    const struct stack_frame *frame = (const struct stack_frame *)step->rbp;
    const struct trapframe *tf = frame_trap(frame);
    *step = tf ? step_of_trap(tf)
               : (struct step){.rip = frame->rip, .rbp = frame->rbp, .is_return = true};
    return step->rip != 0;
}

/* Prints a line for the instruction, and one for the trap that interrupted it. A return address
   lies behind the end of its function if that ends with a call that never returns, so the symbol of
   the byte before it is looked up. */
static void step_print(unsigned n, const struct step *step)
{
    uint64_t offset, back = step->is_return ? 1 : 0;
    const char *end = step->is_return ? "" : " (interrupted)";

    if (step->trap && trap_from_user(step->trap)) {
        printk("    -- %s from user mode, rip 0x%016lx --\n", vector_name(step->trap->vector),
               step->rip);
        return;
    }
    if (step->trap)
        printk("    -- %s --\n", vector_name(step->trap->vector));
    const char *name = symbol_find(step->rip - back, &offset);
    if (name)
        printk("#%u 0x%016lx %s+%#lx%s\n", n, step->rip, name, offset + back, end);
    else
        printk("#%u 0x%016lx%s\n", n, step->rip, end);
}

static unsigned count_steps(struct step step)
{
    unsigned count = 1;

    while (count < MAX_STEPS && step_out(&step))
        count++;
    return count;
}

static void backtrace_print(struct step step)
{
    unsigned count = count_steps(step);
    bool is_long = count > FIRST_STEPS + LAST_STEPS;

    for (unsigned n = 0; n < count; n++) {
        if (!is_long || n < FIRST_STEPS || n >= count - LAST_STEPS)
            step_print(n, &step);
        else if (n == FIRST_STEPS)
            printk("    ... %u calls are left out ...\n", count - FIRST_STEPS - LAST_STEPS);
        step_out(&step);
    }
}

void backtrace_of_trap(const struct trapframe *tf)
{
    backtrace_print(step_of_trap(tf));
}

void backtrace_of_call(uint64_t rip, uint64_t rbp)
{
    backtrace_print((struct step){.rip = rip, .rbp = rbp, .is_return = true});
}

void backtrace_of_context(const struct context *context)
{
    const struct switch_frame *frame = (const struct switch_frame *)context->rsp;

    if (kstack_contains(context->rsp, sizeof(*frame)))
        backtrace_of_call(frame->rip, frame->rbp);
}

const struct trapframe *backtrace_oldest_fault(uint64_t rbp, unsigned *count)
{
    const struct trapframe *oldest = NULL;
    struct step step = {.rbp = rbp};

    *count = 0;
    for (unsigned n = 0; n < MAX_STEPS && step_out(&step); n++) {
        if (!step.trap || trap_from_user(step.trap) || step.trap->vector >= VECTOR_IRQ_BASE)
            continue;
        oldest = step.trap;
        ++*count;
    }
    return oldest;
}
