/* Mounting and unmounting, and how much space there is.

   The superblock says which features the file system uses. A disk that another kernel could have
   written with features that we do not understand is read-only or refused: a message names the
   feature. While it is mounted for writing, the superblock on the disk is not marked as clean. */
#include <linux/errno.h>
#include <linux/magic.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <ext2/ext2.h>
#include <fs/blockdev.h>
#include <fs/pagecache.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include "ext2.h"
#include "vnode.h"

/* The most frames that the buffers of one file system take, and the most nodes. */
#define BUFFERS_MAX 1024u
#define NODES_MAX   1024u

struct feature {
    uint32_t bit;
    const char *name;
};

static const struct feature ro_compat_features[] = {
    {0x4, "btree_dir"},    {0x8, "huge_file"},  {0x10, "uninit_bg"}, {0x20, "dir_nlink"},
    {0x40, "extra_isize"}, {0x100, "quota"},    {0x200, "bigalloc"}, {0x400, "metadata_csum"},
    {0x1000, "read-only"}, {0x2000, "project"}, {0x8000, "verity"},  {0, NULL}};

static const struct feature incompat_features[] = {
    {0x1, "compression"},    {0x4, "needs_recovery"}, {0x8, "journal_dev"},  {0x10, "meta_bg"},
    {0x40, "extent"},        {0x80, "64bit"},         {0x100, "mmp"},        {0x200, "flex_bg"},
    {0x400, "ea_inode"},     {0x1000, "dirdata"},     {0x2000, "csum_seed"}, {0x4000, "large_dir"},
    {0x8000, "inline_data"}, {0x10000, "encrypt"},    {0x20000, "casefold"}, {0, NULL}};

/* Prints the names of the features in `bits`. */
static void print_features(const struct ext2 *fs, const struct feature *features, uint32_t bits,
                           const char *what)
{
    for (uint32_t bit = 1; bit; bit <<= 1) {
        const struct feature *feature = features;

        if (!(bits & bit))
            continue;
        while (feature->name && feature->bit != bit)
            feature++;
        printk("ext2: %s has the feature %s (%#x): %s\n", fs->device->name,
               feature->name ? feature->name : "of an unknown name", bit, what);
    }
}

static int refuse(const struct ext2 *fs, const char *why)
{
    printk("ext2: %s cannot be mounted: %s\n", fs->device->name, why);
    return -EINVAL;
}

/* Revision 0 has no fields behind s_rev_level. */
static void set_defaults(struct ext2 *fs)
{
    struct ext2_super *super = &fs->super;

    if (super->s_rev_level > 0)
        return;
    super->s_first_ino = EXT2_FIRST_INO_REV0;
    super->s_inode_size = EXT2_INODE_SIZE_MIN;
}

/* Decides what the features allow. */
static int check_super_features(struct ext2 *fs)
{
    const struct ext2_super *super = &fs->super;
    uint32_t incompat = super->s_feature_incompat & ~EXT2_INCOMPAT_UNDERSTOOD;
    uint32_t ro_compat = super->s_feature_ro_compat & ~EXT2_RO_COMPAT_UNDERSTOOD;

    if (super->s_rev_level == 0)
        return 0;
    if (incompat) {
        print_features(fs, incompat_features, incompat, "it cannot be mounted");
        return -EINVAL;
    }
    if (ro_compat && !fs->filesystem.read_only) {
        print_features(fs, ro_compat_features, ro_compat, "it can only be read");
        fs->filesystem.read_only = true;
    }
    return 0;
}

static bool is_power_of_two(uint32_t n)
{
    return n && !(n & (n - 1));
}

/* Checks the numbers from which everything else is computed. */
static int check_geometry(struct ext2 *fs)
{
    const struct ext2_super *super = &fs->super;

    if (super->s_log_block_size > 2)
        return refuse(fs, "its blocks are larger than 4096 bytes");
    fs->block_size = 1024u << super->s_log_block_size;
    fs->block_shift = 10 + super->s_log_block_size;
    fs->inode_size = super->s_inode_size;
    fs->first_ino = super->s_first_ino;
    if (super->s_first_data_block != (fs->block_size == 1024) ||
        super->s_blocks_count <= super->s_first_data_block + 1)
        return refuse(fs, "its number of blocks is wrong");
    if (super->s_blocks_count > fs->device->nsectors / (fs->block_size / BLOCK_SECTOR))
        return refuse(fs, "it is larger than the disk");
    if (super->s_blocks_per_group < 256 || super->s_blocks_per_group > 8 * fs->block_size)
        return refuse(fs, "its number of blocks per group is wrong");
    if (!is_power_of_two(fs->inode_size) || fs->inode_size < EXT2_INODE_SIZE_MIN ||
        fs->inode_size > fs->block_size)
        return refuse(fs, "its size of inodes is wrong");
    if (super->s_inodes_per_group == 0 || super->s_inodes_per_group > 8 * fs->block_size)
        return refuse(fs, "its number of inodes per group is wrong");
    fs->ngroups =
        (super->s_blocks_count - super->s_first_data_block - 1) / super->s_blocks_per_group + 1;
    if ((uint64_t)fs->ngroups * super->s_inodes_per_group != super->s_inodes_count ||
        fs->first_ino < EXT2_FIRST_INO_REV0 || fs->first_ino > super->s_inodes_count)
        return refuse(fs, "its number of inodes is wrong");
    return 0;
}

