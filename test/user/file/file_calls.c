/* Rare calls on files: vectors at an offset, ranges of descriptors, statx, statfs, owners, and the
   older getdents. */
#include "plain_file.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#include "statx.h"

/* What musl has in no header. */
#define CLOSE_RANGE_UNSHARE 2
#define CLOSE_RANGE_CLOEXEC 4
#define TMPFS_MAGIC         0x01021994
#define EXT2_MAGIC          0xef53
#define PROC_SUPER_MAGIC    0x9fa0

static int open_text(const char *text)
{
    int fd = create_file("file", text, strlen(text));

    CHECK_OK(lseek(fd, 0, SEEK_SET));
    return fd;
}

/* ---- Vectors at an offset ---- */

static void vectors_at_an_offset_leave_the_files_own(void)
{
    char a[3], b[4];
    struct iovec in[] = {{a, 3}, {b, 4}}, out[] = {{"AB", 2}, {"CD", 2}};
    int fd = open_text("0123456789");

    CHECK_OK(lseek(fd, 1, SEEK_SET));
    CHECK_EQ(CHECK_OK(preadv(fd, in, 2, 2)), 7);
    CHECK(memcmp(a, "234", 3) == 0 && memcmp(b, "5678", 4) == 0);
    CHECK_EQ(CHECK_OK(preadv(fd, in, 2, 8)), 2); /* the end */
    CHECK_EQ(CHECK_OK(preadv(fd, in, 2, 100)), 0);
    CHECK_EQ(CHECK_OK(pwritev(fd, out, 2, 8)), 4);
    CHECK_EQ(file_offset(fd), 1);
    CHECK_EQ(CHECK_OK(lseek(fd, 0, SEEK_END)), 12);
    CHECK_EQ(CHECK_OK(preadv(fd, in, 2, 5)), 7);
    CHECK(memcmp(b, "ABCD", 4) == 0);
    plain_file_remove(fd);
}

static void vectors_at_an_offset_say_what_is_wrong(void)
{
    char byte;
    struct iovec vector = {&byte, 1};
    int fd = open_text("text"), fds[2];

    CHECK_ERR(EINVAL, preadv(fd, &vector, 1, -1));
    CHECK_ERR(EINVAL, pwritev(fd, &vector, 1, -1));
    CHECK_ERR(EBADF, preadv(99, &vector, 1, 0));
    CHECK_ERR(EINVAL, preadv(fd, &vector, -1, 0));
    make_pipe(fds);
    CHECK_ERR(ESPIPE, preadv(fds[0], &vector, 1, 0));
    CHECK_ERR(ESPIPE, pwritev(fds[1], &vector, 1, 0));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    plain_file_remove(fd);
}

static long preadv2_raw(int fd, const struct iovec *vector, long offset, int flags)
{
    return syscall(SYS_preadv2, fd, vector, 1, offset, 0, flags);
}

static long pwritev2_raw(int fd, const struct iovec *vector, long offset, int flags)
{
    return syscall(SYS_pwritev2, fd, vector, 1, offset, 0, flags);
}

static void an_offset_of_minus_one_is_the_files_own(void)
{
    char bytes[2];
    struct iovec in = {bytes, 2}, out = {"XY", 2};
    int fd = open_text("01234567");

    CHECK_EQ(CHECK_OK(preadv2_raw(fd, &in, -1, 0)), 2);
    CHECK_EQ(file_offset(fd), 2);
    CHECK_EQ(CHECK_OK(pwritev2_raw(fd, &out, -1, 0)), 2);
    CHECK_EQ(file_offset(fd), 4);
    CHECK_EQ(CHECK_OK(preadv2_raw(fd, &in, 2, 0)), 2);
    CHECK(memcmp(bytes, "XY", 2) == 0);
    CHECK_EQ(file_offset(fd), 4);
    CHECK_ERR(EINVAL, preadv2_raw(fd, &in, -2, 0));
    CHECK_ERR(EOPNOTSUPP, preadv2_raw(fd, &in, 0, 1 << 30)); /* no such flag */
    CHECK_ERR(EOPNOTSUPP, pwritev2_raw(fd, &out, 0, 1 << 30));
    plain_file_remove(fd);
}

/* ---- Descriptors ---- */

