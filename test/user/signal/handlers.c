/* Signal handlers: when they are called, what they are told, where they run, and what of the
   program's state they leave as it was. */
#include "test.h"

#include <setjmp.h>
#include <sys/syscall.h>
#include <ucontext.h>

static volatile sig_atomic_t calls; /* how often a handler has been called */
static volatile int last_signal;
static siginfo_t last_info;
static ucontext_t last_context;

static void count(int signal)
{
    last_signal = signal;
    calls++;
}

static void keep(int signal, siginfo_t *info, void *context)
{
    count(signal);
    last_info = *info;
    last_context = *(ucontext_t *)context;
}

static void handle(int signal, void (*handler)(int), int flags)
{
    CHECK_OK(
        sigaction(signal, &(struct sigaction){.sa_handler = handler, .sa_flags = flags}, NULL));
    calls = 0;
}

static void handle_info(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
    CHECK_OK(sigaction(signal,
                       &(struct sigaction){.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO},
                       NULL));
    calls = 0;
}

static sigset_t set_of(int signal)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, signal);
    return set;
}

static bool is_blocked(int signal)
{
    sigset_t set;

    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &set));
    return sigismember(&set, signal);
}

static void change_mask(int how, int signal)
{
    sigset_t set = set_of(signal);

    CHECK_OK(sigprocmask(how, &set, NULL));
}

/* Being called. */

static void a_handler_is_called(void)
{
    handle(SIGUSR1, count, 0);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(calls, 1);
    CHECK_EQ(last_signal, SIGUSR1);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(calls, 2); /* it stays */
    handle(SIGUSR1, SIG_DFL, 0);
}

static void a_blocked_signal_is_handled_later(void)
{
    sigset_t pending;

    handle(SIGUSR1, count, 0);
    change_mask(SIG_BLOCK, SIGUSR1);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(calls, 0);
    CHECK_OK(sigpending(&pending));
    CHECK(sigismember(&pending, SIGUSR1));
    change_mask(SIG_UNBLOCK, SIGUSR1);
    CHECK_EQ(calls, 1); /* queued once */
    CHECK_OK(sigpending(&pending));
    CHECK(!sigismember(&pending, SIGUSR1));
}

/* The signal is blocked while its handler runs, and so are those of sa_mask. */
static void check_mask_and_raise(int signal)
{
    count(signal);
    CHECK(is_blocked(SIGUSR1));
    CHECK(is_blocked(SIGUSR2));
    CHECK(!is_blocked(SIGTERM));
    if (calls == 1) {
        CHECK_OK(kill(getpid(), SIGUSR1));
        CHECK_EQ(calls, 1);
    }
}

static void a_handler_is_not_interrupted_by_its_own_signal(void)
{
    struct sigaction action = {.sa_handler = check_mask_and_raise, .sa_mask = set_of(SIGUSR2)};

    calls = 0;
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(calls, 2);
    CHECK(!is_blocked(SIGUSR1));
    CHECK(!is_blocked(SIGUSR2));
}

static void raise_inside(int signal)
{
    count(signal);
    if (calls < 4) {
        int before = calls;
        CHECK_OK(kill(getpid(), signal));
        CHECK_EQ(calls, 4);
        CHECK(before < 4);
    }
}

static void nodefer_lets_a_handler_nest(void)
{
    handle(SIGUSR1, raise_inside, SA_NODEFER);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(calls, 4);
}

static void raise_twice(void *unused)
{
    (void)unused;
    handle(SIGUSR1, count, SA_RESETHAND);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(calls, 1);
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

/* Two that wait together: the second handler begins before the first has done anything. */
static void all_that_wait_are_handled(void)
{
    sigset_t both = set_of(SIGUSR1);

    sigaddset(&both, SIGUSR2);
    handle(SIGUSR1, note_order, 0);
    handle(SIGUSR2, note_order, 0);
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
    handle(SIGUSR1, count, 0);
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
    CHECK_EQ(calls, 1);
}

static void fork_keeps_handlers(void)
{
    handle(SIGUSR1, count, 0);
    CHECK(exits_with(0, count_in_child, NULL));
    CHECK_EQ(calls, 0);
}

/* What a handler is told. */

static void kill_says_who(void)
{
    handle_info(SIGUSR1, keep, 0);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(last_info.si_signo, SIGUSR1);
    CHECK_EQ(last_info.si_code, SI_USER);
    CHECK_EQ(last_info.si_pid, getpid());
    CHECK_OK(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1));
    CHECK_EQ(last_info.si_code, SI_TKILL);
    CHECK_EQ(last_info.si_pid, getpid());
}

static sigjmp_buf after_fault;

static void escape(int signal, siginfo_t *info, void *context)
{
    keep(signal, info, context);
    siglongjmp(after_fault, 1);
}

