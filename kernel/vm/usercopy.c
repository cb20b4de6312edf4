/* Copies between the kernel and the user's half.

   The range is checked here, once. The regions are not looked at, because the access itself
   faults. A fault in a routine of arch/usercopy.h is resolved like the program's own, or ends
   the copy.

   Locks: the caller holds none of RANK_VSPACE or above, because the fault takes that. */

#include <linux/errno.h>
#include <arch/page.h>
#include <arch/spinlock.h>
#include <arch/usercopy.h>
#include <lib/panic.h>
#include <vm/usercopy.h>

bool user_access_ok(const void __user *p, size_t len)
{
    uaddr_t start = (uaddr_t)p;

    return start <= USER_END && len <= USER_END - start;
}

/* Returns how many of `len` bytes from `p` on lie in the user's half. */
static size_t user_part(const void __user *p, size_t len)
{
    uaddr_t start = (uaddr_t)p;

    return start < USER_END ? min(len, USER_END - start) : 0;
}

size_t copy_from_user_partial(void *to, const void __user *from, size_t len)
{
    size_t part = user_part(from, len);

    lock_check_holds_none_from(RANK_VSPACE, "touching user memory");
    return len - part + arch_copy_from_user(to, from, part);
}

size_t copy_to_user_partial(void __user *to, const void *from, size_t len)
{
    size_t part = user_part(to, len);

    lock_check_holds_none_from(RANK_VSPACE, "touching user memory");
    return len - part + arch_copy_to_user(to, from, part);
}

size_t clear_user_partial(void __user *to, size_t len)
{
    size_t part = user_part(to, len);

    lock_check_holds_none_from(RANK_VSPACE, "touching user memory");
    return len - part + arch_clear_user(to, part);
}

int copy_from_user(void *to, const void __user *from, size_t len)
{
    return copy_from_user_partial(to, from, len) ? -EFAULT : 0;
}

int copy_to_user(void __user *to, const void *from, size_t len)
{
    return copy_to_user_partial(to, from, len) ? -EFAULT : 0;
}

ssize_t copy_string_from_user(char *to, const char __user *from, size_t size)
{
    uaddr_t start = (uaddr_t)from;

    lock_check_holds_none_from(RANK_VSPACE, "touching user memory");
    if (start >= USER_END)
        return -EFAULT;
    size_t max = min(size, USER_END - start);
    ssize_t len = arch_copy_string_from_user(to, from, max);
    if (len >= 0 && (size_t)len == max)
        return max < size ? -EFAULT : -ENAMETOOLONG;
    return len;
}

int cmpxchg_user(uint32_t __user *word, uint32_t *expected, uint32_t wanted)
{
    assert(lock_check_none_from(RANK_VSPACE));
    if (!user_access_ok(word, sizeof(*word)))
        return -EFAULT;
    return arch_cmpxchg_user(word, expected, wanted);
}
