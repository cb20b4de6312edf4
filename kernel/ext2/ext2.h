/* The parts of ext2, and what they share. docs/ext2.md explains how they work together.

       vnode.c   names.c     the vnode operations: files; names
       mount.c               mounting, unmounting, space
       sync.c                the order of writes; the end of deleted inodes
       dir.c                 the entries in the blocks of a directory
       truncate.c            giving blocks back
       map.c                 where the blocks of a file are
       node.c                the inodes in memory
       inodes.c  blocks.c    the bitmaps
       group.c               the group descriptors
       buffer.c              the cache of metadata blocks
       damage.c              what is wrong on the disk

   Locks: (fs) ext2.lock, RANK_EXT2, which every function here needs unless it says otherwise;
   (c) constant once the file system is mounted; (a) atomic. */
#pragma once

#include <linux/errno.h>
#include <dev/block.h>
#include <fs/vnode.h>
#include <sys/queue.h>
#include <sys/tree.h>
#include "layout.h"

struct ext2;

/* ---- buffer.c ---- */

/* A block of metadata in memory. */
struct ext2_buffer {
    RB_ENTRY(ext2_buffer) by_block;
    RB_ENTRY(ext2_buffer) in_dirty;
    TAILQ_ENTRY(ext2_buffer) in_idle;
    uint32_t block;
    unsigned refs;     /* users at this moment */
    bool is_dirty;     /* differs from the disk */
    bool is_new;       /* dirty, and nothing on the disk shows its block yet */
    bool is_forgotten; /* its block is free: known to its users alone */
    struct frame *frame;
    char *data; /* the first block_size bytes of the frame */
};

RB_HEAD(ext2_buffer_tree, ext2_buffer);
RB_HEAD(ext2_dirty_tree, ext2_buffer);
TAILQ_HEAD(ext2_buffer_queue, ext2_buffer);

struct ext2_buffers {
    struct ext2_buffer_tree all;
    struct ext2_dirty_tree dirty;
    struct ext2_buffer_queue idle; /* clean and without users, the oldest first */
    unsigned count, ndirty, nnew, max;
};

void ext2_buffers_init(struct ext2 *fs);

/* Frees all buffers. What is dirty is lost. */
void ext2_buffers_free(struct ext2 *fs);

/* Find the buffer of a block: ext2_buffer_read with the contents of the disk, ext2_buffer_new full
   of zeros and dirty. The caller puts the buffer after use. -EIO, -ENOMEM. */
__must_check int ext2_buffer_read(struct ext2 *fs, uint32_t block, struct ext2_buffer **buffer);
__must_check int ext2_buffer_new(struct ext2 *fs, uint32_t block, struct ext2_buffer **buffer);
void ext2_buffer_put(struct ext2 *fs, struct ext2_buffer *buffer);

/* Records that the contents have changed. */
void ext2_buffer_dirty(struct ext2 *fs, struct ext2_buffer *buffer);

/* Drops the buffer of a block that has become free, written or not. */
void ext2_buffer_forget(struct ext2 *fs, uint32_t block);

/* Writes the dirty buffers, in the order of their blocks: those that are new, or all. Those that fail
   stay dirty. -EIO. */
__must_check int ext2_buffers_write(struct ext2 *fs, bool only_new);

/* ---- the file system ---- */

/* A block group, in memory. */
struct ext2_group {
    uint32_t block_bitmap, inode_bitmap, inode_table; /* (c) blocks */
    uint32_t free_blocks, free_inodes, used_dirs;     /* (fs) */
    uint32_t npinned;                                 /* (fs) bits that are set in `pinned` */
    uint8_t *pinned; /* (fs) freed blocks that the bitmap still shows as used; NULL: none */
};

TAILQ_HEAD(ext2_node_queue, ext2_node);
RB_HEAD(ext2_node_tree, ext2_node);

