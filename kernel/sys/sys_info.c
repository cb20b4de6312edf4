/* Time, limits, usage, and what the system is. */

#include <linux/errno.h>
#include <linux/random.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/time.h>
#include <linux/times.h>
#include <linux/utsname.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <dev/random.h>
#include <lib/string.h>
#include <proc/process.h>
#include <sched/load.h>
#include <sys/convert.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

#define PAGODA_RELEASE "0.1"

SYSCALL1(sys_uname, struct new_utsname __user *, out)
{
    const struct new_utsname names = {
        .sysname = "Pagoda",
        .nodename = "pagoda",
        .release = PAGODA_RELEASE,
        .version = "a kernel that fits in the head",
        .machine = "x86_64",
        .domainname = "(none)",
    };

    return put_user(out, &names);
}

SYSCALL1(sys_sysinfo, struct sysinfo __user *, out)
{
    struct sysinfo info;

    memset(&info, 0, sizeof(info)); /* it goes to the user with its padding */
    info.uptime = clock_monotonic_ns() / NS_PER_SEC;
    for (unsigned n = 0; n < LOADS; n++)
        info.loads[n] = load_average(n) << (SI_LOAD_SHIFT - LOAD_SHIFT);
    info.totalram = frame_count - frame_usage(FRAME_RESERVED);
    info.freeram = frame_usage(FRAME_FREE);
    info.procs = thread_count();
    info.mem_unit = PAGE_SIZE;
    return put_user(out, &info);
}

/* ---- The kernel's messages ---- */

/* What syslog(2) is asked for; Linux's headers for programs have no names for it. */
#define SYSLOG_ACTION_READ_ALL    3
#define SYSLOG_ACTION_SIZE_BUFFER 10

/* The last `size` bytes of the messages, or all that are left; the first line may be cut short. */
static long read_messages(char __user *to, size_t size)
{
    uint64_t from = console_log_end();
    char part[256];
    size_t n, done = 0;

    size = min(size, CONSOLE_LOG_SIZE);
    from -= min(from, (uint64_t)size);
    while (done < size && (n = console_log_read(&from, part, min(size - done, sizeof(part))))) {
        if (copy_to_user(to + done, part, n))
            return -EFAULT;
        done += n;
    }
    return done;
}

SYSCALL3(sys_syslog, int, action, char __user *, to, int, size)
{
    switch (action) {
    case SYSLOG_ACTION_READ_ALL:
        return !to || size < 0 ? -EINVAL : read_messages(to, size);
    case SYSLOG_ACTION_SIZE_BUFFER:
        return CONSOLE_LOG_SIZE;
    default:
        return -EINVAL;
    }
}

/* ---- Time ---- */

/* What the process has used; it is its only thread, too. */
static uint64_t cpu_time_ns(void)
{
    struct process_usage usage = process_usage(process_current());

    return (usage.ticks_user + usage.ticks_kernel) * TICK_US * 1000;
}

/* -EINVAL: there is no such clock. */
static int clock_read(int clock, uint64_t *ns)
{
    switch (clock) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI: /* nobody has said how many leap seconds there have been */
        *ns = clock_realtime_ns();
        return 0;
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        *ns = clock_monotonic_ns();
        return 0;
    case CLOCK_PROCESS_CPUTIME_ID:
    case CLOCK_THREAD_CPUTIME_ID:
        *ns = cpu_time_ns();
        return 0;
    default:
        return -EINVAL;
    }
}

static bool is_cpu_clock(int clock)
{
    return clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
}

/* Whether one can sleep until it shows a time; by a clock of CPU time one cannot, yet. */
static bool can_wake(int clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME ||
           clock == CLOCK_TAI;
}

SYSCALL2(sys_clock_gettime, int, clock, struct __kernel_timespec __user *, out)
{
    uint64_t ns;
    int err = clock_read(clock, &ns);

    if (err)
        return err;
    const struct __kernel_timespec time = timespec_from_ns(ns);
    return put_user(out, &time);
}

SYSCALL2(sys_clock_getres, int, clock, struct __kernel_timespec __user *, out)
{
    struct __kernel_timespec resolution = {.tv_nsec = 1};
    uint64_t ns;
    int err = clock_read(clock, &ns);

    if (is_cpu_clock(clock))
        resolution.tv_nsec = TICK_US * 1000;
    return err || !out ? err : put_user(out, &resolution);
}

/* The kernel's time zone is UTC, always. */
SYSCALL2(sys_gettimeofday, struct __kernel_old_timeval __user *, out, struct timezone __user *,
         zone)
{
    uint64_t us = clock_realtime_ns() / 1000;
    const struct __kernel_old_timeval time = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};
    const struct timezone utc = {0};
    int err = out ? put_user(out, &time) : 0;

    return err || !zone ? err : put_user(zone, &utc);
}

