/* The block groups, and which blocks hold the file system's own structures.

   Lock: ext2.lock for the counts; the places are constant. */
#include <linux/errno.h>
#include <lib/string.h>
#include <mm/heap.h>
#include "ext2.h"

uint32_t ext2_group_of_block(const struct ext2 *fs, uint32_t block)
{
    return (block - fs->super.s_first_data_block) / fs->super.s_blocks_per_group;
}

uint32_t ext2_group_start(const struct ext2 *fs, uint32_t group)
{
    return fs->super.s_first_data_block + group * fs->super.s_blocks_per_group;
}

uint32_t ext2_group_size(const struct ext2 *fs, uint32_t group)
{
    return min(fs->super.s_blocks_per_group,
               fs->super.s_blocks_count - ext2_group_start(fs, group));
}

static bool is_power_of(uint32_t n, uint32_t base)
{
    while (n > base && n % base == 0)
        n /= base;
    return n == base;
}

/* Returns true if the group begins with a copy of the superblock: without sparse_super each one,
   and with it 0, 1 and the powers of 3, 5 and 7. A file system with sparse_super2 has fewer; then
   some blocks count as taken that are free. */
static bool has_super(const struct ext2 *fs, uint32_t group)
{
    if (!(fs->super.s_feature_ro_compat & EXT2_RO_COMPAT_SPARSE) || group <= 1)
        return true;
    return is_power_of(group, 3) || is_power_of(group, 5) || is_power_of(group, 7);
}

/* Returns the blocks of an inode table. */
static uint32_t table_blocks(const struct ext2 *fs)
{
    return (fs->super.s_inodes_per_group * fs->inode_size + fs->block_size - 1) / fs->block_size;
}

static bool is_in(uint32_t block, uint32_t start, uint32_t len)
{
    return block >= start && block - start < len;
}

bool ext2_is_data_block(const struct ext2 *fs, uint32_t block)
{
    if (block < fs->super.s_first_data_block || block >= fs->super.s_blocks_count || block == 0)
        return false;
    uint32_t number = ext2_group_of_block(fs, block);
    const struct ext2_group *group = &fs->groups[number];
    if (block == group->block_bitmap || block == group->inode_bitmap ||
        is_in(block, group->inode_table, table_blocks(fs)))
        return false;
    return !has_super(fs, number) || !is_in(block, ext2_group_start(fs, number), fs->super_blocks);
}

uint32_t ext2_group_overhead(const struct ext2 *fs, uint32_t group)
{
    return 2 + table_blocks(fs) + (has_super(fs, group) ? fs->super_blocks : 0);
}

/* Returns true if [start, start + len) lies in the group, behind the superblock. */
static bool is_place_in_group(const struct ext2 *fs, uint32_t number, uint32_t start, uint32_t len)
{
    uint32_t first = ext2_group_start(fs, number), size = ext2_group_size(fs, number);

    if (has_super(fs, number)) {
        if (size < fs->super_blocks)
            return false;
        first += fs->super_blocks;
        size -= fs->super_blocks;
    }
    return is_in(start, first, size) && len <= size - (start - first);
}

static bool is_group_ok(const struct ext2 *fs, uint32_t number)
{
    const struct ext2_group *group = &fs->groups[number];

    return is_place_in_group(fs, number, group->block_bitmap, 1) &&
           is_place_in_group(fs, number, group->inode_bitmap, 1) &&
           is_place_in_group(fs, number, group->inode_table, table_blocks(fs)) &&
           group->block_bitmap != group->inode_bitmap &&
           !is_in(group->block_bitmap, group->inode_table, table_blocks(fs)) &&
           !is_in(group->inode_bitmap, group->inode_table, table_blocks(fs)) &&
           group->free_blocks <= ext2_group_size(fs, number) &&
           group->free_inodes <= fs->super.s_inodes_per_group &&
           group->used_dirs <= fs->super.s_inodes_per_group;
}

static uint32_t descriptors_per_block(const struct ext2 *fs)
{
    return fs->block_size / sizeof(struct ext2_descriptor);
}

/* Finds the descriptor of a group, in a buffer that the caller puts. */
static int descriptor_get(struct ext2 *fs, uint32_t number, struct ext2_buffer **buffer,
                          struct ext2_descriptor **descriptor)
{
    int err = ext2_buffer_read(
        fs, fs->super.s_first_data_block + 1 + number / descriptors_per_block(fs), buffer);

    if (!err)
        *descriptor =
            (struct ext2_descriptor *)(*buffer)->data + number % descriptors_per_block(fs);
    return err;
}

static int group_read(struct ext2 *fs, uint32_t number)
{
    struct ext2_buffer *buffer;
    struct ext2_descriptor *descriptor;
    int err = descriptor_get(fs, number, &buffer, &descriptor);

    if (err)
        return err;
    fs->groups[number] = (struct ext2_group){
        .block_bitmap = descriptor->bg_block_bitmap,
        .inode_bitmap = descriptor->bg_inode_bitmap,
        .inode_table = descriptor->bg_inode_table,
        .free_blocks = descriptor->bg_free_blocks_count,
        .free_inodes = descriptor->bg_free_inodes_count,
        .used_dirs = descriptor->bg_used_dirs_count,
    };
    ext2_buffer_put(fs, buffer);
    fs->free_blocks += fs->groups[number].free_blocks;
    fs->free_inodes += fs->groups[number].free_inodes;
    return is_group_ok(fs, number) ? 0 : -EINVAL;
}

int ext2_groups_read(struct ext2 *fs)
{
    int err = 0;

    fs->groups = heap_alloc_zeroed(fs->ngroups * sizeof(*fs->groups));
    if (!fs->groups)
        return -ENOMEM;
    for (uint32_t number = 0; number < fs->ngroups && !err; number++)
        err = group_read(fs, number);
    return err;
}

/* Sets the bytes at `to`, in a buffer, and makes it dirty if they were others. */
static void buffer_set(struct ext2 *fs, struct ext2_buffer *buffer, void *to, const void *from,
                       size_t len)
{
    if (memcmp(to, from, len) == 0)
        return;
    memcpy(to, from, len);
    ext2_buffer_dirty(fs, buffer);
}

static int group_write(struct ext2 *fs, uint32_t number)
{
    const struct ext2_group *group = &fs->groups[number];
    struct ext2_buffer *buffer;
    struct ext2_descriptor *descriptor, new;
    int err = descriptor_get(fs, number, &buffer, &descriptor);

    if (err)
        return err;
    new = *descriptor;
    new.bg_free_blocks_count = group->free_blocks;
    new.bg_free_inodes_count = group->free_inodes;
    new.bg_used_dirs_count = group->used_dirs;
    buffer_set(fs, buffer, descriptor, &new, sizeof(new));
    ext2_buffer_put(fs, buffer);
    return 0;
}

static int super_write(struct ext2 *fs)
{
    struct ext2_buffer *buffer;
    int err = ext2_buffer_read(fs, EXT2_SUPER_OFFSET / fs->block_size, &buffer);

    if (err)
        return err;
    fs->super.s_free_blocks_count = fs->free_blocks;
    fs->super.s_free_inodes_count = fs->free_inodes;
    buffer_set(fs, buffer, buffer->data + EXT2_SUPER_OFFSET % fs->block_size, &fs->super,
               sizeof(fs->super));
    ext2_buffer_put(fs, buffer);
    return 0;
}

int ext2_groups_write(struct ext2 *fs)
{
    int err = super_write(fs);

    for (uint32_t number = 0; number < fs->ngroups && !err; number++)
        err = group_write(fs, number);
    return err;
}
