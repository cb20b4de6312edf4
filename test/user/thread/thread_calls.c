/* Threads: the calls of which a C library makes its locks and threads: the rarer operations of
   futex, robust lists, membarrier, clone3. */
#include "threading.h"

#include <sched.h>
#include <sys/syscall.h>

/* As the headers of Linux have them. */
#define FUTEX_WAIT       0
#define FUTEX_WAKE_OP    5
#define FUTEX_LOCK_PI    6
#define FUTEX_PRIVATE    128
#define FUTEX_WAITERS    0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u

enum { OP_SET, OP_ADD, OP_OR, OP_ANDN, OP_XOR, OP_SHIFTED = 8 };
enum { CMP_EQ, CMP_NE, CMP_LT, CMP_LE, CMP_GT, CMP_GE };

#define SYS_MEMBARRIER 324
enum { BARRIER_QUERY = 0, BARRIER_PRIVATE = 8, BARRIER_REGISTER_PRIVATE = 16 };

#define SYS_CLONE3 435
struct clone3_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
};

#define STACK_BYTES (64 * KIB)

/* FUTEX_WAKE_OP. */

static uint32_t first, second;

static long wake_op(uint32_t *at, unsigned op, int operand, unsigned cmp, int compared)
{
    uint32_t packed =
        op << 28 | cmp << 24 | ((unsigned)operand & 0xfff) << 12 | ((unsigned)compared & 0xfff);

    return syscall(SYS_futex, &first, FUTEX_WAKE_OP | FUTEX_PRIVATE, 1, 1L, at, packed);
}

static uint32_t after(uint32_t old, unsigned op, int operand)
{
    second = old;
    CHECK_EQ(wake_op(&second, op, operand, CMP_EQ, 0), 0);
    return second;
}

static void wake_op_changes_the_second_word(void)
{
    CHECK_EQ(after(7, OP_SET, 5), 5);
    CHECK_EQ(after(7, OP_SET, -1), UINT32_MAX);
    CHECK_EQ(after(7, OP_ADD, 5), 12);
    CHECK_EQ(after(7, OP_ADD, -2), 5);
    CHECK_EQ(after(8, OP_OR, 3), 11);
    CHECK_EQ(after(11, OP_ANDN, 3), 8);
    CHECK_EQ(after(11, OP_XOR, 1), 10);
    CHECK_EQ(after(0, OP_SET | OP_SHIFTED, 31), 1u << 31);
}

static void *wait_at_second(void *unused)
{
    (void)unused;
    return (void *)syscall(SYS_futex, &second, FUTEX_WAIT | FUTEX_PRIVATE, 0, NULL, NULL, 0);
}

static void *wait_at_first(void *unused)
{
    (void)unused;
    return (void *)syscall(SYS_futex, &first, FUTEX_WAIT | FUTEX_PRIVATE, 0, NULL, NULL, 0);
}

/* The second word stays 0, so that its waiter sleeps whenever it comes. */
static void check_comparison(unsigned cmp, int true_for, int false_for)
{
    second = 0;
    pthread_t thread = thread_start(wait_at_second, NULL);
    while (wake_op(&second, OP_OR, 0, cmp, true_for) == 0)
        CHECK_EQ(wake_op(&second, OP_OR, 0, cmp, false_for), 0);
    CHECK_EQ((long)thread_join(thread), 0);
}

static void wake_op_wakes_at_the_second_word_if_it_compares(void)
{
    check_comparison(CMP_EQ, 0, 1);
    check_comparison(CMP_NE, 1, 0);
    check_comparison(CMP_LT, 1, 0);
    check_comparison(CMP_LE, 0, -1);
    check_comparison(CMP_GT, -1, 0);
    check_comparison(CMP_GE, 0, 1);
}

static void wake_op_wakes_at_the_first_word(void)
{
    pthread_t thread = thread_start(wait_at_first, NULL);

    second = 0;
    while (wake_op(&second, OP_OR, 0, CMP_NE, 0) == 0)
        sched_yield();
    CHECK_EQ((long)thread_join(thread), 0);
}

