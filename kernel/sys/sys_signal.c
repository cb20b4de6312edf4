/* Signals and alarms: copies between Linux's structures and the kernel's, and one call each. */
#include <linux/errno.h>
#include <linux/time_types.h>
#include <arch/clock.h>
#include <proc/process.h>
#include <sys/convert.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

SYSCALL2(sys_kill, int, pid, int, signo)
{
    return signal_kill(pid, signo, SI_USER);
}

SYSCALL2(sys_tkill, int, tid, int, signo)
{
    return tid <= 0 ? -EINVAL : signal_kill(tid, signo, SI_TKILL);
}

SYSCALL3(sys_tgkill, int, tgid, int, tid, int, signo)
{
    if (tgid <= 0 || tid <= 0)
        return -EINVAL;
    return tgid == tid ? signal_kill(tid, signo, SI_TKILL) : -ESRCH;
}

static long queue_signal(int pid, int signo, const siginfo_t __user *from)
{
    siginfo_t in;

    if (get_user(&in, from))
        return -EFAULT;
    const struct signal_info info = {
        .signo = signo,
        .code = in.si_code,
        .pid = in.si_pid,
        .uid = in.si_uid,
        .value = (uint64_t)in.si_ptr,
    };
    return signal_queue(pid, &info);
}

SYSCALL3(sys_rt_sigqueueinfo, int, pid, int, signo, const siginfo_t __user *, info)
{
    return queue_signal(pid, signo, info);
}

SYSCALL4(sys_rt_tgsigqueueinfo, int, tgid, int, tid, int, signo, const siginfo_t __user *, info)
{
    if (tgid <= 0 || tid <= 0)
        return -EINVAL;
    return tgid == tid ? queue_signal(tid, signo, info) : -ESRCH;
}

SYSCALL4(sys_rt_sigaction, int, signo, const struct signal_action __user *, action,
         struct signal_action __user *, old, size_t, mask_size)
{
    struct signal_action in, out;

    if (mask_size != sizeof(in.mask))
        return -EINVAL;
    if (action && get_user(&in, action))
        return -EFAULT;
    int err = signal_set_action(signo, action ? &in : NULL, &out);
    if (!err && old)
        err = put_user(old, &out);
    return err;
}

SYSCALL4(sys_rt_sigprocmask, int, how, const uint64_t __user *, set, uint64_t __user *, old, size_t,
         mask_size)
{
    uint64_t in, out;

    if (mask_size != sizeof(in))
        return -EINVAL;
    if (set && get_user(&in, set))
        return -EFAULT;
    int err = signal_set_mask(how, set ? &in : NULL, &out);
    if (!err && old)
        err = put_user(old, &out);
    return err;
}

/* Returns what rax becomes, because the call replaces all registers. */
SYSCALL_REGISTERS(sys_rt_sigreturn, tf)
{
    signal_return(tf);
    return tf->rax;
}

SYSCALL2(sys_rt_sigpending, uint64_t __user *, set, size_t, mask_size)
{
    uint64_t pending = signal_pending_blocked();

    return mask_size > sizeof(pending) ? -EINVAL : copy_to_user(set, &pending, mask_size);
}

SYSCALL2(sys_rt_sigsuspend, const uint64_t __user *, set, size_t, mask_size)
{
    uint64_t mask;

    if (mask_size != sizeof(mask))
        return -EINVAL;
    return get_user(&mask, set) ? -EFAULT : signal_suspend(&mask);
}

SYSCALL0(sys_pause)
{
    return signal_suspend(NULL);
}

SYSCALL4(sys_rt_sigtimedwait, const uint64_t __user *, set, siginfo_t __user *, info,
         const struct __kernel_timespec __user *, timeout, size_t, mask_size)
{
    struct signal_info taken;
    uint64_t wanted, deadline_ns;

    if (mask_size != sizeof(wanted))
        return -EINVAL;
    if (get_user(&wanted, set))
        return -EFAULT;
    int result = timeout_deadline(timeout, &deadline_ns);
    if (result)
        return result;
    result = signal_timed_wait(wanted, deadline_ns, &taken);
    if (result == -EINTR)
        signal_keep_deadline(deadline_ns);
    if (result > 0 && info) {
        siginfo_t out;

        signal_to_siginfo(&taken, &out);
        if (put_user(info, &out))
            return -EFAULT;
    }
    return result;
}

