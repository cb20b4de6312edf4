/* A disk that answers late, or fails, as the test asks (tools/user_disk.py). It has an ext2.
   Afterwards e2fsck must find nothing. Pagoda only. */
#include "disk.h"

#include <stdio.h>
#include <sys/syscall.h>

static const char *path; /* of the disk */
static int disk;         /* the disk, to switch it */

static char bytes[4 * PAGE];

static void write_byte_at(int fd, off_t offset, char byte)
{
    CHECK_EQ(pwrite(fd, &byte, 1, offset), 1);
}

static char read_byte_at(int fd, off_t offset)
{
    char byte;

    CHECK_EQ(pread(fd, &byte, 1, offset), 1);
    return byte;
}

/* Makes the pages of a file leave memory, so they are read from the disk. */
static void drop_pages(int fd)
{
    CHECK_EQ(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

static void mount_disk(void)
{
    CHECK_OK(mount(path, "/mnt", "ext2", 0, NULL));
}

static void unmount_disk(void)
{
    CHECK_OK(umount2("/mnt", 0));
}

static int create(const char *name)
{
    return CHECK_OK(open(name, O_RDWR | O_CREAT | O_TRUNC, 0644));
}

static void kill_child(pid_t pid)
{
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

/* ---- A write that was left behind ---- */

#define PLACE (8 * MIB) /* a page of the disk, between the file system's own */

struct job {
    const char *name; /* of a file */
    off_t offset;
    char byte;
};

static void write_and_sync(void *arg)
{
    const struct job *job = arg;
    int fd = CHECK_OK(open(job->name, O_RDWR | O_CREAT, 0644));

    write_byte_at(fd, job->offset, job->byte);
    CHECK_OK(fsync(fd));
}

/* The old bytes must not come after the new ones. */
static void a_write_waits_for_one_that_was_left_behind(void)
{
    const struct job old = {path, PLACE, 'o'}, new = {path, PLACE, 'n'};
    char byte = read_byte_at(disk, PLACE);

    disk_switch(disk, DISK_HOLDS_WRITE);
    pid_t pid = start_child(write_and_sync, (void *)&old);
    await_state(pid, 'D');
    kill_child(pid);
    pid = start_child(write_and_sync, (void *)&new);
    await_state(pid, 'D');
    disk_switch(disk, DISK_WORKS);
    CHECK(exited_with(wait_child(pid), 0));
    drop_pages(disk);
    CHECK_EQ(read_byte_at(disk, PLACE), 'n');
    write_byte_at(disk, PLACE, byte);
    CHECK_OK(fsync(disk));
}

static void sync_mount(void)
{
    int fd = CHECK_OK(open("/mnt", O_RDONLY));

    CHECK_OK(syscall(SYS_syncfs, fd));
    CHECK_OK(close(fd));
}

/* A write of one file is late; the file is removed, and another one gets its blocks. */
static void a_block_may_be_used_again_while_a_write_to_it_is_late(void)
{
    const struct job old = {"/mnt/old", 0, 'o'}, new = {"/mnt/new", 0, 'n'};

    mount_disk();
    int fd = create("/mnt/old");
    CHECK_EQ(pwrite(fd, bytes, PAGE, 0), (long)PAGE);
    CHECK_OK(fsync(fd));
    CHECK_OK(close(fd));
    disk_switch(disk, DISK_HOLDS_WRITE);
    pid_t pid = start_child(write_and_sync, (void *)&old);
    await_state(pid, 'D');
    kill_child(pid);
    CHECK_OK(unlink("/mnt/old"));
    sync_mount(); /* the file is deleted */
    sync_mount(); /* its blocks are free */
    pid = start_child(write_and_sync, (void *)&new);
    await_state(pid, 'D');
    disk_switch(disk, DISK_WORKS);
    CHECK(exited_with(wait_child(pid), 0));
    unmount_disk();
    mount_disk();
    fd = CHECK_OK(open("/mnt/new", O_RDONLY));
    CHECK_EQ(read_byte_at(fd, 0), 'n');
    CHECK_OK(close(fd));
    CHECK_OK(unlink("/mnt/new"));
    unmount_disk();
}

/* ---- A disk that fails ---- */

/* Each open file is told once, and the page is clean then. */
static void a_failed_write_is_told_once_to_each_open_file(void)
{
    mount_disk();
    int fd = create("/mnt/file");
    int other = CHECK_OK(open("/mnt/file", O_RDWR));

    CHECK_EQ(pwrite(fd, bytes, sizeof(bytes), 0), (long)sizeof(bytes));
    CHECK_OK(fsync(fd));
    write_byte_at(fd, 0, 'x');
    disk_switch(disk, DISK_FAILS);
    CHECK_ERR(EIO, fsync(fd));
    disk_switch(disk, DISK_WORKS);
    CHECK_OK(fsync(fd));
    CHECK_ERR(EIO, fsync(other));
    CHECK_OK(fsync(other));
    CHECK_EQ(read_byte_at(fd, 0), 'x');
    drop_pages(fd);
    CHECK_EQ(read_byte_at(fd, 0), 0); /* what the disk has */
    CHECK_OK(close(fd));
    CHECK_OK(close(other));
    CHECK_OK(unlink("/mnt/file"));
    unmount_disk();
}

static void a_disk_that_fails_can_be_unmounted(void)
{
    mount_disk();
    int fd = create("/mnt/lost");
    CHECK_EQ(pwrite(fd, bytes, sizeof(bytes), 0), (long)sizeof(bytes));
    CHECK_OK(mkdir("/mnt/directory", 0755));
    disk_switch(disk, DISK_FAILS);
    sync();
    CHECK_ERR(EBUSY, umount2("/mnt", 0));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("/mnt/lost"));
    CHECK_ERR(EIO, umount2("/mnt", 0));
    CHECK_ERR(EINVAL, umount2("/mnt", 0));
    disk_switch(disk, DISK_WORKS);
    mount_disk();
    CHECK_ERR(ENOENT, open("/mnt/lost", O_RDONLY));
    unmount_disk();
}

int main(void)
{
    pagoda_only();
    path = disk_find(DISK_SWITCHED);
    if (!path)
        return TEST_SKIPPED;
    disk = CHECK_OK(open(path, O_RDWR));
    CHECK_OK(mkdir("/mnt", 0755));
    disk_write_back_every(0);
    RUN(a_write_waits_for_one_that_was_left_behind);
    RUN(a_block_may_be_used_again_while_a_write_to_it_is_late);
    RUN(a_failed_write_is_told_once_to_each_open_file);
    RUN(a_disk_that_fails_can_be_unmounted);
    disk_write_back_every(500);
    CHECK_OK(rmdir("/mnt"));
    CHECK_OK(ioctl(disk, BLKFLSBUF, 0));
    return test_end();
}