static void open_from_50_to_59(void)
{
    for (int fd = 50; fd < 60; fd++)
        CHECK_EQ(CHECK_OK(dup2(STDOUT_FILENO, fd)), fd);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static long close_range_raw(unsigned first, unsigned last, unsigned flags)
{
    return syscall(SYS_close_range, first, last, flags);
}

static void a_range_of_descriptors_is_closed(void)
{
    open_from_50_to_59();
    CHECK_OK(close_range_raw(52, 54, 0));
    for (int fd = 50; fd < 60; fd++)
        CHECK_EQ(is_open(fd), fd < 52 || fd > 54);
    CHECK_OK(close_range_raw(52, 54, 0)); /* nothing there: no error */
    CHECK_OK(close_range_raw(55, 57, CLOSE_RANGE_CLOEXEC));
    for (int fd = 55; fd < 60; fd++)
        CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFD)), fd < 58 ? FD_CLOEXEC : 0);
    CHECK_OK(close_range_raw(50, UINT32_MAX, CLOSE_RANGE_UNSHARE));
    for (int fd = 50; fd < 60; fd++)
        CHECK(!is_open(fd));
    CHECK_OK(close_range_raw(UINT32_MAX, UINT32_MAX, 0));
    CHECK_ERR(EINVAL, close_range_raw(60, 59, 0));
    CHECK_ERR(EINVAL, close_range_raw(60, 61, 1 << 10));
}

static void a_copy_may_be_closed_by_exec(void)
{
    int fd = CHECK_OK(fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 50));

    CHECK_EQ(fd, 50);
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFD)), FD_CLOEXEC);
    CHECK_EQ(CHECK_OK(fcntl(STDOUT_FILENO, F_GETFD)), 0);
    CHECK_ERR(EINVAL, fcntl(fd, F_DUPFD_CLOEXEC, -1));
    CHECK_ERR(EINVAL, fcntl(fd, F_DUPFD_CLOEXEC, 1 << 30));
    CHECK_OK(close(fd));
}

/* F_SETFL changes these flags only. The access mode and the flags of open stay. */
static void check_flags_change(int fd)
{
    int before = CHECK_OK(fcntl(fd, F_GETFL));

    CHECK_EQ(before & (O_APPEND | O_NONBLOCK), 0);
    CHECK_OK(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_CREAT | O_EXCL | O_TRUNC));
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFL)), before | O_APPEND | O_NONBLOCK);
    CHECK_OK(fcntl(fd, F_SETFL, 0));
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFL)), before);
}

static void flags_can_be_changed_for_all_kinds_of_files(void)
{
    int fd = open_text("text"), fds[2], null = CHECK_OK(open("/dev/null", O_WRONLY));

    make_pipe(fds);
    check_flags_change(fd);
    check_flags_change(fds[0]);
    check_flags_change(fds[1]);
    check_flags_change(null);
    CHECK_EQ(CHECK_OK(fcntl(fds[0], F_GETFL)) & O_ACCMODE, O_RDONLY);
    CHECK_EQ(CHECK_OK(fcntl(fds[1], F_GETFL)) & O_ACCMODE, O_WRONLY);
    CHECK_OK(close_range_raw(null, null, 0));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    plain_file_remove(fd);
}

static void a_pipe_tells_its_size(void)
{
    int fds[2], fd = open_text("text");

    make_pipe(fds);
    CHECK_EQ(CHECK_OK(fcntl(fds[0], F_GETPIPE_SZ)), 16 * PAGE);
    CHECK_EQ(CHECK_OK(fcntl(fds[1], F_GETPIPE_SZ)), 16 * PAGE);
    CHECK_ERR(EBADF, fcntl(fd, F_GETPIPE_SZ));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    plain_file_remove(fd);
}

/* ---- What is known of a file ---- */

static void statx_says_what_stat_says(void)
{
    struct linux_statx more;
    struct stat about;
    int fd = open_text("text");

    CHECK_OK(fstat(fd, &about));
    CHECK_OK(syscall(SYS_statx, AT_FDCWD, "file", LINUX_STATX_SYNC_AS_STAT, LINUX_STATX_BASIC_STATS,
                     &more));
    CHECK_EQ(more.mask & LINUX_STATX_BASIC_STATS, LINUX_STATX_BASIC_STATS);
    CHECK_EQ(more.ino, about.st_ino);
    CHECK_EQ(more.mode, about.st_mode);
    CHECK_EQ(more.nlink, about.st_nlink);
    CHECK_EQ(more.uid, about.st_uid);
    CHECK_EQ(more.gid, about.st_gid);
    CHECK_EQ(more.size, 4);
    CHECK_EQ(more.blocks, about.st_blocks);
    CHECK_EQ(more.blksize, about.st_blksize);
    CHECK_EQ(more.mtime.sec, about.st_mtim.tv_sec);
    CHECK_EQ(more.mtime.nsec, about.st_mtim.tv_nsec);
    CHECK_EQ(makedev(more.dev_major, more.dev_minor), about.st_dev);
    CHECK_OK(syscall(SYS_statx, fd, "", AT_EMPTY_PATH, 0, &more));
    CHECK_EQ(more.ino, about.st_ino);
    CHECK_OK(syscall(SYS_statx, AT_FDCWD, "/dev/null", 0, LINUX_STATX_BASIC_STATS, &more));
    CHECK(S_ISCHR(more.mode) && more.rdev_major == 1 && more.rdev_minor == 3);
    plain_file_remove(fd);
}

