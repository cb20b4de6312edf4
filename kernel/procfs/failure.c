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

static int number_print(struct text_sink *sink, uint64_t key, int64_t (*get)(const struct task *))
{
    const struct task *task = procfs_hold_task(key);

    if (!task)
        return -ESRCH;
    sink_printf(sink, "%ld\n", get(task));
    procfs_release();
    return 0;
}

static int number_set(uint64_t key, int64_t number, void (*set)(struct task *, int64_t))
{
    struct task *task = procfs_hold_task(key);

    if (!task)
        return -ESRCH;
    set(task, number);
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

static int count_set(const char *text, uint64_t key, void (*set)(struct task *, int64_t))
{
    unsigned count;
    int err = procfs_parse_unsigned(text, &count);

    return err ? err : number_set(key, count, set);
}

static int64_t get_fail_nth(const struct task *task)
{
    return atomic_load_relaxed(&task->thread->fail_nth);
}

static void set_fail_nth(struct task *task, int64_t nth)
{
    thread_set_fail_nth(task->thread, nth);
}

int procfs_fail_nth(struct text_sink *sink, uint64_t key)
{
    return number_print(sink, key, get_fail_nth);
}

int procfs_set_fail_nth(const char *text, uint64_t key)
{
    return count_set(text, key, set_fail_nth);
}

static int64_t get_fail_io(const struct task *task)
{
    return atomic_load_relaxed(&task->thread->fail_io);
}

static void set_fail_io(struct task *task, int64_t nth)
{
    atomic_store_relaxed(&task->thread->fail_io, nth);
}

int procfs_fail_io(struct text_sink *sink, uint64_t key)
{
    return number_print(sink, key, get_fail_io);
}

int procfs_set_fail_io(const char *text, uint64_t key)
{
    return count_set(text, key, set_fail_io);
}

static int64_t get_oom_score_adj(const struct task *task)
{
    return task->process->oom_score_adj;
}

static void set_oom_score_adj(struct task *task, int64_t adj)
{
    task->process->oom_score_adj = adj;
}

int procfs_oom_score_adj(struct text_sink *sink, uint64_t key)
{
    return number_print(sink, key, get_oom_score_adj);
}

int procfs_set_oom_score_adj(const char *text, uint64_t key)
{
    bool is_negative = *text == '-';
    unsigned size;

    if (procfs_parse_unsigned(text + is_negative, &size) || size > OOM_SCORE_ADJ_MAX)
        return -EINVAL;
    return number_set(key, is_negative ? -(int64_t)size : (int64_t)size, set_oom_score_adj);
}