SYSCALL_REGISTERS(sys_sigaltstack, tf)
{
    const stack_t __user *stack = (const stack_t __user *)tf->rdi;
    stack_t __user *old = (stack_t __user *)tf->rsi;
    stack_t in, out;

    signal_get_stack(tf->rsp, &out);
    if (stack && get_user(&in, stack))
        return -EFAULT;
    int err = stack ? signal_set_stack(&in, tf->rsp) : 0;
    if (!err && old)
        err = put_user(old, &out);
    return err;
}

/* ---- Alarms ---- */

/* False: not a valid time. */
static bool timeval_to_ns(const struct __kernel_old_timeval *time, uint64_t *ns)
{
    const struct __kernel_timespec spec = {.tv_sec = time->tv_sec, .tv_nsec = time->tv_usec * 1000};

    return time->tv_usec >= 0 && time->tv_usec < 1000000 && timespec_to_ns(&spec, ns);
}

/* What is left is rounded, but never to 0, which would say that there was no alarm. */
SYSCALL1(sys_alarm, unsigned, seconds)
{
    uint64_t left_ns = alarm_get().left_ns;

    alarm_set(&(struct alarm_setting){.left_ns = seconds * NS_PER_SEC});
    return left_ns ? max((left_ns + NS_PER_SEC / 2) / NS_PER_SEC, 1ul) : 0;
}

/* A timer as the numbers of setitimer(2) have it. -EINVAL. */
static int timer_get(int which, struct alarm_setting *setting)
{
    switch (which) {
    case ITIMER_REAL:
        *setting = alarm_get();
        return 0;
    case ITIMER_VIRTUAL:
        *setting = cpu_timer_get(CPU_TIMER_VIRTUAL);
        return 0;
    case ITIMER_PROF:
        *setting = cpu_timer_get(CPU_TIMER_PROF);
        return 0;
    default:
        return -EINVAL;
    }
}

static void timer_set(int which, const struct alarm_setting *setting)
{
    if (which == ITIMER_REAL)
        alarm_set(setting);
    else
        cpu_timer_set(which == ITIMER_PROF ? CPU_TIMER_PROF : CPU_TIMER_VIRTUAL, setting);
}

/* A timer that is set never reads as 0: that would say that it is not. */
static int put_timer(const struct alarm_setting *setting, struct __kernel_old_itimerval __user *to)
{
    uint64_t left_ns = setting->left_ns ? max(setting->left_ns, 1000ul) : 0;
    const struct __kernel_old_itimerval out = {
        .it_value = timeval_from_ns(left_ns),
        .it_interval = timeval_from_ns(setting->interval_ns),
    };

    return put_user(to, &out);
}

SYSCALL2(sys_getitimer, int, which, struct __kernel_old_itimerval __user *, old)
{
    struct alarm_setting now;
    int err = timer_get(which, &now);

    return err ? err : put_timer(&now, old);
}

SYSCALL3(sys_setitimer, int, which, const struct __kernel_old_itimerval __user *, new,
         struct __kernel_old_itimerval __user *, old)
{
    struct __kernel_old_itimerval in = {0};
    struct alarm_setting setting, before;

    if (new &&get_user(&in, new))
        return -EFAULT;
    int err = timer_get(which, &before);
    if (err)
        return err;
    if (!timeval_to_ns(&in.it_value, &setting.left_ns) ||
        !timeval_to_ns(&in.it_interval, &setting.interval_ns))
        return -EINVAL;
    timer_set(which, &setting);
    return old ? put_timer(&before, old) : 0;
}
