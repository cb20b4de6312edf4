/* The disks of the machine. */
#pragma once

/* Finds the disks, and registers them as block devices (dev/block.h). Called once, at boot. */
void disks_init(void);
