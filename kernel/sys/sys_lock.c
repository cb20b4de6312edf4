/* Locks on files: the requests of fcntl(2) for record locks, and flock(2). */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <fs/filelock.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>
#include "lock.h"

/* ---- Record locks ---- */

bool is_lock_request(unsigned request)
{
    switch (request) {
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return true;
    default:
        return false;
    }
}

static bool is_ofd_request(unsigned request)
{
    return request == F_OFD_GETLK || request == F_OFD_SETLK || request == F_OFD_SETLKW;
}

static bool is_test_request(unsigned request)
{
    return request == F_GETLK || request == F_OFD_GETLK;
}

/* Returns the offset from which the range of a lock counts; -EINVAL. */
static int64_t lock_base(struct file *file, const struct flock *from)
{
    switch (from->l_whence) {
    case SEEK_SET:
        return 0;
    case SEEK_CUR:
        return atomic_load_relaxed(&file->offset);
    case SEEK_END:
        return vnode_size(file->vnode);
    default:
        return -EINVAL;
    }
}

/* Sets the range of a lock. A length of 0 means all from the start on; a length below 0 means the
   bytes before the start. Errors: -EINVAL, -EOVERFLOW. */
static int lock_set_range(struct record_lock *lock, struct file *file, const struct flock *from)
{
    int64_t base = lock_base(file, from), len = from->l_len;

    if (base < 0)
        return base;
    if (from->l_start > INT64_MAX - base)
        return -EOVERFLOW;
    int64_t start = base + from->l_start;
    if (start < 0 || (len < 0 && start + len < 0))
        return -EINVAL;
    if (len > 0 && len - 1 > INT64_MAX - start)
        return -EOVERFLOW;
    lock->start = len < 0 ? start + len : start;
    lock->end = len == 0 ? INT64_MAX : lock->start + ((len < 0 ? -len : len) - 1);
    return 0;
}

/* Makes a lock or a request of a struct flock. Errors: -EINVAL, -EOVERFLOW. */
static int lock_from_user(struct record_lock *lock, struct file *file, unsigned request,
                          const struct flock *from)
{
    bool is_ofd = is_ofd_request(request);

    *lock = (struct record_lock){
        .kind = from->l_type,
        .owner = is_ofd ? (void *)file : task_current()->files,
        .pid = is_ofd ? FILELOCK_OPEN_FILE : process_current()->pid,
    };
    int err = lock_set_range(lock, file, from);
    if (err)
        return err;
    if (from->l_type != F_RDLCK && from->l_type != F_WRLCK && from->l_type != F_UNLCK)
        return -EINVAL;
    return 0;
}

/* An open file locks only for what it may do. */
static bool may_lock(const struct file *file, short kind)
{
    return kind == F_UNLCK || (kind == F_RDLCK ? file_may_read(file) : file_may_write(file));
}

static long test_lock(struct file *file, unsigned request, struct flock *flock)
{
    struct record_lock wanted;

    if (request == F_GETLK && flock->l_type != F_RDLCK && flock->l_type != F_WRLCK)
        return -EINVAL;
    int err = lock_from_user(&wanted, file, request, flock);
    if (err)
        return err;
    if (is_ofd_request(request) && flock->l_pid != 0)
        return -EINVAL;
    struct record_lock found = filelock_test(file->vnode, &wanted);
    flock->l_type = found.kind;
    if (found.kind == F_UNLCK)
        return 0;
    flock->l_whence = SEEK_SET;
    flock->l_start = found.start;
    flock->l_len = found.end == INT64_MAX ? 0 : found.end - found.start + 1;
    flock->l_pid = found.pid;
    return 0;
}

/* Returns true if `fd` still is a descriptor of `file`. */
static bool is_descriptor_of(int fd, struct file *file)
{
    struct file *now = file_from_fd(fd);

    if (now)
        file_put(now);
    return now == file;
}

static long set_lock(struct file *file, int fd, unsigned request, const struct flock *flock)
{
    bool waits = request == F_SETLKW || request == F_OFD_SETLKW;
    struct record_lock wanted;
    int err = lock_from_user(&wanted, file, request, flock);

    if (err)
        return err;
    if (!may_lock(file, wanted.kind))
        return -EBADF;
    if (is_ofd_request(request) && flock->l_pid != 0)
        return -EINVAL;
    err = filelock_set(file->vnode, &wanted, waits ? FILELOCK_WAIT : FILELOCK_TRY);
    /* Another thread may have closed the descriptor, and dropped the locks, before ours was set. */
    if (!err && !is_ofd_request(request) && !is_descriptor_of(fd, file)) {
        filelock_drop_records(file->vnode, wanted.owner);
        err = -EBADF;
    }
    return err;
}

long fcntl_lock(struct file *file, int fd, unsigned request, uaddr_t arg)
{
    struct flock __user *user = (struct flock __user *)arg;
    struct flock flock;

    if (get_user(&flock, user))
        return -EFAULT;
    if (!is_test_request(request))
        return set_lock(file, fd, request, &flock);
    long err = test_lock(file, request, &flock);
    return err ? err : put_user(user, &flock);
}

/* ---- flock ---- */

SYSCALL2(sys_flock, int, fd, unsigned, operation)
{
    unsigned kind = operation & ~LOCK_NB;

    if (operation & LOCK_MAND) /* Linux ignores these too */
        return 0;
    if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
        return -EINVAL;
    struct file *file = io_file_from_fd(fd);
    if (!file)
        return -EBADF;
    int err = filelock_flock(file, kind, operation & LOCK_NB ? FILELOCK_TRY : FILELOCK_WAIT);
    file_put(file);
    return err;
}
