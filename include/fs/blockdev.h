/* Disks as files: /dev/vda, /dev/vdb, ... */
#pragma once

/* Registers the disks as devices. Called once, at boot, before fs_init. */
void blockdev_init(void);
