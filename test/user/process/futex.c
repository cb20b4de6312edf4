/* Futexes: waiting for a word of memory to change.

   The processes of most cases share their memory (CLONE_VM) and so the thread-local data of the C
   library. So a child makes its calls itself, and leaves errno alone. */
#include "test.h"

#include <sched.h>
#include <sys/syscall.h>
#include <time.h>

/* As <linux/futex.h> has them. */
#define FUTEX_WAIT             0
#define FUTEX_WAKE             1
#define FUTEX_WAIT_BITSET      9
#define FUTEX_WAKE_BITSET      10
#define FUTEX_PRIVATE          128
#define FUTEX_CLOCK_REALTIME   256
#define FUTEX_BITSET_MATCH_ANY UINT32_MAX

#define FUTEX_WAIT_PRIVATE        (FUTEX_WAIT | FUTEX_PRIVATE)
#define FUTEX_WAKE_PRIVATE        (FUTEX_WAKE | FUTEX_PRIVATE)
#define FUTEX_WAIT_BITSET_PRIVATE (FUTEX_WAIT_BITSET | FUTEX_PRIVATE)
#define FUTEX_WAKE_BITSET_PRIVATE (FUTEX_WAKE_BITSET | FUTEX_PRIVATE)

struct robust_list_head {
    void *first;
    long offset;
    void *pending;
};

#define STACK_BYTES (64 * KIB)

static uint32_t word;
static volatile int woken; /* children whose wait has returned 0 */

/* Makes the call without the C library. Returns -errno on failure. */
static long futex(volatile uint32_t *at, int op, uint32_t value, const void *timeout, uint32_t bits)
{
    register const void *r10 __asm__("r10") = timeout;
    register long r8 __asm__("r8") = 0;
    register long r9 __asm__("r9") = bits;
    long result;

    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(SYS_futex), "D"(at), "S"(op), "d"(value), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

static long wait_for(uint32_t value)
{
    return futex(&word, FUTEX_WAIT_PRIVATE, value, NULL, 0);
}

static long wake(int limit)
{
    return futex(&word, FUTEX_WAKE_PRIVATE, limit, NULL, 0);
}

/* Starts a child that shares all memory. */
static pid_t start_sharer(int (*body)(void *), void *arg, int flags, int *tid)
{
    static char stacks[4][STACK_BYTES] __attribute__((aligned(16)));
    static unsigned next;

    char *top = stacks[next++ % ARRAY_SIZE(stacks)] + STACK_BYTES;
    return CHECK_OK(clone(body, top, CLONE_VM | SIGCHLD | flags, arg, NULL, NULL, tid));
}

static int wait_at_word(void *bits)
{
    long result = futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, (uintptr_t)bits);

    if (result == 0)
        __atomic_add_fetch(&woken, 1, __ATOMIC_SEQ_CST);
    return -result;
}

static pid_t start_waiter(uint32_t bits)
{
    pid_t pid = start_sharer(wait_at_word, (void *)(uintptr_t)bits, 0, NULL);

    await_state(pid, 'S');
    return pid;
}

static void a_wake_up_without_waiters_wakes_none(void)
{
    CHECK_EQ(wake(1), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE, INT32_MAX, NULL, 0), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, 1), 0);
}

static void a_word_that_differs_ends_the_wait(void)
{
    word = 1;
    CHECK_EQ(wait_for(0), -EAGAIN);
    CHECK_EQ(futex(&word, FUTEX_WAIT, 2, NULL, 0), -EAGAIN);
    CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, 1), -EAGAIN);
    word = 0;
}

