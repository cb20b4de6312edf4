/* Each request to the disk fails once, and each allocation, in all that a program can do with the
   file system of a disk: the first, then the second, and so on until the operation needs no more.
   The program sees the error. What was synced is there, and afterwards e2fsck must find nothing
   (tools/disk_test.py). Pagoda only.

   Without the argument "all", some numbers are left out behind the first. A second argument names
   the only operation. */
#include "disk.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/vfs.h>

#include "failing.h"
#include "handler.h"

static const char *disk;
static bool fails_all;

#define FAR (300 * KIB) /* behind two levels of indirect blocks */

static char target[100] = "a target that is too long for an inode, so it has a block of its own";

static char bytes[16 * PAGE];

/* ---- The files ---- */

static void write_at(const char *name, off_t offset)
{
    int fd = CHECK_OK(open(name, O_WRONLY | O_CREAT, 0644));

    CHECK_EQ(pwrite(fd, "x", 1, offset), 1);
    CHECK_OK(close(fd));
}

static bool is_mounted(void)
{
    struct statfs about = {.f_type = 0xef53};

    if (statfs("/mnt", &about))
        CHECK_EQ(errno, ENOMEM); /* the failure */
    return about.f_type == 0xef53;
}

static void mount_disk(void)
{
    CHECK_OK(mount(disk, "/mnt", "ext2", 0, NULL));
    CHECK_OK(chdir("/mnt"));
}

static void unmount_disk(void)
{
    CHECK_OK(chdir("/"));
    CHECK_OK(umount2("/mnt", 0));
}

/* Makes the files, and lets everything be read from the disk again. */
static void make_files(void)
{
    write_at("file", 0);
    write_at("file", 20 * KIB);
    write_at("file", FAR);
    write_at("victim", 0);
    CHECK_OK(mkdir("directory", 0755));
    CHECK_OK(mkdir("directory/empty", 0755));
    CHECK_OK(symlink(target, "link"));
    unmount_disk();
    mount_disk();
}

static void remove_if_there(const char *name, int flags)
{
    if (unlinkat(AT_FDCWD, name, flags))
        CHECK_EQ(errno, ENOENT);
}

static void remove_files(void)
{
    const char *const names[] = {"file", "victim", "new", "link", "directory/new"};

    for (size_t n = 0; n < ARRAY_SIZE(names); n++)
        remove_if_there(names[n], 0);
    remove_if_there("directory/empty", AT_REMOVEDIR);
    remove_if_there("directory", AT_REMOVEDIR);
    remove_if_there("new-directory", AT_REMOVEDIR);
}

/* ---- The operations; each returns an error or 0 ---- */

/* Returns the first error of two. */
static int first_of(int first, int second)
{
    return first ? first : second;
}

static int sync_and_close(int fd)
{
    int err = error_of(fsync(fd));

    CHECK_OK(close(fd));
    return err;
}

static int create(void)
{
    int fd = open("new", O_WRONLY | O_CREAT | O_EXCL, 0644);

    if (fd < 0)
        return errno;
    int err = error_of(write(fd, "x", 1));
    return first_of(err, sync_and_close(fd));
}

static int make_directory(void)
{
    return error_of(mkdir("new-directory", 0755));
}

static int make_link(void)
{
    return error_of(link("file", "new"));
}

static int make_symlink(void)
{
    return error_of(symlink(target, "new"));
}

static int read_link(void)
{
    char text[sizeof(target)];

    return error_of(readlink("link", text, sizeof(text)));
}

static int remove_file(void)
{
    return error_of(unlink("file"));
}

static int remove_open_file(void)
{
    int fd = open("file", O_RDWR);

    if (fd < 0)
        return errno;
    int err = error_of(unlink("file"));
    err = first_of(err, error_of(pwrite(fd, "y", 1, 0)));
    CHECK_OK(close(fd));
    return err;
}

static int remove_directory(void)
{
    return error_of(rmdir("directory/empty"));
}

static int move(void)
{
    return error_of(rename("victim", "directory/new"));
}

static int move_directory(void)
{
    return error_of(rename("directory/empty", "new-directory"));
}

static int replace(void)
{
    return error_of(rename("victim", "file"));
}

static int sync_all(void)
{
    int fd = open(".", O_RDONLY);

    return fd < 0 ? errno : sync_and_close(fd);
}

static int replace_and_sync(void)
{
    int err = replace();

    return first_of(err, sync_all());
}

static int extend(void)
{
    int fd = open("file", O_RDWR);

    if (fd < 0)
        return errno;
    int err = error_of(pwrite(fd, "new", 3, FAR + 2 * MIB));
    return first_of(err, sync_and_close(fd));
}

static int cut(void)
{
    return error_of(truncate("file", 1));
}

static int read_all(void)
{
    int fd = open("file", O_RDONLY);
    ssize_t done;

    if (fd < 0)
        return errno;
    while ((done = read(fd, bytes, sizeof(bytes))) > 0)
        ;
    int err = error_of(done);
    CHECK_OK(close(fd));
    return err;
}

static int list(void)
{
    int fd = open(".", O_RDONLY | O_DIRECTORY);
    ssize_t done;

    if (fd < 0)
        return errno;
    while ((done = getdents(fd, (struct dirent *)bytes, sizeof(bytes))) > 0)
        ;
    int err = error_of(done);
    CHECK_OK(close(fd));
    return err;
}

static int look_at_space(void)
{
    struct statfs about;

    return error_of(statfs(".", &about));
}

