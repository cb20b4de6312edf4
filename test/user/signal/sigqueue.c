/* Signals that carry a value, and alternate stacks that disarm themselves. */
#include "test.h"

#include <sys/syscall.h>

static volatile sig_atomic_t calls;
static siginfo_t last;

static void keep(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    last = *info;
    calls++;
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *), int flags)
{
    CHECK_OK(sigaction(signal,
                       &(struct sigaction){.sa_sigaction = handler, .sa_flags = flags | SA_SIGINFO},
                       NULL));
    calls = 0;
}

static siginfo_t make_info(int code, long value)
{
    siginfo_t info;

    memset(&info, 0, sizeof(info));
    info.si_code = code;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_ptr = (void *)value;
    return info;
}

static long queue(pid_t pid, int signal, siginfo_t info)
{
    return syscall(SYS_rt_sigqueueinfo, pid, signal, &info);
}

static long queue_to_thread(pid_t tgid, pid_t tid, int signal, siginfo_t info)
{
    return syscall(SYS_rt_tgsigqueueinfo, tgid, tid, signal, &info);
}

static void check_told(int code, long value)
{
    CHECK_EQ(calls, 1);
    CHECK_EQ(last.si_code, code);
    CHECK_EQ(last.si_pid, getpid());
    CHECK_EQ(last.si_uid, getuid());
    CHECK_EQ((long)last.si_ptr, value);
    calls = 0;
}

static void a_value_arrives(void)
{
    long value = 0x123456789abcdef;

    handle(SIGUSR1, keep, 0);
    CHECK_OK(sigqueue(getpid(), SIGUSR1, (union sigval){.sival_ptr = (void *)value}));
    check_told(SI_QUEUE, value);
    CHECK_OK(queue_to_thread(getpid(), getpid(), SIGUSR1, make_info(SI_QUEUE, -1)));
    check_told(SI_QUEUE, -1);
    CHECK_OK(
        queue(getpid(), SIGUSR1, make_info(-55, 77))); /* any reason that is not the kernel's */
    check_told(-55, 77);
}

static void a_value_is_waited_for(void)
{
    sigset_t set;
    siginfo_t info;

    sigemptyset(&set);
    sigaddset(&set, SIGRTMIN);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_OK(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 4711}));
    CHECK_EQ(CHECK_OK(sigwaitinfo(&set, &info)), SIGRTMIN);
    CHECK_EQ(info.si_code, SI_QUEUE);
    CHECK_EQ(info.si_value.sival_int, 4711);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

/* The siginfo of a signal, and the bytes behind the part that the signal uses. */
static void the_rest_of_what_is_told_is_zero(void)
{
    sigset_t set;
    siginfo_t info;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_OK(raise(SIGUSR1));
    memset(&info, 0xee, sizeof(info));
    CHECK_EQ(CHECK_OK(syscall(SYS_rt_sigtimedwait, &set, &info, NULL, 8)), SIGUSR1);
    CHECK(is_zero((const char *)(&info.si_code + 1), 4));
    CHECK(is_zero((const char *)(&info.si_uid + 1),
                  (char *)(&info + 1) - (char *)(&info.si_uid + 1)));
    handle(SIGUSR1, keep, 0);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(calls, 1);
    CHECK(is_zero((const char *)(&last.si_code + 1), 4));
    CHECK(is_zero((const char *)(&last.si_uid + 1),
                  (char *)(&last + 1) - (char *)(&last.si_uid + 1)));
}

