/* The program that the scripted gdb session watches on two CPUs (tools/gdb_test.py): two threads,
   each on a CPU of its own if there are two. */

#define _GNU_SOURCE
#include "test.h"

#include <pthread.h>
#include <sched.h>

char threads_page[PAGE] __attribute__((aligned(PAGE))); /* first touched by the second thread */
int first_spins, second_done;                           /* atomic */

/* Moves the caller to a CPU, if the machine has it. */
static void move_to(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)sched_setaffinity(0, sizeof(set), &set);
}

static __attribute__((noinline)) void second_thread(void)
{
    threads_page[0] = 1;
}

static void *second(void *unused)
{
    move_to(1);
    while (!__atomic_load_n(&first_spins, __ATOMIC_SEQ_CST))
        sched_yield();
    second_thread();
    __atomic_store_n(&second_done, 1, __ATOMIC_SEQ_CST);
    return unused;
}

static void two_threads_run_at_once(void)
{
    pthread_t thread;

    move_to(0);
    CHECK_EQ(pthread_create(&thread, NULL, second, NULL), 0);
    __atomic_store_n(&first_spins, 1, __ATOMIC_SEQ_CST);
    while (!__atomic_load_n(&second_done, __ATOMIC_SEQ_CST))
        ;
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(threads_page[0], 1);
}

int main(void)
{
    RUN(two_threads_run_at_once);
    return test_end();
}
