/* The inodes in memory.

   A node is *live* while it has a name, and then *dead*. The file system holds a reference on each
   node, so the last vnode_put never comes as a surprise: the file system drops a node when it
   chooses to, after the inode has been written. A live node can be dropped when it is idle.

   What a node says is compared with what its buffer has got (`written`) whenever metadata is
   written. So nobody has to mark a node that changes. Lock: ext2.lock. */
#include <linux/errno.h>
#include <arch/atomic.h>
#include <arch/clock.h>
#include <fs/pagecache.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include "ext2.h"

static int compare_inos(const struct ext2_node *a, const struct ext2_node *b)
{
    return a->vnode.ino < b->vnode.ino ? -1 : a->vnode.ino > b->vnode.ino;
}

RB_GENERATE_STATIC(ext2_node_tree, ext2_node, by_ino, compare_inos)

static struct ext2_node *node_find(struct ext2 *fs, uint32_t ino)
{
    struct ext2_node *node = RB_ROOT(&fs->nodes);

    while (node && node->vnode.ino != ino)
        node = ino < node->vnode.ino ? RB_LEFT(node, by_ino) : RB_RIGHT(node, by_ino);
    return node;
}

static bool is_device(uint32_t mode)
{
    return S_ISCHR(mode) || S_ISBLK(mode);
}

/* ---- From the disk and to the disk ---- */

#define SECOND_NS 1000000000ul

/* Returns how many bytes of an inode on the disk are known here. */
static size_t inode_len(const struct ext2 *fs)
{
    return min((size_t)fs->inode_size, sizeof(struct ext2_inode));
}

/* Returns true if the inode has the rest of its times behind its first 128 bytes. */
static bool has_extra_times(const struct ext2 *fs, const struct ext2_inode *inode)
{
    return fs->inode_size >= sizeof(*inode) && inode->i_extra_isize >= EXT2_EXTRA_TIMES &&
           inode->i_extra_isize <= fs->inode_size - EXT2_INODE_SIZE_MIN;
}

/* Seconds alone count from 1970 to 2106. With the extra bits, the lower 32 bits are a number with a
   sign, to which the bits are added. */
static uint64_t time_decode(uint32_t seconds, const uint32_t *extra)
{
    if (!extra)
        return seconds * SECOND_NS;
    int64_t all = (int32_t)seconds + ((int64_t)(*extra & 3) << 32);
    uint64_t ns = min(*extra >> 2, (uint32_t)SECOND_NS - 1);
    return all < 0 ? 0 : all * SECOND_NS + ns;
}

static uint32_t time_encode(const uint64_t *time_ns, uint32_t *extra)
{
    uint64_t ns = atomic_load_relaxed(time_ns), seconds = ns / SECOND_NS;

    if (!extra)
        return min(seconds, (uint64_t)UINT32_MAX);
    *extra = (ns % SECOND_NS) << 2 | (((seconds - (int32_t)seconds) >> 32) & 3);
    return seconds;
}

/* A device's number stands in i_block[0], or in i_block[1] if it has more than 16 bits. */
static uint64_t rdev_decode(const struct ext2_inode *inode)
{
    return inode->i_block[0] ? inode->i_block[0] & 0xffff : inode->i_block[1];
}

static void rdev_encode(struct ext2_node *node)
{
    node->block[node->vnode.rdev > 0xffff] = node->vnode.rdev;
}

static void node_encode(const struct ext2_node *node, struct ext2_inode *inode)
{
    const struct ext2 *fs = ext2_of(&node->vnode);
    const struct vnode *vnode = &node->vnode;
    uint32_t uid = atomic_load_relaxed(&vnode->uid), gid = atomic_load_relaxed(&vnode->gid);
    uint64_t size = vnode->cache && !node->is_dead ? vnode_size(vnode) : node->size;

    *inode = node->written;
    if (inode->i_mode == 0 && fs->inode_size >= sizeof(*inode)) /* a new inode */
        inode->i_extra_isize = EXT2_EXTRA_SIZE;
    bool extra = has_extra_times(fs, inode);
    inode->i_mode = atomic_load_relaxed(&vnode->mode);
    inode->i_uid = uid;
    inode->i_uid_high = uid >> 16;
    inode->i_gid = gid;
    inode->i_gid_high = gid >> 16;
    inode->i_size = size;
    if (S_ISREG(vnode->mode))
        inode->i_size_high = size >> 32;
    inode->i_atime = time_encode(&vnode->atime_ns, extra ? &inode->i_atime_extra : NULL);
    inode->i_mtime = time_encode(&vnode->mtime_ns, extra ? &inode->i_mtime_extra : NULL);
    inode->i_ctime = time_encode(&vnode->ctime_ns, extra ? &inode->i_ctime_extra : NULL);
    inode->i_links_count = vnode->nlink;
    inode->i_dtime = 0;
    inode->i_blocks = atomic_load_relaxed(&node->sectors);
    inode->i_flags = node->flags;
    memcpy(inode->i_block, node->block, sizeof(node->block));
    inode->i_file_acl = node->file_acl;
    inode->i_generation = node->generation;
    if (node->is_dead && !node->is_unlinked_on_disk)
        inode->i_links_count = 1; /* an entry on the disk still shows it */
    else if (vnode->nlink == 0)
        inode->i_dtime = inode->i_ctime;
}