static void queueing_says_what_is_wrong(void)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_ERR(EPERM, queue(pid, SIGUSR1, make_info(SI_USER, 0)));
    CHECK_ERR(EPERM, queue(pid, SIGUSR1, make_info(SI_TKILL, 0)));
    CHECK_ERR(EPERM, queue(pid, SIGUSR1, make_info(SI_KERNEL, 0)));
    CHECK_ERR(EPERM, queue(1 << 22, SIGUSR1, make_info(SI_USER, 0)));
    CHECK_ERR(ESRCH, queue(1 << 22, SIGUSR1, make_info(SI_QUEUE, 0)));
    CHECK_ERR(EINVAL, queue(pid, 65, make_info(SI_QUEUE, 0)));
    CHECK_ERR(EINVAL, queue(pid, -1, make_info(SI_QUEUE, 0)));
    CHECK_ERR(EINVAL, queue_to_thread(pid, 0, SIGUSR1, make_info(SI_QUEUE, 0)));
    CHECK_ERR(EINVAL, queue_to_thread(-1, pid, SIGUSR1, make_info(SI_QUEUE, 0)));
    CHECK_ERR(ESRCH, queue_to_thread(getpid(), pid, SIGUSR1, make_info(SI_QUEUE, 0)));
    CHECK_OK(queue(pid, 0, make_info(SI_QUEUE, 0))); /* only asks */
    CHECK_OK(queue(pid, SIGKILL, make_info(SI_QUEUE, 0)));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    handle(SIGUSR1, keep, 0);
    CHECK_OK(queue(getpid(), SIGUSR1, make_info(SI_USER, 0))); /* to oneself one may say anything */
    CHECK_EQ(calls, 1);
    CHECK_EQ(last.si_code, SI_USER);
}

/* ---- Stacks ---- */

#define STACK_SIZE (16 * KIB)
#define DISARM     (1U << 31) /* SS_AUTODISARM */
static char stack_bytes[2][STACK_SIZE];

static bool is_on(const char *stack, const void *place)
{
    return (uintptr_t)place - (uintptr_t)stack < STACK_SIZE;
}

static void set_stack(char *stack, unsigned flags)
{
    CHECK_OK(
        sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = STACK_SIZE, .ss_flags = flags}, NULL));
}

static unsigned stack_flags(void)
{
    stack_t now;

    CHECK_OK(sigaltstack(NULL, &now));
    return now.ss_flags;
}

static void nest_on_other_stack(int signal, siginfo_t *info, void *context)
{
    char here;

    (void)info;
    (void)context;
    calls++;
    CHECK_EQ(stack_flags(), SS_DISABLE);
    CHECK(is_on(stack_bytes[calls - 1], &here));
    if (calls > 1)
        return;
    set_stack(stack_bytes[1], DISARM); /* it is free to have another one meanwhile */
    CHECK_OK(raise(signal));
    CHECK_EQ(calls, 2);
    CHECK_EQ(stack_flags(), DISARM);
}

static void a_stack_disarms_itself(void)
{
    stack_t after;

    set_stack(stack_bytes[0], DISARM);
    CHECK_EQ(stack_flags(), DISARM);
    handle(SIGUSR1, nest_on_other_stack, SA_ONSTACK | SA_NODEFER);
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(calls, 2);
    CHECK_OK(sigaltstack(NULL, &after));
    CHECK_EQ((unsigned)after.ss_flags, DISARM);
    CHECK_EQ((uintptr_t)after.ss_sp, (uintptr_t)stack_bytes[0]);
    CHECK_ERR(EINVAL, sigaltstack(&(stack_t){.ss_size = STACK_SIZE, .ss_flags = DISARM | 4}, NULL));
    CHECK_OK(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL));
    CHECK_EQ(stack_flags(), SS_DISABLE);
    CHECK_OK(
        sigaltstack(&(stack_t){.ss_sp = stack_bytes[0], .ss_flags = SS_DISABLE | DISARM}, NULL));
    CHECK_OK(sigaltstack(NULL, &after));
    CHECK_EQ((unsigned)after.ss_flags, SS_DISABLE | DISARM);
    CHECK_EQ((uintptr_t)after.ss_sp, 0);
    CHECK_EQ(after.ss_size, 0);
    handle(SIGUSR1, keep, SA_ONSTACK); /* there is no stack to go to */
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(stack_flags(), SS_DISABLE | DISARM);
    CHECK_OK(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL));
}

int main(void)
{
    RUN(a_value_arrives);
    RUN(a_value_is_waited_for);
    RUN(the_rest_of_what_is_told_is_zero);
    RUN(queueing_says_what_is_wrong);
    RUN(a_stack_disarms_itself);
    return test_end();
}
