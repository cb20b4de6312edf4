/* What kernel/ext2 and kernel/fs need of the rest of the kernel, for the tests of ext2. */
#include <time.h>
#include <fs/blockdev.h>
#include <fs/devices.h>
#include <fs/pipe.h>
#include <lib/string.h>
#include "platform.h"

const struct file_ops pipe_file_ops;

const struct file_ops *device_file_ops(uint32_t mode __unused, uint64_t rdev __unused)
{
    static const struct file_ops ops;

    return &ops;
}

uint64_t blockdev_number(const struct block_device *disk __unused)
{
    return 0xfe00;
}

size_t strlcpy(char *to, const char *from, size_t size)
{
    size_t len = strlen(from);

    if (size > 0) {
        size_t copied = min(len, size - 1);
        memcpy(to, from, copied);
        to[copied] = '\0';
    }
    return len;
}

uint64_t clock_realtime_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000000000ul + now.tv_nsec;
}
