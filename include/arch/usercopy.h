/* The only instructions of the kernel that access the user's half. A fault that cannot be resolved
   ends them early, through the exception table. The caller has checked that [addr, addr + len) lies
   in the user's half. May sleep, because a fault may wait: no lock of RANK_VSPACE or above is
   held. */
#pragma once

#include <lib/base.h>

/* Copy or clear `len` bytes. They return the number of bytes that were not copied; 0 is success. */
size_t arch_copy_from_user(void *to, const void __user *from, size_t len);
size_t arch_copy_to_user(void __user *to, const void *from, size_t len);
size_t arch_clear_user(void __user *to, size_t len);

/* Copies a string of at most `max` bytes, the final 0 included. Returns its length without the 0;
   `max` if there is no 0 in `max` bytes; -EFAULT if it cannot be read. */
ssize_t arch_copy_string_from_user(char *to, const char __user *from, size_t max);

/* Writes `wanted` to an aligned word that is `*expected`, in one atomic step, and stores in
   *expected what the word was. -EFAULT: the word cannot be written. */
int arch_cmpxchg_user(uint32_t __user *word, uint32_t *expected, uint32_t wanted);
