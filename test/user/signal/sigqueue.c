/* Signals that carry a value, the queue of real-time signals, and alternate stacks that disarm
   themselves. */
#include "test.h"

#include <sys/resource.h>
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

/* ---- Real-time signals ---- */

static sigset_t realtime_set(void)
{
    sigset_t set;

    sigemptyset(&set);
    for (int n = 0; n < 3; n++)
        sigaddset(&set, SIGRTMIN + n);
    return set;
}

static sigset_t block_realtime(void)
{
    sigset_t set = realtime_set();

    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    return set;
}

static void unblock_realtime(void)
{
    sigset_t set = realtime_set();

    CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

static void send_value(int signal, long value)
{
    CHECK_OK(sigqueue(getpid(), signal, (union sigval){.sival_ptr = (void *)value}));
}

static void check_next(const sigset_t *set, int signal, long value)
{
    struct timespec at_once = {0};
    siginfo_t info;

    CHECK_EQ(CHECK_OK(sigtimedwait(set, &info, &at_once)), signal);
    CHECK_EQ((long)info.si_value.sival_ptr, value);
}

static void check_none(const sigset_t *set)
{
    struct timespec at_once = {0};

    CHECK_ERR(EAGAIN, sigtimedwait(set, NULL, &at_once));
}

static void realtime_signals_arrive_in_order(void)
{
    sigset_t set = block_realtime();

    for (long n = 1; n <= 5; n++) {
        send_value(SIGRTMIN + 1, n);
        send_value(SIGRTMIN, 10 * n);
    }
    for (long n = 1; n <= 5; n++)
        check_next(&set, SIGRTMIN, 10 * n); /* the lower number first */
    send_value(SIGRTMIN, 7);
    check_next(&set, SIGRTMIN, 7);
    for (long n = 1; n <= 5; n++)
        check_next(&set, SIGRTMIN + 1, n);
    check_none(&set);
    unblock_realtime();
}

static void other_signals_are_pending_once(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    for (long n = 1; n <= 3; n++)
        send_value(SIGUSR1, n);
    check_next(&set, SIGUSR1, 1);
    check_none(&set);
    CHECK_OK(sigprocmask(SIG_UNBLOCK, &set, NULL));
}

static long values[10];

static void keep_value(int signal, siginfo_t *info, void *context)
{
    (void)signal;
    (void)context;
    values[calls++] = (long)info->si_value.sival_ptr;
}

static void a_handler_runs_for_each(void)
{
    handle(SIGRTMIN, keep_value, 0);
    block_realtime();
    for (long n = 1; n <= 5; n++)
        send_value(SIGRTMIN, n);
    CHECK_EQ(calls, 0);
    unblock_realtime();
    CHECK_EQ(calls, 5);
    for (int n = 0; n < 5; n++)
        CHECK_EQ(values[n], n + 1);
    CHECK(signal(SIGRTMIN, SIG_DFL) != SIG_ERR);
}

static void what_is_sent_to_a_thread_comes_first(void)
{
    sigset_t set = block_realtime();

    send_value(SIGRTMIN, 1);
    for (long n = 2; n <= 3; n++)
        CHECK_OK(queue_to_thread(getpid(), getpid(), SIGRTMIN, make_info(SI_QUEUE, n)));
    send_value(SIGRTMIN, 4);
    check_next(&set, SIGRTMIN, 2);
    check_next(&set, SIGRTMIN, 3);
    check_next(&set, SIGRTMIN, 1);
    check_next(&set, SIGRTMIN, 4);
    check_none(&set);
    unblock_realtime();
}

static void kill_queues_too(void)
{
    sigset_t set = block_realtime();

    for (int n = 0; n < 3; n++)
        CHECK_OK(kill(getpid(), SIGRTMIN + 2));
    for (int n = 0; n < 3; n++)
        CHECK_EQ(CHECK_OK(sigwaitinfo(&set, NULL)), SIGRTMIN + 2);
    check_none(&set);
    unblock_realtime();
}

static void to_ignore_a_signal_discards_all(void)
{
    sigset_t set = block_realtime();

    for (long n = 1; n <= 3; n++) {
        send_value(SIGRTMIN, n);
        send_value(SIGRTMIN + 1, n);
    }
    CHECK(signal(SIGRTMIN, SIG_IGN) != SIG_ERR);
    CHECK(signal(SIGRTMIN, SIG_DFL) != SIG_ERR);
    for (long n = 1; n <= 3; n++)
        check_next(&set, SIGRTMIN + 1, n);
    check_none(&set);
    unblock_realtime();
}

static void find_none(void *unused)
{
    sigset_t set = realtime_set();

    (void)unused;
    check_none(&set);
    for (long n = 1; n <= 50; n++) /* stay pending when the process ends */
        send_value(SIGRTMIN + n % 2, n);
}

static void a_child_inherits_none(void)
{
    sigset_t set = block_realtime();

    send_value(SIGRTMIN, 1);
    send_value(SIGRTMIN, 2);
    CHECK(exits_with(0, find_none, NULL));
    check_next(&set, SIGRTMIN, 1);
    check_next(&set, SIGRTMIN, 2);
    unblock_realtime();
}

static void queue_up_to_a_limit(void *unused)
{
    sigset_t set = block_realtime();
    siginfo_t info;
    long count = 0;

    (void)unused;
    CHECK_OK(setrlimit(RLIMIT_SIGPENDING, &(struct rlimit){20, 20}));
    while (sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_ptr = (void *)count}) == 0)
        count++;
    CHECK_EQ(errno, EAGAIN);
    CHECK(count > 0 && count <= 20); /* other processes may have some pending, too */
    CHECK_ERR(EAGAIN, sigqueue(getpid(), SIGRTMIN + 1, (union sigval){0}));
    CHECK_OK(kill(getpid(), SIGRTMIN + 1)); /* arrives without its sender */
    for (long n = 0; n < count; n++)
        check_next(&set, SIGRTMIN, n);
    CHECK_EQ(CHECK_OK(sigwaitinfo(&set, &info)), SIGRTMIN + 1);
    CHECK_EQ(info.si_code, SI_USER);
    CHECK_EQ(info.si_pid, 0);
    check_none(&set);
    send_value(SIGRTMIN, 5); /* there is room again */
    check_next(&set, SIGRTMIN, 5);
}

static void the_queue_has_a_limit(void)
{
    CHECK(exits_with(0, queue_up_to_a_limit, NULL));
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
    RUN(realtime_signals_arrive_in_order);
    RUN(other_signals_are_pending_once);
    RUN(a_handler_runs_for_each);
    RUN(what_is_sent_to_a_thread_comes_first);
    RUN(kill_queues_too);
    RUN(to_ignore_a_signal_discards_all);
    RUN(a_child_inherits_none);
    RUN(the_queue_has_a_limit);
    RUN(a_stack_disarms_itself);
    return test_end();
}
