/* The vnodes of ext2, and the contents of files.

   The page cache holds the pages of a file, and this file is the store below it: it reads pages from
   their blocks, writes them there, and finds blocks for pages that are to be written. A page has
   one block, two or four. A block of which nothing but zeros was written can stay a hole.

   Locks: ext2.lock is held while blocks are looked up, but not while they are transferred. A block
   does not change its owner meanwhile: pagecache_truncate waits for the pages that are being
   written, and only then the blocks are given back. A page that is read while its block is given
   back is not in the cache any more. */
#include <linux/errno.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <arch/atomic.h>
#include <fs/devices.h>
#include <fs/file.h>
#include <fs/pagecache.h>
#include <fs/pipe.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <sched/thread.h>
#include "ext2.h"
#include "names.h"
#include "vnode.h"

/* ---- Pages ---- */

/* Some pages that are being transferred, and the parts of the transfer that are known so far. */
struct transfer {
    struct ext2_node *node;
    enum block_op op;
    uint64_t first; /* the index of the first page */
    struct frame *const *frames;
    uint64_t size; /* bytes in the file */
    unsigned nparts;
    struct block_part parts[BLOCK_SEGMENTS];
};

static int transfer_parts(struct transfer *transfer)
{
    unsigned nparts = transfer->nparts;

    transfer->nparts = 0;
    if (nparts == 0)
        return 0;
    return block_transfer(ext2_of(&transfer->node->vnode)->device, transfer->op, transfer->parts,
                          nparts);
}

/* Adds a block of a page, together with the one before if both follow each other on the disk. */
static int add_part(struct transfer *transfer, struct frame *frame, uint32_t offset, uint32_t block)
{
    uint32_t size = ext2_of(&transfer->node->vnode)->block_size;
    uint64_t sector = (uint64_t)block * (size / BLOCK_SECTOR);
    struct block_part *last = transfer->nparts ? &transfer->parts[transfer->nparts - 1] : NULL;

    if (last && last->frame == frame && last->offset + last->len == offset &&
        last->sector + last->len / BLOCK_SECTOR == sector) {
        last->len += size;
        return 0;
    }
    int err = transfer->nparts == ARRAY_SIZE(transfer->parts) ? transfer_parts(transfer) : 0;
    transfer->parts[transfer->nparts++] =
        (struct block_part){.sector = sector, .frame = frame, .offset = offset, .len = size};
    return err;
}

static int find_block(struct ext2_node *node, uint64_t offset, uint32_t *block)
{
    struct ext2 *fs = ext2_of(&node->vnode);

    int err = mutex_lock_killable(&fs->lock);
    if (err)
        return err;
    err = ext2_map_find(node, offset >> fs->block_shift, block);
    mutex_unlock(&fs->lock);
    return err;
}

/* Transfers one page, or leaves parts of it for later. A hole is read as zeros. */
static int transfer_file_page(struct transfer *transfer, unsigned n)
{
    struct ext2_node *node = transfer->node;
    uint32_t size = ext2_of(&node->vnode)->block_size, block;
    uint64_t start = (transfer->first + n) << PAGE_SHIFT;
    struct frame *frame = transfer->frames[n];
    int err = 0;

    for (uint32_t at = 0; at < PAGE_SIZE && !err; at += size) {
        block = 0;
        if (start + at < transfer->size)
            err = find_block(node, start + at, &block);
        if (!err && block)
            err = add_part(transfer, frame, at, block);
        else if (transfer->op == BLOCK_READ)
            memset((char *)frame_to_virt(frame) + at, 0, size);
    }
    return err;
}

static int transfer_pages(struct transfer *transfer, unsigned count)
{
    int err = 0;

    for (unsigned n = 0; n < count && !err; n++)
        err = transfer_file_page(transfer, n);
    if (!err)
        err = transfer_parts(transfer);
    return err;
}

/* The last block of a file may have anything behind the end. */
static int ext2_read_pages(struct pagecache *cache, uint64_t first, struct frame *const *run,
                           unsigned count)
{
    struct transfer transfer = {.node = ext2_node(cache->vnode),
                                .op = BLOCK_READ,
                                .first = first,
                                .frames = run,
                                .size = atomic_load(&cache->size)};
    int err = transfer_pages(&transfer, count);
    uint64_t last = transfer.size >> PAGE_SHIFT;

    if (!err && transfer.size % PAGE_SIZE && last >= first && last - first < count)
        memset((char *)frame_to_virt(run[last - first]) + transfer.size % PAGE_SIZE, 0,
               page_rest(transfer.size));
    return err;
}

