/* Random operations on an image of ext2, by kernel/ext2 and kernel/fs, and on a directory of Linux.

       ext2 [-s SEED] [-n OPERATIONS] [-f] IMAGE DIRECTORY
       ext2 [-s SEED] -z SECONDS IMAGE              (ext2_fuzz.c)
       ext2 [-s SEED] -c CRASHES IMAGE PREFIX       (ext2_crash.c)
       ext2 -k IMAGE FACTS

   IMAGE is an absolute path. Each operation is done on both, and has the same result. At the end
   both have the same files, and the image is written to IMAGE.after; the caller has e2fsck look at
   it. With -f transfers fail now and then; then only the image counts, and not what operations
   return.

   The directory begins with what the image has, which mke2fs -d has taken from it. An operation for
   which the image has no space is left out on Linux, too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <ext2/ext2.h>
#include <fs/pagecache.h>
#include <fs/vfs.h>
#include "ext2_disk.h"
#include "ext2_linux.h"
#include "ext2_ours.h"
#include "platform.h"

#define CHUNK     (64u << 10) /* the most bytes of a write */
#define LINKS_MAX 32000

/* What ext2.py fills the free blocks with, so no file may have a run of it. */
#define OLD_BYTE '\xa5'
#define OLD_RUN  64

static bool is_failing; /* -f */
static unsigned long seed = 1, operations = 1000, seconds, crashes;
static unsigned long noperations;
static char text[512]; /* the operation that goes on */

/* ---- Names ---- */

/* Writes a random path into `path`: few names, so that operations meet. */
static void make_path(char path[300])
{
    static const char *const names[] = {"a", "b", "c", "dir", "lib", "e", "f", "g"};
    unsigned depth = 1 + pick(3);

    path[0] = '\0';
    while (depth-- > 0) {
        if (path[0])
            strcat(path, "/");
        strcat(path, names[pick(8)]);
        if (pick(4) == 0) /* many different names, some of them long */
            for (unsigned n = pick(2) ? 2 : 30 + pick(30); n > 0; n--)
                sprintf(path + strlen(path), "%u", pick(10));
    }
}

/* ---- Both sides ---- */

/* A page that the disk has refused counts as clean, so its block may show anything. */
static void expect_nothing_old(const char *bytes, ssize_t len)
{
    char old[OLD_RUN];

    memset(old, OLD_BYTE, sizeof(old));
    if (!is_failing && len > 0 && memmem(bytes, len, old, sizeof(old)))
        finding("operation %lu: %s shows what a free block had", noperations, text);
}

static void expect(long ours, long theirs)
{
    if (!is_failing && ours != theirs)
        finding("operation %lu: %s returned %ld, and on Linux %ld", noperations, text, ours,
                theirs);
}

/* Returns true if Linux is to do the operation, too. */
static bool goes_on(long ours)
{
    return !is_failing && ours != -ENOSPC && ours != -ENOMEM;
}

static uint32_t linux_type(const char *path)
{
    struct linux_file file;

    return linux_look(path, &file) ? file.mode & S_IFMT : 0;
}

static void do_make(uint32_t mode, const char *path)
{
    int ours = vfs_make(vfs_root, path, mode, 0);

    if (goes_on(ours))
        expect(ours, linux_make(path, mode));
}

static void do_write(const char *path)
{
    static char bytes[CHUNK];
    size_t len = 1 + pick(pick(2) ? 100 : CHUNK);
    uint64_t offset = pick(4) ? pick(1u << 18) : pick(1u << 31) * (pick(8) ? 1ul : 8ul);

    memset(bytes, 'A' + pick(26), len);
    bytes[0] = pick(256);
    sprintf(text, "write of %zu bytes at %lu to %.200s", len, offset, path);
    ssize_t ours = our_transfer(path, bytes, len, offset, true);
    if (!goes_on(ours))
        return;
    if (linux_type(path) != S_IFREG)
        expect(ours < 0, true);
    else if (ours != -EFBIG)
        expect(ours, linux_write(path, bytes, ours > 0 ? (size_t)ours : len, offset));
}

static void do_punch(const char *path)
{
    uint64_t start = pick(4) ? pick(1u << 18) : pick(1u << 31);
    uint64_t end = start + 1 + pick(pick(2) ? 10000 : 1u << 20);

    sprintf(text, "hole from %lu to %lu in %.200s", start, end, path);
    int ours = our_punch(path, start, end);
    if (goes_on(ours) && linux_type(path) == S_IFREG)
        expect(ours, linux_punch(path, start, end));
}

