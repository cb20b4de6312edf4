/* What the system calls on files share: turning descriptors and paths of the current process into
   what fs/ works with. */
#pragma once

#include <linux/fcntl.h>
#include <linux/resource.h>
#include <linux/uio.h>
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

/* The most that one call moves, as on Linux. */
#define MAX_RW_COUNT (INT32_MAX & ~(PAGE_SIZE - 1))

/* Copies `count` pieces of user memory, as a readv has them, onto the heap; NULL if `count` is 0. -EINVAL: too many,
   or a length below 0; -ENOMEM, -EFAULT. */
__must_check int pieces_fetch(const struct iovec __user *from, size_t count, struct iovec **pieces);

/* The bytes of all pieces together, at most MAX_RW_COUNT. -EFAULT. */
__must_check ssize_t pieces_count(const struct iovec *pieces, size_t count);

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
