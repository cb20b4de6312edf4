/* Random bytes. */

#include <linux/errno.h>
#include <linux/random.h>
#include <dev/random.h>
#include <proc/process.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

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
