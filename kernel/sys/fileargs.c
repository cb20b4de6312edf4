/* File arguments: from descriptors and paths of the current process to open files and vnodes. */
#include <linux/errno.h>
#include <linux/limits.h>
#include <fs/path.h>
#include <mm/heap.h>
#include <sys/fileargs.h>
#include <vm/usercopy.h>

static int copy_path(const char __user *from, char **path)
{
    char *copy = heap_alloc(PATH_MAX);

    if (!copy)
        return -ENOMEM;
    ssize_t len = copy_string_from_user(copy, from, PATH_MAX);
    if (len < 0) {
        heap_free(copy);
        return len;
    }
    *path = copy;
    return 0;
}

/* Finds the directory where a path relative to `dirfd` begins, and takes a reference on it. An
   empty path may mean any file. Errors: -EBADF, -ENOTDIR. */
static int start_dir(int dirfd, const char *path, struct vnode **dir)
{
    if (dirfd == AT_FDCWD) {
        *dir = workdir_get(task_current()->workdir);
        return 0;
    }
    struct file *file = file_from_fd(dirfd);
    if (!file)
        return -EBADF;
    int err = path[0] == '\0' || vnode_is_dir(file->vnode) ? 0 : -ENOTDIR;
    if (!err)
        vnode_get(*dir = file->vnode);
    file_put(file);
    return err;
}

int path_arg_get(struct path_arg *arg, int dirfd, const char __user *path)
{
    int err = copy_path(path, &arg->path);

    if (err)
        return err;
    err = start_dir(arg->path[0] == '/' ? AT_FDCWD : dirfd, arg->path, &arg->dir);
    if (err)
        heap_free(arg->path);
    return err;
}

void path_arg_put(struct path_arg *arg)
{
    vnode_put(arg->dir);
    heap_free(arg->path);
}

int vnode_from_arg(const struct path_arg *arg, unsigned at_flags, struct vnode **vnode)
{
    unsigned flags = (at_flags & AT_SYMLINK_NOFOLLOW) ? 0 : PATH_FOLLOW;

    if (!(at_flags & AT_EMPTY_PATH) || arg->path[0] != '\0')
        return path_lookup(arg->dir, arg->path, flags, vnode);
    vnode_get(*vnode = arg->dir);
    return 0;
}

int vnode_from_path(int dirfd, const char __user *path, unsigned at_flags, struct vnode **vnode)
{
    struct path_arg arg;
    int err = path_arg_get(&arg, dirfd, path);

    if (err)
        return err;
    err = vnode_from_arg(&arg, at_flags, vnode);
    path_arg_put(&arg);
    return err;
}
