/* /proc/PID/fail-nth, as Linux's fault injection has it: n written there makes the n-th allocation of the process from
   then on fail (mm/failure.h); read, it says how many are left to go. To read it takes allocations, which count too. A
   child begins with what is left of its parent's count, unlike on Linux. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <lib/string.h>
#include "procfs.h"

int procfs_fail_nth(struct text_sink *sink, uint64_t key)
{
    const struct process *process = procfs_hold(key);

    if (!process)
        return -ESRCH;
    sink_printf(sink, "%u\n", atomic_load_relaxed(&process->thread->fail_nth));
    procfs_release();
    return 0;
}

/* Reads a number and, maybe, the end of its line. -EINVAL, -ERANGE. */
static int parse_unsigned(const char *text, unsigned *number)
{
    uint64_t value = 0;

    if (*text < '0' || *text > '9')
        return -EINVAL;
    for (; *text >= '0' && *text <= '9'; text++) {
        value = value * 10 + (*text - '0');
        if (value > UINT32_MAX)
            return -ERANGE;
    }
    *number = value;
    return *text == '\0' || strcmp(text, "\n") == 0 ? 0 : -EINVAL;
}

int procfs_set_fail_nth(const char *text, uint64_t key)
{
    unsigned nth;
    int err = parse_unsigned(text, &nth);

    if (err)
        return err;
    const struct process *process = procfs_hold(key);
    if (!process)
        return -ESRCH;
    thread_set_fail_nth(process->thread, nth);
    procfs_release();
    return 0;
}
