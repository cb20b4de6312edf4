/* Where the blocks of a file are.

       i_block[0..11]   data
       i_block[12]      -> indirect block -> data
       i_block[13]      -> indirect -> indirect -> data
       i_block[14]      -> indirect -> indirect -> indirect -> data

   A number 0 is a hole, at any level. An indirect block holds block_size / 4 numbers.

   Lock: ext2.lock. Every number that comes from the disk is checked before it is used. */
#include <linux/errno.h>
#include <lib/panic.h>
#include "ext2.h"

int ext2_map_path(const struct ext2 *fs, uint64_t index, uint32_t at[4])
{
    uint64_t span = 1;

    if (index < EXT2_DIRECT) {
        at[0] = index;
        return 0;
    }
    index -= EXT2_DIRECT;
    for (int depth = 1; depth <= 3; depth++) {
        span *= fs->pointers;
        if (index < span) {
            at[0] = EXT2_DIRECT + depth - 1;
            for (int step = 1; step <= depth; step++) {
                span /= fs->pointers;
                at[step] = index / span;
                index %= span;
            }
            return depth;
        }
        index -= span;
    }
    return -1;
}

/* Returns 0 for a hole or a block that a file may have. */
static int check_number(struct ext2 *fs, uint32_t block)
{
    if (block == 0 || ext2_is_data_block(fs, block))
        return 0;
    return ext2_damaged(fs, "a file has the block", block);
}

/* Reads entry `at` of an indirect block. */
static int read_pointer(struct ext2 *fs, uint32_t indirect, uint32_t at, uint32_t *block)
{
    struct ext2_buffer *buffer;
    int err = ext2_buffer_read(fs, indirect, &buffer);

    if (err)
        return err;
    *block = ((uint32_t *)buffer->data)[at];
    ext2_buffer_put(fs, buffer);
    return check_number(fs, *block);
}

/* Goes down the path until a hole or the end. Returns in *step the last step that was made, and in
   *above the indirect block that it was made from. */
static int walk_down(struct ext2_node *node, const uint32_t at[4], int depth, int *step,
                     uint32_t *above, uint32_t *block)
{
    struct ext2 *fs = ext2_of(&node->vnode);

    *step = 0;
    *above = 0;
    *block = node->block[at[0]];
    int err = check_number(fs, *block);
    while (!err && *block != 0 && *step < depth) {
        *above = *block;
        ++*step;
        err = read_pointer(fs, *above, at[*step], block);
    }
    return err;
}

int ext2_map_find(struct ext2_node *node, uint64_t index, uint32_t *block)
{
    uint32_t at[4], above;
    int step, depth = ext2_map_path(ext2_of(&node->vnode), index, at);

    assert(mutex_is_held(&ext2_of(&node->vnode)->lock));
    if (depth < 0)
        return -EFBIG;
    return walk_down(node, at, depth, &step, &above, block);
}

/* Returns how many blocks a number at this height above the blocks covers. */
static uint64_t span_at(const struct ext2 *fs, int height)
{
    uint64_t span = 1;

    while (height-- > 0)
        span *= fs->pointers;
    return span;
}

/* Counts the numbers from `at` on, up to the first 0. */
static uint64_t count_used(const uint32_t *numbers, uint32_t at, uint32_t n)
{
    uint32_t end = at;

    while (end < n && numbers[end])
        end++;
    return end - at;
}

/* Returns how many blocks of the hole lie at and behind the one to which `at` leads. The number 0
   was met at `step`. */
static uint64_t hole_length(const struct ext2 *fs, const uint32_t at[4], int depth, int step)
{
    uint64_t before = 0;

    for (int n = step + 1; n <= depth; n++)
        before = before * fs->pointers + at[n];
    return span_at(fs, depth - step) - before;
}

