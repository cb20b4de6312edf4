/* What a C library offers to processes that share memory: semaphores of POSIX with a name and
   without, mutexes, conditions and barriers with PTHREAD_PROCESS_SHARED.

   The source is built with musl, as library_processes, and with glibc, as library_processes_glibc,
   because each library makes its locks by system calls of its own choice. */
#include "test.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/shm.h>
#include <time.h>

#define RW   (PROT_READ | PROT_WRITE)
#define NAME "/library-processes"

/* Returns zeros that children share. */
static void *share(size_t len)
{
    return CHECK_OK(mmap(NULL, len, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static void start_children(pid_t *children, int count, void (*body)(void *), void *arg)
{
    for (int n = 0; n < count; n++)
        children[n] = start_child(body, arg);
}

static void join_children(const pid_t *children, int count)
{
    for (int n = 0; n < count; n++)
        CHECK(exited_with(wait_child(children[n]), 0));
}

static struct timespec after_ms(long ms)
{
    struct timespec at;

    CHECK_OK(clock_gettime(CLOCK_REALTIME, &at));
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_nsec -= 1000000000;
        at.tv_sec++;
    }
    return at;
}

static int value_of(sem_t *sem)
{
    int value;

    CHECK_OK(sem_getvalue(sem, &value));
    return value;
}

/* ---- Semaphores without a name ---- */

/* Two semaphores by which two processes take turns. */
struct turns {
    sem_t mine, yours;
    int count;
};

enum { ROUNDS = 500 };

static void answer(void *arg)
{
    struct turns *turns = arg;

    for (int n = 0; n < ROUNDS; n++) {
        CHECK_OK(sem_wait(&turns->yours));
        CHECK_EQ(turns->count, 2 * n + 1);
        turns->count++;
        CHECK_OK(sem_post(&turns->mine));
    }
}

static void take_turns_in(struct turns *turns)
{
    CHECK_OK(sem_init(&turns->mine, 1, 0));
    CHECK_OK(sem_init(&turns->yours, 1, 0));
    turns->count = 0;
    pid_t child = start_child(answer, turns);
    for (int n = 0; n < ROUNDS; n++) {
        turns->count++;
        CHECK_OK(sem_post(&turns->yours));
        CHECK_OK(sem_wait(&turns->mine));
        CHECK_EQ(turns->count, 2 * n + 2);
    }
    CHECK(exited_with(wait_child(child), 0));
    CHECK_OK(sem_destroy(&turns->mine));
    CHECK_OK(sem_destroy(&turns->yours));
}

static void semaphores_pass_turns_in_anonymous_memory(void)
{
    struct turns *turns = share(sizeof(*turns));

    take_turns_in(turns);
    CHECK_OK(munmap(turns, sizeof(*turns)));
}

static void semaphores_pass_turns_in_a_file(void)
{
    int fd = CHECK_OK(memfd_create("turns", 0));

    CHECK_OK(ftruncate(fd, PAGE));
    struct turns *turns = CHECK_OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    CHECK_OK(close(fd));
    take_turns_in(turns);
    CHECK_OK(munmap(turns, PAGE));
}

static void semaphores_pass_turns_in_a_segment(void)
{
    int id = CHECK_OK(shmget(IPC_PRIVATE, PAGE, IPC_CREAT | 0600));
    struct turns *turns = CHECK_OK((struct turns *)shmat(id, NULL, 0));

    CHECK_OK(shmctl(id, IPC_RMID, NULL));
    take_turns_in(turns);
    CHECK_OK(shmdt(turns));
}

static void wait_until_a_time(void *sem)
{
    struct timespec past = {.tv_sec = 1}, soon = after_ms(1), late = after_ms(600 * 1000);

    CHECK_ERR(EAGAIN, sem_trywait(sem));
    CHECK_ERR(ETIMEDOUT, sem_timedwait(sem, &past));
    CHECK_ERR(ETIMEDOUT, sem_timedwait(sem, &soon));
    CHECK_OK(sem_post((sem_t *)sem + 1)); /* now the other one may post */
    CHECK_OK(sem_timedwait(sem, &late));
}

static void a_semaphore_is_waited_for_until_a_time(void)
{
    sem_t *sems = share(2 * sizeof(*sems));

    CHECK_OK(sem_init(&sems[0], 1, 0));
    CHECK_OK(sem_init(&sems[1], 1, 0));
    pid_t child = start_child(wait_until_a_time, sems);
    CHECK_OK(sem_wait(&sems[1]));
    CHECK_OK(sem_post(&sems[0]));
    CHECK(exited_with(wait_child(child), 0));
    CHECK_EQ(value_of(&sems[0]), 0);
    CHECK_OK(munmap(sems, 2 * sizeof(*sems)));
}

static void wait_there(void *sem)
{
    CHECK_OK(sem_wait(sem));
}

static void each_post_wakes_a_process(void)
{
    enum { WAITERS = 8 };
    sem_t *sem = share(sizeof(*sem));
    pid_t children[WAITERS];

    CHECK_OK(sem_init(sem, 1, 0));
    start_children(children, WAITERS, wait_there, sem);
    for (int n = 0; n < WAITERS; n++)
        await_state(children[n], 'S');
    for (int n = 0; n < WAITERS; n++)
        CHECK_OK(sem_post(sem));
    join_children(children, WAITERS);
    CHECK_EQ(value_of(sem), 0);
    CHECK_OK(munmap(sem, sizeof(*sem)));
}

/* ---- Semaphores with a name ---- */

static void a_name_stands_for_one_semaphore(void)
{
    sem_unlink(NAME);
    sem_t *one = sem_open(NAME, O_CREAT | O_EXCL, 0600, 3);

    CHECK(one != SEM_FAILED);
    CHECK(sem_open(NAME, O_CREAT | O_EXCL, 0600, 3) == SEM_FAILED && errno == EEXIST);
    CHECK(sem_open(NAME, 0) == one); /* within a process */
    CHECK_EQ(value_of(one), 3);
    CHECK_OK(sem_close(one));
    CHECK_OK(sem_close(one));
    one = sem_open(NAME, O_CREAT, 0600, 7);
    CHECK_EQ(value_of(one), 3);
    CHECK_OK(sem_unlink(NAME));
    CHECK(sem_open(NAME, 0) == SEM_FAILED && errno == ENOENT);
    CHECK_ERR(ENOENT, sem_unlink(NAME));
    CHECK_OK(sem_wait(one)); /* those who have it keep it */
    CHECK_OK(sem_close(one));
}

/* Guards `count` by the semaphore of that name. */
static void count_by_name(void *count)
{
    sem_t *sem = sem_open(NAME, O_CREAT, 0600, 1);

    CHECK(sem != SEM_FAILED);
    for (int n = 0; n < ROUNDS; n++) {
        CHECK_OK(sem_wait(sem));
        *(volatile long *)count += 1;
        CHECK_OK(sem_post(sem));
    }
    CHECK_OK(sem_close(sem));
}

static void processes_meet_at_a_name(void)
{
    enum { COUNTERS = 6 };
    pid_t children[COUNTERS];
    long *count = share(sizeof(*count));

    sem_unlink(NAME);
    start_children(children, COUNTERS, count_by_name, count);
    join_children(children, COUNTERS);
    CHECK_EQ(*count, COUNTERS * ROUNDS);
    CHECK_OK(sem_unlink(NAME));
    CHECK_OK(munmap(count, sizeof(*count)));
}

static void post_after_exec(void *unused)
{
    (void)unused;
    CHECK_OK(execl(self_path(), self_path(), "post", (char *)NULL));
}

/* What the program does that post_after_exec starts. */
static int post_by_name(void)
{
    sem_t *sem = sem_open(NAME, 0);

    return sem == SEM_FAILED || sem_post(sem);
}

static void a_program_finds_a_semaphore_after_exec(void)
{
    sem_unlink(NAME);
    sem_t *sem = sem_open(NAME, O_CREAT | O_EXCL, 0600, 0);

    CHECK(sem != SEM_FAILED);
    pid_t child = start_child(post_after_exec, NULL);
    CHECK_OK(sem_wait(sem));
    CHECK(exited_with(wait_child(child), 0));
    CHECK_OK(sem_unlink(NAME));
    CHECK_OK(sem_close(sem));
}

/* ---- Many processes and one array of counters ---- */

enum { PROCESSES = 64, COUNTERS = 16, ADDITIONS = 100 };

struct counters_array {
    pthread_barrier_t start;
    struct {
        pthread_mutex_t mutex;
        long locked; /* (mutex) */
    } counters[COUNTERS];
    atomic_long added[COUNTERS];
    atomic_int numbers; /* each process takes one */
};

/* Adds to each counter, beginning at one of its own. */
static void count_all(void *arg)
{
    struct counters_array *array = arg;
    int first = array->numbers++;

    int waited = pthread_barrier_wait(&array->start);
    CHECK(waited == 0 || waited == PTHREAD_BARRIER_SERIAL_THREAD);
    for (int n = 0; n < ADDITIONS * COUNTERS; n++) {
        int at = (first + n) % COUNTERS;

        array->added[at] += n;
        CHECK_EQ(pthread_mutex_lock(&array->counters[at].mutex), 0);
        array->counters[at].locked += n;
        CHECK_EQ(pthread_mutex_unlock(&array->counters[at].mutex), 0);
    }
}

static void share_mutex(pthread_mutex_t *mutex, int robust)
{
    pthread_mutexattr_t attributes;

    CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
    CHECK_EQ(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
    CHECK_EQ(pthread_mutexattr_setrobust(&attributes, robust), 0);
    CHECK_EQ(pthread_mutex_init(mutex, &attributes), 0);
    CHECK_EQ(pthread_mutexattr_destroy(&attributes), 0);
}

static void share_barrier(pthread_barrier_t *barrier, unsigned count)
{
    pthread_barrierattr_t attributes;

    CHECK_EQ(pthread_barrierattr_init(&attributes), 0);
    CHECK_EQ(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
    CHECK_EQ(pthread_barrier_init(barrier, &attributes, count), 0);
    CHECK_EQ(pthread_barrierattr_destroy(&attributes), 0);
}

static void sixty_four_processes_count_exactly(void)
{
    struct counters_array *array = share(sizeof(*array));
    long all = ADDITIONS * COUNTERS, sum = 0, added = 0;
    pid_t children[PROCESSES];

    share_barrier(&array->start, PROCESSES);
    for (int n = 0; n < COUNTERS; n++)
        share_mutex(&array->counters[n].mutex, PTHREAD_MUTEX_STALLED);
    start_children(children, PROCESSES, count_all, array);
    join_children(children, PROCESSES);
    for (int n = 0; n < COUNTERS; n++) {
        CHECK_EQ(array->counters[n].locked, array->added[n]);
        sum += array->counters[n].locked;
        added += array->added[n];
    }
    CHECK_EQ(sum, PROCESSES * (all * (all - 1) / 2));
    CHECK_EQ(added, sum);
    CHECK_OK(munmap(array, sizeof(*array)));
}

/* ---- Mutexes and conditions ---- */

static void lock_and_die(void *mutex)
{
    CHECK_EQ(pthread_mutex_lock(mutex), 0);
    CHECK_OK(kill(getpid(), SIGKILL));
}

static void a_robust_mutex_survives_its_process(void)
{
    pthread_mutex_t *mutex = share(sizeof(*mutex));

    share_mutex(mutex, PTHREAD_MUTEX_ROBUST);
    CHECK(dies_by(SIGKILL, lock_and_die, mutex));
    CHECK_EQ(pthread_mutex_lock(mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(mutex), 0);
    CHECK_EQ(pthread_mutex_lock(mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(mutex), 0);
    CHECK_EQ(pthread_mutex_destroy(mutex), 0);
    CHECK_OK(munmap(mutex, sizeof(*mutex)));
}

/* A ring of numbers between processes. */
struct ring {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    long items[4];
    unsigned head, tail; /* (mutex) */
    long sum;            /* (mutex) of all that were taken */
};

static void produce(void *arg)
{
    struct ring *ring = arg;

    for (int n = 1; n <= ROUNDS; n++) {
        CHECK_EQ(pthread_mutex_lock(&ring->mutex), 0);
        while (ring->tail - ring->head == ARRAY_SIZE(ring->items))
            CHECK_EQ(pthread_cond_wait(&ring->changed, &ring->mutex), 0);
        ring->items[ring->tail++ % ARRAY_SIZE(ring->items)] = n;
        CHECK_EQ(pthread_cond_broadcast(&ring->changed), 0);
        CHECK_EQ(pthread_mutex_unlock(&ring->mutex), 0);
    }
}

static void consume(void *arg)
{
    struct ring *ring = arg;

    for (int n = 0; n < ROUNDS; n++) {
        CHECK_EQ(pthread_mutex_lock(&ring->mutex), 0);
        while (ring->tail == ring->head)
            CHECK_EQ(pthread_cond_wait(&ring->changed, &ring->mutex), 0);
        ring->sum += ring->items[ring->head++ % ARRAY_SIZE(ring->items)];
        CHECK_EQ(pthread_cond_broadcast(&ring->changed), 0);
        CHECK_EQ(pthread_mutex_unlock(&ring->mutex), 0);
    }
}

static void conditions_join_processes(void)
{
    struct ring *ring = share(sizeof(*ring));
    pid_t producers[3], consumers[3];
    pthread_condattr_t attributes;

    share_mutex(&ring->mutex, PTHREAD_MUTEX_STALLED);
    CHECK_EQ(pthread_condattr_init(&attributes), 0);
    CHECK_EQ(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
    CHECK_EQ(pthread_cond_init(&ring->changed, &attributes), 0);
    start_children(producers, 3, produce, ring);
    start_children(consumers, 3, consume, ring);
    join_children(producers, 3);
    join_children(consumers, 3);
    CHECK_EQ(ring->sum, 3L * ROUNDS * (ROUNDS + 1) / 2);
    CHECK_OK(munmap(ring, sizeof(*ring)));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return post_by_name();
    RUN(semaphores_pass_turns_in_anonymous_memory);
    RUN(semaphores_pass_turns_in_a_file);
    RUN(semaphores_pass_turns_in_a_segment);
    RUN(a_semaphore_is_waited_for_until_a_time);
    RUN(each_post_wakes_a_process);
    RUN(a_name_stands_for_one_semaphore);
    RUN(processes_meet_at_a_name);
    RUN(a_program_finds_a_semaphore_after_exec);
    RUN(sixty_four_processes_count_exactly);
    RUN(a_robust_mutex_survives_its_process);
    RUN(conditions_join_processes);
    return test_end();
}
