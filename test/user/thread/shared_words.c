/* Processes meet at words of memory that they map shared: semaphores, locks, and bare futexes. */
#include <pthread.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include "plain_file.h"

#define RW (PROT_READ | PROT_WRITE)

static void *map_shared(size_t npages)
{
    return CHECK_OK(mmap(NULL, npages * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

/* ---- Semaphores ---- */

struct turns {
    sem_t ping, pong;
    unsigned count;
};

#define TURNS 200

static void answer(void *arg)
{
    struct turns *turns = arg;

    for (unsigned n = 0; n < TURNS; n++) {
        CHECK_OK(sem_wait(&turns->ping));
        turns->count++;
        CHECK_OK(sem_post(&turns->pong));
    }
}

static void ask(struct turns *turns)
{
    for (unsigned n = 0; n < TURNS; n++) {
        CHECK_OK(sem_post(&turns->ping));
        CHECK_OK(sem_wait(&turns->pong));
        CHECK_EQ(turns->count, n + 1);
    }
}

static void take_turns(struct turns *turns, struct turns *of_the_child)
{
    CHECK_OK(sem_init(&turns->ping, 1, 0));
    CHECK_OK(sem_init(&turns->pong, 1, 0));
    pid_t child = start_child(answer, of_the_child);
    ask(turns);
    CHECK(exited_with(wait_child(child), 0));
}

static void semaphores_in_anonymous_memory(void)
{
    struct turns *turns = map_shared(1);

    take_turns(turns, turns);
    unmap_pages(turns, 1);
}

/* The two processes see the file at different addresses, and the words in its second page. */
static void semaphores_in_a_file(void)
{
    int fd = plain_file_create("");

    CHECK_OK(ftruncate(fd, 2 * PAGE));
    char *one = CHECK_OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED, fd, 0));
    char *two = CHECK_OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, PAGE));
    take_turns((struct turns *)(one + PAGE), (struct turns *)two);
    unmap_pages(one, 2);
    unmap_pages(two, 1);
    plain_file_remove(fd);
}

/* ---- Locks ---- */

struct locked {
    pthread_mutex_t lock;
    unsigned count;
};

static struct locked *make_locked(bool is_robust)
{
    struct locked *locked = map_shared(1);
    pthread_mutexattr_t attr;

    CHECK_EQ(pthread_mutexattr_init(&attr), 0);
    CHECK_EQ(pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    if (is_robust)
        CHECK_EQ(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST), 0);
    CHECK_EQ(pthread_mutex_init(&locked->lock, &attr), 0);
    return locked;
}

static void count_under_the_lock(void *arg)
{
    struct locked *locked = arg;

    for (unsigned n = 0; n < 1000; n++) {
        CHECK_EQ(pthread_mutex_lock(&locked->lock), 0);
        *(volatile unsigned *)&locked->count += 1;
        CHECK_EQ(pthread_mutex_unlock(&locked->lock), 0);
    }
}

#define COUNTERS 4

static void a_lock_excludes_processes(void)
{
    struct locked *locked = make_locked(false);
    pid_t children[COUNTERS];

    for (unsigned n = 0; n < COUNTERS; n++)
        children[n] = start_child(count_under_the_lock, locked);
    for (unsigned n = 0; n < COUNTERS; n++)
        CHECK(exited_with(wait_child(children[n]), 0));
    CHECK_EQ(locked->count, COUNTERS * 1000);
    unmap_pages(locked, 1);
}

static void die_with_the_lock(void *arg)
{
    struct locked *locked = arg;

    CHECK_EQ(pthread_mutex_lock(&locked->lock), 0);
    raise(SIGKILL);
}

static void a_robust_lock_survives_the_process_that_holds_it(void)
{
    struct locked *locked = make_locked(true);

    CHECK(dies_by(SIGKILL, die_with_the_lock, locked));
    CHECK_EQ(pthread_mutex_lock(&locked->lock), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(&locked->lock), 0);
    CHECK_EQ(pthread_mutex_unlock(&locked->lock), 0);
    CHECK_EQ(pthread_mutex_lock(&locked->lock), 0);
    CHECK_EQ(pthread_mutex_unlock(&locked->lock), 0);
    unmap_pages(locked, 1);
}

