/* Disks as files (fs/blockdev.h), and their ioctls.

   A disk is number 254:16n, as that of a virtio disk on Linux. Several nodes may have one number.

   A transfer goes page by page through a frame of its own. A write of part of a block reads the
   block first. Lock: the vnode's. */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <dev/block.h>
#include <fs/blockdev.h>
#include <fs/devices.h>
#include <lib/panic.h>
#include <vm/audit.h>
#include <vm/usercopy.h>

#define DISK_MAJOR 254u
#define DISK_MINOR 16u /* minor numbers of a disk, for partitions */

static struct block_device *disk_of_vnode(const struct vnode *vnode)
{
    return block_device(MINOR(vnode->rdev) / DISK_MINOR);
}

static uint64_t disk_size(const struct block_device *disk)
{
    return disk->nsectors * BLOCK_SECTOR;
}

/* ---- Transfers ---- */

/* Transfers the page of `offset` between the disk and a frame; at the end of the disk less. */
static int transfer_page(struct block_device *disk, enum block_op op, struct frame *frame,
                         uint64_t offset)
{
    uint64_t start = page_floor(offset);
    const struct block_part part = {
        .sector = start / BLOCK_SECTOR,
        .frame = frame,
        .len = min(PAGE_SIZE, disk_size(disk) - start),
    };

    return block_transfer(disk, op, &part, 1);
}

/* Moves bytes within the page of `offset`. Returns their number, or -errno. */
static ssize_t move_in_page(struct block_device *disk, struct uio *uio, uint64_t offset,
                            bool writes, struct frame *frame)
{
    size_t len = min(page_rest(offset), uio->left);
    char *bytes = (char *)frame_to_virt(frame) + offset % PAGE_SIZE;
    int err = transfer_page(disk, BLOCK_READ, frame, offset);

    len = min(len, disk_size(disk) - offset);

    if (err)
        return err;
    size_t moved = writes ? uio_get(uio, bytes, len) : uio_put(uio, bytes, len);
    if (writes && moved)
        err = transfer_page(disk, BLOCK_WRITE, frame, offset);
    if (err)
        return err;
    return moved ? (ssize_t)moved : -EFAULT;
}

static ssize_t move(struct file *file, struct uio *uio, uint64_t offset, bool writes)
{
    struct block_device *disk = disk_of_vnode(file->vnode);
    size_t done = 0;
    ssize_t moved = 0;
    struct frame *frame = frame_alloc(FRAME_CACHE);

    if (!frame)
        return -ENOMEM;
    while (uio->left > 0 && offset + done < disk_size(disk)) {
        moved = move_in_page(disk, uio, offset + done, writes, frame);
        if (moved < 0)
            break;
        done += moved;
    }
    frame_put(frame);
    return uio_result(done, min(moved, (ssize_t)0));
}

static ssize_t blockdev_read(struct file *file, struct uio *uio, uint64_t offset)
{
    if (offset > INT64_MAX)
        return -EINVAL;
    return move(file, uio, offset, false);
}

static ssize_t blockdev_write(struct file *file, struct uio *uio, uint64_t offset)
{
    const struct block_device *disk = disk_of_vnode(file->vnode);

    if (offset > INT64_MAX)
        return -EINVAL;
    if (disk->is_read_only)
        return -EPERM;
    if (uio->left > 0 && offset >= disk_size(disk))
        return -ENOSPC;
    return move(file, uio, offset, true);
}

/* An offset lies within the disk, or at its end. */
static int64_t blockdev_seek(struct file *file, int64_t offset, unsigned whence)
{
    int64_t size = disk_size(disk_of_vnode(file->vnode)), base = 0, target;

    mutex_lock(&file->vnode->lock);
    if (whence == SEEK_CUR)
        base = atomic_load_relaxed(&file->offset);
    else if (whence == SEEK_END)
        base = size;
    if (whence > SEEK_END || __builtin_add_overflow(base, offset, &target) || target < 0 ||
        target > size)
        target = -EINVAL;
    else
        atomic_store_relaxed(&file->offset, target);
    mutex_unlock(&file->vnode->lock);
    return target;
}

/* ---- Opening, and ioctls ---- */

static int blockdev_open(struct file *file)
{
    return file->flags & O_DIRECT ? -EINVAL : 0;
}

/* BLKDISCARD: the range is two words, where it starts and its length, in bytes. */
static int blockdev_discard(const struct file *file, struct block_device *disk, uaddr_t arg)
{
    uint64_t range[2];

    if (!file_may_write(file))
        return -EBADF;
    int err = copy_from_user(range, (const void __user *)arg, sizeof(range));
    if (err)
        return err;
    if (disk->max_discard == 0)
        return -EOPNOTSUPP;
    if (disk->is_read_only)
        return -EPERM;
    if (range[0] % disk->block_size || range[1] % disk->block_size)
        return -EINVAL;
    return block_discard(disk, range[0] / BLOCK_SECTOR, range[1] / BLOCK_SECTOR);
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
    struct block_device *disk = disk_of_vnode(file->vnode);

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
        return block_flush(disk);
    case BLKDISCARD:
        return blockdev_discard(file, disk, arg);
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
    .locked = true,
    .seekable = true,
};

/* ---- Registering ---- */

static struct audit_owner requests_owner = {.name = "disk requests", .visit = block_each_held};

void blockdev_init(void)
{
    struct block_device *disk;

    audit_register(&requests_owner);
    for (unsigned n = 0; (disk = block_device(n)); n++) {
        const struct device device = {disk->name, MKDEV(DISK_MAJOR, n * DISK_MINOR), S_IFBLK | 0660,
                                      &blockdev_file_ops};
        device_register(&device);
    }
}
