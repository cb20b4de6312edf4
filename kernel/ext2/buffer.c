/* The cache of metadata blocks: bitmaps, inode tables, descriptors, indirect blocks, directories.

   A buffer is a block in memory. A change makes it dirty, and it stays in memory until it is
   written. A clean buffer without users is idle, and is freed when too many are in memory.

   Always true: a buffer is in `idle` if and only if it is clean, has no users, and is not
   forgotten. The dirty ones are in `dirty`, in the order of their blocks. Lock: ext2.lock. */
#include <linux/errno.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include "ext2.h"

static int compare_blocks(const struct ext2_buffer *a, const struct ext2_buffer *b)
{
    return a->block < b->block ? -1 : a->block > b->block;
}

RB_GENERATE_STATIC(ext2_buffer_tree, ext2_buffer, by_block, compare_blocks)
RB_GENERATE_STATIC(ext2_dirty_tree, ext2_buffer, in_dirty, compare_blocks)

void ext2_buffers_init(struct ext2 *fs)
{
    RB_INIT(&fs->buffers.all);
    RB_INIT(&fs->buffers.dirty);
    TAILQ_INIT(&fs->buffers.idle);
}

static struct ext2_buffer *buffer_find(struct ext2 *fs, uint32_t block)
{
    struct ext2_buffer key = {.block = block};

    return RB_FIND(ext2_buffer_tree, &fs->buffers.all, &key);
}

static void buffer_free(struct ext2_buffer *buffer)
{
    frame_put(buffer->frame);
    heap_free(buffer);
}

static void set_clean(struct ext2 *fs, struct ext2_buffer *buffer)
{
    if (!buffer->is_dirty)
        return;
    RB_REMOVE(ext2_dirty_tree, &fs->buffers.dirty, buffer);
    fs->buffers.ndirty--;
    fs->buffers.nnew -= buffer->is_new;
    buffer->is_dirty = buffer->is_new = false;
}

/* Takes a buffer that is neither idle nor dirty out of the cache. */
static void buffer_remove(struct ext2 *fs, struct ext2_buffer *buffer)
{
    RB_REMOVE(ext2_buffer_tree, &fs->buffers.all, buffer);
    fs->buffers.count--;
}

/* Frees the oldest idle buffers, until there is room for one more. */
static void free_idle(struct ext2 *fs)
{
    struct ext2_buffer *oldest;

    while (fs->buffers.count >= fs->buffers.max && (oldest = TAILQ_FIRST(&fs->buffers.idle))) {
        TAILQ_REMOVE(&fs->buffers.idle, oldest, in_idle);
        buffer_remove(fs, oldest);
        buffer_free(oldest);
    }
}

static struct ext2_buffer *buffer_alloc(uint32_t block)
{
    struct ext2_buffer *buffer = heap_alloc_zeroed(sizeof(*buffer));

    if (!buffer)
        return NULL;
    buffer->block = block;
    buffer->refs = 1;
    buffer->frame = frame_alloc(FRAME_KERNEL);
    if (!buffer->frame) {
        heap_free(buffer);
        return NULL;
    }
    buffer->data = frame_to_virt(buffer->frame);
    return buffer;
}

static void buffer_insert(struct ext2 *fs, struct ext2_buffer *buffer)
{
    RB_INSERT(ext2_buffer_tree, &fs->buffers.all, buffer);
    fs->buffers.count++;
}

/* Returns the buffer of a block with a reference, or NULL if it is not in memory. */
static struct ext2_buffer *buffer_get_present(struct ext2 *fs, uint32_t block)
{
    struct ext2_buffer *buffer = buffer_find(fs, block);

    if (buffer && buffer->refs++ == 0 && !buffer->is_dirty)
        TAILQ_REMOVE(&fs->buffers.idle, buffer, in_idle);
    return buffer;
}

static struct block_part part_of(const struct ext2 *fs, const struct ext2_buffer *buffer)
{
    return (struct block_part){
        .sector = (uint64_t)buffer->block * (fs->block_size / BLOCK_SECTOR),
        .frame = buffer->frame,
        .len = fs->block_size,
    };
}

