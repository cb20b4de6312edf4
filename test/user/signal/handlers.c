/* Signal handlers: when they are called, and what they leave of the state that they interrupt. */
#include "handler.h"

#include <sys/syscall.h>

/* Being called. */

static void a_handler_is_called(void)
{
    handler_set(SIGUSR1, handler_count, 0);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(handler_calls, 1);
    CHECK_EQ(handled_signal, SIGUSR1);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(handler_calls, 2); /* it stays */
    handler_set(SIGUSR1, SIG_DFL, 0);
}

static void a_blocked_signal_is_handled_later(void)
{
    sigset_t pending;

    handler_set(SIGUSR1, handler_count, 0);
    signal_mask_change(SIG_BLOCK, SIGUSR1);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(handler_calls, 0);
    CHECK_OK(sigpending(&pending));
    CHECK(sigismember(&pending, SIGUSR1));
    signal_mask_change(SIG_UNBLOCK, SIGUSR1);
    CHECK_EQ(handler_calls, 1); /* queued once */
    CHECK_OK(sigpending(&pending));
    CHECK(!sigismember(&pending, SIGUSR1));
}

/* The handler's signal is blocked while it runs, and so are the signals of sa_mask. */
static void check_mask_and_raise(int signal)
{
    handler_count(signal);
    CHECK(signal_is_blocked(SIGUSR1));
    CHECK(signal_is_blocked(SIGUSR2));
    CHECK(!signal_is_blocked(SIGTERM));
    if (handler_calls == 1) {
        CHECK_OK(kill(getpid(), SIGUSR1));
        CHECK_EQ(handler_calls, 1);
    }
}

static void a_handler_is_not_interrupted_by_its_own_signal(void)
{
    struct sigaction action = {.sa_handler = check_mask_and_raise,
                               .sa_mask = signal_set_of(SIGUSR2)};

    handler_calls = 0;
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(handler_calls, 2);
    CHECK(!signal_is_blocked(SIGUSR1));
    CHECK(!signal_is_blocked(SIGUSR2));
}

static void raise_inside(int signal)
{
    handler_count(signal);
    if (handler_calls < 4) {
        int before = handler_calls;
        CHECK_OK(kill(getpid(), signal));
        CHECK_EQ(handler_calls, 4);
        CHECK(before < 4);
    }
}

static void nodefer_lets_a_handler_nest(void)
{
    handler_set(SIGUSR1, raise_inside, SA_NODEFER);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(handler_calls, 4);
}

static void raise_twice(void *unused)
{
    (void)unused;
    handler_set(SIGUSR1, handler_count, SA_RESETHAND);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(handler_calls, 1);
    CHECK_OK(kill(getpid(), SIGUSR1));
}

static void resethand_is_for_one_call(void)
{
    CHECK(dies_by(SIGUSR1, raise_twice, NULL));
}

static int order[2], norder;

static void note_order(int signal)
{
    order[norder++ % 2] = signal;
}

/* Two pending signals: the second handler begins before the first has done anything. */
static void all_that_wait_are_handled(void)
{
    sigset_t both = signal_set_of(SIGUSR1);

    sigaddset(&both, SIGUSR2);
    handler_set(SIGUSR1, note_order, 0);
    handler_set(SIGUSR2, note_order, 0);
    CHECK_OK(sigprocmask(SIG_BLOCK, &both, NULL));
    CHECK_OK(kill(getpid(), SIGUSR2));
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &both, NULL));
    CHECK_EQ(norder, 2);
    CHECK_EQ(order[0], SIGUSR2);
    CHECK_EQ(order[1], SIGUSR1);
}

static void exec_resets_handlers(void)
{
    handler_set(SIGUSR1, handler_count, 0);
    pid_t pid = CHECK_OK(fork());
    if (pid == 0) {
        execl(self_path(), "handlers", "raise", NULL);
        _exit(1);
    }
    CHECK(killed_by(wait_child(pid), SIGUSR1));
}

static void count_in_child(void *unused)
{
    (void)unused;
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(handler_calls, 1);
}

static void fork_keeps_handlers(void)
{
    handler_set(SIGUSR1, handler_count, 0);
    CHECK(exits_with(0, count_in_child, NULL));
    CHECK_EQ(handler_calls, 0);
}

/* Changing what was interrupted. */

static void skip_ud2(int signal, siginfo_t *info, void *context)
{
    handler_keep(signal, info, context);
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 4711;
}

static void a_handler_may_change_registers(void)
{
    long result;

    handler_set_info(SIGILL, skip_ud2, 0);
    __asm__ volatile("ud2" : "=a"(result));
    CHECK_EQ(result, 4711);
    CHECK_EQ(handler_calls, 1);
    handler_set(SIGILL, SIG_DFL, 0);
}

static void make_writable(int signal, siginfo_t *info, void *context)
{
    handler_keep(signal, info, context);
    CHECK_OK(mprotect((void *)((uintptr_t)info->si_addr & ~(PAGE - 1)), PAGE, PROT_WRITE));
}

/* As garbage collectors do. */
static void a_handler_may_mend_a_page(void)
{
    char *page = map_pages(1);

    CHECK_OK(mprotect(page, PAGE, PROT_NONE));
    handler_set_info(SIGSEGV, make_writable, 0);
    poke(page + 9, 42);
    CHECK_EQ(peek(page + 9), 42);
    CHECK_EQ(handler_calls, 1);
    handler_set(SIGSEGV, SIG_DFL, 0);
    unmap_pages(page, 1);
}