/* A write from a bad pointer changes nothing. Then all is read from the disk again. */
static void do_bad_write(const char *path)
{
    uint64_t offset = pick(4) ? pick(1u << 18) : pick(1u << 31);

    sprintf(text, "write from nowhere at %lu to %.200s", offset, path);
    ssize_t ours = our_transfer(path, NULL, 1 + pick(CHUNK), offset, true);
    if (goes_on(ours) && linux_type(path) == S_IFREG && ours != -EFBIG)
        expect(ours, -EFAULT);
    (void)our_sync(path);
    (void)our_drop(path);
}

static void do_read(const char *path)
{
    static char ours[CHUNK], theirs[CHUNK];
    size_t len = 1 + pick(CHUNK);
    uint64_t offset = pick(4) ? pick(1u << 18) : pick(1u << 31);

    sprintf(text, "read of %zu bytes at %lu of %.200s", len, offset, path);
    ssize_t done = our_transfer(path, ours, len, offset, false);
    expect_nothing_old(ours, done);
    if (!goes_on(done) || linux_type(path) != S_IFREG)
        return;
    expect(done, linux_read(path, theirs, len, offset));
    if (done > 0 && memcmp(ours, theirs, done) != 0)
        finding("operation %lu: %s has other bytes", noperations, text);
}

static void do_truncate(const char *path)
{
    uint64_t size = pick(4) ? pick(1u << 18) : pick(1u << 31);

    sprintf(text, "truncate of %.200s to %lu", path, size);
    int ours = our_truncate(path, size);
    if (goes_on(ours) && linux_type(path) == S_IFREG)
        expect(ours, linux_truncate(path, size));
}

static void do_symlink(const char *path)
{
    char target[400] = "";

    for (unsigned n = pick(2) ? 1 + pick(10) : 50 + pick(300); n > 0; n--)
        strcat(target, "x");
    int ours = vfs_symlink(target, vfs_root, path);
    if (goes_on(ours))
        expect(ours, linux_symlink(target, path));
}

/* Linux's link(2) fails with EPERM for a directory before it looks at the new name. */
static void do_link(const char *from, const char *to)
{
    int ours = our_link(from, to);

    if (goes_on(ours) && linux_type(from) != S_IFDIR)
        expect(ours, linux_link(from, to));
}

static void do_rename(const char *from, const char *to)
{
    int ours = vfs_rename(vfs_root, from, vfs_root, to, 0);

    if (goes_on(ours))
        expect(ours, linux_rename(from, to));
}

static void do_remove(const char *path, bool is_dir)
{
    int ours = is_dir ? vfs_rmdir(vfs_root, path) : vfs_unlink(vfs_root, path);

    if (goes_on(ours))
        expect(ours, linux_remove(path, is_dir));
}

/* ---- The comparison ---- */

/* Compares what is no hole on Linux. */
static void compare_file(const char *path)
{
    static char ours[CHUNK], theirs[CHUNK];
    int64_t offset = 0;

    while ((offset = linux_next_data(path, offset)) >= 0) {
        ssize_t len = linux_read(path, theirs, CHUNK, offset);
        check(our_transfer(path, ours, CHUNK, offset, false) == len &&
                  memcmp(ours, theirs, len) == 0,
              "%s has other bytes at %ld", path, offset);
        offset += len;
    }
}

/* Checks that what lseek(2) takes for holes are zeros, and that holes and data take turns. */
static void check_holes(const char *path, struct vnode *vnode)
{
    static char bytes[CHUNK];
    int64_t size = vnode_size(vnode), hole, data;

    for (int64_t offset = 0; offset < size; offset = data) {
        hole = our_seek(vnode, offset, SEEK_HOLE);
        data = hole < size ? our_seek(vnode, hole, SEEK_DATA) : size;
        data = data == -ENXIO ? size : data;
        check(hole >= offset && data >= hole && data > offset, "%s has a hole at %ld, data at %ld",
              path, hole, data);
        for (int64_t at = hole; at < min(data, hole + (int64_t)(16 * CHUNK)); at += CHUNK) {
            ssize_t len = our_transfer(path, bytes, min((int64_t)CHUNK, data - at), at, false);
            for (ssize_t n = 0; n < len; n++)
                check(bytes[n] == 0, "%s has data in the hole at %ld", path, hole);
        }
    }
}

