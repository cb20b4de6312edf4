/* Signals: copies between Linux's structures and the kernel's, and one call for each. */
#include <linux/errno.h>
#include <linux/time_types.h>
#include <proc/process.h>
#include <proc/restart.h>
#include <sys/syscall.h>
#include <sys/timeout.h>
#include <vm/usercopy.h>

SYSCALL2(sys_kill, int, pid, int, signo)
{
    return signal_kill(pid, signo, SI_USER);
}

static long kill_task(int tgid, int tid, int signo)
{
    return signal_kill_task(
        tgid, tid,
        &(struct signal_info){.signo = signo, .code = SI_TKILL, .pid = process_current()->pid});
}

SYSCALL2(sys_tkill, int, tid, int, signo)
{
    return tid <= 0 ? -EINVAL : kill_task(0, tid, signo);
}

SYSCALL3(sys_tgkill, int, tgid, int, tid, int, signo)
{
    return tgid <= 0 || tid <= 0 ? -EINVAL : kill_task(tgid, tid, signo);
}

/* Reads the information that a program has chosen. -EFAULT. */
static int get_info(int signo, const siginfo_t __user *from, struct signal_info *info)
{
    siginfo_t in;

    if (get_user(&in, from))
        return -EFAULT;
    *info = (struct signal_info){
        .signo = signo,
        .code = in.si_code,
        .pid = in.si_pid,
        .uid = in.si_uid,
        .value = (uint64_t)in.si_ptr,
    };
    return 0;
}

SYSCALL3(sys_rt_sigqueueinfo, int, pid, int, signo, const siginfo_t __user *, from)
{
    struct signal_info info;
    int err = get_info(signo, from, &info);

    return err ? err : signal_queue_info(pid, &info);
}

SYSCALL4(sys_rt_tgsigqueueinfo, int, tgid, int, tid, int, signo, const siginfo_t __user *, from)
{
    struct signal_info info;

    if (tgid <= 0 || tid <= 0)
        return -EINVAL;
    int err = get_info(signo, from, &info);
    return err ? err : signal_queue_task(tgid, tid, &info);
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
        restart_keep_deadline(deadline_ns);
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
