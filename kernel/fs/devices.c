/* /dev: the devices that need no hardware, and the table of all. Numbers are Linux's
   (Documentation/admin-guide/devices.txt). */
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

/* Takes everything, without a look at it. */
static ssize_t null_write(struct file *file __unused, struct uio *uio, uint64_t offset __unused)
{
    return uio->left;
}

/* Bytes between two looks for a signal. */
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

/* An lseek on these goes nowhere, but is no error. */
static const struct file_ops null_file_ops = {
    .read = null_read, .write = null_write, .seekable = true};
static const struct file_ops zero_file_ops = {
    .read = zero_read, .write = null_write, .seekable = true};
static const struct file_ops full_file_ops = {
    .read = zero_read, .write = full_write, .seekable = true};
static const struct file_ops random_file_ops = {
    .read = random_read, .write = null_write, .seekable = true};
static const struct file_ops absent_file_ops = {.open = absent_open};

static const struct device {
    const char *name;
    uint64_t rdev;
    uint32_t mode; /* permission bits */
    const struct file_ops *ops;
} devices[] = {
    {"null", MKDEV(1, 3), 0666, &null_file_ops},
    {"zero", MKDEV(1, 5), 0666, &zero_file_ops},
    {"full", MKDEV(1, 7), 0666, &full_file_ops},
    {"random", MKDEV(1, 8), 0666, &random_file_ops},
    {"urandom", MKDEV(1, 9), 0666, &random_file_ops},
    {"tty", MKDEV(5, 0), 0666, &tty_file_ops},
    {"console", MKDEV(5, 1), 0600, &console_file_ops},
};

const struct file_ops *device_file_ops(uint64_t rdev)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        if (devices[i].rdev == rdev)
            return devices[i].ops;
    }
    return &absent_file_ops;
}

void devices_make_nodes(struct vnode *dir)
{
    for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
        const struct device *device = &devices[i];
        uint32_t mode = S_IFCHR | device->mode;
        struct vnode *node;
        int err = dir->ops->create(dir, device->name, mode, device->rdev, &node);

        if (err && err != -EEXIST)
            panic("/dev/%s: error %d", device->name, err);
        if (!err)
            vnode_put(node);
    }
}