static long statx_raw(const char *path, unsigned flags, unsigned mask)
{
    struct linux_statx more;

    return syscall(SYS_statx, AT_FDCWD, path, flags, mask, &more);
}

static void statx_says_what_is_wrong(void)
{
    CHECK_OK(symlink("nowhere", "link"));
    CHECK_OK(statx_raw("link", AT_SYMLINK_NOFOLLOW, 0));
    CHECK_ERR(ENOENT, statx_raw("link", 0, 0));
    CHECK_ERR(ENOENT, statx_raw("", 0, 0));
    CHECK_ERR(EINVAL, statx_raw("link", LINUX_STATX_SYNC_BOTH, 0));
    CHECK_ERR(EINVAL, statx_raw("link", 1, 0));
    CHECK_ERR(EINVAL, statx_raw("link", AT_SYMLINK_NOFOLLOW, LINUX_STATX_RESERVED));
    CHECK_OK(unlink("link"));
}

static void file_systems_are_told_apart(void)
{
    struct statfs about;
    int fd = open_text("text");

    CHECK_OK(statfs("/proc/self", &about));
    CHECK_EQ(about.f_type, PROC_SUPER_MAGIC);
    CHECK_EQ(about.f_blocks, 0);
    CHECK_OK(fstatfs(fd, &about));
    CHECK(about.f_bsize > 0 && about.f_namelen == 255);
    CHECK(about.f_blocks > 0 && about.f_bfree <= about.f_blocks && about.f_bavail <= about.f_bfree);
    CHECK_ERR(ENOENT, statfs("nowhere", &about));
    CHECK_ERR(ENOTDIR, statfs("file/x", &about));
    CHECK_ERR(EBADF, fstatfs(99, &about));
    plain_file_remove(fd);
}

static uint64_t used_bytes(const struct statfs *about)
{
    return (about->f_blocks - about->f_bfree) * about->f_bsize;
}

/* No other process writes files here. Pagoda only. A disk has blocks that show blocks, too. */
static void a_file_takes_up_blocks(void)
{
    static char bytes[10 * PAGE];
    struct statfs before, after;
    struct stat about;
    int fd = open_text("");

    CHECK_OK(fstatfs(fd, &before));
    CHECK(before.f_type == TMPFS_MAGIC || before.f_type == EXT2_MAGIC);
    memset(bytes, 'x', sizeof(bytes));
    CHECK_EQ(CHECK_OK(write(fd, bytes, sizeof(bytes))), sizeof(bytes));
    CHECK_OK(fstatfs(fd, &after));
    CHECK_OK(fstat(fd, &about));
    CHECK_EQ(about.st_blocks * 512, used_bytes(&after) - used_bytes(&before));
    CHECK(about.st_blocks * 512 == sizeof(bytes) || before.f_type != TMPFS_MAGIC);
    CHECK(about.st_blocks * 512 >= (long)sizeof(bytes));
    plain_file_remove(fd);
}

/* ---- Owners ---- */

static void check_owner(const char *name, uid_t uid, gid_t gid)
{
    struct stat about;

    CHECK_OK(lstat(name, &about));
    CHECK_EQ(about.st_uid, uid);
    CHECK_EQ(about.st_gid, gid);
}

static void what_is_made_is_its_makers(void)
{
    int fd = open_text("text");

    check_owner("file", geteuid(), getegid());
    CHECK_OK(chown("file", geteuid(), getegid()));
    CHECK_OK(fchown(fd, -1, -1));
    check_owner("file", geteuid(), getegid());
    CHECK_ERR(ENOENT, chown("nowhere", -1, -1));
    CHECK_ERR(EBADF, fchown(99, -1, -1));
    CHECK_ERR(EINVAL, fchownat(AT_FDCWD, "file", -1, -1, 0x80));
    plain_file_remove(fd);
}

static void root_gives_files_away(void)
{
    int fd = open_text("text");

    CHECK_OK(symlink("file", "link"));
    CHECK_OK(chown("link", 1, 2));
    check_owner("file", 1, 2);
    check_owner("link", 0, getegid());
    CHECK_OK(lchown("link", 3, -1));
    check_owner("link", 3, getegid());
    CHECK_OK(fchown(fd, -1, 4));
    check_owner("file", 1, 4);
    CHECK_OK(fchownat(AT_FDCWD, "link", 5, 6, AT_SYMLINK_NOFOLLOW));
    CHECK_OK(fchownat(AT_FDCWD, "link", 7, 8, 0));
    check_owner("link", 5, 6);
    check_owner("file", 7, 8);
    CHECK_OK(unlink("link"));
    plain_file_remove(fd);
}

