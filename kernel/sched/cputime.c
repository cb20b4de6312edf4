/* The division of CPU time into user mode and kernel mode (sched/cputime.h).

   A further tick in kernel mode can shrink the share of user mode. A program that subtracts two
   readings would see time run backwards, so a part stays where it was until its share has passed
   it, and the other part takes the rest.

   Always true: user_ns + kernel_ns is the largest sum so far.

   Lock: cputime_lock (RANK_PIPE) guards the parts that were returned last. The counts are read
   without it: a tick that comes meanwhile is counted by the next call. */

#include <arch/atomic.h>
#include <arch/spinlock.h>
#include <sched/cputime.h>

static struct spinlock cputime_lock = SPINLOCK(RANK_PIPE);

/* Returns the kernel's part of `sum_ns` in the proportion of the ticks. Without ticks, all time is
   user time. */
static uint64_t kernel_share(const struct cputime_samples *samples, uint64_t sum_ns)
{
    uint64_t user = atomic_load_relaxed(&samples->user);
    uint64_t kernel = atomic_load_relaxed(&samples->kernel);

    if (kernel == 0)
        return 0;
    if (user == 0)
        return sum_ns;
    for (; kernel >> 32; kernel >>= 1) /* so that the shift below loses no bits */
        user >>= 1;
    return (unsigned __int128)sum_ns * ((kernel << 32) / (user + kernel)) >> 32;
}

struct cputime cputime_divide(struct cputime_samples *samples, uint64_t sum_ns)
{
    uint64_t kernel_ns = kernel_share(samples, sum_ns);

    spin_lock(&cputime_lock);
    if (sum_ns > samples->user_ns + samples->kernel_ns) {
        kernel_ns = max(kernel_ns, samples->kernel_ns);
        kernel_ns = min(kernel_ns, sum_ns - samples->user_ns);
        samples->kernel_ns = kernel_ns;
        samples->user_ns = sum_ns - kernel_ns;
    }
    const struct cputime parts = {samples->user_ns, samples->kernel_ns};
    spin_unlock(&cputime_lock);
    return parts;
}
