/* A disk that answers late, or fails, as the test asks (tools/user_disk.py). It has an ext2.
   Afterwards e2fsck must find nothing. Pagoda only. */
#include "disk.h"

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

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

/* ---- A disk that does not answer ---- */

static int busy; /* a file, open; its last page has some bytes */

/* Holds the lock for write-back of the file meanwhile. */
static void write_and_sync_busy(void *arg __attribute__((unused)))
{
    write_byte_at(busy, 0, 'x');
    CHECK_OK(fsync(busy));
}

/* Holds the lock of the vnode, and waits for that for write-back. */
static void extend_busy(void *arg __attribute__((unused)))
{
    write_byte_at(busy, 200, 'x');
}

static void write_busy(void *arg __attribute__((unused)))
{
    write_byte_at(busy, 1, 'x');
}

static void sync_busy(void *arg __attribute__((unused)))
{
    CHECK_OK(fsync(busy));
}

static void cut_busy(void *arg __attribute__((unused)))
{
    CHECK_OK(ftruncate(busy, 1));
}

/* Holds the lock of the file system's metadata. */
static void make_and_sync_directory(void *arg __attribute__((unused)))
{
    CHECK_OK(mkdir("/mnt/directory", 0755));
    CHECK_OK(fsync(CHECK_OK(open("/mnt/directory", O_RDONLY))));
}

static void list_it(void *arg __attribute__((unused)))
{
    DIR *directory = opendir("/mnt");

    CHECK(directory);
    while (readdir(directory))
        ;
}

static void create_it(void *arg __attribute__((unused)))
{
    (void)create("/mnt/new");
}

static void truncate_it(void *arg __attribute__((unused)))
{
    CHECK_OK(truncate("/mnt/other", 1));
}

static void rename_it(void *arg __attribute__((unused)))
{
    CHECK_OK(rename("/mnt/other", "/mnt/there"));
}

static void look_at_space(void *arg __attribute__((unused)))
{
    struct statfs about;

    CHECK_OK(statfs("/mnt", &about));
}

static void sync_all(void *arg __attribute__((unused)))
{
    sync();
}

static void sync_it(void *arg __attribute__((unused)))
{
    sync_mount();
}

static void unmount_it(void *arg __attribute__((unused)))
{
    CHECK_OK(umount2("/mnt", 0));
}

static void (*const waiters[])(void *arg) = {
    write_and_sync_busy,     extend_busy, write_busy, sync_busy,   cut_busy,
    make_and_sync_directory, list_it,     create_it,  truncate_it, rename_it,
    look_at_space,           sync_all,    sync_it,    unmount_it,
};

static pid_t start_waiter(void (*body)(void *arg))
{
    pid_t pid = start_child(body, NULL);

    await_state(pid, 'D');
    return pid;
}

static void begin_silence(void)
{
    mount_disk();
    busy = create("/mnt/busy");
    CHECK_EQ(pwrite(busy, bytes, 100, 0), 100);
    CHECK_OK(close(create("/mnt/other")));
    sync_mount();
    disk_switch(disk, DISK_HOLDS);
}

static void end_silence(void)
{
    disk_switch(disk, DISK_WORKS);
    sync(); /* nobody uses the file system any more */
    CHECK_OK(close(busy));
    unmount_disk();
    mount_disk();
    CHECK_OK(unlink("/mnt/busy"));
    CHECK_OK(unlink("/mnt/other"));
    CHECK(rmdir("/mnt/directory") == 0 || errno == ENOENT);
    unmount_disk();
}

/* The first ones wait for the disk, and have locks for which the others wait. */
static void all_that_wait_behind_a_silent_disk_can_be_killed(void)
{
    pid_t pids[ARRAY_SIZE(waiters)];

    begin_silence();
    for (size_t n = 0; n < ARRAY_SIZE(waiters); n++)
        pids[n] = start_waiter(waiters[n]);
    for (size_t n = ARRAY_SIZE(waiters); n-- > 0;)
        kill_child(pids[n]);
    end_silence();
}

