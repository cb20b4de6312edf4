/* epoll(7): a file that watches other files, and lists those that are ready. */
#pragma once

#include <linux/eventpoll.h>
#include <fs/file.h>

/* Makes an epoll that watches nothing. Error: -ENOMEM. */
__must_check int epoll_create(struct file **file);

/* Returns true if the file is an epoll. */
bool is_epoll(const struct file *file);

/* Adds, changes or removes the watch of an epoll on `target`, which is open as descriptor `fd`:
   epoll_ctl(2). `event` is used by EPOLL_CTL_ADD and EPOLL_CTL_MOD. Errors: -EPERM (the target is
   always ready), -EINVAL, -EEXIST, -ENOENT, -ELOOP, -ENOMEM. */
__must_check int epoll_control(struct file *file, int op, int fd, struct file *target,
                               const struct epoll_event *event);

/* Waits until watched files are ready, and stores up to `max` events in `events`. Returns how many;
   0 at the deadline (UINT64_MAX: none; 0: no wait). Errors: -EINTR, -EFAULT. */
__must_check int epoll_wait(struct file *file, struct epoll_event __user *events, int max,
                            uint64_t deadline_ns);
