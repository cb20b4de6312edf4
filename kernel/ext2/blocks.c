/* Free blocks.

   A block that is given back is *pinned* first: the bitmap still shows it as used. The inode on the
   disk may point to it until the next flush. If another file used it before that, and the machine
   stopped, both files would claim it. After the flush the bits of all pinned blocks are cleared.

   Always true: free_blocks of a group is the number of clear bits in its bitmap, unless the disk is
   damaged; the sum over the groups is fs->free_blocks. Lock: ext2.lock. */
#include <linux/errno.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include "ext2.h"

static bool bit_test(const void *bits, uint32_t n)
{
    return ((const uint8_t *)bits)[n / 8] >> n % 8 & 1;
}

static void bit_set(void *bits, uint32_t n)
{
    ((uint8_t *)bits)[n / 8] |= 1u << n % 8;
}

static void bit_clear(void *bits, uint32_t n)
{
    ((uint8_t *)bits)[n / 8] &= ~(1u << n % 8);
}

/* Returns the first clear bit in [from, end), or `end`. */
static uint32_t find_clear(const void *bits, uint32_t from, uint32_t end)
{
    while (from < end) {
        if (from % 8 == 0 && ((const uint8_t *)bits)[from / 8] == 0xff)
            from += 8;
        else if (bit_test(bits, from))
            from++;
        else
            return from;
    }
    return end;
}

/* Finds a free bit of a group's bitmap, from `from` on and then from the start. A bit that is clear
   for a block of the file system itself is damage; it is passed by. Returns `size` if there is
   none. */
static uint32_t find_free(struct ext2 *fs, uint32_t start, const void *bits, uint32_t from,
                          uint32_t size)
{
    uint32_t at = find_clear(bits, from, size), end = size;

    if (at == size) {
        at = find_clear(bits, 0, from);
        end = from;
    }
    while (at < end && !ext2_is_data_block(fs, start + at)) {
        (void)ext2_damaged(fs, "the bitmap shows as free the block", start + at);
        at = find_clear(bits, at + 1, end);
    }
    return at < end ? at : size;
}

/* Takes a free block of a group. -ENOSPC: there is none. */
static int alloc_in_group(struct ext2 *fs, uint32_t number, uint32_t from, uint32_t *block)
{
    struct ext2_group *group = &fs->groups[number];
    uint32_t start = ext2_group_start(fs, number), size = ext2_group_size(fs, number);
    struct ext2_buffer *buffer;

    if (group->free_blocks == 0)
        return -ENOSPC;
    int err = ext2_buffer_read(fs, group->block_bitmap, &buffer);
    if (err)
        return err;
    uint32_t bit = find_free(fs, start, buffer->data, from, size);
    if (bit == size) { /* the descriptor says otherwise */
        (void)ext2_damaged(fs, "no free block in group", number);
        fs->free_blocks -= group->free_blocks;
        group->free_blocks = 0;
        err = -ENOSPC;
    } else {
        bit_set(buffer->data, bit);
        ext2_buffer_dirty(fs, buffer);
        group->free_blocks--;
        fs->free_blocks--;
        *block = start + bit;
    }
    ext2_buffer_put(fs, buffer);
    return err;
}

int ext2_block_alloc(struct ext2 *fs, uint32_t goal, uint32_t *block)
{
    int err = -ENOSPC;

    assert(mutex_is_held(&fs->lock));
    if (goal < fs->super.s_first_data_block || goal >= fs->super.s_blocks_count)
        goal = fs->super.s_first_data_block;
    uint32_t number = ext2_group_of_block(fs, goal), from = goal - ext2_group_start(fs, number);
    for (uint32_t n = 0; n < fs->ngroups && err == -ENOSPC; n++) {
        err = alloc_in_group(fs, number, from, block);
        number = (number + 1) % fs->ngroups;
        from = 0;
    }
    return err;
}

/* Clears the bit of a block in the bitmap. Returns false if it is clear. */
static bool clear_in_bitmap(struct ext2 *fs, uint32_t number, void *bitmap, uint32_t bit)
{
    if (!bit_test(bitmap, bit))
        return false;
    bit_clear(bitmap, bit);
    fs->groups[number].free_blocks++;
    fs->free_blocks++;
    return true;
}