static void they_go_on_when_the_disk_answers(void)
{
    pid_t pids[ARRAY_SIZE(waiters)];
    size_t count = 4;

    begin_silence();
    for (size_t n = 0; n < count; n++)
        pids[n] = start_waiter(waiters[n]);
    pids[count++] = start_waiter(make_and_sync_directory);
    pids[count++] = start_waiter(sync_all);
    disk_switch(disk, DISK_WORKS);
    while (count > 0)
        CHECK(exited_with(wait_child(pids[--count]), 0));
    CHECK_EQ(read_byte_at(busy, 200), 'x');
    end_silence();
}

#define LONG_SIZE (200 * 1024L) /* more than direct blocks */

static void cut_long_file(void *arg __attribute__((unused)))
{
    CHECK_OK(truncate("/mnt/long", 0));
}

/* A killed truncation keeps blocks behind the end. They must not show when the file grows. */
static void a_file_does_not_grow_over_what_a_killed_truncation_left(void)
{
    static char text[LONG_SIZE];

    mount_disk();
    int fd = create("/mnt/long");
    memset(text, 'x', sizeof(text));
    CHECK_EQ(pwrite(fd, text, sizeof(text), 0), LONG_SIZE);
    CHECK_OK(close(fd));
    unmount_disk();
    mount_disk(); /* nothing of it is in memory */
    fd = CHECK_OK(open("/mnt/long", O_RDWR));
    disk_switch(disk, DISK_HOLDS);
    kill_child(start_waiter(cut_long_file));
    disk_switch(disk, DISK_WORKS);
    CHECK_OK(ftruncate(fd, LONG_SIZE));
    for (long offset = 0; offset < LONG_SIZE; offset += PAGE)
        CHECK_EQ(read_byte_at(fd, offset), 0);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("/mnt/long"));
    unmount_disk();
}

static void other_disks_are_written_meanwhile(void)
{
    int other = CHECK_OK(open(disk_writable(), O_RDWR));
    char byte = read_byte_at(other, PAGE);

    begin_silence();
    pid_t first = start_waiter(write_and_sync_busy);
    pid_t second = start_waiter(make_and_sync_directory);
    pid_t third = start_waiter(sync_all);
    CHECK_EQ(disk_dirty_pages(), 0);
    write_byte_at(other, PAGE, byte + 1);
    disk_write_back_every(10);
    while (disk_dirty_pages() > 0)
        sched_yield();
    disk_write_back_every(0);
    int fd = CHECK_OK(open("/", O_RDONLY));
    CHECK_OK(syscall(SYS_syncfs, fd));
    CHECK_OK(close(fd));
    kill_child(third);
    kill_child(second);
    kill_child(first);
    end_silence();
    CHECK_OK(ioctl(other, BLKFLSBUF, 0));
    CHECK_OK(close(other));
}

/* Leaves the disk silent with a dirty page, and the other one with another. */
static void leave_silent(void)
{
    int other = CHECK_OK(open(disk_writable(), O_RDWR));

    CHECK_OK(pwrite(other, "written at the end", 18, PAGE));
    write_byte_at(disk, PLACE, 'x');
    disk_switch(disk, DISK_HOLDS);
}

/* With an argument, the program leaves the disk silent. */
int main(int argc, char **argv __attribute__((unused)))
{
    pagoda_only();
    path = disk_find(DISK_SWITCHED);
    if (!path)
        return TEST_SKIPPED;
    disk = CHECK_OK(open(path, O_RDWR));
    CHECK_OK(mkdir("/mnt", 0755));
    disk_write_back_every(0);
    if (argc > 1) {
        RUN(leave_silent);
        return test_end();
    }
    RUN(a_write_waits_for_one_that_was_left_behind);
    RUN(a_block_may_be_used_again_while_a_write_to_it_is_late);
    RUN(a_failed_write_is_told_once_to_each_open_file);
    RUN(a_disk_that_fails_can_be_unmounted);
    RUN(all_that_wait_behind_a_silent_disk_can_be_killed);
    RUN(they_go_on_when_the_disk_answers);
    RUN(a_file_does_not_grow_over_what_a_killed_truncation_left);
    RUN(other_disks_are_written_meanwhile);
    disk_write_back_every(500);
    CHECK_OK(rmdir("/mnt"));
    CHECK_OK(ioctl(disk, BLKFLSBUF, 0));
    return test_end();
}
