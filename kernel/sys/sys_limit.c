/* Resources: the limits of a process, and its usage. */

#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/times.h>
#include <arch/atomic.h>
#include <arch/clock.h>
#include <proc/process.h>
#include <sys/convert.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* ---- Limits ---- */

#define NOFILE_MAX (1u << 20) /* Linux's nr_open */

/* Sets a limit. The tree lock is held. Errors: -EINVAL, -EPERM (not the current process, or too
   high). */
static int set_rlimit(struct process *process, unsigned resource, const struct rlimit64 *wanted)
{
    if (wanted->rlim_cur > wanted->rlim_max)
        return -EINVAL;
    if (process != process_current())
        return -EPERM;
    if (resource == RLIMIT_NOFILE && wanted->rlim_max > NOFILE_MAX)
        return -EPERM;
    atomic_store_relaxed(&process->rlimits[resource].soft, wanted->rlim_cur);
    process->rlimits[resource].hard = wanted->rlim_max;
    cpu_timer_watch(process);
    return 0;
}

/* Reads a limit, and sets it if `set` is not NULL. The tree lock is held. */
static int exchange_rlimit(struct process *process, unsigned resource, const struct rlimit64 *set,
                           struct rlimit64 *old)
{
    if (resource >= PROCESS_RLIMITS)
        return -EINVAL;
    const struct process_rlimit *limit = &process->rlimits[resource];
    *old = (struct rlimit64){.rlim_cur = limit->soft, .rlim_max = limit->hard};
    return set ? set_rlimit(process, resource, set) : 0;
}

/* Reads a limit of the process `pid` (0: the current one), and sets it if `set` is not NULL.
   Errors: -ESRCH, -EINVAL, -EPERM. */
static int rlimit(int pid, unsigned resource, const struct rlimit64 *set, struct rlimit64 *old)
{
    mutex_lock(&process_tree_lock);
    struct process *process = pid ? process_find(pid) : process_current();
    int err = process ? exchange_rlimit(process, resource, set, old) : -ESRCH;
    mutex_unlock(&process_tree_lock);
    if (!err && set)
        process_limit_vspace(process_current());
    return err;
}

SYSCALL2(sys_getrlimit, unsigned, resource, struct rlimit64 __user *, out)
{
    struct rlimit64 limit;
    int err = rlimit(0, resource, NULL, &limit);

    return err ? err : put_user(out, &limit);
}

SYSCALL2(sys_setrlimit, unsigned, resource, const struct rlimit64 __user *, in)
{
    struct rlimit64 limit, old;

    return get_user(&limit, in) ? -EFAULT : rlimit(0, resource, &limit, &old);
}

SYSCALL4(sys_prlimit64, int, pid, unsigned, resource, const struct rlimit64 __user *, in,
         struct rlimit64 __user *, out)
{
    struct rlimit64 limit, old;

    if (in && get_user(&limit, in))
        return -EFAULT;
    int err = rlimit(pid, resource, in ? &limit : NULL, &old);
    return err || !out ? err : put_user(out, &old);
}

/* ---- Usage ---- */

SYSCALL2(sys_getrusage, int, who, struct rusage __user *, out)
{
    struct process_usage children, usage = process_usage_current(&children);

    switch (who) {
    case RUSAGE_SELF:
        break;
    case RUSAGE_THREAD:
        usage.cpu = task_cputime(task_current());
        usage.minor_faults = task_current()->minor_faults;
        break;
    case RUSAGE_CHILDREN:
        usage = children;
        break;
    default:
        return -EINVAL;
    }
    const struct rusage rusage = rusage_from(&usage);
    return put_user(out, &rusage);
}

/* Returns the ticks since boot; `out` gets the ticks of the process and of its children. */
SYSCALL1(sys_times, struct tms __user *, out)
{
    struct process_usage children, self = process_usage_current(&children);
    const struct tms times = {
        .tms_utime = clock_ticks(self.cpu.user_ns),
        .tms_stime = clock_ticks(self.cpu.kernel_ns),
        .tms_cutime = clock_ticks(children.cpu.user_ns),
        .tms_cstime = clock_ticks(children.cpu.kernel_ns),
    };

    if (out && put_user(out, &times))
        return -EFAULT;
    return clock_ticks(clock_monotonic_ns());
}
