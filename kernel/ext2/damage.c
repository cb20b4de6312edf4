/* What is wrong on the disk. The file system goes on: the operation that met the damage fails with
   -EIO, and the superblock tells e2fsck to look. Lock: ext2.lock. */
#include <arch/console.h>
#include "ext2.h"

/* The messages about one file system, after which no more are printed. */
#define MESSAGES_MAX 10

void ext2_report_damage(struct ext2 *fs, const char *what, uint64_t number)
{
    fs->super.s_state |= EXT2_STATE_ERRORS;
    if (fs->nerrors++ < MESSAGES_MAX)
        printk("ext2: %s is damaged: %s %lu; unmount it and run e2fsck\n", fs->device->name, what,
               number);
}