static int ext2_write_pages(struct pagecache *cache, uint64_t first, struct frame *const *run,
                            unsigned count)
{
    struct transfer transfer = {.node = ext2_node(cache->vnode),
                                .op = BLOCK_WRITE,
                                .first = first,
                                .frames = run,
                                .size = atomic_load(&cache->size)};

    return transfer_pages(&transfer, count);
}

/* Takes blocks for [start, end) bytes of one page where there are none: for all, or for none. */
static int fill_holes(struct ext2_node *node, uint64_t start, uint64_t end)
{
    struct ext2 *fs = ext2_of(&node->vnode);
    uint64_t made[PAGE_SIZE / EXT2_BLOCK_SIZE_MIN], at = start >> fs->block_shift;
    unsigned nmade = 0;
    uint32_t block;
    bool is_new;
    int err = 0;

    for (; at << fs->block_shift < end && !err; at++) {
        err = ext2_map_make(node, at, &block, &is_new);
        if (!err && is_new)
            made[nmade++] = at;
    }
    while (err && nmade-- > 0) /* what cannot be given back is damage */
        (void)ext2_blocks_drop(node, made[nmade], made[nmade] + 1);
    return err;
}

static int ext2_make_page_room(struct pagecache *cache, uint64_t start, uint64_t end)
{
    struct ext2_node *node = ext2_node(cache->vnode);
    struct ext2 *fs = ext2_of(&node->vnode);

    int err = mutex_lock_killable(&fs->lock);
    if (err)
        return err;
    ext2_sync_if_due(fs);
    end = min(end, pagecache_reach(cache));
    err = fill_holes(node, start, end);
    if (err == -ENOSPC && ext2_make_room(fs))
        err = fill_holes(node, start, end);
    mutex_unlock(&fs->lock);
    return err;
}

static int ext2_drop_room(struct pagecache *cache, uint64_t start, uint64_t end)
{
    struct ext2_node *node = ext2_node(cache->vnode);
    struct ext2 *fs = ext2_of(&node->vnode);
    uint64_t first = (start + fs->block_size - 1) >> fs->block_shift;

    int err = mutex_lock_killable(&fs->lock);
    if (err)
        return err;
    ext2_sync_if_due(fs);
    err = ext2_blocks_drop(node, first, end >> fs->block_shift);
    mutex_unlock(&fs->lock);
    return err;
}

/* Goes over runs of blocks and holes. The file has no more of them than twice the blocks of the
   disk, and each takes a step. */
static int64_t ext2_seek(struct pagecache *cache, uint64_t start, uint64_t end, unsigned whence)
{
    struct ext2_node *node = ext2_node(cache->vnode);
    struct ext2 *fs = ext2_of(&node->vnode);
    uint64_t index = start >> fs->block_shift, count;
    bool is_hole;

    for (; index << fs->block_shift < end; index += count) {
        if (thread_is_killed())
            return -EINTR;
        int err = mutex_lock_killable(&fs->lock);
        if (err)
            return err;
        err = ext2_map_run(node, index, &is_hole, &count);
        mutex_unlock(&fs->lock);
        if (err)
            return err;
        if (is_hole == (whence == SEEK_HOLE))
            return max(start, index << fs->block_shift);
    }
    return end;
}

static const struct pagecache_store ext2_store = {
    .read_pages = ext2_read_pages,
    .write_pages = ext2_write_pages,
    .make_room = ext2_make_page_room,
    .drop_room = ext2_drop_room,
    .seek = ext2_seek,
};

/* ---- Files ---- */

static ssize_t ext2_read(struct file *file, struct uio *uio, uint64_t offset)
{
    return pagecache_read(file->vnode->cache, uio, offset);
}

/* Gives back the blocks behind the end of the file. If the thread is to be killed, that is left to
   the next sync. */
static int drop_behind_end(struct vnode *vnode)
{
    struct ext2 *fs = ext2_of(vnode);

    atomic_store(&ext2_node(vnode)->has_more, true);
    int err = mutex_lock_killable(&fs->lock);
    if (err)
        return err;
    err = ext2_drop_behind_end(ext2_node(vnode));
    mutex_unlock(&fs->lock);
    return err;
}

/* Gives back what a killed thread has left behind the end, before the file grows over it and
   shows old contents. The caller holds the vnode's lock. */
