/* Disks as files (fs/blockdev.h), and their ioctls.

   A disk is number 254:16n, as a virtio disk is on Linux. Its node in /dev is made at boot, once,
   and has the page cache of the disk. mknod makes no other node, and the node stays when its name
   is removed. So a disk has one cache.

   The last page of a disk may be cut off by its end: the rest of the page is zeros, and is not
   written.

   Lock: the vnode's, for writers. Readers take none, because a reader would keep the others out
   while it waits for the disk. So processes that share an open disk may read one part twice. */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <arch/console.h>
#include <dev/block.h>
#include <fs/blockdev.h>
#include <fs/devices.h>
#include <fs/pagecache.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <vm/audit.h>
#include <vm/usercopy.h>

struct block_device *blockdev_disk(const struct vnode *vnode)
{
    if (!S_ISBLK(vnode->mode) || MAJOR(vnode->rdev) != DISK_MAJOR)
        return NULL;
    return block_device(MINOR(vnode->rdev) / DISK_MINOR);
}

uint64_t blockdev_number(const struct block_device *disk)
{
    return MKDEV(DISK_MAJOR, disk->index * DISK_MINOR);
}

static struct block_device *disk_of_file(const struct file *file)
{
    return blockdev_disk(file->vnode);
}

static uint64_t disk_size(const struct block_device *disk)
{
    return disk->nsectors * BLOCK_SECTOR;
}

/* ---- The store below the page cache ---- */

/* Makes the list of parts that these pages are. Returns their number. */
static void parts_of(const struct block_device *disk, uint64_t first, struct frame *const *run,
                     unsigned count, struct block_part *parts)
{
    for (unsigned n = 0; n < count; n++) {
        uint64_t start = (first + n) << PAGE_SHIFT;
        parts[n] = (struct block_part){
            .sector = start / BLOCK_SECTOR,
            .frame = run[n],
            .len = min(PAGE_SIZE, disk_size(disk) - start),
        };
    }
}

static int disk_read_pages(struct pagecache *cache, uint64_t first, struct frame *const *run,
                           unsigned count)
{
    struct block_device *disk = blockdev_disk(cache->vnode);
    struct block_part parts[PAGECACHE_RUN];

    parts_of(disk, first, run, count, parts);
    const struct block_part *last = &parts[count - 1];
    memset((char *)frame_to_virt(last->frame) + last->len, 0, PAGE_SIZE - last->len);
    return block_transfer(disk, BLOCK_READ, parts, count);
}

static int disk_write_pages(struct pagecache *cache, uint64_t first, struct frame *const *run,
                            unsigned count)
{
    struct block_device *disk = blockdev_disk(cache->vnode);
    struct block_part parts[PAGECACHE_RUN];

    parts_of(disk, first, run, count, parts);
    return block_transfer(disk, BLOCK_WRITE, parts, count);
}

/* A page of a read-only disk cannot be written, so a program that does that through a mapping gets
   SIGBUS. */
static int disk_refuse_room(struct pagecache *cache __unused, uint64_t start __unused,
                            uint64_t end __unused)
{
    return -EIO;
}

static const struct pagecache_store disk_store = {
    .read_pages = disk_read_pages,
    .write_pages = disk_write_pages,
};

static const struct pagecache_store read_only_store = {
    .read_pages = disk_read_pages,
    .write_pages = disk_write_pages,
    .make_room = disk_refuse_room,
};

/* ---- Files ---- */

static int blockdev_open(struct file *file)
{
    if (!file->vnode->cache)
        return -ENXIO;
    return file->flags & O_DIRECT ? -EINVAL : 0;
}

static ssize_t blockdev_read(struct file *file, struct uio *uio, uint64_t offset)
{
    if (offset > INT64_MAX)
        return -EINVAL;
    return pagecache_read(file->vnode->cache, uio, offset);
}

/* A disk does not grow: a write ends where it does. */
static ssize_t blockdev_write(struct file *file, struct uio *uio, uint64_t offset)
{
    const struct block_device *disk = disk_of_file(file);
    uint64_t size = disk_size(disk);

    if (offset > INT64_MAX)
        return -EINVAL;
    if (disk->is_read_only)
        return -EPERM;
    if (uio->left > 0 && offset >= size)
        return -ENOSPC;
    uio->left = min(uio->left, size - offset);
    int err = mutex_lock_killable(&file->vnode->lock);
    if (err)
        return err;
    ssize_t done = pagecache_write(file->vnode->cache, uio, offset);
    if (done > 0)
        vnode_touch(file->vnode);
    mutex_unlock(&file->vnode->lock);
    return done;
}

