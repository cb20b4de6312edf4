/* What a signal handler is told: the sender, the address and kind of a fault, the end of a
   child. */
#include "handler.h"

#include <sys/syscall.h>

static void kill_says_who(void)
{
    handler_set_info(SIGUSR1, handler_keep, 0);
    CHECK_OK(kill(getpid(), SIGUSR1));
    CHECK_EQ(handled_info.si_signo, SIGUSR1);
    CHECK_EQ(handled_info.si_code, SI_USER);
    CHECK_EQ(handled_info.si_pid, getpid());
    CHECK_OK(syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1));
    CHECK_EQ(handled_info.si_code, SI_TKILL);
    CHECK_EQ(handled_info.si_pid, getpid());
}

/* Makes `fault` happen, and checks what its handler is told. */
static void check_fault(int signal, int code, const void *address, void (*fault)(void *), void *arg)
{
    handler_set_info(signal, handler_escape, 0);
    if (sigsetjmp(after_fault, 1) == 0) {
        fault(arg);
        test_fail(__FILE__, __LINE__, "no signal %d came", signal);
    }
    CHECK_EQ(handled_info.si_signo, signal);
    CHECK_EQ(handled_info.si_code, code);
    CHECK_EQ(handled_info.si_addr, address);
    CHECK_EQ(handler_calls, 1);
    handler_set(signal, SIG_DFL, 0);
}