/* Lets `fault` happen, and checks what its handler is told. */
static void check_fault(int signal, int code, const void *address, void (*fault)(void *), void *arg)
{
    handle_info(signal, escape, 0);
    if (sigsetjmp(after_fault, 1) == 0) {
        fault(arg);
        test_fail(__FILE__, __LINE__, "no signal %d came", signal);
    }
    CHECK_EQ(last_info.si_signo, signal);
    CHECK_EQ(last_info.si_code, code);
    CHECK_EQ(last_info.si_addr, address);
    CHECK_EQ(calls, 1);
    handle(signal, SIG_DFL, 0);
}

static void read_only_page_fault(void)
{
    char *page = map_pages(1);

    CHECK_OK(mprotect(page, PAGE, PROT_READ));
    check_fault(SIGSEGV, SEGV_ACCERR, page + 5, write_byte, page + 5);
    CHECK_EQ(last_context.uc_mcontext.gregs[REG_TRAPNO], 14);
    CHECK_EQ(last_context.uc_mcontext.gregs[REG_ERR] & 6, 6); /* a user's write */
    CHECK_EQ(last_context.uc_mcontext.gregs[REG_CR2], page + 5);
    unmap_pages(page, 1);
    check_fault(SIGSEGV, SEGV_MAPERR, page + 7, read_byte, page + 7);
    check_fault(SIGSEGV, SEGV_MAPERR, NULL, read_byte, NULL);
}

static void a_page_fault_says_where_and_why(void)
{
    read_only_page_fault();
    check_fault(SIGSEGV, SI_KERNEL, NULL, read_byte, (void *)0x4141414141414141);
}

static void a_page_beyond_the_end_is_a_bus_error(void)
{
    temp_dir_enter();
    int fd = create_file("short", "x", 1);
    char *pages = CHECK_OK(mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
    check_fault(SIGBUS, BUS_ADRERR, pages + PAGE, read_byte, pages + PAGE);
    unmap_pages(pages, 2);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("short"));
    temp_dir_leave();
}

/* Each ends in an instruction whose address is told, and stores that first. */
static const void *volatile culprit;

static void divide_by_zero(void *unused)
{
    (void)unused;
    __asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; xor %%edx, %%edx; 1: divl %1"
                     : "=m"(culprit)
                     : "m"(*(const int *)"\0\0\0")
                     : "rax", "rdx");
}

static void undefined_instruction(void *unused)
{
    (void)unused;
    __asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; 1: ud2" : "=m"(culprit) : : "rax");
}

static void x87_division(void *unused)
{
    uint16_t control = 0x37f & ~4;

    (void)unused;
    __asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; fldcw %1; fld1; fldz; fdivrp; 1: fwait"
                     : "=m"(culprit)
                     : "m"(control)
                     : "rax");
}

static void single_step(void *unused)
{
    (void)unused;
    __asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; pushf; orl $0x100, (%%rsp); popf; nop\n"
                     "1: andl $~0x100, (%%rsp)"
                     : "=m"(culprit)
                     :
                     : "rax", "cc", "memory");
}

static void breakpoint(void *unused)
{
    (void)unused;
    __asm__ volatile("int3");
}

static void check_fault_at_culprit(int signal, int code, void (*fault)(void *))
{
    handle_info(signal, escape, 0);
    if (sigsetjmp(after_fault, 1) == 0)
        fault(NULL);
    CHECK_EQ(calls, 1);
    CHECK_EQ(last_info.si_signo, signal);
    CHECK_EQ(last_info.si_code, code);
    CHECK_EQ(last_info.si_addr, culprit);
    CHECK_EQ(last_context.uc_mcontext.gregs[REG_RIP], culprit);
    handle(signal, SIG_DFL, 0);
}

static void exceptions_say_where_and_why(void)
{
    check_fault_at_culprit(SIGFPE, FPE_INTDIV, divide_by_zero);
    check_fault_at_culprit(SIGFPE, FPE_FLTDIV, x87_division);
    check_fault_at_culprit(SIGILL, ILL_ILLOPN, undefined_instruction);
    check_fault_at_culprit(SIGTRAP, TRAP_TRACE, single_step);
    check_fault(SIGTRAP, SI_KERNEL, NULL, breakpoint, NULL);
}

static void exit_7(void *unused)
{
    (void)unused;
    _exit(7);
}

static void check_child_told(pid_t pid, int code, int status)
{
    CHECK_EQ(wait_child(pid) >= 0, 1);
    CHECK_EQ(calls, 1);
    CHECK_EQ(last_info.si_code, code);
    CHECK_EQ(last_info.si_pid, pid);
    CHECK_EQ(last_info.si_status, status);
    calls = 0;
}