int ext2_map_run(struct ext2_node *node, uint64_t index, bool *is_hole, uint64_t *count)
{
    struct ext2 *fs = ext2_of(&node->vnode);
    uint32_t at[4], above, block;
    struct ext2_buffer *buffer;
    int step, depth = ext2_map_path(fs, index, at);

    assert(mutex_is_held(&fs->lock));
    if (depth < 0)
        return -EFBIG;
    int err = walk_down(node, at, depth, &step, &above, &block);
    if (err)
        return err;
    *is_hole = block == 0;
    if (*is_hole) {
        *count = hole_length(fs, at, depth, step);
    } else if (depth == 0) {
        *count = count_used(node->block, at[0], EXT2_DIRECT);
    } else if (!(err = ext2_buffer_read(fs, above, &buffer))) {
        *count = count_used((uint32_t *)buffer->data, at[depth], fs->pointers);
        ext2_buffer_put(fs, buffer);
    }
    return err;
}

/* Gives new blocks back, which nothing shows yet. */
static void free_new(struct ext2 *fs, const uint32_t *blocks, int n)
{
    for (int i = 0; i < n; i++)
        ext2_block_free_now(fs, blocks[i]);
}

/* Takes `n` blocks, each behind the one before. */
static int alloc_chain(struct ext2_node *node, uint32_t *blocks, int n)
{
    struct ext2 *fs = ext2_of(&node->vnode);
    uint32_t group = (node->vnode.ino - 1) / fs->super.s_inodes_per_group;
    uint32_t goal = node->goal ? node->goal : ext2_group_start(fs, group);

    for (int i = 0; i < n; i++) {
        int err = ext2_block_alloc(fs, goal, &blocks[i]);
        if (err) {
            free_new(fs, blocks, i);
            return err;
        }
        goal = blocks[i] + 1;
    }
    node->goal = goal;
    return 0;
}

/* Makes the new blocks[0 .. n-2] indirect, each showing the next one. */
static int link_chain(struct ext2 *fs, const uint32_t *blocks, int n, const uint32_t *at)
{
    for (int i = 0; i + 1 < n; i++) {
        struct ext2_buffer *buffer;
        int err = ext2_buffer_new(fs, blocks[i], &buffer);
        if (err)
            return err;
        ((uint32_t *)buffer->data)[at[i]] = blocks[i + 1];
        ext2_buffer_put(fs, buffer);
    }
    return 0;
}

/* Shows a new block in the hole that was found. */
static int fill_hole(struct ext2_node *node, uint32_t above, uint32_t at, uint32_t block)
{
    struct ext2 *fs = ext2_of(&node->vnode);
    struct ext2_buffer *buffer;

    if (above == 0) {
        node->block[at] = block;
        return 0;
    }
    int err = ext2_buffer_read(fs, above, &buffer);
    if (err)
        return err;
    ((uint32_t *)buffer->data)[at] = block;
    ext2_buffer_dirty(fs, buffer);
    ext2_buffer_put(fs, buffer);
    return 0;
}

/* Takes the blocks that are missing on the path behind `step`. */
static int extend_path(struct ext2_node *node, const uint32_t at[4], int depth, int step,
                       uint32_t above, uint32_t *block)
{
    struct ext2 *fs = ext2_of(&node->vnode);
    uint32_t blocks[4];
    int n = depth - step + 1, err = alloc_chain(node, blocks, n);

    if (err)
        return err;
    err = link_chain(fs, blocks, n, at + step + 1);
    if (!err)
        err = fill_hole(node, above, at[step], blocks[0]);
    if (err) {
        free_new(fs, blocks, n);
        return err;
    }
    node->sectors += (uint64_t)n * (fs->block_size / 512);
    *block = blocks[n - 1];
    return 0;
}

int ext2_map_make(struct ext2_node *node, uint64_t index, uint32_t *block, bool *is_new)
{
    uint32_t at[4], above;
    int step, depth = ext2_map_path(ext2_of(&node->vnode), index, at);

    assert(mutex_is_held(&ext2_of(&node->vnode)->lock));
    if (depth < 0)
        return -EFBIG;
    int err = walk_down(node, at, depth, &step, &above, block);
    if (err)
        return err;
    *is_new = *block == 0;
    if (*is_new)
        return extend_path(node, at, depth, step, above, block);
    node->goal = *block + 1;
    return 0;
}