/* ---- Bare words ---- */

enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_REQUEUE = 3, FUTEX_WAKE_PRIVATE = 129 };

static long futex(uint32_t *word, int op, uint32_t value)
{
    return syscall(SYS_futex, word, op, value, NULL, NULL, 0);
}

static void wait_at(void *word)
{
    CHECK_EQ(futex(word, FUTEX_WAIT, 0), 0);
}

static void await_and_wake(uint32_t *word, int op, pid_t child)
{
    await_state(child, 'S');
    CHECK_EQ(futex(word, op, 1), 1);
    CHECK(exited_with(wait_child(child), 0));
}

/* With FUTEX_PRIVATE_FLAG, the key is the address space: the two do not meet. */
static void a_private_wake_does_not_reach_another_process(void)
{
    uint32_t *word = map_shared(1);
    pid_t child = start_child(wait_at, word);

    await_state(child, 'S');
    CHECK_EQ(futex(word, FUTEX_WAKE_PRIVATE, 1), 0);
    await_and_wake(word, FUTEX_WAKE, child);
    unmap_pages(word, 1);
}

static void words_of_one_page_are_told_apart(void)
{
    uint32_t *words = map_shared(1);
    pid_t child = start_child(wait_at, &words[1]);

    await_state(child, 'S');
    CHECK_EQ(futex(&words[0], FUTEX_WAKE, 1), 0);
    await_and_wake(&words[1], FUTEX_WAKE, child);
    unmap_pages(words, 1);
}

/* Private memory that fork has shared is two words. */
static void private_memory_is_not_shared(void)
{
    uint32_t *word = (uint32_t *)map_pages(1);
    pid_t child = start_child(wait_at, word);

    await_state(child, 'S');
    CHECK_EQ(futex(word, FUTEX_WAKE, 1), 0);
    CHECK_OK(kill(child, SIGKILL));
    CHECK(killed_by(wait_child(child), SIGKILL));
    unmap_pages(word, 1);
}

static void waiters_move_to_a_shared_word(void)
{
    uint32_t *words = map_shared(1);
    pid_t child = start_child(wait_at, &words[0]);

    await_state(child, 'S');
    CHECK_EQ(syscall(SYS_futex, &words[0], FUTEX_REQUEUE, 0, 1, &words[1], 0), 1);
    CHECK_EQ(futex(&words[0], FUTEX_WAKE, 1), 0);
    await_and_wake(&words[1], FUTEX_WAKE, child);
    unmap_pages(words, 1);
}

static void a_waiter_outlives_its_mapping(void)
{
    int fd = plain_file_create("");

    CHECK_OK(ftruncate(fd, PAGE));
    uint32_t *word = CHECK_OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    pid_t child = start_child(wait_at, word);
    await_state(child, 'S');
    CHECK_OK(kill(child, SIGSTOP));
    unmap_pages(word, 1);
    word = CHECK_OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    CHECK_OK(kill(child, SIGCONT));
    await_and_wake(word, FUTEX_WAKE, child);
    unmap_pages(word, 1);
    plain_file_remove(fd);
}

int main(void)
{
    temp_dir_enter();
    RUN(semaphores_in_anonymous_memory);
    RUN(semaphores_in_a_file);
    RUN(a_lock_excludes_processes);
    RUN(a_robust_lock_survives_the_process_that_holds_it);
    RUN(a_private_wake_does_not_reach_another_process);
    RUN(words_of_one_page_are_told_apart);
    RUN(private_memory_is_not_shared);
    RUN(waiters_move_to_a_shared_word);
    RUN(a_waiter_outlives_its_mapping);
    temp_dir_leave();
    return test_end();
}
