/* What the system calls on files share: turning descriptors and paths of the current process into
   what fs/ works with. */
#pragma once

#include <linux/fcntl.h>
#include <linux/resource.h>
#include <proc/process.h>

/* The open file `fd`, with a reference; NULL: -EBADF. */
static inline struct file *file_from_fd(int fd)
{
    return fdtable_get(process_current()->files, fd);
}

/* The same for what needs the file itself: NULL also if it was opened with O_PATH, only to name it. */
static inline struct file *io_file_from_fd(int fd)
{
    struct file *file = file_from_fd(fd);

    if (!file || !(file->flags & O_PATH))
        return file;
    file_put(file);
    return NULL;
}

/* RLIMIT_NOFILE. */
static inline uint64_t fd_limit(void)
{
    return process_current()->rlimits[RLIMIT_NOFILE].soft;
}

/* A path as the *at calls pass it. */
struct path_arg {
    struct vnode *dir; /* where it begins, with a reference */
    char *path;        /* in kernel memory */
};

/* Fetches one. `dirfd` is not looked at if the path is absolute. -EFAULT, -ENAMETOOLONG, -EBADF,
   -ENOTDIR, -ENOMEM. */
__must_check int path_arg_get(struct path_arg *arg, int dirfd, const char __user *path);
void path_arg_put(struct path_arg *arg);

/* The vnode that a path leads to, or, with AT_EMPTY_PATH in `at_flags` and an empty path, that
   dirfd is; with a reference. AT_SYMLINK_NOFOLLOW is heeded. */
__must_check int vnode_from_arg(const struct path_arg *arg, unsigned at_flags,
                                struct vnode **vnode);
__must_check int vnode_from_path(int dirfd, const char __user *path, unsigned at_flags,
                                 struct vnode **vnode);
