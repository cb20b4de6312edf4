/* The threads of a C library: C11 threads, and those of POSIX with all that synchronizes them.

   The same source is built with musl, as library_threads, and with glibc, as library_threads_glibc,
   because each library makes its locks and threads by system calls of its own choice. */
#include "threading.h"

#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>

#define THREADS 6
#define TIMES   2000

/* ---- C11 ---- */

static int triple(void *number)
{
    return 3 * *(int *)number;
}

static thrd_t make(thrd_start_t body, void *arg)
{
    thrd_t thread;

    CHECK_EQ(thrd_create(&thread, body, arg), thrd_success);
    return thread;
}

static int result_of(thrd_t thread)
{
    int result;

    CHECK_EQ(thrd_join(thread, &result), thrd_success);
    return result;
}

static void c11_a_thread_returns_a_number(void)
{
    int number = 14;

    CHECK_EQ(result_of(make(triple, &number)), 42);
}

static int exit_early(void *unused)
{
    (void)unused;
    thrd_exit(17);
}

static void c11_a_thread_exits_anywhere(void)
{
    CHECK_EQ(result_of(make(exit_early, NULL)), 17);
}

static struct {
    mtx_t mutex;
    cnd_t changed;
    int count, turn;
} c11;

static int count_up(void *unused)
{
    (void)unused;
    for (int n = 0; n < TIMES; n++) {
        CHECK_EQ(mtx_lock(&c11.mutex), thrd_success);
        c11.count++;
        CHECK_EQ(mtx_unlock(&c11.mutex), thrd_success);
    }
    return 0;
}

static void c11_a_mutex_admits_one_thread(void)
{
    thrd_t threads[THREADS];

    CHECK_EQ(mtx_init(&c11.mutex, mtx_plain), thrd_success);
    c11.count = 0;
    for (int n = 0; n < THREADS; n++)
        threads[n] = make(count_up, NULL);
    for (int n = 0; n < THREADS; n++)
        CHECK_EQ(result_of(threads[n]), 0);
    CHECK_EQ(c11.count, THREADS * TIMES);
    mtx_destroy(&c11.mutex);
}

static struct timespec in_a_millisecond(clockid_t clock)
{
    struct timespec at;