/* Sleeps until the monotonic clock shows deadline_ns. -EINTR: what is left into `remaining`, if it is not NULL. */
static int sleep_until(uint64_t deadline_ns, struct __kernel_timespec __user *remaining)
{
    int err = thread_sleep_until(deadline_ns);

    if (err == -EINTR && remaining) {
        const struct __kernel_timespec left = timespec_from_ns(timeout_left_ns(deadline_ns));

        if (put_user(remaining, &left))
            return -EFAULT;
    }
    return err;
}

/* Sleeps for `ns` from now on, or, if a signal has interrupted that and nobody has noticed, for the rest. */
static int sleep_for(uint64_t ns, struct __kernel_timespec __user *remaining)
{
    uint64_t deadline_ns = signal_resumed_deadline(clock_monotonic_ns() + ns);
    int err = sleep_until(deadline_ns, remaining);

    if (err == -EINTR)
        signal_keep_deadline(deadline_ns);
    return err;
}

SYSCALL2(sys_nanosleep, const struct __kernel_timespec __user *, request,
         struct __kernel_timespec __user *, remaining)
{
    struct __kernel_timespec time;
    uint64_t ns;

    if (get_user(&time, request))
        return -EFAULT;
    if (!timespec_to_ns(&time, &ns))
        return -EINVAL;
    return sleep_for(ns, remaining);
}

SYSCALL4(sys_clock_nanosleep, int, clock, int, flags, const struct __kernel_timespec __user *,
         request, struct __kernel_timespec __user *, remaining)
{
    struct __kernel_timespec time;
    uint64_t ns, now;

    if (clock_read(clock, &now))
        return -EINVAL;
    if (!can_wake(clock))
        return -EOPNOTSUPP;
    if (get_user(&time, request))
        return -EFAULT;
    if (!timespec_to_ns(&time, &ns))
        return -EINVAL;
    if (!(flags & TIMER_ABSTIME))
        return sleep_for(ns, remaining);
    return sleep_until(clock_monotonic_ns() + (ns > now ? ns - now : 0), NULL);
}

/* ---- Limits and usage ---- */

#define NOFILE_MAX (1u << 20) /* Linux's nr_open */

/* -EINVAL; -EPERM: only a process itself changes its limits. The tree lock is held. */
static int set_rlimit(struct process *process, unsigned resource, const struct rlimit64 *wanted)
{
    if (wanted->rlim_cur > wanted->rlim_max)
        return -EINVAL;
    if (process != process_current())
        return -EPERM;
    if (resource == RLIMIT_NOFILE && wanted->rlim_max > NOFILE_MAX)
        return -EPERM;
    process->rlimits[resource] =
        (struct process_rlimit){.soft = wanted->rlim_cur, .hard = wanted->rlim_max};
    return 0;
}

/* The tree lock is held. */
static int exchange_rlimit(struct process *process, unsigned resource, const struct rlimit64 *set,
                           struct rlimit64 *old)
{
    if (resource >= PROCESS_RLIMITS)
        return -EINVAL;
    const struct process_rlimit *limit = &process->rlimits[resource];
    *old = (struct rlimit64){.rlim_cur = limit->soft, .rlim_max = limit->hard};
    return set ? set_rlimit(process, resource, set) : 0;
}

/* Tells a limit of a process (0: the current one), and sets it if `set` is not NULL. -ESRCH, -EINVAL, -EPERM. */
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

SYSCALL2(sys_getrusage, int, who, struct rusage __user *, out)
{
    struct process *process = process_current();
    struct process_usage usage;

    switch (who) {
    case RUSAGE_SELF:
    case RUSAGE_THREAD:
        usage = process_usage(process);
        break;
    case RUSAGE_CHILDREN:
        usage = process->children_usage; /* only this thread adds to it */
        break;
    default:
        return -EINVAL;
    }
    const struct rusage rusage = rusage_from(&usage);
    return put_user(out, &rusage);
}

/* Ticks, as everywhere in here: since boot, and of the process and its children. */
SYSCALL1(sys_times, struct tms __user *, out)
{
    const struct process *process = process_current();
    struct process_usage self = process_usage(process), children = process->children_usage;
    const struct tms times = {
        .tms_utime = self.ticks_user,
        .tms_stime = self.ticks_kernel,
        .tms_cutime = children.ticks_user,
        .tms_cstime = children.ticks_kernel,
    };

    if (out && put_user(out, &times))
        return -EFAULT;
    return clock_monotonic_ns() / 1000 / TICK_US;
}

SYSCALL3(sys_getrandom, char __user *, buf, size_t, len, unsigned, flags)
{
    char part[256];
    size_t done = 0;

    if (flags & ~(GRND_NONBLOCK | GRND_RANDOM | GRND_INSECURE))
        return -EINVAL;
    if ((flags & GRND_RANDOM) && (flags & GRND_INSECURE))
        return -EINVAL;
    len = min(len, (size_t)INT32_MAX);
    while (done < len) {
        size_t n = min(len - done, sizeof(part));

        random_bytes(part, n);
        size_t left = copy_to_user_partial(buf + done, part, n);
        done += n - left;
        if (left)
            return done ? (long)done : -EFAULT;
        if (signal_is_pending())
            break;
    }
    return done;
}
