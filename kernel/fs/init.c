/* The tree of files as the first program finds it. */
#include <linux/errno.h>
#include <arch/console.h>
#include <arch/page.h>
#include <fs/cpio.h>
#include <fs/devices.h>
#include <fs/pagecache.h>
#include <fs/tmpfs.h>
#include <fs/vfs.h>
#include <lib/panic.h>

int vfs_mount(const char *path, struct vnode *root)
{
    struct vnode *dir;
    int err = path_lookup(vfs_root, path, PATH_FOLLOW, &dir);

    if (err)
        return err;
    if (!vnode_is_dir(dir) || dir->covers) {
        vnode_put(dir);
        return vnode_is_dir(dir) ? -EBUSY : -ENOTDIR;
    }
    root->covers = dir;
    dir->mounted = root;
    return 0;
}

/* The archive may have made it. */
static void make_dir(const char *path)
{
    int err = vfs_make(vfs_root, path, S_IFDIR | 0755, 0);

    if (err && err != -EEXIST)
        panic("%s: error %d", path, err);
}

static void make_devices(void)
{
    struct vnode *dir;

    make_dir("/dev");
    int err = path_lookup(vfs_root, "/dev", PATH_FOLLOW, &dir);
    if (err)
        panic("/dev: error %d", err);
    devices_make_nodes(dir);
    vnode_put(dir);
}

void fs_init(paddr_t initrd_start, paddr_t initrd_end)
{
    pagecache_init();
    vfs_root = tmpfs_create();
    unsigned files = cpio_unpack(vfs_root, phys_to_virt(initrd_start), initrd_end - initrd_start);
    printk("fs: %u files from the initial image\n", files);
    make_dir("/proc");
    make_devices();
}
