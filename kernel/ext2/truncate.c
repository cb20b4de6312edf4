/* Giving the blocks of a file back.

   An indirect block that loses all its numbers is given back *before* what it shows, and taken back
   if an error leaves some. A block can be given back only once. So the time is bounded by the number
   of blocks on the disk, even if a damaged indirect block leads back to itself.

   What cannot be given back now, because a bitmap or an indirect block cannot be read, stays with
   its file, and the next sync tries again. So no block is lost, whichever request fails.

   Lock: ext2.lock. No block that goes is being written, because its page is not in the cache any
   more. */
#include <linux/errno.h>
#include <arch/atomic.h>
#include <fs/pagecache.h>
#include <lib/panic.h>
#include <lib/string.h>
#include "ext2.h"

/* The blocks of a file that go, and the first one that the current indirect block covers. */
struct drop {
    struct ext2_node *node;
    uint64_t first, end; /* indices of blocks; `end` is behind the last */
};

static void count_dropped(struct ext2_node *node)
{
    uint64_t sectors = ext2_of(&node->vnode)->block_size / 512;

    atomic_store_relaxed(&node->sectors, node->sectors - min(sectors, node->sectors));
}

/* Gives one block back, and clears the number that shows it. */
static int drop_block(struct ext2_node *node, uint32_t *number)
{
    int given = ext2_block_free(ext2_of(&node->vnode), *number);

    if (given < 0)
        return given;
    *number = 0;
    if (given)
        count_dropped(node);
    return 0;
}

static int drop_branch(const struct drop *drop, uint32_t *number, uint64_t base, int depth);

/* Drops the part of the range that `numbers`, an array of `n`, show from index `base` on. Each
   number covers `span` blocks. Depth is at most 3, so the recursion is. */
static int drop_numbers(const struct drop *drop, uint32_t *numbers, uint32_t n, uint64_t base,
                        uint64_t span, int depth)
{
    int result = 0;

    for (uint32_t i = 0; i < n; i++) {
        uint64_t start = base + i * span;
        if (numbers[i] == 0 || start + span <= drop->first || start >= drop->end)
            continue;
        int err = drop_branch(drop, &numbers[i], start, depth);
        if (err)
            result = err;
    }
    return result;
}

/* Returns the blocks that a number at `depth` covers. */
static uint64_t span_of(const struct ext2 *fs, int depth)
{
    uint64_t span = 1;

    while (depth-- > 0)
        span *= fs->pointers;
    return span;
}

/* Drops the numbers in an indirect block. Its contents are copied if the block itself was given
   back, because its buffer is gone then. */
static int drop_in_indirect(const struct drop *drop, uint32_t block, uint64_t base, int depth)
{
    struct ext2 *fs = ext2_of(&drop->node->vnode);
    struct ext2_buffer *buffer;
    int err = ext2_buffer_read(fs, block, &buffer);

    if (err)
        return err;
    err = drop_numbers(drop, (uint32_t *)buffer->data, fs->pointers, base, span_of(fs, depth - 1),
                       depth - 1);
    ext2_buffer_dirty(fs, buffer);
    ext2_buffer_put(fs, buffer);
    return err;
}

static bool is_all_zero(const uint32_t *numbers, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (numbers[i])
            return false;
    return true;
}

/* Returns 1 if an indirect block shows nothing, 0 if it does. */
static int is_indirect_empty(struct ext2 *fs, uint32_t block)
{
    struct ext2_buffer *buffer;
    int err = ext2_buffer_read(fs, block, &buffer);

    if (err)
        return err;
    bool empty = is_all_zero((uint32_t *)buffer->data, fs->pointers);
    ext2_buffer_put(fs, buffer);
    return empty;
}

/* Drops an indirect block with all that it shows. After an error, the block stays with the rest of
   its numbers. */
static int drop_indirect(const struct drop *drop, uint32_t *number, uint64_t base, int depth)
{
    struct ext2 *fs = ext2_of(&drop->node->vnode);
    struct ext2_buffer *buffer;
    int err = ext2_buffer_read(fs, *number, &buffer);

    if (err)
        return err;
    int given = ext2_block_give(fs, *number);
    if (given > 0)
        err = drop_numbers(drop, (uint32_t *)buffer->data, fs->pointers, base,
                           span_of(fs, depth - 1), depth - 1);
    if (err) {
        ext2_block_take_back(fs, *number);
        ext2_buffer_dirty(fs, buffer);
    } else if (given >= 0) {
        if (given) {
            count_dropped(drop->node);
            ext2_buffer_forget(fs, *number);
        }
        *number = 0;
    }
    ext2_buffer_put(fs, buffer);
    return err ? err : min(given, 0);
}