static void compare_link(const char *path, struct vnode *link)
{
    char ours[PATH_MAX], theirs[PATH_MAX];
    ssize_t len = linux_readlink(path, theirs, sizeof(theirs));

    check(link->ops->readlink(link, ours, sizeof(ours)) == len && memcmp(ours, theirs, len) == 0,
          "%s leads elsewhere", path);
}

static unsigned count_entries(struct vnode *dir)
{
    struct dir_entry entry = {.cookie = DIR_COOKIE_FIRST - 1};
    unsigned count = 0;
    int found;

    while ((found = dir->ops->readdir(dir, entry.cookie + 1, &entry)) > 0)
        count++;
    check(found == 0, "a listing fails with %d", found);
    return count;
}

static void compare(const char *path)
{
    struct linux_file file;
    struct vnode *vnode;

    check(linux_look(path, &file), "%s is lost on Linux", path);
    check(our_lookup(path, false, &vnode) == 0, "%s is lost", path);
    check(vnode->mode == file.mode, "%s has mode %o, and on Linux %o", path, vnode->mode,
          file.mode);
    check(S_ISDIR(file.mode) || vnode->nlink == file.nlink, "%s has %u names, and on Linux %u",
          path, vnode->nlink, file.nlink);
    check(!S_ISREG(file.mode) || vnode_size(vnode) == file.size,
          "%s has %lu bytes, and on Linux %lu", path, vnode_size(vnode), file.size);
    if (S_ISREG(file.mode)) {
        compare_file(path);
        check_holes(path, vnode);
    } else if (S_ISLNK(file.mode))
        compare_link(path, vnode);
    else if (S_ISDIR(file.mode))
        check(linux_list(path, compare) == count_entries(vnode), "%s has %u entries", path,
              count_entries(vnode));
    vnode_put(vnode);
}

/* ---- The run ---- */

void operate(void)
{
    char path[300], other[300];

    make_path(path);
    make_path(other);
    sprintf(text, "operation on %.200s and %.200s", path, other);
    switch (pick(24)) {
    case 0:
    case 1:
        do_make(S_IFDIR | 0755, path);
        break;
    case 2:
    case 3:
    case 4:
        do_make(S_IFREG | 0640, path);
        break;
    case 5:
        do_make(S_IFIFO | 0600, path);
        break;
    case 6:
        do_symlink(path);
        break;
    case 7:
        do_link(path, other);
        break;
    case 8:
    case 9:
        do_rename(path, other);
        break;
    case 10:
        do_remove(path, true);
        break;
    case 11:
    case 12:
        do_remove(path, false);
        break;
    case 13:
        do_truncate(path);
        break;
    case 14:
        (void)our_sync(pick(2) ? path : ".");
        break;
    case 15:
        do_read(path);
        break;
    case 16:
        do_bad_write(path);
        break;
    case 17:
        (void)our_drop(path);
        break;
    case 18:
    case 19:
        do_punch(path);
        break;
    default:
        do_write(path);
        break;
    }
    check(locks_none_held(), "%s left a lock held", text);
}

/* A file has at most 32000 names, and a directory at most 31998 others in it. */
static void check_link_limit(void)
{
    struct vnode *file, *dir;

    check(our_lookup("a", false, &file) == 0 && our_lookup("lib", false, &dir) == 0,
          "the image lacks files");
    uint32_t names = file->nlink, subdirs = dir->nlink;
    file->nlink = dir->nlink = LINKS_MAX;
    check(our_link("a", "another") == -EMLINK, "a file gets too many names");
    check(vfs_make(vfs_root, "lib/another", S_IFDIR | 0755, 0) == -EMLINK,
          "a directory gets too many others");
    check(vfs_make(vfs_root, "lib/file", S_IFREG | 0644, 0) == 0, "files count as directories");
    check(vfs_make(vfs_root, "moving", S_IFDIR | 0755, 0) == 0, "the root is full");
    check(vfs_rename(vfs_root, "moving", vfs_root, "lib/another", 0) == -EMLINK,
          "a directory can be moved into a full one");
    file->nlink = LINKS_MAX - 1;
    check(our_link("a", "another") == 0, "a file gets too few names");
    check(vfs_unlink(vfs_root, "another") == 0 && vfs_unlink(vfs_root, "lib/file") == 0 &&
              vfs_rmdir(vfs_root, "moving") == 0,
          "a name cannot be removed");
    file->nlink = names;
    dir->nlink = subdirs;
    vnode_put(file);
    vnode_put(dir);
}