    CHECK_OK(clock_gettime(clock, &at));
    at.tv_nsec += 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

static int try_in_vain(void *unused)
{
    struct timespec at = in_a_millisecond(CLOCK_REALTIME);

    (void)unused;
    CHECK_EQ(mtx_trylock(&c11.mutex), thrd_busy);
    return mtx_timedlock(&c11.mutex, &at);
}

static void c11_a_mutex_is_waited_for_until_a_time(void)
{
    CHECK_EQ(mtx_init(&c11.mutex, mtx_timed | mtx_recursive), thrd_success);
    CHECK_EQ(mtx_lock(&c11.mutex), thrd_success);
    CHECK_EQ(mtx_lock(&c11.mutex), thrd_success);
    CHECK_EQ(result_of(make(try_in_vain, NULL)), thrd_timedout);
    CHECK_EQ(mtx_unlock(&c11.mutex), thrd_success);
    CHECK_EQ(mtx_unlock(&c11.mutex), thrd_success);
    mtx_destroy(&c11.mutex);
}

/* Adds one in each of its turns. */
static int take_turns(void *number)
{
    int mine = *(int *)number;

    CHECK_EQ(mtx_lock(&c11.mutex), thrd_success);
    for (int n = 0; n < TIMES / 10; n++) {
        while (c11.turn != mine)
            CHECK_EQ(cnd_wait(&c11.changed, &c11.mutex), thrd_success);
        c11.count++;
        c11.turn = (mine + 1) % THREADS;
        CHECK_EQ(cnd_broadcast(&c11.changed), thrd_success);
    }
    CHECK_EQ(mtx_unlock(&c11.mutex), thrd_success);
    return 0;
}

static void c11_a_condition_passes_turns_on(void)
{
    thrd_t threads[THREADS];
    int numbers[THREADS];

    CHECK_EQ(mtx_init(&c11.mutex, mtx_plain), thrd_success);
    CHECK_EQ(cnd_init(&c11.changed), thrd_success);
    c11.count = c11.turn = 0;
    for (int n = 0; n < THREADS; n++) {
        numbers[n] = n;
        threads[n] = make(take_turns, &numbers[n]);
    }
    for (int n = 0; n < THREADS; n++)
        CHECK_EQ(result_of(threads[n]), 0);
    CHECK_EQ(c11.count, THREADS * (TIMES / 10));
    cnd_destroy(&c11.changed);
    mtx_destroy(&c11.mutex);
}

static once_flag flag = ONCE_FLAG_INIT;
static int once_count;

static void count_once(void)
{
    once_count++;
}

static int call_it_once(void *unused)
{
    (void)unused;
    call_once(&flag, count_once);
    return once_count;
}

static void c11_a_function_is_called_once(void)
{
    thrd_t threads[THREADS];

    for (int n = 0; n < THREADS; n++)
        threads[n] = make(call_it_once, NULL);
    for (int n = 0; n < THREADS; n++)
        CHECK_EQ(result_of(threads[n]), 1);
}

static thread_local int mine = 5;
static thread_local char large[3 * PAGE];
static tss_t key;
static atomic_int destroyed;

static void destroy(void *value)
{
    destroyed += *(int *)value;
}

static int change_mine(void *number)
{
    CHECK_EQ(mine, 5);
    CHECK(is_zero(large, sizeof(large)));
    mine = *(int *)number;
    memset(large, mine, sizeof(large));
    CHECK(tss_get(key) == NULL);
    CHECK_EQ(tss_set(key, number), thrd_success);
    thrd_yield();
    CHECK_EQ(*(int *)tss_get(key), mine);
    CHECK_EQ(large[2 * PAGE], mine);
    return mine;
}

static void c11_each_thread_has_data_of_its_own(void)
{
    thrd_t threads[THREADS];
    int numbers[THREADS], sum = 0;

    CHECK_EQ(tss_create(&key, destroy), thrd_success);
    destroyed = 0;
    for (int n = 0; n < THREADS; n++) {
        sum += numbers[n] = n + 10;
        threads[n] = make(change_mine, &numbers[n]);
    }
    for (int n = 0; n < THREADS; n++)
        CHECK_EQ(result_of(threads[n]), n + 10);
    CHECK_EQ(mine, 5);
    CHECK_EQ(destroyed, sum);
    tss_delete(key);
}

/* ---- POSIX: locks ---- */

static pthread_mutex_t mutex_of_kind(int kind)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex;

    CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
    CHECK_EQ(pthread_mutexattr_settype(&attributes, kind), 0);
    CHECK_EQ(pthread_mutex_init(&mutex, &attributes), 0);
    CHECK_EQ(pthread_mutexattr_destroy(&attributes), 0);
    return mutex;
}

static void *try_lock(void *mutex)
{
    int err = pthread_mutex_trylock(mutex);

    if (!err)
        CHECK_EQ(pthread_mutex_unlock(mutex), 0);
    return (void *)(long)err;
}

static void *unlock(void *mutex)
{
    return (void *)(long)pthread_mutex_unlock(mutex);
}

static void a_mutex_checks_its_owner(void)
{
    pthread_mutex_t mutex = mutex_of_kind(PTHREAD_MUTEX_ERRORCHECK);

    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), EDEADLK);
    CHECK_EQ((long)thread_join(thread_start(try_lock, &mutex)), EBUSY);
    CHECK_EQ((long)thread_join(thread_start(unlock, &mutex)), EPERM);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), EPERM);
    CHECK_EQ((long)thread_join(thread_start(try_lock, &mutex)), 0);
    CHECK_EQ(pthread_mutex_destroy(&mutex), 0);
}

static void a_recursive_mutex_counts(void)
{
    pthread_mutex_t mutex = mutex_of_kind(PTHREAD_MUTEX_RECURSIVE);

    for (int n = 0; n < 3; n++)
        CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    for (int n = 0; n < 3; n++) {
        CHECK_EQ((long)thread_join(thread_start(try_lock, &mutex)), EBUSY);
        CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    }
    CHECK_EQ((long)thread_join(thread_start(try_lock, &mutex)), 0);
    CHECK_EQ(pthread_mutex_destroy(&mutex), 0);
}

static void *lock_and_end(void *mutex)
{
    CHECK_EQ(pthread_mutex_lock(mutex), 0);
    return NULL;
}