/* Returns the bytes in the longest file: those that the numbers of blocks reach, and whose sectors
   i_blocks can count. Revision 0 cannot say that a file is larger than 2 GiB. */
static uint64_t max_size(const struct ext2 *fs)
{
    uint64_t n = fs->pointers, blocks = EXT2_DIRECT + n + n * n + n * n * n;
    uint64_t indirect = 1 + (1 + n) + (1 + n + n * n);
    uint64_t counted = UINT32_MAX / (fs->block_size / 512);

    if (blocks + indirect > counted)
        blocks = counted - indirect;
    uint64_t bytes = blocks << fs->block_shift;
    return fs->super.s_rev_level > 0 ? bytes : min(bytes, (uint64_t)INT32_MAX);
}

static void set_geometry(struct ext2 *fs)
{
    uint32_t per_block = fs->block_size / sizeof(struct ext2_descriptor);

    fs->gdt_blocks = (fs->ngroups + per_block - 1) / per_block;
    fs->super_blocks = 1 + fs->gdt_blocks;
    if (fs->super.s_rev_level > 0)
        fs->super_blocks += min((uint32_t)fs->super.s_reserved_gdt_blocks, fs->block_size / 4);
    fs->pointers = fs->block_size / sizeof(uint32_t);
    fs->max_size = max_size(fs);
    fs->buffers.max = BUFFERS_MAX;
    fs->max_live = NODES_MAX;
}

/* Reads the superblock, before the size of blocks is known. */
static int super_read(struct ext2 *fs)
{
    struct frame *frame = frame_alloc(FRAME_KERNEL);
    const struct block_part part = {.sector = 0, .frame = frame, .len = PAGE_SIZE};

    if (!frame)
        return -ENOMEM;
    int err = block_transfer(fs->device, BLOCK_READ, &part, 1);
    if (!err)
        memcpy(&fs->super, (char *)frame_to_virt(frame) + EXT2_SUPER_OFFSET, sizeof(fs->super));
    frame_put(frame);
    return err == -EINVAL ? refuse(fs, "the disk is too small") : err;
}

static int super_check(struct ext2 *fs)
{
    if (fs->super.s_magic != EXT2_MAGIC)
        return refuse(fs, "it has no ext2");
    set_defaults(fs);
    int err = check_super_features(fs);
    if (!err)
        err = check_geometry(fs);
    if (!err)
        set_geometry(fs);
    return err;
}

static uint32_t now_seconds(void)
{
    return clock_realtime_ns() / 1000000000;
}

/* Marks the file system as mounted, on the disk. */
static int mark_mounted(struct ext2 *fs)
{
    if (!fs->is_writable)
        return 0;
    if (!(fs->super.s_state & EXT2_STATE_CLEAN) || (fs->super.s_state & EXT2_STATE_ERRORS))
        printk("ext2: %s was not unmounted properly, or is damaged; run e2fsck\n",
               fs->device->name);
    fs->state_at_mount = fs->super.s_state;
    fs->super.s_state &= ~EXT2_STATE_CLEAN;
    fs->super.s_mnt_count++;
    fs->super.s_mtime = fs->super.s_wtime = now_seconds();
    return ext2_sync_metadata(fs);
}

static int mark_unmounted(struct ext2 *fs)
{
    fs->super.s_state |= fs->state_at_mount & EXT2_STATE_CLEAN;
    fs->super.s_wtime = now_seconds();
    return ext2_sync_metadata(fs);
}

static int root_get(struct ext2 *fs)
{
    int err = ext2_node_get(fs, EXT2_ROOT_INO, &fs->root);

    if (!err && !vnode_is_dir(&fs->root->vnode)) {
        vnode_put(&fs->root->vnode);
        err = ext2_damaged(fs, "no directory is the root, inode", EXT2_ROOT_INO);
    }
    return err;
}