static void bad_arguments_are_refused(void)
{
    static const struct timespec bad = {.tv_nsec = 1000000000}, before_time = {.tv_sec = -1};
    uint32_t *hole = (uint32_t *)map_hole(1), *half = (uint32_t *)((char *)&word + 2);
    uint32_t *kernel = (uint32_t *)0xffff888000000000;

    CHECK_EQ(futex(half, FUTEX_WAIT_PRIVATE, 0, NULL, 0), -EINVAL);
    CHECK_EQ(futex(half, FUTEX_WAKE_PRIVATE, 1, NULL, 0), -EINVAL);
    CHECK_EQ(futex(hole, FUTEX_WAIT_PRIVATE, 0, NULL, 0), -EFAULT);
    CHECK_EQ(futex(hole, FUTEX_WAIT, 0, NULL, 0), -EFAULT);
    CHECK_EQ(futex(hole, FUTEX_WAKE, 1, NULL, 0), -EFAULT);
    CHECK_EQ(futex(hole, FUTEX_WAKE_PRIVATE, 1, NULL, 0), 0);
    CHECK_EQ(futex(kernel, FUTEX_WAIT_PRIVATE, 0, NULL, 0), -EFAULT);
    CHECK_EQ(futex(kernel, FUTEX_WAKE_PRIVATE, 1, NULL, 0), -EFAULT);
    CHECK_EQ(futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, 0), -EINVAL);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 1, NULL, 0), -EINVAL);
    CHECK_EQ(futex(&word, FUTEX_WAIT_PRIVATE, 0, &bad, 0), -EINVAL);
    CHECK_EQ(futex(&word, FUTEX_WAIT_PRIVATE, 0, &before_time, 0), -EINVAL);
    CHECK_EQ(futex(&word, FUTEX_WAIT_PRIVATE, 0, hole, 0), -EFAULT);
    CHECK_EQ(futex(&word, FUTEX_WAIT_PRIVATE | FUTEX_CLOCK_REALTIME, 0, NULL, 0), -ENOSYS);
    CHECK_EQ(futex(&word, FUTEX_WAKE_PRIVATE | FUTEX_CLOCK_REALTIME, 0, NULL, 0), -ENOSYS);
    CHECK_EQ(futex(&word, 99, 0, NULL, 0), -ENOSYS);
}

static uint64_t now(int clock)
{
    struct timespec time;

    CHECK_OK(syscall(SYS_clock_gettime, clock, &time));
    return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void a_wait_ends_at_its_timeout(void)
{
    static const struct timespec moment = {.tv_nsec = 3000000}, none;
    uint64_t start = now(CLOCK_MONOTONIC);

    CHECK_EQ(futex(&word, FUTEX_WAIT_PRIVATE, 0, &moment, 0), -ETIMEDOUT);
    CHECK(now(CLOCK_MONOTONIC) - start >= 3000000);
    CHECK_EQ(futex(&word, FUTEX_WAIT_PRIVATE, 0, &none, 0), -ETIMEDOUT);
}

static void a_wait_by_a_clock_ends_at_its_time(void)
{
    static const int flags[] = {0, FUTEX_CLOCK_REALTIME};
    static const int clocks[] = {CLOCK_MONOTONIC, CLOCK_REALTIME};

    for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
        int op = FUTEX_WAIT_BITSET_PRIVATE | flags[i];
        uint64_t end = now(clocks[i]) + 3000000;
        struct timespec time = {.tv_sec = end / 1000000000, .tv_nsec = end % 1000000000};

        CHECK_EQ(futex(&word, op, 0, &time, 1), -ETIMEDOUT);
        CHECK(now(clocks[i]) >= end);
        CHECK_EQ(futex(&word, op, 0, &time, 1), -ETIMEDOUT);
    }
}

static void as_many_are_woken_as_asked(void)
{
    pid_t pids[3];

    woken = 0;
    for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
        pids[i] = start_waiter(FUTEX_BITSET_MATCH_ANY);
    CHECK_EQ(wake(2), 2);
    CHECK(exited_with(wait_child(pids[0]), 0));
    CHECK(exited_with(wait_child(pids[1]), 0));
    CHECK_EQ(process_state(pids[2]), 'S');
    CHECK_EQ(woken, 2);
    CHECK_EQ(wake(0), 1); /* as on Linux */
    CHECK(exited_with(wait_child(pids[2]), 0));
    CHECK_EQ(wake(1), 0);
}

static void a_wake_up_is_for_its_bits(void)
{
    pid_t first = start_waiter(1), second = start_waiter(6);

    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, NULL, 8), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 9, NULL, 2), 1);
    CHECK(exited_with(wait_child(second), 0));
    CHECK_EQ(process_state(first), 'S');
    CHECK_EQ(wake(9), 1);
    CHECK(exited_with(wait_child(first), 0));
}

static void a_wake_up_is_for_its_word(void)
{
    uintptr_t address = (uintptr_t)&word;
    pid_t pid = start_waiter(FUTEX_BITSET_MATCH_ANY);

    CHECK_EQ(futex((uint32_t *)(address + 4), FUTEX_WAKE_PRIVATE, 9, NULL, 0), 0);
    CHECK_EQ(futex((uint32_t *)(address - 4), FUTEX_WAKE_PRIVATE, 9, NULL, 0), 0);
    CHECK_EQ(wake(9), 1);
    CHECK(exited_with(wait_child(pid), 0));
}

static void wait_in_a_copy(void *unused)
{
    (void)unused;
    wait_for(0);
}