static void read_only_page_fault(void)
{
    char *page = map_pages(1);

    CHECK_OK(mprotect(page, PAGE, PROT_READ));
    check_fault(SIGSEGV, SEGV_ACCERR, page + 5, write_byte, page + 5);
    CHECK_EQ(handled_context.uc_mcontext.gregs[REG_TRAPNO], 14);
    CHECK_EQ(handled_context.uc_mcontext.gregs[REG_ERR] & 6, 6); /* a user's write */
    CHECK_EQ(handled_context.uc_mcontext.gregs[REG_CR2], page + 5);
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

/* Each function stores the address of its last instruction, which then faults. */
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

static void sse_division(void *unused)
{
    uint32_t control = 0x1f80 & ~(1 << 9); /* division by zero is unmasked */

    (void)unused;
    __asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; ldmxcsr %1; mov $1, %%eax\n"
                     "cvtsi2sd %%eax, %%xmm0; xorps %%xmm1, %%xmm1; 1: divsd %%xmm1, %%xmm0"
                     : "=m"(culprit)
                     : "m"(control)
                     : "rax", "xmm0", "xmm1");
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

/* Defines a function whose instruction `code` is the culprit; "1:" is where the
   exception says that it happened. */
#define CULPRIT(name, code)                                           \
    static void name(void *unused)                                    \
    {                                                                 \
        (void)unused;                                                 \
        __asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; " code \
                         : "=m"(culprit)                              \
                         :                                            \
                         : "rax", "rdx", "memory");                   \
    }

CULPRIT(breakpoint, "int3; 1: nop")
CULPRIT(long_breakpoint, "int $3; 1: nop")
CULPRIT(overflow, "int $4; 1: nop")
CULPRIT(bound, "1: int $5")
CULPRIT(own_page_fault, "1: int $14")
CULPRIT(device_interrupt, "1: int $0x31")
CULPRIT(halt, "1: hlt")
CULPRIT(bad_selector, "mov $0x3fb, %%edx; 1: mov %%edx, %%ds")
CULPRIT(not_canonical, "mov $0x4141414141414141, %%rdx; 1: mov (%%rdx), %%rdx")
CULPRIT(null_read, "xor %%edx, %%edx; 1: mov (%%rdx), %%rdx")
CULPRIT(null_write, "xor %%edx, %%edx; 1: mov %%rdx, (%%rdx)")
CULPRIT(kernel_read, "mov $0xffffffff80200000, %%rdx; 1: mov (%%rdx), %%rdx")
CULPRIT(text_write, "1: mov %%edx, 1b(%%rip)")

/* An exception, and what its handler is told. */
struct exception {
    void (*cause)(void *);
    int signal, code;
    bool has_address; /* that of the culprit; a page fault has its own */
    int vector, error;
};

static const struct exception exceptions[] = {
    {divide_by_zero, SIGFPE, FPE_INTDIV, true, 0, 0},
    {x87_division, SIGFPE, FPE_FLTDIV, true, 16, 0},
    {sse_division, SIGFPE, FPE_FLTDIV, true, 19, 0},
    {undefined_instruction, SIGILL, ILL_ILLOPN, true, 6, 0},
    {single_step, SIGTRAP, TRAP_TRACE, true, 1, 0},
    {breakpoint, SIGTRAP, SI_KERNEL, false, 3, 0},
    {long_breakpoint, SIGTRAP, SI_KERNEL, false, 3, 0},
    {overflow, SIGSEGV, SI_KERNEL, false, 4, 0},
    {bound, SIGSEGV, SI_KERNEL, false, 13, 5 * 8 + 2}, /* the gate: a bit says "IDT" */
    {own_page_fault, SIGSEGV, SI_KERNEL, false, 13, 14 * 8 + 2},
    {device_interrupt, SIGSEGV, SI_KERNEL, false, 13, 0x31 * 8 + 2},
    {halt, SIGSEGV, SI_KERNEL, false, 13, 0},
    {bad_selector, SIGSEGV, SI_KERNEL, false, 13, 0x3f8},
    {not_canonical, SIGSEGV, SI_KERNEL, false, 13, 0},
};

/* Causes the exception in a way that its handler escapes from. */
static void cause(void (*cause)(void *), int signal)
{
    handler_set_info(signal, handler_escape, 0);
    if (sigsetjmp(after_fault, 1) == 0)
        cause(NULL);
    CHECK_EQ(handler_calls, 1);
    CHECK_EQ(handled_info.si_signo, signal);
    handler_set(signal, SIG_DFL, 0);
}

static void check_context(int vector, int error, const void *cr2)
{
    const greg_t *registers = handled_context.uc_mcontext.gregs;

    CHECK_EQ(registers[REG_TRAPNO], vector);
    CHECK_EQ(registers[REG_ERR], error);
    CHECK_EQ(registers[REG_CR2], cr2);
}

static void exceptions_say_where_and_why(void)
{
    cause(null_read, SIGSEGV); /* what it leaves in CR2, later exceptions show */
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
        const struct exception *exception = &exceptions[i];
        int error = exception->error;

        if (exception->vector == 19 && on_pagoda())
            continue; /* QEMU's software emulation never raises it */
        cause(exception->cause, exception->signal);
        CHECK_EQ(handled_info.si_code, exception->code);
        CHECK_EQ(handled_info.si_addr, exception->has_address ? culprit : NULL);
        CHECK_EQ(handled_context.uc_mcontext.gregs[REG_RIP], culprit);
        if (exception->error & 2 && on_pagoda()) /* QEMU 7.2 gives 16 times the gate */
            error = handled_context.uc_mcontext.gregs[REG_ERR];
        check_context(exception->vector, error, NULL);
    }
}

static void check_page_fault(void (*fault)(void *), int code, int error, const void *address)
{
    cause(fault, SIGSEGV);
    CHECK_EQ(handled_info.si_code, code);
    CHECK_EQ(handled_info.si_addr, address);
    CHECK_EQ(handled_context.uc_mcontext.gregs[REG_RIP], culprit);
    check_context(14, error, address);
}

static void page_faults_have_an_error_code(void)
{
    check_page_fault(null_read, SEGV_MAPERR, 4, NULL);
    check_page_fault(null_write, SEGV_MAPERR, 6, NULL);
    check_page_fault(kernel_read, SEGV_MAPERR, 5, (void *)0xffffffff80200000);
    cause(text_write, SIGSEGV);
    check_context(14, 7, (const void *)culprit);

    char *page = map_pages(1);
    page[0] = 1;
    check_fault(SIGSEGV, SEGV_ACCERR, page, call_code, page);
    check_context(14, 0x15, page);
    CHECK_OK(mprotect(page, PAGE, PROT_NONE));
    check_fault(SIGSEGV, SEGV_ACCERR, page + 8, read_byte, page + 8);
    check_context(14, 4, page + 8);
    unmap_pages(page, 1);
}

static void a_later_signal_shows_the_last_exception(void)
{
    cause(kernel_read, SIGSEGV);
    cause(halt, SIGSEGV);
    handler_set_info(SIGUSR1, handler_keep, 0);
    CHECK_OK(raise(SIGUSR1));
    check_context(13, 0, (void *)0xffffffff80200000);
    handler_set(SIGUSR1, SIG_DFL, 0);
}

/* A debugger takes 0x33 for 64-bit code, and 0x23 for 32-bit code. */
static void the_segments_are_those_of_linux(void)
{
    cause(undefined_instruction, SIGILL);
    uint64_t segments = handled_context.uc_mcontext.gregs[REG_CSGSFS];
    CHECK_EQ(segments & 0xffff, 0x33);
    CHECK_EQ(segments >> 48, 0x2b);
}

static void exit_7(void *unused)
{
    (void)unused;
    _exit(7);
}

static void check_child_told(pid_t pid, int code, int status)
{
    CHECK_EQ(wait_child(pid) >= 0, 1);
    CHECK_EQ(handler_calls, 1);
    CHECK_EQ(handled_info.si_code, code);
    CHECK_EQ(handled_info.si_pid, pid);
    CHECK_EQ(handled_info.si_status, status);
    handler_calls = 0;
}

static void the_end_of_a_child_is_told(void)
{
    handler_set_info(SIGCHLD, handler_keep, SA_RESTART);
    check_child_told(start_child(exit_7, NULL), CLD_EXITED, 7);
    pid_t pid = start_child(wait_for_ever, NULL);
    CHECK_OK(kill(pid, SIGKILL));
    check_child_told(pid, CLD_KILLED, SIGKILL);
    handler_set(SIGCHLD, SIG_DFL, 0);
}

static void nocldwait_leaves_no_zombies(void)
{
    handler_set_info(SIGCHLD, handler_keep, SA_RESTART | SA_NOCLDWAIT);
    pid_t pid = start_child(exit_7, NULL);
    CHECK_ERR(ECHILD, waitpid(pid, NULL, 0)); /* after it has ended */
    CHECK_EQ(handler_calls, 1);
    CHECK_EQ(handled_info.si_pid, pid);
    handler_set(SIGCHLD, SIG_DFL, 0);
}

int main(void)
{
    RUN(kill_says_who);
    RUN(a_page_fault_says_where_and_why);
    RUN(a_page_beyond_the_end_is_a_bus_error);
    RUN(exceptions_say_where_and_why);
    RUN(page_faults_have_an_error_code);
    RUN(a_later_signal_shows_the_last_exception);
    RUN(the_segments_are_those_of_linux);
    RUN(the_end_of_a_child_is_told);
    RUN(nocldwait_leaves_no_zombies);
    return test_end();
}