static void a_robust_mutex_survives_its_owner(void)
{
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex;

    CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
    CHECK_EQ(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
    CHECK_EQ(pthread_mutex_init(&mutex, &attributes), 0);
    thread_join(thread_start(lock_and_end, &mutex));
    CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(pthread_mutex_destroy(&mutex), 0);
}

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t not_empty, not_full;
    long items[4];
    unsigned head, tail;
} ring = {
    .mutex = PTHREAD_MUTEX_INITIALIZER,
    .not_empty = PTHREAD_COND_INITIALIZER,
    .not_full = PTHREAD_COND_INITIALIZER,
};

static void ring_put(long item)
{
    pthread_mutex_lock(&ring.mutex);
    while (ring.tail - ring.head == ARRAY_SIZE(ring.items))
        pthread_cond_wait(&ring.not_full, &ring.mutex);
    ring.items[ring.tail++ % ARRAY_SIZE(ring.items)] = item;
    pthread_cond_signal(&ring.not_empty);
    pthread_mutex_unlock(&ring.mutex);
}

static long ring_get(void)
{
    pthread_mutex_lock(&ring.mutex);
    while (ring.tail == ring.head)
        pthread_cond_wait(&ring.not_empty, &ring.mutex);
    long item = ring.items[ring.head++ % ARRAY_SIZE(ring.items)];
    pthread_cond_signal(&ring.not_full);
    pthread_mutex_unlock(&ring.mutex);
    return item;
}

static void *produce(void *unused)
{
    for (long n = 1; n <= TIMES; n++)
        ring_put(n);
    return unused;
}

static void *consume(void *unused)
{
    long sum = 0;

    (void)unused;
    for (int n = 0; n < TIMES; n++)
        sum += ring_get();
    return (void *)sum;
}

static void conditions_join_producers_and_consumers(void)
{
    pthread_t producers[2], consumers[2];
    long sum = 0;

    for (int n = 0; n < 2; n++) {
        producers[n] = thread_start(produce, NULL);
        consumers[n] = thread_start(consume, NULL);
    }
    for (int n = 0; n < 2; n++) {
        thread_join(producers[n]);
        sum += (long)thread_join(consumers[n]);
    }
    CHECK_EQ(sum, (long)TIMES * (TIMES + 1));
}

static void check_timed_wait(clockid_t clock)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct timespec at = in_a_millisecond(clock);
    pthread_condattr_t attributes;
    pthread_cond_t never;

    CHECK_EQ(pthread_condattr_init(&attributes), 0);
    CHECK_EQ(pthread_condattr_setclock(&attributes, clock), 0);
    CHECK_EQ(pthread_cond_init(&never, &attributes), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    CHECK_EQ(pthread_cond_timedwait(&never, &mutex, &at), ETIMEDOUT);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    CHECK_EQ(pthread_cond_destroy(&never), 0);
}

static void a_condition_is_waited_for_until_a_time(void)
{
    check_timed_wait(CLOCK_REALTIME);
    check_timed_wait(CLOCK_MONOTONIC);
}

static struct {
    pthread_barrier_t barrier;
    atomic_int arrived, serial;
} round_;

static void *go_round(void *unused)
{
    for (int n = 1; n <= 50; n++) {
        round_.arrived++;
        int result = pthread_barrier_wait(&round_.barrier);
        CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        round_.serial += result == PTHREAD_BARRIER_SERIAL_THREAD;
        CHECK(round_.arrived >= n * THREADS);
        pthread_barrier_wait(&round_.barrier);
        CHECK(round_.arrived >= n * THREADS);
    }
    return unused;
}

static void a_barrier_waits_for_all(void)
{
    pthread_t threads[THREADS];

    CHECK_EQ(pthread_barrier_init(&round_.barrier, NULL, THREADS), 0);
    for (int n = 0; n < THREADS; n++)
        threads[n] = thread_start(go_round, NULL);
    for (int n = 0; n < THREADS; n++)
        thread_join(threads[n]);
    CHECK_EQ(round_.arrived, 50 * THREADS);
    CHECK_EQ(round_.serial, 50);
    CHECK_EQ(pthread_barrier_destroy(&round_.barrier), 0);
}

static struct {
    pthread_rwlock_t lock;
    pthread_spinlock_t spin;
    long first, second, spun;
} shared = {.lock = PTHREAD_RWLOCK_INITIALIZER};