struct ext2 {
    struct filesystem filesystem;
    struct mutex lock;           /* RANK_EXT2 */
    bool is_writable;            /* (fs) metadata is written to the disk */
    struct block_device *device; /* (c) */
    struct ext2_super super;     /* (fs) as on the disk, but for the counts of free things */
    struct ext2_group *groups;   /* (c) the array */
    uint32_t ngroups;            /* (c) */
    uint32_t block_size;         /* (c) 1024, 2048 or 4096 */
    uint32_t block_shift;        /* (c) */
    uint32_t inode_size;         /* (c) */
    uint32_t first_ino;          /* (c) the first that a file may have */
    uint32_t gdt_blocks;         /* (c) */
    uint32_t super_blocks;       /* (c) blocks of a superblock with its gdt and reserved blocks */
    uint32_t pointers;           /* (c) block numbers in an indirect block */
    uint64_t max_size;           /* (c) bytes in the longest file */
    struct ext2_buffers buffers; /* (fs) */
    uint16_t state_at_mount;     /* (c) s_state, as it was */
    uint64_t free_blocks;        /* (fs) sum over the groups */
    uint32_t free_inodes;        /* (fs) sum over the groups */
    uint64_t npinned;            /* (fs) sum over the groups */
    struct ext2_node *root;      /* (c) */
    struct ext2_node_tree nodes; /* (fs) those in memory, by number */
    struct ext2_node_queue live; /* (fs) those with a name, the oldest first */
    struct ext2_node_queue dead; /* (fs) those without */
    unsigned nlive, ndead;       /* (fs) */
    unsigned max_live;           /* (c) */
    unsigned nerrors;            /* (fs) messages about damage so far */

    /* (c) Sets the operations of a new vnode by its mode; a regular file gets a page cache of
       `size` bytes. -ENOMEM. */
    int (*setup)(struct vnode *vnode, uint64_t size);
};

/* An inode in memory. The file system holds a reference on each, until it has been written back. */
struct ext2_node {
    struct vnode vnode;
    RB_ENTRY(ext2_node) by_ino;      /* (fs) */
    TAILQ_ENTRY(ext2_node) in_queue; /* (fs) `live` or `dead` */
    uint32_t flags;                  /* (fs) EXT2_FLAG_ */
    uint64_t size;                   /* (fs) bytes in a directory or a symbolic link */
    uint64_t sectors;                /* (a) written under fs: i_blocks */
    uint32_t block[EXT2_NBLOCK];     /* (fs) */
    uint32_t file_acl;               /* (fs) */
    uint32_t generation;             /* (fs) */
    uint32_t dir_hint;               /* (fs) blocks of a directory before this one are full */
    uint32_t goal;                   /* (fs) where its next block should be; 0: in its group */
    bool has_more;                   /* (a) there may be blocks behind its end to be given back */
    bool is_dead;                    /* (fs) it is in `dead` */
    bool is_unlinked_on_disk;        /* (fs) of the dead: no entry on the disk names it */
    bool is_deleted;                 /* (fs) of the dead: it has nothing left but its number */
    struct ext2_inode written;       /* (fs) the inode as its buffer has it */
};

static inline struct ext2_node *ext2_node(struct vnode *vnode)
{
    return container_of(vnode, struct ext2_node, vnode);
}

static inline struct ext2 *ext2_of(const struct vnode *vnode)
{
    return container_of(vnode->fs, struct ext2, filesystem);
}

/* ---- damage.c ---- */

/* Report damage on the disk, and note it for e2fsck. */
void ext2_report_damage(struct ext2 *fs, const char *what, uint64_t number);

static inline int ext2_damaged(struct ext2 *fs, const char *what, uint64_t number)
{
    ext2_report_damage(fs, what, number);
    return -EIO;
}

/* ---- group.c ---- */

/* Reads the group descriptors, and checks that the places that they name can be right. -EINVAL,
   -EIO, -ENOMEM. */
__must_check int ext2_groups_read(struct ext2 *fs);

/* Writes the descriptors and the superblock into their buffers. */
__must_check int ext2_groups_write(struct ext2 *fs);

