/* prctl(2): the name of a thread, and the signal that a process gets when its parent ends. */

#include <linux/errno.h>
#include <linux/prctl.h>
#include <lib/string.h>
#include <proc/process.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* A longer name is cut short. */
static long set_name(const char __user *from)
{
    char name[TASK_NAME_SIZE] = {0};
    ssize_t len = copy_string_from_user(name, from, sizeof(name) - 1);

    if (len < 0 && len != -ENAMETOOLONG)
        return len;
    name[sizeof(name) - 1] = '\0';
    task_set_name(task_current(), name);
    return 0;
}

static long get_name(char __user *to)
{
    char name[TASK_NAME_SIZE] = {0};

    strlcpy(name, task_current()->name, sizeof(name));
    return put_user(to, &name);
}

static long set_death_signal(uint64_t signo)
{
    if (signo > SIGNALS)
        return -EINVAL;
    mutex_lock(&process_tree_lock);
    process_current()->death_signal = signo;
    mutex_unlock(&process_tree_lock);
    return 0;
}

SYSCALL2(sys_prctl, int, option, uint64_t, arg)
{
    switch (option) {
    case PR_SET_NAME:
        return set_name((const char __user *)arg);
    case PR_GET_NAME:
        return get_name((char __user *)arg);
    case PR_SET_PDEATHSIG:
        return set_death_signal(arg);
    case PR_GET_PDEATHSIG:
        return put_user((int __user *)arg, &process_current()->death_signal);
    default:
        return -EINVAL;
    }
}
