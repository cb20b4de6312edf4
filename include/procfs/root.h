/* /proc, for the boot. */
#pragma once

/* Mounts /proc. Called once, at boot. */
void procfs_init(void);