static bool has_large_inodes(void)
{
    const uint16_t *super = (const uint16_t *)(disk_bytes + 1024);

    return super[76 / 2] > 0 && super[88 / 2] > 128; /* s_rev_level, s_inode_size */
}

/* Times go to the disk and come back: with nanoseconds, or in seconds alone. */
static void check_times(struct block_device *device)
{
    static const uint64_t times[] = {1,
                                     2147483647999999999,
                                     2147483648000000001,
                                     4294967295123456789,
                                     4294967296000000002,
                                     9999999999999999999u};
    const uint64_t last = UINT32_MAX * 1000000000ul;
    struct vnode *vnode;

    for (unsigned n = 0; n < sizeof(times) / sizeof(times[0]); n++) {
        uint64_t time = times[n], expected = min(time - time % 1000000000, last);

        if (has_large_inodes())
            expected = time;
        check(our_lookup("a", false, &vnode) == 0, "the image lacks a file");
        vnode->mtime_ns = time;
        vnode_put(vnode);
        our_unmount();
        check(ext2_mount(device, false, &vfs_root) == 0 && our_lookup("a", false, &vnode) == 0,
              "a file is lost");
        check(vnode->mtime_ns == expected, "the time %lu becomes %lu on the disk", time,
              vnode->mtime_ns);
        vnode_put(vnode);
    }
}

static void run(struct block_device *device)
{
    int err = ext2_mount(device, false, &vfs_root);

    check(err == 0, "the mount fails with %d", err);
    if (!is_failing) {
        check_link_limit();
        check_times(device);
    }
    for (noperations = 0; noperations < operations; noperations++) {
        if (is_failing && pick(50) == 0)
            disk_fail_at(1 + pick(30));
        operate();
        disk_fail_at(is_failing ? pick(2) : 0);
    }
    disk_fail_at(0);
    if (!is_failing)
        compare(".");
    our_unmount();
    check(frame_usage(FRAME_CACHE) == 0 && frame_usage(FRAME_KERNEL) == 0, "frames are lost");
}

/* ---- The program ---- */

static __noreturn void synopsis(void)
{
    fprintf(stderr, "usage: ext2 [-s SEED] [-n OPERATIONS] [-f] IMAGE DIRECTORY\n"
                    "       ext2 [-s SEED] -z SECONDS IMAGE\n"
                    "       ext2 [-s SEED] -c CRASHES IMAGE PREFIX\n"
                    "       ext2 -k IMAGE FACTS\n");
    exit(2);
}

static bool checks_crash;

static void options_read(int argc, char **argv)
{
    int option;

    while ((option = getopt(argc, argv, "s:n:fz:c:k")) != -1) {
        switch (option) {
        case 's':
            seed = strtoul(optarg, NULL, 0);
            break;
        case 'n':
            operations = strtoul(optarg, NULL, 0);
            break;
        case 'z':
            seconds = strtoul(optarg, NULL, 0);
            break;
        case 'c':
            crashes = strtoul(optarg, NULL, 0);
            break;
        case 'k':
            checks_crash = true;
            break;
        case 'f':
            is_failing = true;
            break;
        default:
            synopsis();
        }
    }
    if (argc - optind != (seconds ? 1 : 2))
        synopsis();
}

static int run_and_save(struct block_device *device, const char *image, const char *dir)
{
    char after[PATH_MAX];

    linux_enter(dir);
    run(device);
    snprintf(after, sizeof(after), "%s.after", image);
    disk_save(after, disk_bytes);
    printf("ok - ext2: %lu random operations%s, seed %lu\n", operations,
           is_failing ? " on a disk that fails" : "", seed);
    return 0;
}

int main(int argc, char **argv)
{
    options_read(argc, argv);
    const char *image = argv[optind], *other = argv[optind + 1];
    struct block_device *device = disk_open(image);
    bool compares = !seconds && !crashes && !checks_crash;

    platform_init();
    random_state = random_from(seed);
    is_failing |= !compares; /* what random operations return does not matter */
    if (seconds)
        return fuzz(device, seed, seconds);
    if (crashes)
        return crash_make(device, other, crashes);
    return checks_crash ? crash_check(device, other) : run_and_save(device, image, other);
}