/* The word has the same address in parent and child, and is not the same. */
static void private_memory_has_words_of_its_own(void)
{
    pid_t pid = start_child(wait_in_a_copy, NULL);

    await_state(pid, 'S');
    CHECK_EQ(wake(9), 0);
    CHECK_EQ(futex(&word, FUTEX_WAKE, 9, NULL, 0), 0);
    CHECK_EQ(process_state(pid), 'S');
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

static void a_killed_waiter_is_gone(void)
{
    pid_t pid = start_waiter(1);

    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    CHECK_EQ(wake(9), 0);
}

/* Signals. */

static volatile sig_atomic_t calls;

static void count(int signal)
{
    (void)signal;
    calls++;
}

static void handle(int flags)
{
    CHECK_OK(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = count, .sa_flags = flags}, NULL));
    calls = 0;
}

static void signal_a_sleeper(void *unused)
{
    (void)unused;
    await_state(getppid(), 'S');
    CHECK_OK(kill(getppid(), SIGUSR1));
}

static void a_handler_interrupts_a_wait(void)
{
    static const struct timespec hour = {.tv_sec = 3600};

    handle(0);
    pid_t pid = start_child(signal_a_sleeper, NULL);
    CHECK_EQ(wait_for(0), -EINTR);
    CHECK(exited_with(wait_child(pid), 0));
    handle(SA_RESTART); /* does not matter to a wait with a timeout */
    pid = start_child(signal_a_sleeper, NULL);
    CHECK_EQ(futex(&word, FUTEX_WAIT_PRIVATE, 0, &hour, 0), -EINTR);
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_EQ(calls, 1);
}

static void a_wait_is_started_again(void)
{
    handle(SA_RESTART);
    pid_t pid = start_waiter(1);
    CHECK_OK(kill(pid, SIGUSR1));
    while (calls == 0)
        sched_yield();
    await_state(pid, 'S');
    CHECK_EQ(wake(1), 1);
    CHECK(exited_with(wait_child(pid), 0));
}

/* The end of a child. */

static int leave(void *unused)
{
    (void)unused;
    return 0;
}

static void a_word_is_cleared_when_a_child_ends(void)
{
    static volatile int tid;

    tid = -1;
    pid_t pid = start_sharer(leave, NULL, CLONE_CHILD_CLEARTID, (int *)&tid);
    while (tid == -1) {
        long result = futex((uint32_t *)&tid, FUTEX_WAIT, -1, NULL, 0);
        CHECK(result == 0 || result == -EAGAIN);
    }
    CHECK_EQ(tid, 0);
    CHECK(exited_with(wait_child(pid), 0));
}

static void robust_lists_are_kept(void)
{
    struct robust_list_head head = {0}, *got;
    size_t len;

    CHECK_OK(syscall(SYS_set_robust_list, &head, sizeof(head)));
    CHECK_OK(syscall(SYS_get_robust_list, 0, &got, &len));
    CHECK(got == &head && len == sizeof(head));
    CHECK_OK(syscall(SYS_get_robust_list, getpid(), &got, &len));
    CHECK_ERR(EINVAL, syscall(SYS_set_robust_list, &head, sizeof(head) - 1));
    CHECK_ERR(ESRCH, syscall(SYS_get_robust_list, 1 << 22, &got, &len));
    CHECK_ERR(EFAULT, syscall(SYS_get_robust_list, 0, NULL, &len));
    CHECK_OK(syscall(SYS_set_robust_list, NULL, sizeof(head)));
}

static void refused_calls_have_no_effect(void)
{
    CHECK_ERR(ENOSYS, syscall(SYS_rseq, NULL, 32, 0, 0));
}

int main(void)
{
    RUN(a_wake_up_without_waiters_wakes_none);
    RUN(a_word_that_differs_ends_the_wait);
    RUN(bad_arguments_are_refused);
    RUN(a_wait_ends_at_its_timeout);
    RUN(a_wait_by_a_clock_ends_at_its_time);
    RUN(as_many_are_woken_as_asked);
    RUN(a_wake_up_is_for_its_bits);
    RUN(a_wake_up_is_for_its_word);
    RUN(private_memory_has_words_of_its_own);
    RUN(a_killed_waiter_is_gone);
    RUN(a_handler_interrupts_a_wait);
    RUN(a_wait_is_started_again);
    RUN(a_word_is_cleared_when_a_child_ends);
    RUN(robust_lists_are_kept);
    RUN_ON_PAGODA(refused_calls_have_no_effect);
    return test_end();
}
