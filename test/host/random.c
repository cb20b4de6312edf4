/* The random driver. Runs sequences of random operations from a seed, which it prints.

       random [-s SEED] [-t SECONDS] [-o OPERATIONS] [-l LENGTH]
              [-c CHECK_EVERY] [-a AUDIT_EVERY] [-q]

   The driver ends after so many seconds or operations, whichever comes first. Sequence n of a
   seed is always the same. A worker process runs the sequences. If the worker dies, the driver
   makes the failing sequence again, shrinks it, and prints it. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "platform.h"
#include "shrink.h"
#include "system.h"

#define MAX_LENGTH 4096u

static struct {
    uint64_t seed;
    unsigned seconds;
    uint64_t operations;
    unsigned length; /* operations in a sequence */
    bool quiet;      /* no shrinking after a failure */
    struct sequence_options options;
} how = {
    .seconds = 10,
    .operations = ~0ul,
    .length = 300,
    .options = {.noise = {.forget_one_in = 20, .keep_at_fault_one_in = 3, .walk_ahead_one_in = 30},
                .check_every = 1,
                .audit_every = 1},
};

/* The progress of the worker, in memory that it shares with the parent. */
static struct progress {
    uint64_t sequence; /* the number of the running sequence */
    uint64_t operations;
} * progress;

static void make_sequence(struct op *ops, uint64_t sequence)
{
    struct random random = random_from(how.seed * 0x10000001b3ul + sequence);

    for (unsigned n = 0; n < how.length; n++)
        ops[n] = op_random(&random);
    ops[0].kind = OP_PROGRAM;
}

static void work(void)
{
    static struct op ops[MAX_LENGTH];
    time_t end = time(NULL) + how.seconds;

    system_init();
    for (; time(NULL) < end && progress->operations < how.operations; progress->sequence++) {
        make_sequence(ops, progress->sequence);
        sequence_run(ops, how.length, &how.options);
        progress->operations = sequence_operations();
    }
    _exit(0);
}

/* Prints the shortest sequence that still fails. */
static void explain(void)
{
    static struct op ops[MAX_LENGTH];
    struct sequence_options thorough = how.options;
    unsigned count = how.length;

    thorough.check_every = thorough.audit_every = 1;
    make_sequence(ops, progress->sequence);
    fprintf(stderr, "sequence %lu of seed %lu fails\n", progress->sequence, how.seed);
    if (!sequence_fails(ops, count, &thorough)) {
        fprintf(stderr, "... but only after those before it\n");
        return;
    }
    count = sequence_shrink(ops, count, &thorough);
    sequence_show(ops, count, &thorough);
}

static void parse(int argc, char **argv)
{
    how.seed = time(NULL);
    for (int option; (option = getopt(argc, argv, "s:t:o:l:c:a:q")) != -1;) {
        uint64_t number = optarg ? strtoul(optarg, NULL, 0) : 0;

        switch (option) {
        case 's':
            how.seed = number;
            break;
        case 't':
            how.seconds = number;
            break;
        case 'o':
            how.operations = number;
            break;
        case 'l':
            how.length = min(number, (uint64_t)MAX_LENGTH);
            break;
        case 'c':
            how.options.check_every = number;
            break;
        case 'q':
            how.quiet = true;
            break;
        case 'a':
            how.options.audit_every = number;
            break;
        default:
            exit(2);
        }
    }
}

int main(int argc, char **argv)
{
    int status;
    struct timespec start, end;

    parse(argc, argv);
    progress =
        mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    printf("# random operations, seed %lu\n", how.seed);
    fflush(stdout);
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (fork() == 0)
        work();
    wait(&status);
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9;
    printf("# %lu operations in %.1f s, %.0f a second\n", progress->operations, seconds,
           progress->operations / seconds);
    printf("%s - host/random, seed %lu\n", status ? "not ok" : "ok", how.seed);
    fflush(stdout);
    if (status && !how.quiet)
        explain();
    return status != 0;
}