static void the_end_of_a_child_is_told(void)
{
    handle_info(SIGCHLD, keep, SA_RESTART);
    check_child_told(start_child(exit_7, NULL), CLD_EXITED, 7);
    pid_t pid = start_child(wait_for_ever, NULL);
    CHECK_OK(kill(pid, SIGKILL));
    check_child_told(pid, CLD_KILLED, SIGKILL);
    handle(SIGCHLD, SIG_DFL, 0);
}

static void nocldwait_leaves_no_zombies(void)
{
    handle_info(SIGCHLD, keep, SA_RESTART | SA_NOCLDWAIT);
    pid_t pid = start_child(exit_7, NULL);
    CHECK_ERR(ECHILD, waitpid(pid, NULL, 0)); /* after it has ended */
    CHECK_EQ(calls, 1);
    CHECK_EQ(last_info.si_pid, pid);
    handle(SIGCHLD, SIG_DFL, 0);
}

/* Changing what was interrupted. */

static void skip_ud2(int signal, siginfo_t *info, void *context)
{
    keep(signal, info, context);
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 4711;
}

static void a_handler_may_change_registers(void)
{
    long result;

    handle_info(SIGILL, skip_ud2, 0);
    __asm__ volatile("ud2" : "=a"(result));
    CHECK_EQ(result, 4711);
    CHECK_EQ(calls, 1);
    handle(SIGILL, SIG_DFL, 0);
}

static void make_writable(int signal, siginfo_t *info, void *context)
{
    keep(signal, info, context);
    CHECK_OK(mprotect((void *)((uintptr_t)info->si_addr & ~(PAGE - 1)), PAGE, PROT_WRITE));
}

/* As garbage collectors do. */
static void a_handler_may_mend_a_page(void)
{
    char *page = map_pages(1);

    CHECK_OK(mprotect(page, PAGE, PROT_NONE));
    handle_info(SIGSEGV, make_writable, 0);
    poke(page + 9, 42);
    CHECK_EQ(peek(page + 9), 42);
    CHECK_EQ(calls, 1);
    handle(SIGSEGV, SIG_DFL, 0);
    unmap_pages(page, 1);
}

/* A handler uses every register, and the floating-point unit, as it likes. */
static void scribble(int signal)
{
    static double sink;

    count(signal);
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

/* Fills the registers, faults, and stores what they are then. */
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

    handle_info(SIGILL, scribble_and_skip, 0);
    fault_with_registers(&after);
    CHECK_EQ(calls, 1);
    const uint64_t *values = &after.rbx;
    for (int i = 0; i < 13; i++)
        CHECK_EQ(values[i], i + 1);
    CHECK_EQ(after.red_zone, 14);
    CHECK_EQ(after.flags & 1, 1);
    CHECK(memcmp(after.xmm6, before.xmm6, 16) == 0);
    CHECK(memcmp(after.xmm15, before.xmm15, 16) == 0);
    handle(SIGILL, SIG_DFL, 0);
}

static uintptr_t entry_rsp __attribute__((used));
static uint32_t entry_mxcsr __attribute__((used));
static uint64_t entry_flags __attribute__((used));

/* Where a handler begins: nothing was pushed yet. */
__attribute__((naked)) static void note_entry(int signal __attribute__((unused)))
{
    __asm__ volatile("mov %rsp, entry_rsp(%rip); stmxcsr entry_mxcsr(%rip); pushf; popq "
                     "entry_flags(%rip); ret");
}

static void a_handler_begins_as_the_abi_says(void)
{
    uint32_t rounding = 0x3f80, own;

    handle(SIGUSR1, note_entry, 0);
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
    handle(SIGUSR1, SIG_DFL, 0);
}

/* Stacks. */

static char alternate[64 * 1024] __attribute__((aligned(16)));
static bool was_on_alternate, told_on_stack;

static bool is_on_alternate(const void *address)
{
    return (const char *)address >= alternate &&
           (const char *)address < alternate + sizeof(alternate);
}

static void note_stack(int signal)
{
    stack_t stack;

    count(signal);
    was_on_alternate = is_on_alternate(__builtin_frame_address(0));
    CHECK_OK(sigaltstack(NULL, &stack));
    told_on_stack = stack.ss_flags & SS_ONSTACK;
    stack.ss_flags = 0;
    if (told_on_stack)
        CHECK_ERR(EPERM, sigaltstack(&stack, NULL));
}

static void use_alternate(void)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};

    CHECK_OK(sigaltstack(&stack, NULL));
}

static void drop_alternate(void)
{
    CHECK_OK(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL));
}

