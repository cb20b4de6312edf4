/* The character devices: what /dev/null, /dev/console and the others do when they are opened. A
   file system that finds a device's node in itself (S_IFCHR and a number) takes the file_ops from
   here. */
#pragma once

#include <fs/file.h>

/* The file_ops of device `rdev` (linux/kdev_t.h's MKDEV); those of a device that is not there say
   -ENXIO. */
const struct file_ops *device_file_ops(uint64_t rdev);

/* Makes the nodes of all devices in `dir`. Panics if memory is out: at boot only. */
void devices_make_nodes(struct vnode *dir);

extern const struct file_ops console_file_ops;
extern const struct file_ops tty_file_ops;