static void *write_both(void *unused)
{
    for (int n = 0; n < TIMES; n++) {
        pthread_rwlock_wrlock(&shared.lock);
        shared.first++;
        shared.second++;
        pthread_rwlock_unlock(&shared.lock);
        pthread_spin_lock(&shared.spin);
        shared.spun++;
        pthread_spin_unlock(&shared.spin);
    }
    return unused;
}

static void *read_both(void *unused)
{
    for (int n = 0; n < TIMES; n++) {
        pthread_rwlock_rdlock(&shared.lock);
        CHECK_EQ(shared.first, shared.second);
        pthread_rwlock_unlock(&shared.lock);
    }
    return unused;
}

static void readers_and_writers_exclude_each_other(void)
{
    pthread_t threads[THREADS];

    CHECK_EQ(pthread_spin_init(&shared.spin, PTHREAD_PROCESS_PRIVATE), 0);
    for (int n = 0; n < THREADS; n++)
        threads[n] = thread_start(n % 2 ? write_both : read_both, NULL);
    for (int n = 0; n < THREADS; n++)
        thread_join(threads[n]);
    CHECK_EQ(shared.first, THREADS / 2 * TIMES);
    CHECK_EQ(shared.spun, THREADS / 2 * TIMES);
    CHECK_EQ(pthread_rwlock_tryrdlock(&shared.lock), 0);
    CHECK_EQ(pthread_rwlock_trywrlock(&shared.lock), EBUSY);
    CHECK_EQ(pthread_rwlock_unlock(&shared.lock), 0);
}

static sem_t ping, pong;

static void *answer(void *unused)
{
    for (int n = 0; n < TIMES; n++) {
        CHECK_OK(sem_wait(&ping));
        CHECK_OK(sem_post(&pong));
    }
    return unused;
}

static void semaphores_pass_a_ball(void)
{
    struct timespec at;
    int value;

    CHECK_OK(sem_init(&ping, 0, 0));
    CHECK_OK(sem_init(&pong, 0, 0));
    pthread_t thread = thread_start(answer, NULL);
    for (int n = 0; n < TIMES; n++) {
        CHECK_OK(sem_post(&ping));
        CHECK_OK(sem_wait(&pong));
    }
    thread_join(thread);
    CHECK_OK(sem_getvalue(&pong, &value));
    CHECK_EQ(value, 0);
    CHECK_ERR(EAGAIN, sem_trywait(&pong));
    at = in_a_millisecond(CLOCK_REALTIME);
    CHECK_ERR(ETIMEDOUT, sem_timedwait(&pong, &at));
    CHECK_OK(sem_destroy(&ping));
    CHECK_OK(sem_destroy(&pong));
}

/* ---- POSIX: cancellation ---- */

static struct {
    struct gate started;
    int cleaned;
    atomic_int go;
} cancelled;

static void clean_up(void *amount)
{
    cancelled.cleaned += *(int *)amount;
}

static void *sleep_until_cancelled(void *unused)
{
    int one = 1, ten = 10;

    pthread_cleanup_push(clean_up, &one);
    pthread_cleanup_push(clean_up, &ten);
    gate_open(&cancelled.started);
    for (;;)
        pause();
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return unused;
}

static void *read_until_cancelled(void *fds)
{
    int one = 1;
    char byte;

    pthread_cleanup_push(clean_up, &one);
    gate_open(&cancelled.started);
    CHECK_EQ(read(((int *)fds)[0], &byte, 1), 1);
    pthread_cleanup_pop(0);
    return NULL;
}

static pthread_mutex_t waited_with = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never_signalled = PTHREAD_COND_INITIALIZER;

static void unlock_and_clean_up(void *mutex)
{
    CHECK_EQ(pthread_mutex_unlock(mutex), 0); /* a cancelled wait has taken it again */
    cancelled.cleaned++;
}

static void *wait_until_cancelled(void *unused)
{
    pthread_mutex_lock(&waited_with);
    pthread_cleanup_push(unlock_and_clean_up, &waited_with);
    gate_open(&cancelled.started);
    for (;;)
        pthread_cond_wait(&never_signalled, &waited_with);
    pthread_cleanup_pop(0);
    return unused;
}

