/* The kernel's way to user memory. A promised page is as good as a present one: touching it here is a fault like the
   program's own. Everything else is -EFAULT. The current thread has a vspace; it holds no lock of RANK_VSPACE or above
   (a spinlock least of all). */
#pragma once

#include <lib/base.h>

/* 0 or -EFAULT; how much was copied before is then not told. */
__must_check int copy_from_user(void *to, const void __user *from, size_t len);
__must_check int copy_to_user(void __user *to, const void *from, size_t len);

/* How many bytes could not be copied; for the calls that return short counts. */
__must_check size_t copy_from_user_partial(void *to, const void __user *from, size_t len);
__must_check size_t copy_to_user_partial(void __user *to, const void *from, size_t len);
__must_check size_t clear_user_partial(void __user *to, size_t len);

/* A string with its final 0 into `to`, of `size` bytes: its length, -ENAMETOOLONG if it does not fit, or -EFAULT. */
__must_check ssize_t copy_string_from_user(char *to, const char __user *from, size_t size);

/* One object. */
#define get_user(to, from) copy_from_user((to), (from), sizeof(*(to)))
#define put_user(to, from) copy_to_user((to), (from), sizeof(*(from)))

/* Whether a buffer could be a user's at all, asked before it is known how much of it will be used: all of it lies in
   the user's half. */
bool user_access_ok(const void __user *p, size_t len);
