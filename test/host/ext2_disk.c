/* A disk in memory. Each transfer is checked, as the driver does, and done at once. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <linux/errno.h>
#include "ext2_disk.h"
#include "platform.h"

char *disk_bytes;
size_t disk_size;
void (*disk_write_hook)(const struct block_part *part);

static struct block_device device = {.name = "vda", .block_size = BLOCK_SECTOR, .has_flush = true};
static char *pristine; /* the contents of the file */
static unsigned transfers_left;
static bool has_failed;

static __noreturn void give_up(const char *what, const char *path)
{
    perror(path);
    fprintf(stderr, "ext2: cannot %s %s\n", what, path);
    exit(1);
}

struct block_device *disk_open(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY);

    if (fd < 0 || fstat(fd, &status))
        give_up("open", path);
    disk_size = status.st_size;
    disk_bytes = malloc(disk_size);
    pristine = malloc(disk_size);
    if (!disk_bytes || !pristine || read(fd, pristine, disk_size) != (ssize_t)disk_size)
        give_up("read", path);
    close(fd);
    disk_restore();
    device.nsectors = disk_size / BLOCK_SECTOR;
    return &device;
}

void disk_save(const char *path, const char *bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    if (fd < 0 || write(fd, bytes, disk_size) != (ssize_t)disk_size || close(fd))
        give_up("write", path);
}

void disk_restore(void)
{
    memcpy(disk_bytes, pristine, disk_size);
}

void disk_fail_at(unsigned nth)
{
    transfers_left = nth;
    has_failed = false;
}

bool disk_has_failed(void)
{
    return has_failed;
}

static bool transfer_fails(void)
{
    if (transfers_left == 0 || --transfers_left > 0)
        return false;
    has_failed = true;
    return true;
}

static void transfer_part(enum block_op op, const struct block_part *part)
{
    char *bytes = (char *)frame_to_virt(part->frame) + part->offset;
    char *disk = disk_bytes + part->sector * BLOCK_SECTOR;

    check(!frame_is_free(part->frame), "a transfer uses a free frame");
    if (op == BLOCK_READ)
        memcpy(bytes, disk, part->len);
    else
        memcpy(disk, bytes, part->len);
}

int block_transfer(struct block_device *disk, enum block_op op, const struct block_part *parts,
                   unsigned nparts)
{
    lock_check_holds_none_from(RANK_VSPACE, "using a disk");
    for (unsigned n = 0; n < nparts; n++) {
        const struct block_part *part = &parts[n];
        uint64_t nsectors = part->len / BLOCK_SECTOR;

        check(part->len && part->len % BLOCK_SECTOR == 0 && part->offset + part->len <= PAGE_SIZE,
              "a part of %u bytes at %u", part->len, part->offset);
        if (part->sector > disk->nsectors || nsectors > disk->nsectors - part->sector)
            return -EINVAL;
        if (transfer_fails())
            return -EIO;
        if (op == BLOCK_WRITE && disk_write_hook)
            disk_write_hook(part);
        transfer_part(op, part);
    }
    return 0;
}

int block_flush(struct block_device *disk __unused)
{
    if (transfer_fails())
        return -EIO;
    if (disk_write_hook)
        disk_write_hook(NULL);
    return 0;
}