static int drop_leftovers(struct vnode *vnode)
{
    return atomic_load(&ext2_node(vnode)->has_more) ? drop_behind_end(vnode) : 0;
}

static ssize_t ext2_write(struct file *file, struct uio *uio, uint64_t offset)
{
    struct vnode *vnode = file->vnode;
    struct ext2 *fs = ext2_of(vnode);

    if (uio->left == 0)
        return 0;
    if (offset >= fs->max_size)
        return -EFBIG;
    uio->left = min(uio->left, fs->max_size - offset);
    size_t len = uio->left;
    int err = drop_leftovers(vnode);
    if (err)
        return err;
    ssize_t done = pagecache_write(vnode->cache, uio, offset);
    if (done < (ssize_t)len)
        (void)drop_behind_end(vnode); /* what damage keeps is left to e2fsck */
    if (done > 0)
        vnode_touch(vnode);
    return done;
}

/* After the last close of an unlinked file. */
static void ext2_close(struct file *file)
{
    ext2_dead_pages_drop(file->vnode);
}

static const struct file_ops ext2_file_ops = {
    .close = ext2_close,
    .read = ext2_read,
    .write = ext2_write,
    .locked = true,
    .seekable = true,
};

static const struct file_ops ext2_dir_file_ops = {.locked = true, .seekable = true};

static int ext2_truncate(struct vnode *vnode, uint64_t size)
{
    struct ext2 *fs = ext2_of(vnode);
    bool shrinks = size < vnode_size(vnode);

    if (size > fs->max_size)
        return -EFBIG;
    int err = drop_leftovers(vnode);
    if (!err)
        err = pagecache_truncate(vnode->cache, size);
    if (!err && shrinks)
        err = drop_behind_end(vnode);
    if (!err)
        vnode_touch(vnode);
    return err;
}

/* An inode cannot say that a block is allocated and not written yet. So blocks that are made without
   contents would show their old ones, and only holes can be made. */
static int ext2_allocate(struct vnode *vnode, uint64_t start, uint64_t end, unsigned mode)
{
    if (mode != (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
        return -EOPNOTSUPP;
    int err = pagecache_punch(vnode->cache, start, end);
    if (!err)
        vnode_touch(vnode);
    return err;
}

static int ext2_vnode_sync(struct vnode *vnode, enum vnode_sync how __unused)
{
    struct ext2 *fs = ext2_of(vnode);

    int err = mutex_lock_killable(&fs->lock);
    if (err)
        return err;
    err = ext2_sync_metadata(fs);
    mutex_unlock(&fs->lock);
    return err;
}

static void ext2_stat(struct vnode *vnode, struct stat *stat)
{
    struct ext2_node *node = ext2_node(vnode);

    if (vnode_is_dir(vnode) || vnode_is_link(vnode))
        stat->st_size = atomic_load_relaxed(&node->size);
    stat->st_blksize = ext2_of(vnode)->block_size;
    stat->st_blocks = atomic_load_relaxed(&node->sectors);
}

static void ext2_free(struct vnode *vnode)
{
    if (vnode->cache)
        pagecache_destroy(vnode->cache);
    heap_free(ext2_node(vnode));
}

static const struct vnode_ops ext2_ops = {
    .lookup = ext2_lookup,
    .create = ext2_create,
    .symlink = ext2_symlink,
    .readlink = ext2_readlink,
    .link = ext2_link,
    .unlink = ext2_unlink,
    .rmdir = ext2_rmdir,
    .rename = ext2_rename,
    .readdir = ext2_readdir,
    .truncate = ext2_truncate,
    .allocate = ext2_allocate,
    .sync = ext2_vnode_sync,
    .stat = ext2_stat,
    .free = ext2_free,
};

static const struct file_ops *ext2_file_ops_of(const struct vnode *vnode)
{
    switch (vnode->mode & S_IFMT) {
    case S_IFREG:
        return &ext2_file_ops;
    case S_IFDIR:
        return &ext2_dir_file_ops;
    case S_IFIFO:
        return &pipe_file_ops;
    default:
        return device_file_ops(vnode->mode, vnode->rdev);
    }
}

int ext2_vnode_setup(struct vnode *vnode, uint64_t size)
{
    vnode->ops = &ext2_ops;
    vnode->file_ops = ext2_file_ops_of(vnode);
    if (!vnode_is_file(vnode))
        return 0;
    vnode->cache = pagecache_create(vnode, &ext2_store);
    if (!vnode->cache)
        return -ENOMEM;
    pagecache_set_size(vnode->cache, size);
    return 0;
}
