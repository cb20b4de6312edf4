/* The table of devices, and the devices that need no hardware. Numbers are Linux's
   (Documentation/admin-guide/devices.txt). No lock: the table is constant after boot. */
#include <linux/errno.h>
#include <linux/kdev_t.h>
#include <dev/random.h>
#include <fs/devices.h>
#include <lib/panic.h>
#include <sched/thread.h>

static ssize_t null_read(struct file *file __unused, struct uio *uio __unused,
                         uint64_t offset __unused)
{
    return 0;
}

/* Accepts all bytes without looking at them. */
static ssize_t null_write(struct file *file __unused, struct uio *uio, uint64_t offset __unused)
{
    return uio->left;
}

/* The bytes that are zeroed between two checks for a signal. */
#define ZERO_CHUNK (1ul << 20)

static ssize_t zero_read(struct file *file __unused, struct uio *uio, uint64_t offset __unused)
{
    size_t done = 0;

    while (uio->left > 0) {
        size_t len = min(uio->left, ZERO_CHUNK);
        size_t moved = uio_put_zeros(uio, len);
        done += moved;
        if (moved < len)
            return uio_result(done, -EFAULT);
        if (thread_is_interrupted())
            break;
    }
    return done;
}

static ssize_t full_write(struct file *file __unused, struct uio *uio, uint64_t offset __unused)
{
    return uio->left ? -ENOSPC : 0;
}

static ssize_t random_read(struct file *file __unused, struct uio *uio, uint64_t offset __unused)
{
    size_t done = 0;
    char bytes[256];

    while (uio->left > 0) {
        size_t len = min(uio->left, sizeof(bytes));
        random_bytes(bytes, len);
        size_t moved = uio_put(uio, bytes, len);
        done += moved;
        if (moved < len)
            return uio_result(done, -EFAULT);
        if (thread_is_interrupted())
            break;
    }
    return done;
}

static int absent_open(struct file *file __unused)
{
    return -ENXIO;
}

/* These files are seekable: an lseek has no effect, and is no error. */
static const struct file_ops null_file_ops = {
    .read = null_read, .write = null_write, .seekable = true};
static const struct file_ops zero_file_ops = {
    .read = zero_read, .write = null_write, .seekable = true, .is_zeros = true};
static const struct file_ops full_file_ops = {
    .read = zero_read, .write = full_write, .seekable = true};
static const struct file_ops random_file_ops = {
    .read = random_read, .write = null_write, .seekable = true};
static const struct file_ops absent_file_ops = {.open = absent_open};

#define DEVICES_MAX 24

/* The first entry without ops ends the table. */
static struct device devices[DEVICES_MAX] = {
    {"null", MKDEV(1, 3), S_IFCHR | 0666, &null_file_ops, NULL, NULL},
    {"zero", MKDEV(1, 5), S_IFCHR | 0666, &zero_file_ops, NULL, NULL},
    {"full", MKDEV(1, 7), S_IFCHR | 0666, &full_file_ops, NULL, NULL},
    {"random", MKDEV(1, 8), S_IFCHR | 0666, &random_file_ops, NULL, NULL},
    {"urandom", MKDEV(1, 9), S_IFCHR | 0666, &random_file_ops, NULL, NULL},
};

void device_register(const struct device *device)
{
    struct device *free = devices;

    while (free->ops)
        free++;
    assert(free < &devices[DEVICES_MAX - 1]); /* the last entry ends the table */
    *free = *device;
}

static const struct device *device_find(uint32_t mode, uint64_t rdev)
{
    for (const struct device *device = devices; device->ops; device++)
        if (device->rdev == rdev && (device->mode & S_IFMT) == (mode & S_IFMT))
            return device;
    return NULL;
}

const struct file_ops *device_file_ops(uint32_t mode, uint64_t rdev)
{
    const struct device *device = device_find(mode, rdev);

    return device ? device->ops : &absent_file_ops;
}

int device_sync(struct vnode *node)
{
    const struct device *device = device_find(node->mode, node->rdev);

    return device && device->sync ? device->sync(node) : 0;
}

void devices_make_nodes(struct vnode *dir)
{
    for (const struct device *device = devices; device->ops; device++) {
        struct vnode *node;
        int err = dir->ops->create(dir, device->name, device->mode, device->rdev, &node);

        if (err && err != -EEXIST) /* the initial RAM disk may have the node */
            panic("cannot make /dev/%s: error %d", device->name, -err);
        if (err)
            continue;
        if (device->made)
            device->made(node);
        vnode_put(node);
    }
}