static void wake_op_refuses_bad_arguments(void)
{
    uint32_t *page = (uint32_t *)map_pages(1);

    second = 1;
    CHECK_ERR(ENOSYS, wake_op(&second, 5, 1, CMP_EQ, 0));
    CHECK_ERR(EINVAL, wake_op((uint32_t *)((char *)&second + 1), OP_SET, 1, CMP_EQ, 0));
    CHECK_EQ(wake_op(page, OP_SET, 1, CMP_EQ, 0), 0); /* a page that was never touched */
    CHECK_EQ(*page, 1);
    CHECK_OK(mprotect(page, PAGE, PROT_READ));
    CHECK_ERR(EFAULT, wake_op(page, OP_SET, 2, CMP_EQ, 0));
    CHECK_EQ(*page, 1);
    unmap_pages(page, 1);
    CHECK_ERR(EFAULT, wake_op(page, OP_SET, 2, CMP_EQ, 0));
    CHECK_EQ(second, 1);
}

static void *add_often(void *unused)
{
    for (int n = 0; n < 5000; n++)
        wake_op(&second, OP_ADD, 1, CMP_EQ, 0);
    return unused;
}

static void wake_op_is_atomic(void)
{
    pthread_t threads[4];

    second = 0;
    for (int n = 0; n < 4; n++)
        threads[n] = thread_start(add_often, NULL);
    for (int n = 0; n < 4; n++)
        thread_join(threads[n]);
    CHECK_EQ(second, 20000);
}

