/* The arguments of system calls on files: descriptors and paths of the current process become open
   files and vnodes. */
#pragma once

#include <linux/fcntl.h>
#include <linux/resource.h>
#include <proc/process.h>

/* Returns the open file `fd` with a reference, or NULL if there is none. */
static inline struct file *file_from_fd(int fd)
{
    return fdtable_get(task_current()->files, fd);
}

/* Returns the open file `fd` with a reference, or NULL if there is none. A file that was opened
   with O_PATH counts as none, because it cannot be read, written or controlled. */
static inline struct file *io_file_from_fd(int fd)
{
    struct file *file = file_from_fd(fd);

    if (!file || !(file->flags & O_PATH))
        return file;
    file_put(file);
    return NULL;
}

/* Returns RLIMIT_NOFILE: descriptors of the current process are below it. */
static inline uint64_t fd_limit(void)
{
    return process_limit(process_current(), RLIMIT_NOFILE);
}

/* Returns RLIMIT_FSIZE: the current process makes no file grow beyond it. */
static inline uint64_t size_limit(void)
{
    return process_limit(process_current(), RLIMIT_FSIZE);
}

/* Sends SIGXFSZ if a truncation to `size` has failed with `err` because of RLIMIT_FSIZE. */
static inline void check_size_limit(uint64_t size, int err)
{
    if (err == -EFBIG && size > size_limit())
        signal_send_self(SIGXFSZ);
}

/* A path as the *at calls pass it. */
struct path_arg {
    struct vnode *dir; /* the directory where it begins; one reference */
    char *path;        /* a copy on the heap */
};

/* Fetches a path. An absolute path does not look at `dirfd`. Errors: -EFAULT, -ENAMETOOLONG,
   -EBADF, -ENOMEM. */
__must_check int path_arg_get(struct path_arg *arg, int dirfd, const char __user *path);
void path_arg_put(struct path_arg *arg);

/* Finds the vnode that a path leads to, and takes a reference on it. With AT_SYMLINK_NOFOLLOW in
   `at_flags` the vnode may be a symbolic link. With AT_EMPTY_PATH an empty path means the file
   `dirfd` itself. Errors: those of path_arg_get and path_lookup. */
__must_check int vnode_from_arg(const struct path_arg *arg, unsigned at_flags,
                                struct vnode **vnode);
__must_check int vnode_from_path(int dirfd, const char __user *path, unsigned at_flags,
                                 struct vnode **vnode);
