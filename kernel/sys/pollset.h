/* A set of files that poll or select waits for. */
#pragma once

#include <linux/poll.h>
#include <lib/base.h>

struct poll_set {
    struct pollfd *fds; /* on the heap */
    size_t count;
    unsigned always; /* events that are reported of every file, in addition to POLLNVAL */
};

/* Waits until a file of the set is ready. Returns how many are; 0 at the deadline; -EINTR;
   -ENOMEM. Each file's events are in its `revents`. */
int poll_set_wait(const struct poll_set *set, uint64_t deadline_ns);

/* The signal mask of ppoll and pselect6, which holds during the wait. poll_mask_set installs it;
   NULL keeps the present mask. Errors: -EINVAL (not the size of a mask), -EFAULT.
   poll_mask_restore brings the earlier mask back, unless the call's result is -EINTR: then that
   happens after the signal is delivered. */
__must_check int poll_mask_set(const uint64_t __user *user, size_t size);
void poll_mask_restore(long result);
