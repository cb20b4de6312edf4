/* The kernel's way to user memory. A promised page is as good as a present one: an access here
   faults like the program's own. Everything else is -EFAULT. The current thread has a vspace, and
   holds no lock of RANK_VSPACE or above, so no spinlock either. */
#pragma once

#include <lib/base.h>

/* Copy all or return -EFAULT; then a part may have been copied. */
__must_check int copy_from_user(void *to, const void __user *from, size_t len);
__must_check int copy_to_user(void __user *to, const void *from, size_t len);

/* Return how many bytes could not be copied; for the calls that return short counts. */
__must_check size_t copy_from_user_partial(void *to, const void __user *from, size_t len);
__must_check size_t copy_to_user_partial(void __user *to, const void *from, size_t len);
__must_check size_t clear_user_partial(void __user *to, size_t len);

/* Copies a string with its final 0 into `to`, of `size` bytes. Returns its length; -ENAMETOOLONG if
   it does not fit; -EFAULT. */
__must_check ssize_t copy_string_from_user(char *to, const char __user *from, size_t size);

/* Copy one object. */
#define get_user(to, from) copy_from_user((to), (from), sizeof(*(to)))
#define put_user(to, from) copy_to_user((to), (from), sizeof(*(from)))

/* Writes `wanted` to a word, a multiple of 4, if the word is `*expected`; one atomic step. Stores in
   *expected what the word was. -EFAULT. */
__must_check int cmpxchg_user(uint32_t __user *word, uint32_t *expected, uint32_t wanted);

/* Returns true if the whole buffer lies in the user's half. Asked before it is known how much of
   the buffer will be used. */
bool user_access_ok(const void __user *p, size_t len);
