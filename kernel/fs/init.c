/* The root file system and its mounts, as the first program finds them. */
#include <linux/errno.h>
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/page.h>
#include <fs/cpio.h>
#include <fs/devices.h>
#include <fs/mount.h>
#include <fs/pagecache.h>
#include <fs/tmpfs.h>
#include <fs/vfs.h>
#include <lib/panic.h>
#include <mm/frame.h>

int vfs_mount(const char *path, struct vnode *root)
{
    struct vnode *dir;
    int err = path_lookup(vfs_root, path, PATH_FOLLOW, &dir);

    if (err)
        return err;
    err = mount_for_ever(dir, root);
    if (err)
        vnode_put(dir);
    return err;
}

/* Makes a directory, which the initial RAM disk may have. */
static void make_dir(const char *path)
{
    int err = vfs_make(vfs_root, path, S_IFDIR | 0755, 0);

    if (err && err != -EEXIST)
        panic("cannot make %s: error %d", path, -err);
}

/* Makes a symbolic link, which the initial RAM disk may have. */
static void make_symlink(const char *target, const char *path)
{
    int err = vfs_symlink(target, vfs_root, path);

    if (err && err != -EEXIST)
        panic("cannot make %s: error %d", path, -err);
}

static void make_devices(void)
{
    struct vnode *dir;

    make_dir("/dev");
    int err = path_lookup(vfs_root, "/dev", PATH_FOLLOW, &dir);
    if (err)
        panic("cannot find /dev: error %d", -err);
    devices_make_nodes(dir);
    vnode_put(dir);
    make_dir("/dev/shm"); /* POSIX shared memory is files there */
    err = path_lookup(vfs_root, "/dev/shm", PATH_FOLLOW, &dir);
    if (err)
        panic("cannot find /dev/shm: error %d", -err);
    vnode_chmod(dir, S_ISVTX | 0777);
    vnode_put(dir);
    make_symlink("/proc/self/fd", "/dev/fd");
    make_symlink("/proc/self/fd/0", "/dev/stdin");
    make_symlink("/proc/self/fd/1", "/dev/stdout");
    make_symlink("/proc/self/fd/2", "/dev/stderr");
}

/* Programs may not start with some of their files missing. */
static void unpack_initrd(const void *start, size_t len)
{
    unsigned no_room, files = cpio_unpack(vfs_root, start, len, &no_room);

    printk("fs: unpacked %u files from the initial RAM disk\n", files);
    if (no_room > 0)
        boot_fail(
            "it needs more than %u MiB of memory: %u files of the initial RAM disk do not fit",
            frame_count >> (20 - PAGE_SHIFT), no_room);
}

void fs_init(paddr_t initrd_start, paddr_t initrd_end)
{
    pagecache_init();
    mount_root(tmpfs_create());
    unpack_initrd(phys_to_virt(initrd_start), initrd_end - initrd_start);
    boot_free_initrd(frame_add_range);
    make_dir("/proc");
    make_devices();
}
