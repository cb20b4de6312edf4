/* Files without a name (fs/shmem.h): files of the tmpfs that stand in no directory. */
#include <linux/errno.h>
#include <fs/pagecache.h>
#include <fs/shmem.h>
#include <fs/tmpfs.h>

int shmem_create(const char *name, uint64_t size, struct vnode **result)
{
    struct vnode *vnode = tmpfs_create_unnamed(0777);

    if (!vnode)
        return -ENOMEM;
    int err = vnode_place(vnode, NULL, name);
    if (!err)
        err = vnode_set_size(vnode, size, UINT64_MAX);
    if (err) {
        vnode_put(vnode);
        return err;
    }
    vnode_set_removed(vnode);
    *result = vnode;
    return 0;
}
