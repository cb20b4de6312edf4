/* Disks as files: /dev/vda, /dev/vdb, ... */
#pragma once

#include <lib/base.h>

/* The number of a disk's node. */
#define DISK_MAJOR 254u
#define DISK_MINOR 16u /* minor numbers of a disk, for partitions */

struct block_device;
struct vnode;

/* Registers the disks as devices. Called once, at boot, before fs_init. */
void blockdev_init(void);

/* Returns the disk whose node this is, or NULL. The node's cache has the pages of the disk. */
struct block_device *blockdev_disk(const struct vnode *vnode);

/* Returns the number of a disk. */
uint64_t blockdev_number(const struct block_device *disk);