int ext2_buffer_read(struct ext2 *fs, uint32_t block, struct ext2_buffer **result)
{
    assert(mutex_is_held(&fs->lock));
    if (block >= fs->super.s_blocks_count)
        return ext2_damaged(fs, "a block beyond the end", block);
    if ((*result = buffer_get_present(fs, block)))
        return 0;
    free_idle(fs);
    struct ext2_buffer *buffer = buffer_alloc(block);
    if (!buffer)
        return -ENOMEM;
    const struct block_part part = part_of(fs, buffer);
    int err = block_transfer(fs->device, BLOCK_READ, &part, 1);
    if (err) {
        buffer_free(buffer);
        return err;
    }
    buffer_insert(fs, buffer);
    *result = buffer;
    return 0;
}

int ext2_buffer_new(struct ext2 *fs, uint32_t block, struct ext2_buffer **result)
{
    struct ext2_buffer *buffer = buffer_get_present(fs, block);

    assert(mutex_is_held(&fs->lock) && block < fs->super.s_blocks_count);
    if (!buffer) {
        free_idle(fs);
        buffer = buffer_alloc(block);
        if (!buffer)
            return -ENOMEM;
        buffer_insert(fs, buffer);
    }
    memset(buffer->data, 0, fs->block_size);
    ext2_buffer_dirty(fs, buffer);
    fs->buffers.nnew += !buffer->is_new;
    buffer->is_new = true;
    *result = buffer;
    return 0;
}

void ext2_buffer_put(struct ext2 *fs, struct ext2_buffer *buffer)
{
    assert(mutex_is_held(&fs->lock) && buffer->refs > 0);
    if (--buffer->refs > 0 || buffer->is_dirty)
        return;
    if (buffer->is_forgotten)
        buffer_free(buffer);
    else
        TAILQ_INSERT_TAIL(&fs->buffers.idle, buffer, in_idle);
}

void ext2_buffer_dirty(struct ext2 *fs, struct ext2_buffer *buffer)
{
    assert(mutex_is_held(&fs->lock) && buffer->refs > 0);
    if (buffer->is_dirty || buffer->is_forgotten)
        return;
    buffer->is_dirty = true;
    RB_INSERT(ext2_dirty_tree, &fs->buffers.dirty, buffer);
    fs->buffers.ndirty++;
}

void ext2_buffer_forget(struct ext2 *fs, uint32_t block)
{
    struct ext2_buffer *buffer = buffer_get_present(fs, block);

    if (!buffer)
        return;
    set_clean(fs, buffer);
    buffer_remove(fs, buffer);
    buffer->is_forgotten = true;
    ext2_buffer_put(fs, buffer);
}

/* Buffers that are written together. */
struct batch {
    struct ext2_buffer *buffers[BLOCK_SEGMENTS];
    struct block_part parts[BLOCK_SEGMENTS];
    unsigned count;
};

/* Writes a batch. If it fails, all of its buffers stay dirty. */
static int batch_write_buffers(struct ext2 *fs, struct batch *batch)
{
    unsigned count = batch->count;

    batch->count = 0;
    int err = count ? block_transfer(fs->device, BLOCK_WRITE, batch->parts, count) : 0;
    for (unsigned n = 0; n < count && !err; n++) {
        set_clean(fs, batch->buffers[n]);
        if (batch->buffers[n]->refs == 0)
            TAILQ_INSERT_TAIL(&fs->buffers.idle, batch->buffers[n], in_idle);
    }
    return err;
}

int ext2_buffers_write(struct ext2 *fs, bool only_new)
{
    struct ext2_buffer *buffer, *next;
    struct batch batch = {.count = 0};
    int result = 0, err = 0;

    assert(mutex_is_held(&fs->lock));
    RB_FOREACH_SAFE (buffer, ext2_dirty_tree, &fs->buffers.dirty, next) {
        if (only_new && !buffer->is_new)
            continue;
        batch.parts[batch.count] = part_of(fs, buffer);
        batch.buffers[batch.count++] = buffer;
        if (batch.count == BLOCK_SEGMENTS && (err = batch_write_buffers(fs, &batch)))
            result = err;
    }
    err = batch_write_buffers(fs, &batch);
    return err ? err : result;
}

void ext2_buffers_free(struct ext2 *fs)
{
    struct ext2_buffer *buffer, *next;

    RB_FOREACH_SAFE (buffer, ext2_buffer_tree, &fs->buffers.all, next) {
        assert(buffer->refs == 0);
        set_clean(fs, buffer);
        buffer_remove(fs, buffer);
        buffer_free(buffer);
    }
    TAILQ_INIT(&fs->buffers.idle);
}