static int mount_locked(struct ext2 *fs)
{
    int err = super_read(fs);

    if (!err)
        err = super_check(fs);
    if (err)
        return err;
    err = ext2_groups_read(fs);
    if (err == -EINVAL)
        return refuse(fs, "its group descriptors are damaged");
    if (!err)
        err = root_get(fs);
    if (err)
        return err;
    fs->is_writable = !fs->filesystem.read_only;
    err = mark_mounted(fs);
    if (err)
        vnode_put(&fs->root->vnode);
    return err;
}

/* Frees a file system that nobody uses. */
static void ext2_destroy(struct ext2 *fs)
{
    mutex_lock(&fs->lock);
    struct ext2_node *node, *next;
    TAILQ_FOREACH_SAFE (node, &fs->live, in_queue, next)
        ext2_node_drop(node);
    TAILQ_FOREACH_SAFE (node, &fs->dead, in_queue, next)
        ext2_node_drop(node);
    ext2_buffers_free(fs);
    for (uint32_t n = 0; fs->groups && n < fs->ngroups; n++)
        heap_free(fs->groups[n].pinned);
    mutex_unlock(&fs->lock);
    heap_free(fs->groups);
    heap_free(fs);
}

/* ---- What the rest of the kernel asks ---- */

static int ext2_filesystem_sync(struct filesystem *filesystem)
{
    struct ext2 *fs = container_of(filesystem, struct ext2, filesystem);

    int err = mutex_lock_killable(&fs->lock);
    if (err)
        return err;
    err = ext2_sync_metadata(fs);
    mutex_unlock(&fs->lock);
    return err;
}

/* Returns the blocks that the file system itself takes. */
static uint64_t overhead(const struct ext2 *fs)
{
    uint64_t blocks = fs->super.s_first_data_block;

    for (uint32_t number = 0; number < fs->ngroups; number++)
        blocks += ext2_group_overhead(fs, number);
    return blocks;
}

/* Blocks that wait for a flush count as free, because they are by the time they are needed. */
static int ext2_filesystem_usage(struct filesystem *filesystem, struct fs_usage *usage)
{
    struct ext2 *fs = container_of(filesystem, struct ext2, filesystem);

    int err = mutex_lock_killable(&fs->lock);
    if (err)
        return err;
    uint64_t nfree = fs->free_blocks + fs->npinned, reserved = fs->super.s_r_blocks_count;
    *usage = (struct fs_usage){
        .block_size = fs->block_size,
        .blocks = fs->super.s_blocks_count - overhead(fs),
        .free = nfree,
        .available = nfree > reserved ? nfree - reserved : 0,
        .files = fs->super.s_inodes_count,
        .free_files = fs->free_inodes,
    };
    mutex_unlock(&fs->lock);
    return 0;
}

/* Returns true if a file is open for writing, or waits for its deletion. The list has the nodes in
   memory. */
static bool has_writers(struct ext2 *fs)
{
    struct ext2_node *node;

    TAILQ_FOREACH (node, &fs->live, in_queue)
        if (atomic_load(&node->vnode.writers) > 0)
            return true;
    return fs->ndead > 0;
}

/* Refuses new writers, and then looks for others:

       a thread opens a file: it is counted      the file system becomes read-only
       it sees that it may not write             no file is found that is counted
*/
static int refuse_writers(struct ext2 *fs)
{
    int err = mutex_lock_killable(&fs->lock);

    if (err)
        return err;
    err = ext2_sync_metadata(fs);
    (void)ext2_make_room(fs); /* deletes what is dead */
    atomic_store(&fs->filesystem.read_only, true);
    if (!err && has_writers(fs))
        err = -EBUSY;
    if (err)
        atomic_store(&fs->filesystem.read_only, false);
    mutex_unlock(&fs->lock);
    return err;
}

/* Writes everything, and marks the file system as unmounted on the disk. */
static int become_read_only(struct ext2 *fs)
{
    int err = refuse_writers(fs);

    if (err)
        return err;
    (void)pagecache_writeback_device(fs->filesystem.dev); /* fsync(2) tells what fails */
    err = mutex_lock_killable(&fs->lock);
    if (!err) {
        err = mark_unmounted(fs);
        fs->is_writable = err;
        if (err)
            fs->super.s_state &= ~EXT2_STATE_CLEAN;
        mutex_unlock(&fs->lock);
    }
    if (err)
        atomic_store(&fs->filesystem.read_only, false);
    return err;
}

/* ext2.lock is held. */
static int writable_locked(struct ext2 *fs)
{
    if (fs->is_writable)
        return 0;
    if (fs->device->is_read_only)
        return -EACCES;
    if (fs->super.s_rev_level > 0 && (fs->super.s_feature_ro_compat & ~EXT2_RO_COMPAT_UNDERSTOOD))
        return -EROFS;
    fs->is_writable = true;
    int err = mark_mounted(fs);
    fs->is_writable = !err;
    if (!err)
        atomic_store(&fs->filesystem.read_only, false);
    return err;
}

