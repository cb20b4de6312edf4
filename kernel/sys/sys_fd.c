/* File descriptors: opening, closing, duplicating, fcntl. */
#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/sched.h>
#include <linux/memfd.h>
#include <fs/pagecache.h>
#include <fs/pipe.h>
#include <fs/seals.h>
#include <fs/shmem.h>
#include <fs/vfs.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>
#include "lock.h"

static struct fdtable *current_files(void)
{
    return task_current()->files;
}

/* Returns the descriptor flags that the flags of an open ask for. */
static unsigned to_fd_flags(unsigned flags)
{
    return flags & O_CLOEXEC ? FD_CLOEXEC : 0;
}

/* Gives `file` the lowest free descriptor from `min_fd` on, and takes over its reference, also on
   failure. */
static int install_file(struct file *file, int min_fd, unsigned fd_flags)
{
    int fd = fdtable_install(current_files(), file, min_fd, fd_flags, fd_limit());

    if (fd < 0)
        file_put(file);
    return fd;
}

/* Reserves the descriptor before the open, so that an open without a free descriptor neither
   creates nor truncates a file. */
static int open_arg(const struct path_arg *arg, unsigned flags, unsigned mode)
{
    int fd = fdtable_reserve(current_files(), 0, fd_limit());
    struct file *file;

    if (fd < 0)
        return fd;
    int err = vfs_open(arg->dir, arg->path, flags | O_LARGEFILE, mode, &file);
    fdtable_fill(current_files(), fd, err ? NULL : file, to_fd_flags(flags));
    return err ? err : fd;
}

static long open_path(int dirfd, const char __user *path, unsigned flags, unsigned mode)
{
    struct path_arg arg;
    int err = path_arg_get(&arg, dirfd, path);

    if (err)
        return err;
    int fd = open_arg(&arg, flags, mode & 07777 & ~workdir_umask(task_current()->workdir));
    path_arg_put(&arg);
    return fd;
}

SYSCALL3(sys_open, const char __user *, path, unsigned, flags, unsigned, mode)
{
    return open_path(AT_FDCWD, path, flags, mode);
}

SYSCALL4(sys_openat, int, dirfd, const char __user *, path, unsigned, flags, unsigned, mode)
{
    return open_path(dirfd, path, flags, mode);
}