uint32_t ext2_group_of_block(const struct ext2 *fs, uint32_t block);
uint32_t ext2_group_start(const struct ext2 *fs, uint32_t group);
uint32_t ext2_group_size(const struct ext2 *fs, uint32_t group); /* blocks */

/* Returns true if a file may have this block: it is on the disk, and holds no bitmap, inode table,
   superblock or descriptors. */
bool ext2_is_data_block(const struct ext2 *fs, uint32_t block);

/* Returns the blocks of a group that hold something else. */
uint32_t ext2_group_overhead(const struct ext2 *fs, uint32_t group);

/* ---- blocks.c ---- */

/* Takes a free block, near `goal`. -ENOSPC, -EIO, -ENOMEM. */
__must_check int ext2_block_alloc(struct ext2 *fs, uint32_t goal, uint32_t *block);

/* Gives a block back. It stays unused until the next flush, because the disk may still show it in
   the file. Returns 1; 0: the block was free, which means damage. -EIO, -ENOMEM, -EINTR: nothing has
   changed. */
__must_check int ext2_block_free(struct ext2 *fs, uint32_t block);

/* The same, but its buffer stays, and ext2_block_take_back may follow, before the next sync. */
__must_check int ext2_block_give(struct ext2 *fs, uint32_t block);
void ext2_block_take_back(struct ext2 *fs, uint32_t block);

/* Gives a block back that no block on the disk shows. */
void ext2_block_free_now(struct ext2 *fs, uint32_t block);

/* Makes the blocks usable that were given back before the last flush. */
void ext2_blocks_unpin(struct ext2 *fs);

/* ---- inodes.c ---- */

/* Takes a free inode for a directory or another file in `parent`. -ENOSPC, -EIO, -ENOMEM. */
__must_check int ext2_inode_alloc(struct ext2 *fs, uint32_t parent, bool is_dir, uint32_t *ino);

/* Gives an inode back. -EIO, -ENOMEM, -EINTR: nothing has changed. */
int ext2_inode_free(struct ext2 *fs, uint32_t ino, bool is_dir);

/* Returns the block that holds an inode, and the offset there. */
uint32_t ext2_inode_block(const struct ext2 *fs, uint32_t ino, uint32_t *offset);

/* ---- node.c ---- */

/* Finds the node of an inode, and takes a reference on its vnode. -EIO (no such inode, or damage),
   -ENOMEM. */
__must_check int ext2_node_get(struct ext2 *fs, uint32_t ino, struct ext2_node **node);

/* Makes a node for an inode that was allocated, with a reference on its vnode and no name.
   -ENOMEM. */
__must_check int ext2_node_create(struct ext2 *fs, uint32_t ino, uint32_t mode, uint64_t rdev,
                                  struct ext2_node **node);

/* Moves a node that has lost its last name to the dead. */
void ext2_node_bury(struct ext2_node *node);

/* Writes the node into the buffer of its inode, if it has changed. */
__must_check int ext2_node_write(struct ext2_node *node);

/* Returns true if nobody but the file system uses the node. A thread that looks for clean pages may
   take a reference at any time, and drops it soon; it does not count as a user. */
bool ext2_node_is_idle(const struct ext2_node *node);

/* Drops an idle node: the file system's reference. */
void ext2_node_drop(struct ext2_node *node);

/* Drops idle nodes that are on the disk, the oldest first, until at most `left` are alive. */
void ext2_nodes_trim(struct ext2 *fs, unsigned left);

/* ---- map.c ---- */

/* Finds the block of a file; 0 is a hole. -EIO, -EFBIG. */
__must_check int ext2_map_find(struct ext2_node *node, uint64_t index, uint32_t *block);

/* Finds out whether block `index` is a hole, and how many blocks from it on are alike, at least: no
   indirect block is looked at twice. -EIO, -EFBIG, -ENOMEM. */
__must_check int ext2_map_run(struct ext2_node *node, uint64_t index, bool *is_hole,
                              uint64_t *count);