/* A handler overwrites every register and the floating-point unit. */
static void scribble(int signal)
{
    static double sink;

    handler_count(signal);
    for (int i = 1; i < 50; i++)
        sink += 1.0 / i;
    __asm__ volatile("pcmpeqb %%xmm6, %%xmm6; pcmpeqb %%xmm15, %%xmm15; xor %%ebx, %%ebx; std; cld"
                     :
                     :
                     : "xmm6", "xmm15", "rbx", "rcx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
                       "r13", "r14", "r15", "cc");
}

struct registers {
    uint64_t rbx, rcx, rdx, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15, flags, red_zone;
    char xmm6[16], xmm15[16];
};

/* Fills the registers, faults, and stores the registers afterwards. */
static void fault_with_registers(struct registers *after)
{
    __asm__ volatile(
        "movdqu %c[x6](%[a]), %%xmm6; movdqu %c[x15](%[a]), %%xmm15; mov %[a], %%rax\n"
        "mov $1, %%ebx; mov $2, %%ecx; mov $3, %%edx; mov $4, %%esi; mov $5, %%edi; mov $6, %%r8d\n"
        "mov $7, %%r9d; mov $8, %%r10d; mov $9, %%r11d; mov $10, %%r12d; mov $11, %%r13d\n"
        "mov $12, %%r14d; mov $13, %%r15d; movq $14, -128(%%rsp); stc; ud2\n"
        "mov %%rbx, 0(%%rax); mov %%rcx, 8(%%rax); mov %%rdx, 16(%%rax); mov %%rsi, 24(%%rax)\n"
        "mov %%rdi, 32(%%rax); mov %%r8, 40(%%rax); mov %%r9, 48(%%rax); mov %%r10, 56(%%rax)\n"
        "mov %%r11, 64(%%rax); mov %%r12, 72(%%rax); mov %%r13, 80(%%rax); mov %%r14, 88(%%rax)\n"
        "mov %%r15, 96(%%rax); mov -128(%%rsp), %%rcx; mov %%rcx, 112(%%rax)\n"
        "pushf; pop %%rcx; mov %%rcx, 104(%%rax)\n"
        "movdqu %%xmm6, 120(%%rax); movdqu %%xmm15, 136(%%rax)"
        :
        : [a] "r"(after), [x6] "i"(offsetof(struct registers, xmm6)),
          [x15] "i"(offsetof(struct registers, xmm15))
        : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14",
          "r15", "xmm6", "xmm15", "cc", "memory");
}

static void scribble_and_skip(int signal, siginfo_t *info, void *context)
{
    (void)info;
    scribble(signal);
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
}

static void a_handler_leaves_no_traces(void)
{
    struct registers after = {.xmm6 = "sixteen bytes..", .xmm15 = "and sixteen mor"};
    const struct registers before = after;

    handler_set_info(SIGILL, scribble_and_skip, 0);
    fault_with_registers(&after);
    CHECK_EQ(handler_calls, 1);
    const uint64_t *values = &after.rbx;
    for (int i = 0; i < 13; i++)
        CHECK_EQ(values[i], i + 1);
    CHECK_EQ(after.red_zone, 14);
    CHECK_EQ(after.flags & 1, 1);
    CHECK(memcmp(after.xmm6, before.xmm6, 16) == 0);
    CHECK(memcmp(after.xmm15, before.xmm15, 16) == 0);
    handler_set(SIGILL, SIG_DFL, 0);
}

static uintptr_t entry_rsp __attribute__((used));
static uint32_t entry_mxcsr __attribute__((used));
static uint64_t entry_flags __attribute__((used));

/* The first instruction of a handler, before anything was pushed. */
__attribute__((naked)) static void note_entry(int signal __attribute__((unused)))
{
    __asm__ volatile("mov %rsp, entry_rsp(%rip); stmxcsr entry_mxcsr(%rip); pushf; popq "
                     "entry_flags(%rip); ret");
}

static void a_handler_begins_as_the_abi_says(void)
{
    uint32_t rounding = 0x3f80, own;

    handler_set(SIGUSR1, note_entry, 0);
    __asm__ volatile("stmxcsr %0; ldmxcsr %1" : "=m"(own) : "m"(rounding));
    __asm__ volatile("std; syscall; cld"
                     :
                     : "a"(SYS_kill), "D"(getpid()), "S"(SIGUSR1)
                     : "rcx", "r11", "memory");
    __asm__ volatile("stmxcsr %0; ldmxcsr %1" : "=m"(rounding) : "m"(own));
    CHECK_EQ(entry_rsp % 16, 8);
    CHECK_EQ(entry_mxcsr, 0x1f80);
    CHECK_EQ(entry_flags & 0x400, 0); /* DF */
    CHECK_EQ(rounding, 0x3f80);
    handler_set(SIGUSR1, SIG_DFL, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "raise") == 0)
        return kill(getpid(), SIGUSR1);
    RUN(a_handler_is_called);
    RUN(a_blocked_signal_is_handled_later);
    RUN(a_handler_is_not_interrupted_by_its_own_signal);
    RUN(nodefer_lets_a_handler_nest);
    RUN(resethand_is_for_one_call);
    RUN(all_that_wait_are_handled);
    RUN(exec_resets_handlers);
    RUN(fork_keeps_handlers);
    RUN(a_handler_may_change_registers);
    RUN(a_handler_may_mend_a_page);
    RUN(a_handler_leaves_no_traces);
    RUN(a_handler_begins_as_the_abi_says);
    return test_end();
}
