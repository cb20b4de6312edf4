/* Users and groups. Every process is root's, of user 0 and group 0, and stays so. To ask for what a
   process is succeeds; to ask for anything else is -EPERM. */

#include <linux/errno.h>
#include <linux/limits.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

#define SAME_ID UINT32_MAX /* in a request: keeps an id */

/* Returns the result of asking to become user or group `id`. */
static int become(uint32_t id)
{
    if (id == SAME_ID)
        return -EINVAL;
    return id == 0 ? 0 : -EPERM;
}

/* Returns the result of asking for an id that may be SAME_ID. */
static int become_or_stay(uint32_t id)
{
    return id == SAME_ID || id == 0 ? 0 : -EPERM;
}

static int become_three(uint32_t real, uint32_t effective, uint32_t saved)
{
    return become_or_stay(real) || become_or_stay(effective) || become_or_stay(saved) ? -EPERM : 0;
}

/* Stores the three ids, which are 0. */
static int tell_three(uint32_t __user *real, uint32_t __user *effective, uint32_t __user *saved)
{
    const uint32_t zero = 0;

    return put_user(real, &zero) || put_user(effective, &zero) || put_user(saved, &zero) ? -EFAULT
                                                                                         : 0;
}

SYSCALL0(sys_getuid)
{
    return 0;
}

SYSCALL0(sys_geteuid)
{
    return 0;
}

SYSCALL0(sys_getgid)
{
    return 0;
}

SYSCALL0(sys_getegid)
{
    return 0;
}

SYSCALL1(sys_setuid, uint32_t, id)
{
    return become(id);
}

SYSCALL1(sys_setgid, uint32_t, id)
{
    return become(id);
}

SYSCALL2(sys_setreuid, uint32_t, real, uint32_t, effective)
{
    return become_three(real, effective, SAME_ID);
}

SYSCALL2(sys_setregid, uint32_t, real, uint32_t, effective)
{
    return become_three(real, effective, SAME_ID);
}

SYSCALL3(sys_setresuid, uint32_t, real, uint32_t, effective, uint32_t, saved)
{
    return become_three(real, effective, saved);
}

SYSCALL3(sys_setresgid, uint32_t, real, uint32_t, effective, uint32_t, saved)
{
    return become_three(real, effective, saved);
}

SYSCALL3(sys_getresuid, uint32_t __user *, real, uint32_t __user *, effective, uint32_t __user *,
         saved)
{
    return tell_three(real, effective, saved);
}

SYSCALL3(sys_getresgid, uint32_t __user *, real, uint32_t __user *, effective, uint32_t __user *,
         saved)
{
    return tell_three(real, effective, saved);
}

/* These return the old id, and have no other way to fail. */
SYSCALL0(sys_setfsuid)
{
    return 0;
}

SYSCALL0(sys_setfsgid)
{
    return 0;
}

/* ---- Supplementary groups ---- */

/* There are none. */
SYSCALL1(sys_getgroups, int, size)
{
    return size < 0 ? -EINVAL : 0;
}

/* Group 0 may be in the list, and stays a process's only group. */
SYSCALL2(sys_setgroups, unsigned, count, const uint32_t __user *, groups)
{
    uint32_t id;

    if (count > NGROUPS_MAX)
        return -EINVAL;
    for (unsigned n = 0; n < count; n++) {
        if (get_user(&id, &groups[n]))
            return -EFAULT;
        int err = become(id);
        if (err)
            return err;
    }
    return 0;
}