/* Finds the block of a file, or takes one for a hole; then `is_new` is true and the contents are
   undefined. -ENOSPC, -EFBIG, -EIO, -ENOMEM. */
__must_check int ext2_map_make(struct ext2_node *node, uint64_t index, uint32_t *block,
                               bool *is_new);

/* Returns the number of indirections to the block `index`, and in `at` the position at each step.
   Returns -1 if it is too far. */
int ext2_map_path(const struct ext2 *fs, uint64_t index, uint32_t at[4]);

/* ---- truncate.c ---- */

/* Gives the blocks of a file in [first, end) back. Errors leave the rest in place. */
int ext2_blocks_drop(struct ext2_node *node, uint64_t first, uint64_t end);

/* Gives back the blocks behind the end of a file of which has_more is set, and clears it. After an
   error it is set, because some are left. */
int ext2_drop_behind_end(struct ext2_node *node);

/* Drops the pages of a file that has lost its last name, if only the caller uses it. So they are not
   written any more. The caller has a reference, and holds no lock. */
void ext2_dead_pages_drop(struct vnode *vnode);

/* Gives everything back that the inode of a deleted file has, except for its number. After an error
   it is not deleted, and has the rest. */
void ext2_node_delete(struct ext2_node *node);

/* ---- dir.c ---- */

/* A place in a directory. */
struct ext2_slot {
    struct ext2_buffer *buffer;
    struct ext2_dirent *entry;
    struct ext2_dirent *before; /* the entry before it in the block; NULL: none */
    uint64_t offset;            /* bytes from the start of the directory */
};

/* Finds the entry called `name`. The caller puts slot->buffer. -ENOENT, -EIO, -ENOMEM. */
__must_check int ext2_dir_find(struct ext2_node *dir, const char *name, struct ext2_slot *slot);

/* Finds the first used entry at or after byte `offset`, but not "." and "..". Returns 1, with the
   buffer for the caller to put; or 0. */
int ext2_dir_next(struct ext2_node *dir, uint64_t offset, struct ext2_slot *slot);

/* Adds an entry. The caller has seen that there is none of this name. Returns the block in *block.
   -ENOSPC, -EIO, -ENOMEM. */
__must_check int ext2_dir_add(struct ext2_node *dir, const char *name, uint32_t ino, uint32_t mode,
                              uint32_t *block);

/* Removes the entry of a slot, or lets it show another inode. */
void ext2_dir_remove(struct ext2_node *dir, struct ext2_slot *slot);
void ext2_dir_replace(struct ext2_node *dir, struct ext2_slot *slot, uint32_t ino, uint32_t mode);

/* Returns 1 if the directory has only "." and "..", 0 if not. -EIO, -ENOMEM. */
__must_check int ext2_dir_is_empty(struct ext2_node *dir);

/* Makes the first block of a directory. */
__must_check int ext2_dir_begin(struct ext2_node *dir, uint32_t parent);

/* Reads the "..", and sets the one that ext2_dir_find has found. */
__must_check int ext2_dir_parent(struct ext2_node *dir, uint32_t *parent);
void ext2_dir_set_parent(struct ext2_node *dir, struct ext2_slot *dots, uint32_t parent);

/* Finds slot->before again, after entries were added to the block. */
void ext2_slot_refresh(struct ext2_node *dir, struct ext2_slot *slot);

/* Returns the S_IFMT bits of an entry, or 0 if only the inode knows. */
uint32_t ext2_dirent_mode(const struct ext2 *fs, const struct ext2_dirent *entry);

/* ---- sync.c ---- */

/* Writes all metadata, in the order that docs/ext2.md explains, and flushes. Then it deletes what
   is dead and idle, and makes the blocks usable that were given back. -EIO, -ENOMEM. */
int ext2_sync_metadata(struct ext2 *fs);

/* Syncs if a later attempt could find more space than one that failed has. Returns true if there
   is more. */
bool ext2_make_room(struct ext2 *fs);

/* Syncs if much is waiting for it. At the start of an operation. */
void ext2_sync_if_due(struct ext2 *fs);