static void a_handler_may_have_its_own_stack(void)
{
    stack_t stack;

    use_alternate();
    handle(SIGUSR1, note_stack, SA_ONSTACK);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK(was_on_alternate && told_on_stack);
    handle(SIGUSR1, note_stack, 0);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK(!was_on_alternate && !told_on_stack);
    CHECK_OK(sigaltstack(NULL, &stack));
    CHECK_EQ(stack.ss_sp, alternate);
    CHECK_EQ(stack.ss_size, sizeof(alternate));
    CHECK_EQ(stack.ss_flags, 0);
    drop_alternate();
    CHECK_OK(sigaltstack(NULL, &stack));
    CHECK_EQ(stack.ss_flags, SS_DISABLE);
}

static void sigaltstack_says_what_is_wrong(void)
{
    CHECK_ERR(ENOMEM, sigaltstack(&(stack_t){.ss_sp = alternate, .ss_size = 100}, NULL));
    CHECK_ERR(EINVAL,
              syscall(SYS_sigaltstack,
                      &(stack_t){.ss_sp = alternate, .ss_size = 8192, .ss_flags = 4}, NULL));
    CHECK_ERR(EFAULT, syscall(SYS_sigaltstack, (void *)8, NULL));
}

/* Goes down the stack until it ends. */
static void overflow_stack(void *unused)
{
    (void)unused;
    __asm__ volatile("1: push %rax; jmp 1b");
    __builtin_unreachable();
}

static void an_overflown_stack_can_be_handled(void)
{
    use_alternate();
    handle_info(SIGSEGV, escape, SA_ONSTACK);
    if (sigsetjmp(after_fault, 1) == 0)
        overflow_stack(NULL);
    CHECK_EQ(calls, 1);
    handle(SIGSEGV, SIG_DFL, 0);
    drop_alternate();
}

static void overflow_with_handler(void *unused)
{
    (void)unused;
    handle_info(SIGSEGV, escape, 0); /* on the stack that has no room left */
    overflow_stack(NULL);
}

static void no_place_for_a_frame_kills(void)
{
    CHECK(dies_by(SIGSEGV, overflow_with_handler, NULL));
}

/* Longer than a red zone, shorter than a page: the frame's own page comes by a fault. */
static void raise_on_fresh_stack(void *stack)
{
    stack_t alternate_stack = {.ss_sp = stack, .ss_size = 16 * PAGE};

    CHECK_OK(sigaltstack(&alternate_stack, NULL));
    handle(SIGUSR1, count, SA_ONSTACK);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(calls, 1);
}

static void a_frame_arrives_by_page_fault(void)
{
    char *stack = map_pages(16);

    CHECK(exits_with(0, raise_on_fresh_stack, stack));
    unmap_pages(stack, 16);
}

static void handle_without_restorer(void *unused)
{
    struct {
        void (*handler)(int);
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } action = {count, 0, NULL, 0};

    (void)unused;
    CHECK_OK(syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8));
    CHECK_OK(kill(getpid(), SIGUSR1));
}

static void handle_in_the_kernel(void *unused)
{
    (void)unused;
    handle(SIGUSR1, (void (*)(int))0xffffffff80100000, 0);
    CHECK_OK(kill(getpid(), SIGUSR1));
}

static void handle_nowhere(void *unused)
{
    (void)unused;
    handle(SIGUSR1, (void (*)(int))0x4141414141414141, 0);
    CHECK_OK(kill(getpid(), SIGUSR1));
}

static void handlers_that_cannot_be_called_kill(void)
{
    CHECK(dies_by(SIGSEGV, handle_without_restorer, NULL));
    CHECK(dies_by(SIGSEGV, handle_in_the_kernel, NULL));
    CHECK(dies_by(SIGSEGV, handle_nowhere, NULL));
}

static void fault_in_handler(int signal)
{
    (void)signal;
    read_byte(NULL);
}

static void fault_twice(void *unused)
{
    (void)unused;
    handle(SIGSEGV, fault_in_handler, 0);
    read_byte(NULL);
}

static void a_fault_in_its_own_handler_kills(void)
{
    CHECK(dies_by(SIGSEGV, fault_twice, NULL));
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
    RUN(kill_says_who);
    RUN(a_page_fault_says_where_and_why);
    RUN(a_page_beyond_the_end_is_a_bus_error);
    RUN(exceptions_say_where_and_why);
    RUN(the_end_of_a_child_is_told);
    RUN(nocldwait_leaves_no_zombies);
    RUN(a_handler_may_change_registers);
    RUN(a_handler_may_mend_a_page);
    RUN(a_handler_leaves_no_traces);
    RUN(a_handler_begins_as_the_abi_says);
    RUN(a_handler_may_have_its_own_stack);
    RUN(sigaltstack_says_what_is_wrong);
    RUN(an_overflown_stack_can_be_handled);
    RUN(no_place_for_a_frame_kills);
    RUN(a_frame_arrives_by_page_fault);
    RUN(handlers_that_cannot_be_called_kill);
    RUN(a_fault_in_its_own_handler_kills);
    return test_end();
}