static void priority_inheritance_is_refused(void)
{
    CHECK_ERR(ENOSYS, syscall(SYS_futex, &first, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
}

/* Robust lists. */

static void *lock_and_end(void *mutex)
{
    CHECK_EQ(pthread_mutex_lock(mutex), 0);
    return NULL;
}

static void *lock_and_exit(void *mutex)
{
    CHECK_EQ(pthread_mutex_lock(mutex), 0);
    syscall(SYS_exit, 0);
    return NULL;
}

/* musl tells the kernel of a robust mutex only if processes may share it. */
static pthread_mutex_t robust_mutex(void)
{
    pthread_mutexattr_t kind;
    pthread_mutex_t mutex;

    CHECK_EQ(pthread_mutexattr_init(&kind), 0);
    CHECK_EQ(pthread_mutexattr_setrobust(&kind, PTHREAD_MUTEX_ROBUST), 0);
    CHECK_EQ(pthread_mutexattr_setpshared(&kind, PTHREAD_PROCESS_SHARED), 0);
    CHECK_EQ(pthread_mutex_init(&mutex, &kind), 0);
    return mutex;
}

static void a_robust_mutex_survives_its_owner(void)
{
    pthread_mutex_t mutex = robust_mutex();

    for (int n = 0; n < 20; n++) {
        thread_join(thread_start(lock_and_end, &mutex));
        CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
        CHECK_EQ(pthread_mutex_consistent(&mutex), 0);
        CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    }
    CHECK_EQ(pthread_mutex_destroy(&mutex), 0);
}

/* The thread ends without the C library, so only the kernel can release the mutex. The process ends
   without joining it. */
static void lock_after_an_abrupt_end(void *unused)
{
    static pthread_mutex_t mutex;
    int err;

    (void)unused;
    mutex = robust_mutex();
    thread_start(lock_and_exit, &mutex);
    while ((err = pthread_mutex_trylock(&mutex)) == 0) { /* the thread has not come to it yet */
        pthread_mutex_unlock(&mutex);
        sched_yield();
    }
    if (err == EBUSY)
        err = pthread_mutex_lock(&mutex);
    _exit(err == EOWNERDEAD ? 6 : 1);
}

static void a_waiter_gets_a_mutex_whose_owner_ends_abruptly(void)
{
    CHECK(exits_with(6, lock_after_an_abrupt_end, NULL));
}

struct robust_head {
    void *first;
    long offset;
    void *pending;
};

struct robust_node {
    void *next;
    uint32_t word;
};

static struct robust_node nodes[3];
static struct robust_head list_head;

/* Ends with a list of three words: its own, that of another thread, and its own with waiters. */
static void *end_with_a_list(void *unused)
{
    uint32_t tid = syscall(SYS_gettid);

    (void)unused;
    for (int n = 0; n < 3; n++)
        nodes[n].next = n < 2 ? (void *)&nodes[n + 1] : (void *)&list_head;
    nodes[0].word = tid;
    nodes[1].word = 1;
    nodes[2].word = tid | FUTEX_WAITERS;
    list_head = (struct robust_head){&nodes[0], offsetof(struct robust_node, word), NULL};
    CHECK_OK(syscall(SYS_set_robust_list, &list_head, sizeof(list_head)));
    return NULL;
}

static void *end_with_a_ring(void *unused)
{
    (void)unused;
    nodes[0] = (struct robust_node){&nodes[0], 0};
    list_head = (struct robust_head){&nodes[0], offsetof(struct robust_node, word), NULL};
    CHECK_OK(syscall(SYS_set_robust_list, &list_head, sizeof(list_head)));
    return NULL;
}

static void *end_with_a_bad_list(void *at)
{
    CHECK_OK(syscall(SYS_set_robust_list, at, sizeof(list_head)));
    return NULL;
}

static void the_words_of_a_robust_list_are_marked(void)
{
    thread_join(thread_start(end_with_a_list, NULL));
    CHECK_EQ(nodes[0].word, FUTEX_OWNER_DIED);
    CHECK_EQ(nodes[1].word, 1);
    CHECK_EQ(nodes[2].word, FUTEX_OWNER_DIED | FUTEX_WAITERS);
}

static void a_list_without_end_does_no_harm(void)
{
    thread_join(thread_start(end_with_a_ring, NULL));
    thread_join(thread_start(end_with_a_bad_list, map_hole(1)));
    thread_join(thread_start(end_with_a_bad_list, (void *)-8L));
    thread_join(thread_start(end_with_a_bad_list, (void *)3L));
}

/* membarrier. */

static volatile int stop_spinning;

static void *spin(void *unused)
{
    while (!stop_spinning)
        ;
    return unused;
}

static void use_barriers(void *unused)
{
    (void)unused;
    CHECK_ERR(EPERM, syscall(SYS_MEMBARRIER, BARRIER_PRIVATE, 0, 0));
    CHECK_OK(syscall(SYS_MEMBARRIER, BARRIER_REGISTER_PRIVATE, 0, 0));
    stop_spinning = 0;
    pthread_t threads[] = {thread_start(spin, NULL), thread_start(spin, NULL)};
    for (int n = 0; n < 200; n++)
        CHECK_OK(syscall(SYS_MEMBARRIER, BARRIER_PRIVATE, 0, 0));
    stop_spinning = 1;
    thread_join(threads[0]);
    thread_join(threads[1]);
}

static void a_barrier_must_be_registered(void)
{
    long known = CHECK_OK(syscall(SYS_MEMBARRIER, BARRIER_QUERY, 0, 0));

    CHECK(known & BARRIER_PRIVATE && known & BARRIER_REGISTER_PRIVATE);
    CHECK_ERR(EINVAL, syscall(SYS_MEMBARRIER, 1 << 20, 0, 0));
    CHECK_ERR(EINVAL, syscall(SYS_MEMBARRIER, BARRIER_QUERY, 1 << 20, 0));
    CHECK(exits_with(0, use_barriers, NULL));
}

/* clone3. */

static long clone3(const void *args, size_t size)
{
    return syscall(SYS_CLONE3, args, size);
}

static void clone3_forks(void)
{
    struct clone3_args args = {.exit_signal = SIGCHLD};
    pid_t pid = CHECK_OK(clone3(&args, sizeof(args)));

    if (pid == 0)
        _exit(9);
    CHECK(exited_with(wait_child(pid), 9));
}

static volatile int ran;

static void run_in_thread(void)
{
    ran = 1;
}

/* Makes a thread that calls `body` on the stack of `args` and ends. */
static long clone3_thread(const struct clone3_args *args, void (*body)(void))
{
    long result;

    __asm__ volatile("syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "call *%%rbx\n\t"
                     "mov $60, %%eax\n\t" /* exit */
                     "xor %%edi, %%edi\n\t"
                     "syscall\n"
                     "1:"
                     : "=a"(result)
                     : "0"((long)SYS_CLONE3), "D"(args), "S"(sizeof(*args)), "b"(body)
                     : "rcx", "r11", "memory");
    return result;
}

static void clone3_makes_a_thread(void)
{
    char *stack = map_pages(STACK_BYTES / PAGE);
    static uint32_t parent_tid, child_tid;
    uint32_t tid;
    struct clone3_args args = {
        .flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                 CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID,
        .child_tid = (uintptr_t)&child_tid,
        .parent_tid = (uintptr_t)&parent_tid,
        .stack = (uintptr_t)stack,
        .stack_size = STACK_BYTES,
    };

    ran = 0;
    child_tid = 1;
    long made = clone3_thread(&args, run_in_thread);
    CHECK(made > 0);
    CHECK_EQ(parent_tid, made);
    while ((tid = __atomic_load_n(&child_tid, __ATOMIC_SEQ_CST)))
        syscall(SYS_futex, &child_tid, FUTEX_WAIT, tid, NULL, NULL, 0);
    CHECK(ran);
    unmap_pages(stack, STACK_BYTES / PAGE);
}

static void clone3_refuses_bad_arguments(void)
{
    char *page = map_pages(1);
    struct clone3_args args = {.exit_signal = SIGCHLD};

    CHECK_ERR(EINVAL, clone3(&args, 63));
    CHECK_ERR(E2BIG, clone3(&args, PAGE + 1));
    page[sizeof(args)] = 1;
    CHECK_ERR(E2BIG, clone3(page, sizeof(args) + 8));
    unmap_pages(page, 1);
    CHECK_ERR(EFAULT, clone3(page, sizeof(args)));
    args.exit_signal = 65;
    CHECK_ERR(EINVAL, clone3(&args, sizeof(args)));
    args = (struct clone3_args){.flags = SIGCHLD};
    CHECK_ERR(EINVAL, clone3(&args, sizeof(args)));
    args = (struct clone3_args){.exit_signal = SIGCHLD, .stack_size = PAGE};
    CHECK_ERR(EINVAL, clone3(&args, sizeof(args)));
    args = (struct clone3_args){.exit_signal = SIGCHLD, .stack = PAGE};
    CHECK_ERR(EINVAL, clone3(&args, sizeof(args)));
    args = (struct clone3_args){.flags = CLONE_THREAD};
    CHECK_ERR(EINVAL, clone3(&args, sizeof(args)));
    args = (struct clone3_args){.flags = CLONE_SIGHAND, .exit_signal = SIGCHLD};
    CHECK_ERR(EINVAL, clone3(&args, sizeof(args)));
}

int main(void)
{
    RUN(wake_op_changes_the_second_word);
    RUN(wake_op_wakes_at_the_second_word_if_it_compares);
    RUN(wake_op_wakes_at_the_first_word);
    RUN(wake_op_refuses_bad_arguments);
    RUN(wake_op_is_atomic);
    RUN_ON_PAGODA(priority_inheritance_is_refused);
    RUN(a_robust_mutex_survives_its_owner);
    RUN(a_waiter_gets_a_mutex_whose_owner_ends_abruptly);
    RUN(the_words_of_a_robust_list_are_marked);
    RUN(a_list_without_end_does_no_harm);
    RUN(a_barrier_must_be_registered);
    RUN(clone3_forks);
    RUN(clone3_makes_a_thread);
    RUN(clone3_refuses_bad_arguments);
    return test_end();
}
