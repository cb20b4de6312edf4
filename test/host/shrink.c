/* Shrinking (shrink.h): delta debugging removes operations, and then simpler operations replace
   those that are left. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "platform.h"
#include "shrink.h"
#include "system.h"

#define TRIAL_SECONDS 10

/* Runs the sequence in a new process, so no state of an earlier run is left. Returns the exit
   status. */
static int run_alone(const struct op *ops, unsigned count, const struct sequence_options *options,
                     bool quiet)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        platform_quiet = quiet;
        if (quiet)
            dup2(open("/dev/null", O_WRONLY), STDERR_FILENO); /* hides the sanitizers' reports */
        alarm(TRIAL_SECONDS);
        system_init();
        sequence_run(ops, count, options);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return status;
}

bool sequence_fails(const struct op *ops, unsigned count, const struct sequence_options *options)
{
    return run_alone(ops, count, options, true) != 0;
}

/* Removes `n` operations from `at` on if the sequence still fails without them. Returns true if
   it does. */
static bool try_without(struct op *ops, unsigned *count, unsigned at, unsigned n,
                        const struct sequence_options *options)
{
    struct op shorter[*count];

    memcpy(shorter, ops, at * sizeof(*ops));
    memcpy(shorter + at, ops + at + n, (*count - at - n) * sizeof(*ops));
    if (!sequence_fails(shorter, *count - n, options))
        return false;
    *count -= n;
    memcpy(ops, shorter, *count * sizeof(*ops));
    return true;
}

static void remove_operations(struct op *ops, unsigned *count,
                              const struct sequence_options *options)
{
    for (unsigned n = *count / 2 + 1; n > 0; n /= 2)
        for (unsigned at = 0; at + n <= *count;)
            if (!try_without(ops, count, at, n, options))
                at += n;
}

/* Simplifies an operation in the `n`-th way. Returns false if there is no such way. */
static bool simplify(struct op *op, unsigned n)
{
    switch (n) {
    case 0:
        op->fail = 0;
        return true;
    case 1:
        op->last = op->first;
        return true;
    case 2:
        op->cpu = 0;
        return true;
    case 3:
        op->flags = 0;
        return true;
    case 4:
        op->word = 0;
        return true;
    case 5:
        op->prot = PROT_R | PROT_W;
        return true;
    default:
        return false;
    }
}

static void simplify_operations(struct op *ops, unsigned count,
                                const struct sequence_options *options)
{
    for (unsigned at = 0; at < count; at++)
        for (unsigned n = 0;; n++) {
            struct op before = ops[at];

            if (!simplify(&ops[at], n))
                break;
            if (memcmp(&before, &ops[at], sizeof(before)) != 0 &&
                !sequence_fails(ops, count, options))
                ops[at] = before;
        }
}

unsigned sequence_shrink(struct op *ops, unsigned count, const struct sequence_options *options)
{
    unsigned before;

    do {
        before = count;
        remove_operations(ops, &count, options);
    } while (count < before);
    simplify_operations(ops, count, options);
    remove_operations(ops, &count, options);
    return count;
}

void sequence_show(const struct op *ops, unsigned count, const struct sequence_options *options)
{
    fprintf(stderr, "the shortest sequence has %u operations:\n", count);
    for (unsigned n = 0; n < count; n++)
        op_print(&ops[n]);
    run_alone(ops, count, options, false);
}
