/* Arguments of system calls about signals. */
#define _GNU_SOURCE
#include "argprint.h"

#include <signal.h>
#include <stddef.h>
#include <ucontext.h>

#include "names.h"
#include "output.h"

enum { MASK_BITS = 64 };

static void show_mask(uint64_t mask)
{
    bool is_inverted = __builtin_popcountll(mask) >= MASK_BITS * 2 / 3;
    const char *separator = "";

    print(is_inverted ? "~[" : "[");
    if (is_inverted)
        mask = ~mask;
    for (int signal = 1; signal <= MASK_BITS; signal++) {
        if (!(mask >> (signal - 1) & 1))
            continue;
        print("%s", separator);
        print_short_signal(signal);
        separator = " ";
    }
    print("]");
}

static void print_mask(const struct tracee *tracee, int n)
{
    uint64_t mask;

    if (fetch(tracee, tracee->args[n], &mask, sizeof(mask)))
        show_mask(mask);
}

static void print_out_mask(const struct tracee *tracee, int n)
{
    uint64_t mask;

    if (fetch_output(tracee, n, &mask, sizeof(mask)))
        show_mask(mask);
}

/* The kernel's form of struct sigaction. */
struct kernel_action {
    uint64_t handler, flags, restorer, mask;
};

#define RESTORER_GIVEN 0x04000000

static void show_action(const struct kernel_action *action)
{
    print("{sa_handler=");
    if (action->handler == (uintptr_t)SIG_DFL || action->handler == (uintptr_t)SIG_IGN)
        print("%s", action->handler ? "SIG_IGN" : "SIG_DFL");
    else
        print_address(action->handler);
    print(", sa_mask=");
    show_mask(action->mask);
    print(", sa_flags=");
    print_flags(&sa_names, action->flags);
    if (action->flags & RESTORER_GIVEN)
        print(", sa_restorer=%#llx", (unsigned long long)action->restorer);
    print("}");
}

static void print_action(const struct tracee *tracee, int n)
{
    struct kernel_action action;

    if (fetch(tracee, tracee->args[n], &action, sizeof(action)))
        show_action(&action);
}

static void print_out_action(const struct tracee *tracee, int n)
{
    struct kernel_action action;

    if (fetch_output(tracee, n, &action, sizeof(action)))
        show_action(&action);
}

static void show_stack(const stack_t *stack)
{
    print("{ss_sp=");
    print_address((uintptr_t)stack->ss_sp);
    print(", ss_flags=");
    print_flags(&ss_names, stack->ss_flags);
    print(", ss_size=%zu}", stack->ss_size);
}

static void print_stack(const struct tracee *tracee, int n)
{
    stack_t stack;

    if (fetch(tracee, tracee->args[n], &stack, sizeof(stack)))
        show_stack(&stack);
}

static void print_out_stack(const struct tracee *tracee, int n)
{
    stack_t stack;

    if (fetch_output(tracee, n, &stack, sizeof(stack)))
        show_stack(&stack);
}

/* Prints the signal mask that rt_sigreturn restores, from the ucontext on the tracee's stack. */
static void print_sigreturn(const struct tracee *tracee, int n)
{
    uint64_t at = tracee->stack_pointer + offsetof(ucontext_t, uc_sigmask);
    uint64_t mask;

    (void)n;
    if (tracee_read(tracee, at, &mask, sizeof(mask))) {
        print("{mask=");
        show_mask(mask);
        print("}");
    } else {
        print_address(tracee->stack_pointer);
    }
}

/* ---- The kinds ---- */

INPUT(mask, print_mask);
INPUT(action, print_action);
INPUT(stack, print_stack);
OUTPUT(out_mask, print_out_mask);
OUTPUT(out_action, print_out_action);
OUTPUT(out_stack, print_out_stack);
LAST(sigreturn, print_sigreturn);
