/* The only instructions of the kernel that touch the user's half. A fault in them that cannot be resolved ends them
   early, through the exception table. The caller has checked that [addr, addr + len) lies in the user's half.
   May sleep (a fault may read a disk): no lock of rank RANK_VSPACE or above is held. */
#pragma once

#include <lib/base.h>

/* Copy `len` bytes; return how many bytes were NOT copied: 0 is success. */
size_t arch_copy_from_user(void *to, const void __user *from, size_t len);
size_t arch_copy_to_user(void __user *to, const void *from, size_t len);
size_t arch_clear_user(void __user *to, size_t len);

/* Copies a string of at most `max` bytes with its final 0. Returns its length without the 0; `max` if there is no 0
   within max bytes; -EFAULT if it cannot be read. */
ssize_t arch_copy_string_from_user(char *to, const char __user *from, size_t max);