/* Drops the part of the range that *number covers, which is [base, base + span). If it covers
   nothing else, the block of the number goes, too. */
static int drop_branch(const struct drop *drop, uint32_t *number, uint64_t base, int depth)
{
    struct ext2_node *node = drop->node;
    struct ext2 *fs = ext2_of(&node->vnode);
    uint32_t block = *number;
    bool is_whole = base >= drop->first && base + span_of(fs, depth) <= drop->end;

    if (depth == 0)
        return drop_block(node, number);
    if (!ext2_is_data_block(fs, block)) {
        if (is_whole)
            *number = 0;
        return ext2_damaged(fs, "a file has the block", block);
    }
    if (is_whole)
        return drop_indirect(drop, number, base, depth);
    int err = drop_in_indirect(drop, block, base, depth);
    if (!err && is_indirect_empty(fs, block) == 1)
        (void)drop_block(node, number);
    return err;
}

int ext2_blocks_drop(struct ext2_node *node, uint64_t first, uint64_t end)
{
    struct ext2 *fs = ext2_of(&node->vnode);
    struct drop drop = {.node = node, .first = first, .end = end};
    uint64_t base = EXT2_DIRECT;
    int result = drop_numbers(&drop, node->block, EXT2_DIRECT, 0, 1, 0);

    assert(mutex_is_held(&fs->lock));
    for (int depth = 1; depth <= 3; depth++) {
        uint64_t span = span_of(fs, depth);
        int err = drop_numbers(&drop, &node->block[EXT2_DIRECT + depth - 1], 1, base, span, depth);
        if (err)
            result = err;
        base += span;
    }
    node->goal = 0;
    return result;
}

/* A write that is going on keeps what it has up to its reach. */
int ext2_drop_behind_end(struct ext2_node *node)
{
    struct ext2 *fs = ext2_of(&node->vnode);
    uint64_t end = pagecache_reach(node->vnode.cache);

    assert(mutex_is_held(&fs->lock));
    atomic_store(&node->has_more, false);
    int err = ext2_blocks_drop(node, (end + fs->block_size - 1) >> fs->block_shift, UINT64_MAX);
    if (err)
        atomic_store(&node->has_more, true);
    return err;
}

/* Gives back the block of extended attributes, or one share in it. */
static int drop_xattr(struct ext2_node *node)
{
    struct ext2 *fs = ext2_of(&node->vnode);
    struct ext2_buffer *buffer;
    uint32_t block = node->file_acl;

    if (block == 0 || !ext2_is_data_block(fs, block))
        return 0;
    int err = ext2_buffer_read(fs, block, &buffer);
    if (err)
        return err;
    struct ext2_xattr_header *header = (struct ext2_xattr_header *)buffer->data;
    bool is_ok = header->h_magic == EXT2_XATTR_MAGIC, is_last = header->h_refcount <= 1;
    if (is_ok && !is_last) {
        header->h_refcount--;
        ext2_buffer_dirty(fs, buffer);
    }
    ext2_buffer_put(fs, buffer);
    if (is_ok && is_last)
        err = min(ext2_block_free(fs, block), 0);
    if (!err)
        node->file_acl = 0;
    return err;
}

/* Returns true if `block` has numbers of blocks, and not the target of a short symbolic link or the
   number of a device. */
static bool has_blocks(const struct ext2_node *node)
{
    uint32_t mode = node->vnode.mode;

    if (S_ISREG(mode) || S_ISDIR(mode))
        return true;
    return S_ISLNK(mode) && node->size >= sizeof(node->block);
}

/* The file system has a reference, the caller, and the page cache if there are dirty pages. Another
   thread that comes and goes keeps the pages until a sync has written them. */
void ext2_dead_pages_drop(struct vnode *vnode)
{
    struct pagecache *cache = vnode->cache;

    if (!cache || atomic_load_relaxed(&vnode->nlink) > 0)
        return;
    if (atomic_load(&vnode->refs) > 2 + atomic_load_relaxed(&cache->holds_vnode))
        return;
    if (mutex_lock_killable(&vnode->lock))
        return;
    int err = pagecache_truncate(cache, 0);
    mutex_unlock(&vnode->lock);
    assert(!err || err == -EINTR); /* no page is read, because none is cut off in the middle */
}

void ext2_node_delete(struct ext2_node *node)
{
    assert(mutex_is_held(&ext2_of(&node->vnode)->lock) && node->is_dead);
    if (has_blocks(node) && ext2_blocks_drop(node, 0, UINT64_MAX))
        return;
    if (drop_xattr(node))
        return;
    memset(node->block, 0, sizeof(node->block));
    node->size = 0;
    atomic_store_relaxed(&node->sectors, 0);
    node->vnode.nlink = 0;
    node->is_deleted = true;
}
