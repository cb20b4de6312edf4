/* Workloads: a few threads or processes that do the same things to the kernel at once, many times.

   A program of workloads runs each as a case. With a seed as its argument it runs one of them, the
   one that the seed chooses, and so does stress/stress.c with many at once. The seed decides what a
   workload does. The order in which its threads run is that of the machine. */
#pragma once

#include "test.h"

struct workload {
    const char *name;
    void (*run)(uint64_t *random); /* in a process of its own, which it leaves by a failed check */
};

/* The main function of such a program: PROGRAM [SEED], or PROGRAM exits STATUS, which ends with the
   status at once. */
int workloads_main(int argc, char **argv, const struct workload *all, uint32_t count);

/* Becomes "PROGRAM exits STATUS". */
_Noreturn void exec_exits(int status);

/* The threads of a workload. All begin at once, when the last has come, with a random number that
   is the member's own. */
struct member {
    uint64_t random;
    int number; /* 0, 1, ... in the order of crew_run's array */
    void (*body)(struct member *member);
};

/* Runs a thread for each body, up to CREW_MAX, and waits for their ends. */
#define CREW_MAX 8
void crew_run(uint64_t *random, int count, void (*const bodies[])(struct member *));

/* Lets some time pass, up to that of `limit` steps. */
void dawdle(uint64_t *random, uint32_t limit);
