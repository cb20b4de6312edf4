/* The order of writes, and the end of deleted files.

   Metadata is written all at once, then the device is flushed:

       1. inodes, descriptors and the superblock go into their buffers
       2. new blocks are written: indirect blocks and those of directories; FLUSH
       3. all other dirty buffers are written; FLUSH
       4. what only now may happen: blocks that were given back become free, and so do inodes of
          deleted files; a file without a name and without users is deleted; an inode without a
          name says so

   Step 2 comes first, because nothing shows these blocks yet. If an inode could be written before its
   new indirect block, e2fsck would find anything in that block, and might clear the whole inode.

   Step 4 waits, because until the flush the disk may still have the old entry, or the old number of
   a block. If the machine stopped in between, e2fsck would find an entry that shows a deleted
   inode, or two files with one block or inode, and a file that was synced before could be lost.

   A rename between two blocks of directories flushes, too, once the new entry is there and before
   the old one goes (names.c). Lock: ext2.lock, for the whole time. */
#include <linux/errno.h>
#include <lib/panic.h>
#include "ext2.h"

/* So many dead nodes are kept at most. */
#define DEAD_MAX 256

static int write_nodes(struct ext2_node_queue *queue)
{
    struct ext2_node *node;
    int err = 0;

    TAILQ_FOREACH (node, queue, in_queue)
        if ((err = ext2_node_write(node)))
            break;
    return err;
}

/* Carries out the deletions that the flush has allowed. What they give back waits for the next
   flush, and what fails is tried again then. */
static void settle_dead(struct ext2 *fs)
{
    struct ext2_node *node, *next;

    TAILQ_FOREACH_SAFE (node, &fs->dead, in_queue, next) {
        if (node->is_deleted) {
            if (!ext2_inode_free(fs, node->vnode.ino, vnode_is_dir(&node->vnode)))
                ext2_node_drop(node);
            continue;
        }
        node->is_unlinked_on_disk = true;
        if (ext2_node_is_idle(node))
            ext2_node_delete(node);
    }
}

/* Writes the blocks that nothing on the disk shows yet. */
static int write_new(struct ext2 *fs)
{
    if (fs->buffers.nnew == 0)
        return 0;
    int err = ext2_buffers_write(fs, true);
    return err ? err : block_flush(fs->device);
}

int ext2_sync_metadata(struct ext2 *fs)
{
    assert(mutex_is_held(&fs->lock));
    if (!fs->is_writable)
        return 0;
    int err = write_nodes(&fs->live);
    if (!err)
        err = write_nodes(&fs->dead);
    if (!err)
        err = ext2_groups_write(fs);
    if (!err)
        err = write_new(fs);
    if (!err)
        err = ext2_buffers_write(fs, false);
    if (!err)
        err = block_flush(fs->device);
    if (err)
        return err;
    ext2_blocks_unpin(fs);
    settle_dead(fs);
    return 0;
}

/* The first sync deletes the dead, and the next one makes what they had usable. */
bool ext2_make_room(struct ext2 *fs)
{
    uint64_t blocks = fs->free_blocks;
    uint32_t inodes = fs->free_inodes;

    for (int n = 0; n < 2 && (fs->npinned > 0 || fs->ndead > 0); n++)
        if (ext2_sync_metadata(fs))
            return false;
    return fs->free_blocks > blocks || fs->free_inodes > inodes;
}

void ext2_sync_if_due(struct ext2 *fs)
{
    if (fs->buffers.ndirty > fs->buffers.max / 2 || fs->ndead > DEAD_MAX)
        (void)ext2_sync_metadata(fs); /* what fails stays dirty, and fsync reports it */
}