/* An offset lies within the disk, or at its end. */
static int64_t blockdev_seek(struct file *file, int64_t offset, unsigned whence)
{
    int64_t size = disk_size(disk_of_file(file)), base = 0, target;

    if (whence == SEEK_CUR)
        base = atomic_load_relaxed(&file->offset);
    else if (whence == SEEK_END)
        base = size;
    if (whence > SEEK_END || __builtin_add_overflow(base, offset, &target) || target < 0 ||
        target > size)
        return -EINVAL;
    atomic_store_relaxed(&file->offset, target);
    return target;
}

/* What fsync(2) promises: the disk has written the pages from its own cache to its medium. */
static int blockdev_sync(struct vnode *vnode)
{
    return block_flush(blockdev_disk(vnode));
}

/* ---- ioctls ---- */

/* Writes all pages back, and drops those that nobody uses. */
static int flush_cache(struct file *file)
{
    int err = vnode_sync(file->vnode, 0, UINT64_MAX, SYNC_ALL);

    pagecache_drop_clean(file->vnode->cache, 0, UINT64_MAX);
    return err;
}

/* Discards `len` bytes from `start` on. Dirty pages in the range are written first, so that no
   later write-back fills it again. */
static int discard_range(struct file *file, uint64_t start, uint64_t len)
{
    struct block_device *disk = disk_of_file(file);
    uint64_t first = start / PAGE_SIZE, end = (start + len + PAGE_SIZE - 1) / PAGE_SIZE;

    if (start % disk->block_size || len % disk->block_size || start > disk_size(disk) ||
        len > disk_size(disk) - start)
        return -EINVAL;
    int err = mutex_lock_killable(&file->vnode->lock);
    if (err)
        return err;
    err = pagecache_writeback(file->vnode->cache, first, end);
    if (!err)
        err = block_discard(disk, start / BLOCK_SECTOR, len / BLOCK_SECTOR);
    pagecache_drop_clean(file->vnode->cache, first, end);
    mutex_unlock(&file->vnode->lock);
    return err;
}

/* BLKDISCARD: the argument is two words, where the range starts and its length, in bytes. */
static int blockdev_discard(struct file *file, uaddr_t arg)
{
    const struct block_device *disk = disk_of_file(file);
    uint64_t range[2];

    if (!file_may_write(file))
        return -EBADF;
    int err = copy_from_user(range, (const void __user *)arg, sizeof(range));
    if (err)
        return err;
    if (disk->is_read_only)
        return -EPERM;
    return disk->max_discard ? discard_range(file, range[0], range[1]) : -EOPNOTSUPP;
}

static int put_word(uaddr_t arg, int value)
{
    return put_user((int __user *)arg, &value);
}

static int put_size(uaddr_t arg, uint64_t value)
{
    return put_user((uint64_t __user *)arg, &value);
}

static int blockdev_ioctl(struct file *file, unsigned request, uaddr_t arg)
{
    const struct block_device *disk = disk_of_file(file);

    switch (request) {
    case BLKGETSIZE64:
        return put_size(arg, disk_size(disk));
    case BLKGETSIZE:
        return put_size(arg, disk->nsectors);
    case BLKSSZGET:
    case BLKPBSZGET:
        return put_word(arg, disk->block_size);
    case BLKBSZGET:
        return put_word(arg, PAGE_SIZE);
    case BLKROGET:
        return put_word(arg, disk->is_read_only);
    case BLKFLSBUF:
        return flush_cache(file);
    case BLKDISCARD:
        return blockdev_discard(file, arg);
    default:
        return -ENOTTY;
    }
}

static const struct file_ops blockdev_file_ops = {
    .open = blockdev_open,
    .read = blockdev_read,
    .write = blockdev_write,
    .seek = blockdev_seek,
    .ioctl = blockdev_ioctl,
    .seekable = true,
};

/* ---- Registering ---- */

/* Gives the node of a disk its cache, and keeps the node for ever. Without memory for the cache,
   the node cannot be opened. */
static void blockdev_made(struct vnode *node)
{
    const struct block_device *disk = blockdev_disk(node);

    node->cache = pagecache_create(node, disk->is_read_only ? &read_only_store : &disk_store);
    if (!node->cache) {
        printk("%s: no memory for its cache\n", disk->name);
        return;
    }
    pagecache_set_size(node->cache, disk_size(disk));
    vnode_get(node);
}

static struct audit_owner requests_owner = {.name = "disk requests", .visit = block_each_held};

void blockdev_init(void)
{
    struct block_device *disk;

    audit_register(&requests_owner);
    for (unsigned n = 0; (disk = block_device(n)); n++) {
        const struct device device = {
            .name = disk->name,
            .rdev = MKDEV(DISK_MAJOR, n * DISK_MINOR),
            .mode = S_IFBLK | 0660,
            .ops = &blockdev_file_ops,
            .made = blockdev_made,
            .sync = blockdev_sync,
        };
        device_register(&device);
    }
}
