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
    handler_set_info(signal, handler_escape, 0);
    if (sigsetjmp(after_fault, 1) == 0)
        fault(NULL);
    CHECK_EQ(handler_calls, 1);
    CHECK_EQ(handled_info.si_signo, signal);
    CHECK_EQ(handled_info.si_code, code);
    CHECK_EQ(handled_info.si_addr, culprit);
    CHECK_EQ(handled_context.uc_mcontext.gregs[REG_RIP], culprit);
    handler_set(signal, SIG_DFL, 0);
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
    RUN(the_end_of_a_child_is_told);
    RUN(nocldwait_leaves_no_zombies);
    return test_end();
}