static mode_t mode_after_chown(mode_t mode)
{
    struct stat about;

    CHECK_OK(chmod("file", mode));
    CHECK_OK(chown("file", 0, 0));
    CHECK_OK(stat("file", &about));
    return about.st_mode & 07777;
}

static void rights_of_the_owner_are_not_given_away(void)
{
    int fd = open_text("text");

    CHECK_EQ(mode_after_chown(0755), 0755);
    CHECK_EQ(mode_after_chown(06755), 0755);
    CHECK_EQ(mode_after_chown(07644), 03644); /* set-group-ID without execution */
    plain_file_remove(fd);
}

/* ---- Listing ---- */

struct old_dirent {
    uint64_t ino, off;
    uint16_t len;
    char name[];
};

static void the_older_getdents_has_the_type_behind_the_name(void)
{
    char bytes[1024];
    int found = 0, fd = open_text("text"), dir = CHECK_OK(open(".", O_RDONLY));
    long len = CHECK_OK(syscall(SYS_getdents, dir, bytes, sizeof(bytes)));

    for (char *at = bytes; at < bytes + len;) {
        const struct old_dirent *entry = (const struct old_dirent *)at;
        bool is_file = strcmp(entry->name, "file") == 0;

        found += is_file;
        CHECK_EQ(entry->len % 8, 0);
        CHECK_EQ(at[entry->len - 1], is_file ? DT_REG : DT_DIR);
        at += entry->len;
    }
    CHECK_EQ(found, 1);
    CHECK_EQ(CHECK_OK(syscall(SYS_getdents, dir, bytes, sizeof(bytes))), 0);
    CHECK_OK(lseek(dir, 0, SEEK_SET));
    CHECK_ERR(EINVAL, syscall(SYS_getdents, dir, bytes, 10));
    CHECK_ERR(ENOTDIR, syscall(SYS_getdents, fd, bytes, sizeof(bytes)));
    CHECK_OK(close(dir));
    plain_file_remove(fd);
}

/* ---- Of two errors, the one that Linux tells ---- */

static void a_transfer_looks_at_the_file_before_the_buffer(void)
{
    char *bad = (char *)(1ul << 63);
    struct iovec iov = {bad, 1ul << 63};
    int fds[2];

    make_pipe(fds);
    CHECK_ERR(EBADF, read(fds[1], bad, 8));
    CHECK_ERR(EBADF, write(fds[0], bad, 8));
    CHECK_ERR(ESPIPE, pread(fds[0], bad, 8, 0));
    CHECK_ERR(ESPIPE, pwritev(fds[1], &iov, 1, 0));
    CHECK_ERR(EINVAL, readv(fds[0], &iov, 1));
    CHECK_ERR(EINVAL, lseek(fds[0], 0, 99));
    CHECK_ERR(ENOTDIR, syscall(SYS_getdents64, fds[1], bad, 100));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static void names_are_looked_up_before_they_are_made(void)
{
    int fd = open_text("");

    CHECK_OK(mkdir("directory", 0700));
    CHECK_ERR(EEXIST, link("directory", "directory"));
    CHECK_ERR(EPERM, link("directory", "other"));
    CHECK_ERR(EEXIST, open("..", O_RDWR | O_CREAT | O_EXCL, 0600));
    CHECK_ERR(ENOTDIR, openat(fd, "other", O_RDONLY));
    CHECK_OK(rmdir("directory"));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
}

int main(void)
{
    temp_dir_enter();
    RUN(vectors_at_an_offset_leave_the_files_own);
    RUN(vectors_at_an_offset_say_what_is_wrong);
    RUN(an_offset_of_minus_one_is_the_files_own);
    RUN(a_range_of_descriptors_is_closed);
    RUN(a_copy_may_be_closed_by_exec);
    RUN(flags_can_be_changed_for_all_kinds_of_files);
    RUN(a_pipe_tells_its_size);
    RUN(statx_says_what_stat_says);
    RUN(statx_says_what_is_wrong);
    RUN(file_systems_are_told_apart);
    RUN_ON_PAGODA(a_file_takes_up_blocks);
    RUN(what_is_made_is_its_makers);
    if (geteuid() == 0) {
        RUN(root_gives_files_away);
        RUN(rights_of_the_owner_are_not_given_away);
    }
    RUN(the_older_getdents_has_the_type_behind_the_name);
    RUN(a_transfer_looks_at_the_file_before_the_buffer);
    RUN(names_are_looked_up_before_they_are_made);
    temp_dir_leave();
    return test_end();
}