static bool is_inode_ok(const struct ext2 *fs, const struct ext2_inode *inode)
{
    uint64_t size = inode->i_size;

    if (inode->i_links_count == 0 || (inode->i_flags & EXT2_FLAGS_FOREIGN))
        return false;
    switch (inode->i_mode & S_IFMT) {
    case S_IFREG:
        return (size | (uint64_t)inode->i_size_high << 32) <= fs->max_size;
    case S_IFDIR:
        return size > 0 && size % fs->block_size == 0 && size <= INT32_MAX &&
               size >> fs->block_shift <= fs->super.s_blocks_count;
    case S_IFLNK:
        return size > 0 && size < min((uint64_t)fs->block_size, (uint64_t)PATH_MAX);
    case S_IFCHR:
    case S_IFBLK:
    case S_IFIFO:
    case S_IFSOCK:
        return true;
    default:
        return false;
    }
}

static int inode_read(struct ext2 *fs, uint32_t ino, struct ext2_inode *inode)
{
    struct ext2_buffer *buffer;
    uint32_t offset;

    if (ino > fs->super.s_inodes_count || (ino < fs->first_ino && ino != EXT2_ROOT_INO))
        return ext2_damaged(fs, "there is no inode", ino);
    int err = ext2_buffer_read(fs, ext2_inode_block(fs, ino, &offset), &buffer);
    if (err)
        return err;
    *inode = (struct ext2_inode){0};
    memcpy(inode, buffer->data + offset, inode_len(fs));
    ext2_buffer_put(fs, buffer);
    return is_inode_ok(fs, inode) ? 0 : ext2_damaged(fs, "cannot be used: the inode", ino);
}

static void node_decode(struct ext2_node *node, const struct ext2_inode *inode)
{
    struct vnode *vnode = &node->vnode;
    bool extra = has_extra_times(ext2_of(vnode), inode);

    node->written = *inode;
    vnode->nlink = inode->i_links_count;
    vnode->uid = inode->i_uid | (uint32_t)inode->i_uid_high << 16;
    vnode->gid = inode->i_gid | (uint32_t)inode->i_gid_high << 16;
    vnode->atime_ns = time_decode(inode->i_atime, extra ? &inode->i_atime_extra : NULL);
    vnode->mtime_ns = time_decode(inode->i_mtime, extra ? &inode->i_mtime_extra : NULL);
    vnode->ctime_ns = time_decode(inode->i_ctime, extra ? &inode->i_ctime_extra : NULL);
    node->flags = inode->i_flags;
    node->size = inode->i_size;
    if (S_ISREG(inode->i_mode))
        node->size |= (uint64_t)inode->i_size_high << 32;
    node->sectors = inode->i_blocks;
    memcpy(node->block, inode->i_block, sizeof(node->block));
    node->file_acl = inode->i_file_acl;
    node->generation = inode->i_generation;
    if (is_device(inode->i_mode))
        vnode->rdev = rdev_decode(inode);
}

/* ---- Nodes ---- */

/* Makes a node, which no other thread can see yet. */
static struct ext2_node *node_alloc(struct ext2 *fs, uint32_t ino, uint32_t mode)
{
    struct ext2_node *node = heap_alloc_zeroed(sizeof(*node));

    if (!node)
        return NULL;
    vnode_init(&node->vnode, &fs->filesystem, mode);
    node->vnode.ino = ino;
    return node;
}

/* Sets the operations, and adds the node to the live ones. On failure the node is freed. */
static int node_insert(struct ext2 *fs, struct ext2_node *node)
{
    int err = fs->setup(&node->vnode, node->size);

    if (err) {
        heap_free(node);
        return err;
    }
    RB_INSERT(ext2_node_tree, &fs->nodes, node);
    TAILQ_INSERT_TAIL(&fs->live, node, in_queue);
    fs->nlive++;
    vnode_get(&node->vnode); /* for the caller; the first reference is the file system's */
    return 0;
}