/* A page that cannot be had is a signal. */
static int use_mapping(int prot, off_t offset)
{
    int fd = open("file", O_RDWR);
    volatile char *page = NULL;
    int err = 0;

    if (fd < 0)
        return errno;
    page = mmap(NULL, PAGE, prot, MAP_SHARED, fd, offset);
    CHECK_OK(close(fd));
    if (page == MAP_FAILED)
        return errno;
    handler_set_info(SIGBUS, handler_escape, 0);
    if (sigsetjmp(after_fault, 1))
        err = EIO;
    else if (prot & PROT_WRITE)
        *page = 'm';
    else
        (void)*page;
    CHECK_OK(signal(SIGBUS, SIG_DFL) == SIG_ERR ? -1 : 0);
    if (!err)
        err = error_of(msync((char *)page, PAGE, MS_SYNC));
    CHECK_OK(munmap((char *)page, PAGE));
    return err;
}

static int read_mapping(void)
{
    return use_mapping(PROT_READ, 0);
}

static int write_hole_in_mapping(void)
{
    return use_mapping(PROT_READ | PROT_WRITE, 64 * KIB);
}

static int mount_again(void)
{
    int err = error_of(chdir("/"));
    err = first_of(err, error_of(umount2("/mnt", 0)));
    if (!is_mounted())
        err = first_of(err, error_of(mount(disk, "/mnt", "ext2", 0, NULL)));
    return err;
}

static int change_and_mount_again(void)
{
    int err = extend();

    err = first_of(err, replace());
    return first_of(err, mount_again());
}

/* An allocation that fails in a fault kills the program, so for those with mappings, only requests
   fail. */
static const struct operation {
    const char *name;
    int (*run)(void);
    const char *synced; /* if the operation succeeds, this file is on the disk */
    off_t size;
    bool has_mapping;
} operations[] = {
    {"create", create, "new", 1, false},
    {"make_directory", make_directory, NULL, 0, false},
    {"make_link", make_link, NULL, 0, false},
    {"make_symlink", make_symlink, NULL, 0, false},
    {"read_link", read_link, NULL, 0, false},
    {"remove_file", remove_file, NULL, 0, false},
    {"remove_open_file", remove_open_file, NULL, 0, false},
    {"remove_directory", remove_directory, NULL, 0, false},
    {"move", move, NULL, 0, false},
    {"move_directory", move_directory, NULL, 0, false},
    {"replace", replace, NULL, 0, false},
    {"replace_and_sync", replace_and_sync, "file", 1, false},
    {"extend", extend, "file", FAR + 2 * MIB + 3, false},
    {"cut", cut, NULL, 0, false},
    {"read_all", read_all, NULL, 0, false},
    {"list", list, NULL, 0, false},
    {"look_at_space", look_at_space, NULL, 0, false},
    {"read_mapping", read_mapping, NULL, 0, true},
    {"write_hole_in_mapping", write_hole_in_mapping, NULL, 0, true},
    {"mount_again", mount_again, NULL, 0, false},
    {"change_and_mount_again", change_and_mount_again, "file", 1, false},
};

/* ---- Failures ---- */

static void number_set(int fd, unsigned number)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%u\n", number);

    CHECK_EQ(pwrite(fd, text, len, 0), len);
}

static unsigned number_get(int fd)
{
    char text[16] = {0};

    CHECK(pread(fd, text, sizeof(text) - 1, 0) > 0);
    return atoi(text);
}

static bool may_fail_with(bool is_io, int err)
{
    return err == EIO || (!is_io && (err == ENOMEM || err == ENOSPC));
}

/* Lets the nth request or allocation of an operation fail. Returns false if there are fewer. */
static bool try_with_failure(const struct operation *operation, int fd, bool is_io, unsigned nth)
{
    struct stat status;

    make_files();
    long failures = failures_made();
    number_set(fd, nth);
    int err = operation->run();
    bool has_failed = is_io && number_get(fd) == 0;
    number_set(fd, 0);
    has_failed |= failures_made() != failures;
    if (err && !(has_failed && may_fail_with(is_io, err)))
        test_fail(__FILE__, __LINE__, "%s, number %u: %s", operation->name, nth, strerror(err));
    CHECK_OK(chdir("/"));
    if (is_mounted())
        CHECK_OK(umount2("/mnt", 0));
    mount_disk();
    if (!err && operation->synced) {
        CHECK_OK(stat(operation->synced, &status));
        CHECK_EQ(status.st_size, operation->size);
    }
    remove_files();
    return has_failed;
}

static void fail_each(void *arg)
{
    const struct operation *operation = arg;
    const char *const kinds[] = {"/proc/self/fail-io", "/proc/self/fail-nth"};

    if (!is_mounted())
        mount_disk();
    CHECK_OK(chdir("/mnt"));
    remove_files(); /* those of a case that has failed */
    for (int kind = 0; kind < (operation->has_mapping ? 1 : 2); kind++) {
        int fd = CHECK_OK(open(kinds[kind], O_RDWR));
        unsigned nth = 1;

        while (try_with_failure(operation, fd, kind == 0, nth))
            nth += fails_all ? 1 : 1 + nth / 3;
        CHECK_OK(close(fd));
    }
    CHECK_EQ(pagoda_audit(), 0);
}

int main(int argc, char **argv)
{
    pagoda_only();
    disk = disk_find(DISK_EXT2);
    if (!disk)
        return TEST_SKIPPED;
    fails_all = argc > 1 && strcmp(argv[1], "all") == 0;
    memset(bytes, 1, sizeof(bytes)); /* a fault there would allocate */
    CHECK_OK(mkdir("/mnt", 0755));
    mount_disk();
    for (size_t n = 0; n < ARRAY_SIZE(operations); n++)
        if (argc < 3 || strcmp(argv[2], operations[n].name) == 0)
            test_run_with(operations[n].name, fail_each, (void *)&operations[n]);
    unmount_disk();
    CHECK_OK(rmdir("/mnt"));
    return test_end();
}
