/* The working directory. */

#include <linux/errno.h>
#include <linux/limits.h>
#include <mm/heap.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* Makes `dir` the working directory, and takes over the reference on it, also on failure. */
static int set_cwd(struct vnode *dir)
{
    if (!vnode_is_dir(dir)) {
        vnode_put(dir);
        return -ENOTDIR;
    }
    workdir_set(task_current()->workdir, dir);
    return 0;
}

SYSCALL1(sys_chdir, const char __user *, path)
{
    struct vnode *dir;
    int err = vnode_from_path(AT_FDCWD, path, 0, &dir);

    return err ? err : set_cwd(dir);
}

SYSCALL1(sys_fchdir, int, fd)
{
    struct file *file = file_from_fd(fd);

    if (!file)
        return -EBADF;
    vnode_get(file->vnode);
    int err = set_cwd(file->vnode);
    file_put(file);
    return err;
}

/* Returns the length with the final 0. The C library's function returns a pointer. */
SYSCALL2(sys_getcwd, char __user *, to, size_t, size)
{
    char *path = heap_alloc(PATH_MAX);

    if (!path)
        return -ENOMEM;
    struct vnode *dir = workdir_get(task_current()->workdir);
    ssize_t len = vnode_getcwd(dir, path, PATH_MAX);
    vnode_put(dir);
    if (len >= 0) {
        len++;
        if ((size_t)len > size)
            len = -ERANGE;
        else if (copy_to_user(to, path, len))
            len = -EFAULT;
    }
    heap_free(path);
    return len;
}