SYSCALL2(sys_creat, const char __user *, path, unsigned, mode)
{
    return open_path(AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

#define MEMFD_PREFIX "/memfd:"

/* Makes an open file of memory. -EFAULT, -EINVAL (the name is longer than 249 bytes), -ENOMEM. */
static int memfd_open(const char __user *name, unsigned flags, struct file **result)
{
    /* Linux's limit: with "memfd:" before it, the name is that of a file. */
    char path[sizeof(MEMFD_PREFIX) + NAME_MAX - 6] = MEMFD_PREFIX;
    const size_t prefix = sizeof(MEMFD_PREFIX) - 1;
    ssize_t len = copy_string_from_user(path + prefix, name, sizeof(path) - prefix);
    struct vnode *vnode;

    if (len < 0)
        return len == -ENAMETOOLONG ? -EINVAL : len;
    int err = shmem_create(path, 0, &vnode);
    if (err)
        return err;
    if (flags & MFD_ALLOW_SEALING)
        vnode->cache->seals = 0; /* nobody else sees it yet */
    struct file *file = file_alloc(O_RDWR | O_LARGEFILE);
    if (!file) {
        vnode_put(vnode);
        return -ENOMEM;
    }
    err = file_open(file, vnode);
    if (err) {
        file_put(file);
        return err;
    }
    *result = file;
    return 0;
}

SYSCALL2(sys_memfd_create, const char __user *, name, unsigned, flags)
{
    struct file *file;

    if (flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING))
        return -EINVAL;
    int err = memfd_open(name, flags, &file);
    return err ? err : install_file(file, 0, flags & MFD_CLOEXEC ? FD_CLOEXEC : 0);
}

SYSCALL1(sys_close, int, fd)
{
    return fdtable_close(current_files(), fd);
}

SYSCALL3(sys_close_range, unsigned, first, unsigned, last, unsigned, flags)
{
    if ((flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) || first > last)
        return -EINVAL;
    int err = flags & CLOSE_RANGE_UNSHARE ? task_unshare(CLONE_FILES) : 0;
    if (err)
        return err;
    if (flags & CLOSE_RANGE_CLOEXEC)
        fdtable_set_cloexec_range(current_files(), first, last);
    else
        fdtable_close_range(current_files(), first, last);
    return 0;
}

static long dup_from(int fd, int min_fd, unsigned fd_flags)
{
    struct file *file = file_from_fd(fd);

    return file ? install_file(file, min_fd, fd_flags) : -EBADF;
}

SYSCALL1(sys_dup, int, fd)
{
    return dup_from(fd, 0, 0);
}

SYSCALL2(sys_dup2, int, from, int, to)
{
    return fdtable_dup2(current_files(), from, to, 0, fd_limit());
}

SYSCALL3(sys_dup3, int, from, int, to, unsigned, flags)
{
    if ((flags & ~O_CLOEXEC) || from == to)
        return -EINVAL;
    return fdtable_dup2(current_files(), from, to, to_fd_flags(flags), fd_limit());
}

/* Gives descriptors to both ends, or to neither. Takes over their references, also on failure. */
static int install_pipe(struct file *reader, struct file *writer, unsigned fd_flags, int fds[2])
{
    fds[0] = install_file(reader, 0, fd_flags);
    if (fds[0] < 0) {
        file_put(writer);
        return fds[0];
    }
    fds[1] = install_file(writer, 0, fd_flags);
    if (fds[1] < 0) {
        (void)fdtable_close(current_files(), fds[0]);
        return fds[1];
    }
    return 0;
}

static long make_pipe(int __user *to, unsigned flags)
{
    struct file *reader, *writer;
    int fds[2];

    if (flags & ~(O_CLOEXEC | O_NONBLOCK))
        return -EINVAL;
    int err = pipe_create(flags & O_NONBLOCK, &reader, &writer);
    if (err)
        return err;
    err = install_pipe(reader, writer, to_fd_flags(flags), fds);
    if (err)
        return err;
    err = copy_to_user(to, fds, sizeof(fds));
    if (err) {
        (void)fdtable_close(current_files(), fds[0]);
        (void)fdtable_close(current_files(), fds[1]);
    }
    return err;
}

SYSCALL1(sys_pipe, int __user *, fds)
{
    return make_pipe(fds, 0);
}

SYSCALL2(sys_pipe2, int __user *, fds, unsigned, flags)
{
    return make_pipe(fds, flags);
}

/* The flags that F_SETFL changes; the others stay as they are. */
#define SETFL_FLAGS (O_APPEND | O_NONBLOCK | O_NOATIME)

static long set_file_flags(struct file *file, unsigned flags)
{
    unsigned old, new;

    do {
        old = atomic_load(&file->flags);
        new = (old & ~SETFL_FLAGS) | (flags & SETFL_FLAGS);
    } while (!atomic_compare_exchange(&file->flags, old, new));
    return 0;
}

/* Returns true for a request that a descriptor of an O_PATH file supports too. */
static bool is_descriptor_request(unsigned request)
{
    return request == F_DUPFD || request == F_DUPFD_CLOEXEC || request == F_GETFD ||
           request == F_SETFD || request == F_GETFL;
}

static long fcntl_file(struct file *file, int fd, unsigned request, uint64_t arg)
{
    if ((file->flags & O_PATH) && !is_descriptor_request(request))
        return -EBADF;
    if (is_lock_request(request))
        return fcntl_lock(file, fd, request, arg);
    switch (request) {
    case F_DUPFD:
        return dup_from(fd, arg, 0);
    case F_DUPFD_CLOEXEC:
        return dup_from(fd, arg, FD_CLOEXEC);
    case F_GETFD:
        return fdtable_get_flags(current_files(), fd);
    case F_SETFD:
        return fdtable_set_flags(current_files(), fd, arg & FD_CLOEXEC);
    case F_GETFL:
        return atomic_load(&file->flags);
    case F_SETFL:
        return set_file_flags(file, arg);
    case F_ADD_SEALS:
        return seals_add(file, arg);
    case F_GET_SEALS:
        return seals_of(file);
    case F_GETPIPE_SZ:
        return pipe_size(file);
    case F_SETPIPE_SZ:
        return pipe_set_size(file, arg);
    }
    return -EINVAL;
}

SYSCALL3(sys_fcntl, int, fd, unsigned, request, uint64_t, arg)
{
    struct file *file = file_from_fd(fd);

    if (!file)
        return -EBADF;
    long result = fcntl_file(file, fd, request, arg);
    file_put(file);
    return result;
}