static int become_writable(struct ext2 *fs)
{
    int err = mutex_lock_killable(&fs->lock);

    if (err)
        return err;
    err = writable_locked(fs);
    mutex_unlock(&fs->lock);
    return err;
}

static int ext2_filesystem_remount(struct vnode *root, bool read_only)
{
    struct ext2 *fs = ext2_of(root);

    if (!read_only)
        return become_writable(fs);
    return vnode_is_read_only(root) ? 0 : become_read_only(fs);
}

static const struct filesystem_ops ext2_filesystem_ops = {
    .remount = ext2_filesystem_remount,
    .sync = ext2_filesystem_sync,
    .usage = ext2_filesystem_usage,
    .unmount = ext2_unmount,
};

static struct ext2 *ext2_alloc(struct block_device *device, bool read_only)
{
    struct ext2 *fs = heap_alloc_zeroed(sizeof(*fs));

    if (!fs)
        return NULL;
    fs->filesystem = (struct filesystem){
        .name = "ext2",
        .dev = blockdev_number(device),
        .magic = EXT2_SUPER_MAGIC,
        .read_only = read_only,
        .atime = ATIME_RELATIVE,
        .dir_atime = ATIME_RELATIVE,
        .ops = &ext2_filesystem_ops,
    };
    fs->device = device;
    fs->setup = ext2_vnode_setup;
    mutex_init(&fs->lock, RANK_EXT2);
    RB_INIT(&fs->nodes);
    TAILQ_INIT(&fs->live);
    TAILQ_INIT(&fs->dead);
    ext2_buffers_init(fs);
    return fs;
}

int ext2_mount(struct block_device *device, bool read_only, struct vnode **root)
{
    if (device->is_read_only && !read_only)
        return -EROFS;
    struct ext2 *fs = ext2_alloc(device, read_only);
    if (!fs)
        return -ENOMEM;
    mutex_lock(&fs->lock);
    int err = mount_locked(fs);
    mutex_unlock(&fs->lock);
    if (err)
        ext2_destroy(fs);
    else
        *root = &fs->root->vnode;
    return err;
}

/* Returns the references of some nodes that are neither the file system's nor their children's. */
static int64_t foreign_refs(const struct ext2_node_queue *queue)
{
    const struct ext2_node *node;
    int64_t refs = 0;

    TAILQ_FOREACH (node, queue, in_queue)
        refs += (int64_t)atomic_load(&node->vnode.refs) - 1 - (node->vnode.parent != NULL);
    return refs;
}

/* Returns true if only the mount itself uses the file system, whose nodes need not be on the disk.
   The mount has a reference on the root. */
static bool is_only_mounted(const struct ext2 *fs)
{
    return foreign_refs(&fs->live) + foreign_refs(&fs->dead) == 1;
}

/* Writes everything, and deletes what is dead. The first sync deletes it on the disk, and the second
   gives back what it had. The others try again what has failed. */
static int write_everything(struct ext2 *fs)
{
    int err = ext2_sync_metadata(fs);

    for (int n = 0; n < 5 && fs->ndead + fs->npinned > 0 && (!err || err == -EIO); n++)
        err = ext2_sync_metadata(fs);
    return err;
}

/* Writes everything, and marks the disk as clean. -EIO: the disk does not take it, so it is lost.
   After any other error the file system stays mounted. */
static int unmount_locked(struct ext2 *fs)
{
    int err = is_only_mounted(fs) ? write_everything(fs) : -EBUSY;

    if (err && err != -EIO)
        return err;
    if (fs->ndead > 0)
        ext2_report_damage(fs, "deleted files stay, in number", fs->ndead);
    err = mark_unmounted(fs);
    if (err == -EIO) /* one request may have failed */
        err = mark_unmounted(fs);
    if (err == -EIO)
        printk("ext2: %s is unmounted, but not everything could be written\n", fs->device->name);
    else if (err)
        fs->super.s_state &= ~EXT2_STATE_CLEAN;
    return err;
}

int ext2_unmount(struct vnode *root)
{
    struct ext2 *fs = ext2_of(root);

    int err = mutex_lock_killable(&fs->lock);
    if (err)
        return err;
    err = unmount_locked(fs);
    bool is_gone = !err || err == -EIO;
    if (is_gone)
        vnode_put(root);
    mutex_unlock(&fs->lock);
    if (is_gone)
        ext2_destroy(fs);
    return err;
}