int ext2_node_get(struct ext2 *fs, uint32_t ino, struct ext2_node **result)
{
    struct ext2_node *node = node_find(fs, ino);
    struct ext2_inode inode;

    assert(mutex_is_held(&fs->lock));
    if (node) {
        if (node->is_dead)
            return ext2_damaged(fs, "an entry shows the deleted inode", ino);
        TAILQ_REMOVE(&fs->live, node, in_queue);
        TAILQ_INSERT_TAIL(&fs->live, node, in_queue);
        vnode_get(&node->vnode);
        *result = node;
        return 0;
    }
    int err = inode_read(fs, ino, &inode);
    if (err)
        return err;
    ext2_nodes_trim(fs, fs->max_live);
    node = node_alloc(fs, ino, inode.i_mode);
    if (!node)
        return -ENOMEM;
    node_decode(node, &inode);
    err = node_insert(fs, node);
    if (!err)
        *result = node;
    return err;
}

int ext2_node_create(struct ext2 *fs, uint32_t ino, uint32_t mode, uint64_t rdev,
                     struct ext2_node **result)
{
    assert(mutex_is_held(&fs->lock));
    if (node_find(fs, ino))
        return ext2_damaged(fs, "the bitmap shows as free the inode", ino);
    ext2_nodes_trim(fs, fs->max_live);
    struct ext2_node *node = node_alloc(fs, ino, mode);
    if (!node)
        return -ENOMEM;
    node->vnode.rdev = rdev;
    node->vnode.nlink = S_ISDIR(mode) ? 2 : 1;
    node->generation = node->vnode.ctime_ns;
    if (is_device(mode))
        rdev_encode(node);
    int err = node_insert(fs, node);
    if (!err)
        *result = node;
    return err;
}

void ext2_node_bury(struct ext2_node *node)
{
    struct ext2 *fs = ext2_of(&node->vnode);

    assert(mutex_is_held(&fs->lock) && !node->is_dead);
    TAILQ_REMOVE(&fs->live, node, in_queue);
    fs->nlive--;
    TAILQ_INSERT_TAIL(&fs->dead, node, in_queue);
    fs->ndead++;
    if (node->vnode.cache) /* until it is deleted on the disk, it stays as it was */
        node->size = vnode_size(&node->vnode);
    node->is_dead = true;
    node->vnode.nlink = 0;
    vnode_set_removed(&node->vnode);
}

/* Returns true for a file of which old kernels know only a part. */
static bool is_large(const struct ext2_inode *inode)
{
    return S_ISREG(inode->i_mode) && (inode->i_size_high || inode->i_size > INT32_MAX);
}

int ext2_node_write(struct ext2_node *node)
{
    struct ext2 *fs = ext2_of(&node->vnode);
    struct ext2_inode inode;
    struct ext2_buffer *buffer;
    uint32_t offset;

    assert(mutex_is_held(&fs->lock));
    if (atomic_load(&node->has_more) && !node->is_dead)
        (void)ext2_drop_behind_end(node); /* what damage keeps is left to e2fsck */
    node_encode(node, &inode);
    if (memcmp(&inode, &node->written, sizeof(inode)) == 0)
        return 0;
    if (is_large(&inode))
        fs->super.s_feature_ro_compat |= EXT2_RO_COMPAT_LARGE_FILE;
    int err = ext2_buffer_read(fs, ext2_inode_block(fs, node->vnode.ino, &offset), &buffer);
    if (err)
        return err;
    if (node->written.i_mode == 0) /* a new inode: nothing stays of an old one */
        memset(buffer->data + offset, 0, fs->inode_size);
    memcpy(buffer->data + offset, &inode, inode_len(fs));
    node->written = inode;
    ext2_buffer_dirty(fs, buffer);
    ext2_buffer_put(fs, buffer);
    return 0;
}

bool ext2_node_is_idle(const struct ext2_node *node)
{
    return atomic_load(&node->vnode.refs) == 1;
}

void ext2_node_drop(struct ext2_node *node)
{
    struct ext2 *fs = ext2_of(&node->vnode);

    assert(mutex_is_held(&fs->lock));
    RB_REMOVE(ext2_node_tree, &fs->nodes, node);
    if (node->is_dead) {
        TAILQ_REMOVE(&fs->dead, node, in_queue);
        fs->ndead--;
    } else {
        TAILQ_REMOVE(&fs->live, node, in_queue);
        fs->nlive--;
    }
    vnode_put(&node->vnode);
}

/* Returns true if nothing is lost with the node. A file with dirty pages is never idle, because its
   page cache has a reference on it. */
static bool may_drop(struct ext2_node *node)
{
    return ext2_node_is_idle(node) && ext2_node_write(node) == 0;
}

/* Each pass makes parents idle whose last child it drops. The list is at most `max_live` long,
   unless more are in use. */
void ext2_nodes_trim(struct ext2 *fs, unsigned left)
{
    struct ext2_node *node, *next;
    bool has_dropped = true;

    while (fs->nlive > left && has_dropped) {
        has_dropped = false;
        TAILQ_FOREACH_SAFE (node, &fs->live, in_queue, next) {
            if (fs->nlive <= left)
                break;
            if (!may_drop(node))
                continue;
            ext2_node_drop(node);
            has_dropped = true;
        }
    }
}
