/* Mounting and unmounting file systems: mount, umount2. */
#include <linux/errno.h>
#include <linux/mount.h>
#include <dev/block.h>
#include <ext2/ext2.h>
#include <fs/blockdev.h>
#include <fs/mount.h>
#include <fs/path.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* Flags that change nothing: no program has set-user-ID rights, devices are not kept from anyone,
   and times are written late in any case. */
#define MOUNT_IGNORED (MS_NOSUID | MS_NODEV | MS_LAZYTIME | MS_SILENT)

#define MOUNT_ATIME (MS_NOATIME | MS_NODIRATIME | MS_RELATIME | MS_STRICTATIME)

/* linux/mount.h lacks these flags of umount2(2). */
#define UMOUNT_NO_FOLLOW 8u

/* Copies a string of a program that may be missing. */
static int short_string(const char __user *from, char *to, size_t size)
{
    *to = '\0';
    if (!from)
        return 0;
    ssize_t len = copy_string_from_user(to, from, size);
    return len < 0 ? len : 0;
}

/* Sets when reads change times of access. Without a flag it is RELATIME. */
static void set_atime(struct filesystem *fs, unsigned long flags)
{
    unsigned rule = ATIME_RELATIVE;

    if (flags & MS_NOATIME)
        rule = ATIME_NEVER;
    else if (flags & MS_STRICTATIME)
        rule = ATIME_ALWAYS;
    atomic_store_relaxed(&fs->atime, rule);
    atomic_store_relaxed(&fs->dir_atime, flags & MS_NODIRATIME ? ATIME_NEVER : rule);
}

/* A disk that is to be mounted. */
struct mounted_disk {
    struct block_device *device;
    unsigned long flags;
};

static int open_ext2(void *arg, bool read_only, struct vnode **root)
{
    const struct mounted_disk *disk = arg;
    int err = ext2_mount(disk->device, read_only, root);

    if (!err)
        set_atime((*root)->fs, disk->flags);
    return err;
}

/* Finds the disk of a device file. */
static int disk_from_path(const char *path, struct block_device **disk)
{
    struct vnode *start = workdir_get(task_current()->workdir), *vnode;
    int err = path_lookup(start, path, PATH_FOLLOW, &vnode);

    vnode_put(start);
    if (err)
        return err;
    if (!S_ISBLK(vnode->mode))
        err = -ENOTBLK;
    else if (!(*disk = blockdev_disk(vnode)))
        err = -ENXIO;
    vnode_put(vnode);
    return err;
}

/* What mount(2) is asked for, in kernel memory. */
struct mount_request {
    char type[16], options[16];
    struct path_arg source;
    unsigned long flags;
};

static int mount_disk(struct vnode *dir, const struct mount_request *request)
{
    struct mounted_disk disk = {.flags = request->flags};
    int err = disk_from_path(request->source.path, &disk.device);

    if (err)
        return err;
    return mount_add(dir, request->source.path, blockdev_number(disk.device), open_ext2, &disk,
                     request->flags & MS_RDONLY);
}

static int mount_requested(const char __user *target, const struct mount_request *request)
{
    struct vnode *dir;

    if (strcmp(request->type, "ext2") != 0)
        return -ENODEV;
    if (*request->options)
        return -EINVAL;
    int err = vnode_from_path(AT_FDCWD, target, 0, &dir);
    if (err)
        return err;
    err = mount_disk(dir, request);
    vnode_put(dir);
    return err;
}

/* MS_REMOUNT: the source and the type are not looked at. Without a flag for it, the rule for times
   of access stays. */
static int remount(const char __user *target, unsigned long flags)
{
    struct vnode *root;
    int err = vnode_from_path(AT_FDCWD, target, 0, &root);

    if (err)
        return err;
    err = mount_change(root, flags & MS_RDONLY);
    if (!err && (flags & MOUNT_ATIME))
        set_atime(root->fs, flags);
    vnode_put(root);
    return err;
}

SYSCALL5(sys_mount, const char __user *, source, const char __user *, target, const char __user *,
         type, unsigned long, flags, const char __user *, options)
{
    struct mount_request request;
    int err = short_string(type, request.type, sizeof(request.type));

    if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
        flags &= ~(unsigned long)MS_MGC_MSK;
    if (err == -ENAMETOOLONG)
        return -ENODEV;
    if (!err)
        err = short_string(options, request.options, sizeof(request.options));
    if (err)
        return err == -ENAMETOOLONG ? -EINVAL : err;
    if (flags & ~(unsigned long)(MOUNT_IGNORED | MOUNT_ATIME | MS_RDONLY | MS_REMOUNT))
        return -EINVAL;
    if (flags & MS_REMOUNT)
        return *request.options ? -EINVAL : remount(target, flags);
    if (!source)
        return -EINVAL;
    request.flags = flags;
    err = path_arg_get(&request.source, AT_FDCWD, source);
    if (err)
        return err;
    err = mount_requested(target, &request);
    path_arg_put(&request.source);
    return err;
}

SYSCALL2(sys_umount2, const char __user *, target, unsigned, flags)
{
    struct vnode *root;

    if (flags & ~UMOUNT_NO_FOLLOW)
        return -EINVAL;
    int err = vnode_from_path(AT_FDCWD, target, flags ? AT_SYMLINK_NOFOLLOW : 0, &root);
    return err ? err : mount_remove(root);
}