static void *spin_until_cancelled(void *unused)
{
    CHECK_EQ(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL), 0);
    gate_open(&cancelled.started);
    for (volatile long n = 0;; n++)
        ;
    return unused;
}

static void *defer_cancellation(void *unused)
{
    int old;

    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old), 0);
    CHECK_EQ(old, PTHREAD_CANCEL_ENABLE);
    gate_open(&cancelled.started);
    while (!cancelled.go)
        sched_yield();
    pthread_testcancel();
    cancelled.cleaned = 100; /* it was not cancelled yet */
    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL), 0);
    pthread_testcancel();
    cancelled.cleaned = 1000;
    return unused;
}

/* Cancels a thread when it has started. Returns the sum that its clean-up handlers have added. */
static int cancel(void *(*body)(void *), void *arg)
{
    cancelled.started = gate_make();
    cancelled.cleaned = 0;
    cancelled.go = 0;
    pthread_t thread = thread_start(body, arg);
    gate_pass(&cancelled.started);
    CHECK_EQ(pthread_cancel(thread), 0);
    cancelled.go = 1;
    CHECK(thread_join(thread) == PTHREAD_CANCELED);
    gate_destroy(&cancelled.started);
    return cancelled.cleaned;
}

static void a_thread_is_cancelled_in_a_call(void)
{
    int fds[2];

    make_pipe(fds);
    CHECK_EQ(cancel(sleep_until_cancelled, NULL), 11);
    CHECK_EQ(cancel(read_until_cancelled, fds), 1);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static void a_cancelled_wait_has_its_mutex_again(void)
{
    CHECK_EQ(cancel(wait_until_cancelled, NULL), 1);
    CHECK_EQ(pthread_mutex_trylock(&waited_with), 0);
    CHECK_EQ(pthread_mutex_unlock(&waited_with), 0);
}

static void a_busy_thread_is_cancelled(void)
{
    CHECK_EQ(cancel(spin_until_cancelled, NULL), 0);
}

static void cancellation_can_be_held_off(void)
{
    CHECK_EQ(cancel(defer_cancellation, NULL), 100);
}

/* ---- POSIX: the rest ---- */

static void *set_keys(void *keys)
{
    static int values[] = {1, 20, 300};

    for (int n = 0; n < 3; n++)
        CHECK_EQ(pthread_setspecific(((pthread_key_t *)keys)[n], &values[n]), 0);
    pthread_exit((void *)7);
}

static void keys_are_destroyed_with_their_thread(void)
{
    pthread_key_t keys[3];

    destroyed = 0;
    for (int n = 0; n < 3; n++)
        CHECK_EQ(pthread_key_create(&keys[n], destroy), 0);
    CHECK_EQ((long)thread_join(thread_start(set_keys, keys)), 7);
    CHECK_EQ(destroyed, 321);
    for (int n = 0; n < 3; n++)
        CHECK_EQ(pthread_key_delete(keys[n]), 0);
}

static void *use_stack(void *size)
{
    touch_stack(*(size_t *)size / 4 * 3);
    return (void *)1;
}

static void a_thread_has_the_stack_that_was_asked_for(void)
{
    pthread_attr_t attributes;
    pthread_t thread;
    size_t size;

    CHECK_EQ(pthread_attr_init(&attributes), 0);
    for (size = 64 * KIB; size <= 4 * MIB; size *= 4) {
        CHECK_EQ(pthread_attr_setstacksize(&attributes, size), 0);
        CHECK_EQ(pthread_create(&thread, &attributes, use_stack, &size), 0);
        CHECK_EQ((long)thread_join(thread), 1);
    }
    CHECK_EQ(pthread_attr_destroy(&attributes), 0);
}

static void *open_gate(void *gate)
{
    gate_open(gate);
    return NULL;
}

static void a_detached_thread_needs_no_join(void)
{
    struct gate gate = gate_make();
    pthread_attr_t attributes;
    pthread_t thread;

    CHECK_EQ(pthread_attr_init(&attributes), 0);
    CHECK_EQ(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED), 0);
    for (int n = 0; n < 100; n++) {
        CHECK_EQ(pthread_create(&thread, &attributes, open_gate, &gate), 0);
        gate_pass(&gate);
    }
    while (number_in("/proc/self/status", "Threads") > 1) /* the next case has none beside it */
        sched_yield();
    CHECK_EQ(pthread_attr_destroy(&attributes), 0);
    gate_destroy(&gate);
}

