/* The devices: the file_ops for the type and the number of each device node. When a file system
   finds or makes such a node (S_IFCHR or S_IFBLK), it takes the file_ops from here. */
#pragma once

#include <fs/file.h>

struct device {
    const char *name; /* of its node in /dev */
    uint64_t rdev;    /* linux/kdev_t.h's MKDEV */
    uint32_t mode;    /* type and permission bits of its node */
    const struct file_ops *ops;
    void (*made)(struct vnode *node); /* called once the node is made; or NULL */
    int (*sync)(struct vnode *node);  /* what fsync(2) promises beyond the node's pages; or NULL */
};

/* Adds a device to the table. At boot only, before fs_init. */
void device_register(const struct device *device);

/* Returns the file_ops of device `rdev`, whose type is the S_IFMT bits of `mode`. If there is no
   such device, open fails with -ENXIO. */
const struct file_ops *device_file_ops(uint32_t mode, uint64_t rdev);

/* Does what fsync(2) promises for the node of a device, whose pages have been written back. */
__must_check int device_sync(struct vnode *node);

/* Makes the nodes of all devices in `dir`. At boot only: panics if memory is out. */
void devices_make_nodes(struct vnode *dir);
