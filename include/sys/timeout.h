/* Timeouts of system calls. Deadlines are times of the monotonic clock in nanoseconds;
   UINT64_MAX is never. */
#pragma once

#include <linux/time_types.h>
#include <lib/base.h>

/* Computes the deadline of a call that waits for `timeout`, or for ever if it is NULL. A call that
   restarts after a signal without a handler keeps the deadline of its first start. Errors: -EINVAL
   (not a valid time), -EFAULT. */
__must_check int timeout_deadline(const struct __kernel_timespec __user *timeout,
                                  uint64_t *deadline_ns);
__must_check int timespec_deadline(const struct __kernel_timespec *time, uint64_t *deadline_ns);

/* Returns the nanoseconds until the deadline; 0 if it has passed. */
uint64_t timeout_left_ns(uint64_t deadline_ns);

/* Writes the time until the deadline back to `timeout`, if that is not NULL. A failure is ignored,
   as on Linux. */
void timeout_write_left(struct __kernel_timespec __user *timeout, uint64_t deadline_ns);
