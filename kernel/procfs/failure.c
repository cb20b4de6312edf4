/* The settings of a process for the lack of memory, as on Linux.

   /proc/PID/oom_score_adj decides which process is killed when memory is out (proc/oom.h).

   /proc/PID/fail-nth and /proc/PID/task/TID/fail-nth are the fault injection of Linux. If n is
   written there, the n-th allocation of the task (the leader of a process) from then on fails
   (mm/failnth.h). Reading returns how many allocations are left until then; the allocations of the
   read itself count too. A child starts with the rest of its parent's count, unlike on Linux.

   /proc/PID/fail-io is the fault injection of disks, which Linux lacks. If n is written there, the
   n-th request of the task to a disk fails with EIO (dev/block.h).

   Lock: the tree lock, so that the process does not exit meanwhile. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <lib/string.h>
#include <proc/oom.h>
#include "files.h"
#include "visit.h"

int procfs_fail_nth(struct text_sink *sink, uint64_t key)
{
    const struct task *task = procfs_hold_task(key);

    if (!task)
        return -ESRCH;
    sink_printf(sink, "%u\n", atomic_load_relaxed(&task->thread->fail_nth));
    procfs_release();
    return 0;
}

int procfs_parse_unsigned(const char *text, unsigned *number)
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
    int err = procfs_parse_unsigned(text, &nth);

    if (err)
        return err;
    const struct task *task = procfs_hold_task(key);
    if (!task)
        return -ESRCH;
    thread_set_fail_nth(task->thread, nth);
    procfs_release();
    return 0;
}

int procfs_fail_io(struct text_sink *sink, uint64_t key)
{
    const struct task *task = procfs_hold_task(key);

    if (!task)
        return -ESRCH;
    sink_printf(sink, "%u\n", atomic_load_relaxed(&task->thread->fail_io));
    procfs_release();
    return 0;
}

int procfs_set_fail_io(const char *text, uint64_t key)
{
    unsigned nth;
    int err = procfs_parse_unsigned(text, &nth);

    if (err)
        return err;
    const struct task *task = procfs_hold_task(key);
    if (!task)
        return -ESRCH;
    atomic_store_relaxed(&task->thread->fail_io, nth);
    procfs_release();
    return 0;
}

int procfs_oom_score_adj(struct text_sink *sink, uint64_t key)
{
    const struct task *task = procfs_hold_task(key);

    if (!task)
        return -ESRCH;
    sink_printf(sink, "%d\n", task->process->oom_score_adj);
    procfs_release();
    return 0;
}

int procfs_set_oom_score_adj(const char *text, uint64_t key)
{
    bool is_negative = *text == '-';
    unsigned size;

    if (procfs_parse_unsigned(text + is_negative, &size) || size > OOM_SCORE_ADJ_MAX)
        return -EINVAL;
    struct task *task = procfs_hold_task(key);
    if (!task)
        return -ESRCH;
    task->process->oom_score_adj = is_negative ? -(int)size : (int)size;
    procfs_release();
    return 0;
}