/* Marks a block as pinned. If there is no memory for the marks, the block is free at once; only a
   crash before the next flush could do harm then. Returns false if it was free. */
static bool pin_or_clear(struct ext2 *fs, uint32_t number, struct ext2_buffer *bitmap, uint32_t bit)
{
    struct ext2_group *group = &fs->groups[number];

    if (!group->pinned)
        group->pinned = heap_alloc_zeroed(fs->block_size);
    if (!group->pinned) {
        bool is_ok = clear_in_bitmap(fs, number, bitmap->data, bit);
        ext2_buffer_dirty(fs, bitmap);
        return is_ok;
    }
    if (!bit_test(bitmap->data, bit) || bit_test(group->pinned, bit))
        return false;
    bit_set(group->pinned, bit);
    group->npinned++;
    fs->npinned++;
    return true;
}

int ext2_block_give(struct ext2 *fs, uint32_t block)
{
    struct ext2_buffer *bitmap;

    assert(mutex_is_held(&fs->lock));
    if (!ext2_is_data_block(fs, block)) {
        (void)ext2_damaged(fs, "a file has the block", block);
        return 0;
    }
    uint32_t number = ext2_group_of_block(fs, block);
    int err = ext2_buffer_read(fs, fs->groups[number].block_bitmap, &bitmap);
    if (err)
        return err;
    bool is_ok = pin_or_clear(fs, number, bitmap, block - ext2_group_start(fs, number));
    ext2_buffer_put(fs, bitmap);
    if (!is_ok)
        (void)ext2_damaged(fs, "a file has the free block", block);
    return is_ok;
}

int ext2_block_free(struct ext2 *fs, uint32_t block)
{
    int given = ext2_block_give(fs, block);

    if (given > 0)
        ext2_buffer_forget(fs, block);
    return given;
}

/* A bitmap whose bit was cleared is dirty, so it is in memory. */
void ext2_block_take_back(struct ext2 *fs, uint32_t block)
{
    uint32_t number = ext2_group_of_block(fs, block);
    uint32_t bit = block - ext2_group_start(fs, number);
    struct ext2_group *group = &fs->groups[number];
    struct ext2_buffer *bitmap;

    assert(mutex_is_held(&fs->lock));
    if (group->pinned && bit_test(group->pinned, bit)) {
        bit_clear(group->pinned, bit);
        group->npinned--;
        fs->npinned--;
    } else if (!ext2_buffer_read(fs, group->block_bitmap, &bitmap)) {
        bit_set(bitmap->data, bit);
        group->free_blocks--;
        fs->free_blocks--;
        ext2_buffer_put(fs, bitmap);
    }
}

void ext2_block_free_now(struct ext2 *fs, uint32_t block)
{
    uint32_t number = ext2_group_of_block(fs, block);
    struct ext2_buffer *bitmap;

    ext2_buffer_forget(fs, block);
    if (ext2_buffer_read(fs, fs->groups[number].block_bitmap, &bitmap))
        return;
    if (clear_in_bitmap(fs, number, bitmap->data, block - ext2_group_start(fs, number)))
        ext2_buffer_dirty(fs, bitmap);
    ext2_buffer_put(fs, bitmap);
}

static void unpin_group(struct ext2 *fs, uint32_t number)
{
    struct ext2_group *group = &fs->groups[number];
    struct ext2_buffer *bitmap;

    if (ext2_buffer_read(fs, group->block_bitmap, &bitmap))
        return; /* a later flush tries again */
    for (uint32_t bit = 0; bit < ext2_group_size(fs, number); bit++)
        if (bit_test(group->pinned, bit))
            (void)clear_in_bitmap(fs, number, bitmap->data, bit);
    ext2_buffer_dirty(fs, bitmap);
    ext2_buffer_put(fs, bitmap);
    heap_free(group->pinned);
    group->pinned = NULL;
    fs->npinned -= group->npinned;
    group->npinned = 0;
}

void ext2_blocks_unpin(struct ext2 *fs)
{
    assert(mutex_is_held(&fs->lock));
    for (uint32_t number = 0; number < fs->ngroups && fs->npinned > 0; number++)
        if (fs->groups[number].npinned > 0)
            unpin_group(fs, number);
}
