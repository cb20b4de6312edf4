/* Free inodes.

   A file gets an inode in the group of its directory, if there is one, so that both lie close
   together. A directory gets one in the group with most free blocks, so that there is room for its
   files. Lock: ext2.lock. */
#include <linux/errno.h>
#include <lib/panic.h>
#include <lib/string.h>
#include "ext2.h"

uint32_t ext2_inode_block(const struct ext2 *fs, uint32_t ino, uint32_t *offset)
{
    uint32_t number = (ino - 1) / fs->super.s_inodes_per_group;
    uint32_t byte = (ino - 1) % fs->super.s_inodes_per_group * fs->inode_size;

    *offset = byte % fs->block_size;
    return fs->groups[number].inode_table + byte / fs->block_size;
}

/* Takes the first clear bit from `from` on. Returns `end` if there is none. */
static uint32_t take_clear_bit(uint8_t *bits, uint32_t from, uint32_t end)
{
    for (uint32_t n = from; n < end; n++) {
        if (bits[n / 8] & 1u << n % 8)
            continue;
        bits[n / 8] |= 1u << n % 8;
        return n;
    }
    return end;
}

/* Takes a free inode of a group. -ENOSPC: there is none. */
static int inode_alloc_in_group(struct ext2 *fs, uint32_t number, bool is_dir, uint32_t *ino)
{
    struct ext2_group *group = &fs->groups[number];
    uint32_t end = fs->super.s_inodes_per_group, first = number == 0 ? fs->first_ino - 1 : 0;
    struct ext2_buffer *bitmap;

    if (group->free_inodes == 0)
        return -ENOSPC;
    int err = ext2_buffer_read(fs, group->inode_bitmap, &bitmap);
    if (err)
        return err;
    uint32_t bit = take_clear_bit((uint8_t *)bitmap->data, min(first, end), end);
    if (bit == end) { /* the descriptor says otherwise */
        (void)ext2_damaged(fs, "no free inode in group", number);
        fs->free_inodes -= group->free_inodes;
        group->free_inodes = 0;
        err = -ENOSPC;
    } else {
        ext2_buffer_dirty(fs, bitmap);
        group->free_inodes--;
        fs->free_inodes--;
        group->used_dirs += is_dir;
        *ino = number * end + bit + 1;
    }
    ext2_buffer_put(fs, bitmap);
    return err;
}

/* Returns the group for a new directory. */
static uint32_t group_for_dir(const struct ext2 *fs, uint32_t parent_group)
{
    uint32_t best = parent_group, average = fs->free_inodes / fs->ngroups;

    for (uint32_t number = 0; number < fs->ngroups; number++) {
        const struct ext2_group *group = &fs->groups[number];
        if (group->free_inodes > 0 && group->free_inodes >= average &&
            group->free_blocks > fs->groups[best].free_blocks)
            best = number;
    }
    return best;
}

int ext2_inode_alloc(struct ext2 *fs, uint32_t parent, bool is_dir, uint32_t *ino)
{
    uint32_t number = (parent - 1) / fs->super.s_inodes_per_group;
    int err = -ENOSPC;

    assert(mutex_is_held(&fs->lock));
    if (is_dir)
        number = group_for_dir(fs, number);
    for (uint32_t n = 0; n < fs->ngroups && err == -ENOSPC; n++) {
        err = inode_alloc_in_group(fs, number, is_dir, ino);
        number = (number + 1) % fs->ngroups;
    }
    return err;
}

int ext2_inode_free(struct ext2 *fs, uint32_t ino, bool is_dir)
{
    uint32_t number = (ino - 1) / fs->super.s_inodes_per_group;
    uint32_t bit = (ino - 1) % fs->super.s_inodes_per_group;
    struct ext2_group *group = &fs->groups[number];
    struct ext2_buffer *bitmap;

    assert(mutex_is_held(&fs->lock));
    int err = ext2_buffer_read(fs, group->inode_bitmap, &bitmap);
    if (err)
        return err;
    uint8_t *byte = (uint8_t *)&bitmap->data[bit / 8], mask = 1u << bit % 8;
    if (*byte & mask) {
        *byte &= ~mask;
        ext2_buffer_dirty(fs, bitmap);
        group->free_inodes++;
        fs->free_inodes++;
        group->used_dirs -= is_dir && group->used_dirs > 0;
    } else {
        (void)ext2_damaged(fs, "deleted a free inode", ino);
    }
    ext2_buffer_put(fs, bitmap);
    return 0;
}