static _Thread_local int told_signal;

static void tell(int signal)
{
    told_signal = signal;
}

static void *wait_for_tell(void *started)
{
    sigset_t none;

    sigemptyset(&none);
    gate_open(started);
    while (!told_signal)
        sigsuspend(&none);
    return (void *)(long)told_signal;
}

static void a_signal_reaches_the_thread_that_is_meant(void)
{
    struct gate started = gate_make();
    sigset_t set, old;

    CHECK_OK(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = tell}, NULL));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
    pthread_t thread = thread_start(wait_for_tell, &started);
    gate_pass(&started);
    CHECK_EQ(pthread_kill(thread, SIGUSR1), 0);
    CHECK_EQ((long)thread_join(thread), SIGUSR1);
    CHECK_EQ(told_signal, 0);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
    CHECK(signal(SIGUSR1, SIG_DFL) == tell);
    gate_destroy(&started);
}

static void *wait_for_set(void *set)
{
    int signal;

    CHECK_EQ(sigwait(set, &signal), 0);
    return (void *)(long)signal;
}

static void a_thread_waits_for_the_signals_of_all(void)
{
    sigset_t set, old;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
    pthread_t thread = thread_start(wait_for_set, &set);
    CHECK_OK(kill(getpid(), SIGTERM));
    CHECK_EQ((long)thread_join(thread), SIGTERM);
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
}

static int prepared, in_parent, in_child_;

static void prepare_fork(void)
{
    prepared++;
}

static void after_fork_in_parent(void)
{
    in_parent++;
}

static void after_fork_in_child(void)
{
    in_child_++;
}

static void *fork_in_thread(void *unused)
{
    pid_t pid = CHECK_OK(fork());

    (void)unused;
    if (pid == 0)
        _exit(prepared * 100 + in_parent * 10 + in_child_);
    return (void *)(long)wait_child(pid);
}

static void a_thread_forks_alone(void)
{
    CHECK_EQ(pthread_atfork(prepare_fork, after_fork_in_parent, after_fork_in_child), 0);
    CHECK(exited_with((long)thread_join(thread_start(fork_in_thread, NULL)), 101));
    CHECK_EQ(in_parent, 1);
}

static void *add_names(void *unused)
{
    char name[16];

    (void)unused;
    CHECK_EQ(pthread_setname_np(pthread_self(), "a-thread"), 0);
    CHECK_EQ(pthread_getname_np(pthread_self(), name, sizeof(name)), 0);
    return (void *)(long)strcmp(name, "a-thread");
}

static void a_thread_has_a_name(void)
{
    CHECK_EQ((long)thread_join(thread_start(add_names, NULL)), 0);
}

int main(void)
{
    RUN(c11_a_thread_returns_a_number);
    RUN(c11_a_thread_exits_anywhere);
    RUN(c11_a_mutex_admits_one_thread);
    RUN(c11_a_mutex_is_waited_for_until_a_time);
    RUN(c11_a_condition_passes_turns_on);
    RUN(c11_a_function_is_called_once);
    RUN(c11_each_thread_has_data_of_its_own);
    RUN(a_mutex_checks_its_owner);
    RUN(a_recursive_mutex_counts);
    RUN(a_robust_mutex_survives_its_owner);
    RUN(conditions_join_producers_and_consumers);
    RUN(a_condition_is_waited_for_until_a_time);
    RUN(a_barrier_waits_for_all);
    RUN(readers_and_writers_exclude_each_other);
    RUN(semaphores_pass_a_ball);
    RUN(a_thread_is_cancelled_in_a_call);
    RUN(a_cancelled_wait_has_its_mutex_again);
    RUN(a_busy_thread_is_cancelled);
    RUN(cancellation_can_be_held_off);
    RUN(keys_are_destroyed_with_their_thread);
    RUN(a_thread_has_the_stack_that_was_asked_for);
    RUN(a_detached_thread_needs_no_join);
    RUN(a_signal_reaches_the_thread_that_is_meant);
    RUN(a_thread_waits_for_the_signals_of_all);
    RUN(a_thread_forks_alone);
    RUN(a_thread_has_a_name);
    return test_end();
}
