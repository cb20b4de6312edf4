/* The flags of openat and similar calls, and the forms of a path. */
#include "test.h"

#include <limits.h>
#include <stdio.h>
#include <sys/syscall.h>

static void make_file(const char *name)
{
    CHECK_OK(close(create_file(name, "text", 4)));
}

static void close_opened(int fd)
{
    CHECK_OK(close(CHECK_OK(fd)));
}

/* ---- Flags ---- */

static void o_directory_asks_for_a_directory(void)
{
    close_opened(open("dir", O_RDONLY | O_DIRECTORY));
    close_opened(open("to-dir", O_RDONLY | O_DIRECTORY));
    CHECK_ERR(ENOTDIR, open("file", O_RDONLY | O_DIRECTORY));
    CHECK_ERR(ENOTDIR, open("to-file", O_RDONLY | O_DIRECTORY));
    CHECK_ERR(EISDIR, open("dir", O_RDWR | O_DIRECTORY));
    CHECK_ERR(ENOENT, open("new", O_RDONLY | O_DIRECTORY));
    CHECK_ERR(ENOTDIR, open("file", O_RDONLY | O_DIRECTORY | O_PATH));
}

static void o_nofollow_refuses_links_at_the_end(void)
{
    CHECK_ERR(ELOOP, open("to-file", O_RDONLY | O_NOFOLLOW));
    CHECK_ERR(ELOOP, open("to-file", O_RDWR | O_CREAT | O_NOFOLLOW, 0644));
    CHECK_ERR(ELOOP, open("to-nowhere", O_RDWR | O_CREAT | O_NOFOLLOW, 0644));
    CHECK_ERR(ENOTDIR, open("to-dir", O_RDONLY | O_NOFOLLOW | O_DIRECTORY));
    close_opened(open("file", O_RDONLY | O_NOFOLLOW));
    close_opened(open("to-dir/inside", O_RDONLY | O_NOFOLLOW)); /* not at the end */
    close_opened(open("to-dir/", O_RDONLY | O_NOFOLLOW));       /* nor this one */
}

static void o_excl_makes_new_files_only(void)
{
    CHECK_ERR(EEXIST, open("file", O_RDWR | O_CREAT | O_EXCL, 0644));
    CHECK_ERR(EEXIST, open("dir", O_RDWR | O_CREAT | O_EXCL, 0644));
    CHECK_ERR(EEXIST, open("to-file", O_RDWR | O_CREAT | O_EXCL, 0644));
    CHECK_ERR(EEXIST, open("to-nowhere", O_RDWR | O_CREAT | O_EXCL, 0644));
    CHECK_ERR(ENOENT, access("nowhere", F_OK));
    close_opened(open("new", O_RDWR | O_CREAT | O_EXCL, 0644));
    CHECK_OK(unlink("new"));
    close_opened(open("file", O_RDWR | O_EXCL)); /* means nothing alone */
}

static void a_link_to_nowhere_is_filled_by_creating(void)
{
    close_opened(open("to-nowhere", O_RDWR | O_CREAT, 0644));
    CHECK_OK(unlink("nowhere"));
}

static void a_file_without_a_name_is_made_or_refused(void)
{
    int fd = open(".", O_RDWR | O_TMPFILE, 0600);

    if (fd < 0)
        CHECK_EQ(errno, EOPNOTSUPP);
    else
        CHECK_OK(close(fd));
    CHECK_ERR(EINVAL, open(".", O_RDONLY | O_TMPFILE, 0600));
}

static void o_trunc_is_for_files_that_are_opened(void)
{
    struct stat about;

    CHECK_ERR(EISDIR, open("dir", O_RDONLY | O_TRUNC));
    close_opened(open("file", O_RDONLY | O_TRUNC | O_PATH));
    CHECK_OK(stat("file", &about));
    CHECK_EQ(about.st_size, 4);
}

static void a_directory_is_not_created_by_open(void)
{
    CHECK_ERR(EISDIR, open("dir", O_RDONLY | O_CREAT, 0644));
    CHECK_ERR(EISDIR, open("new/", O_RDWR | O_CREAT, 0644));
    CHECK_ERR(EISDIR, open(".", O_RDWR | O_CREAT, 0644));
    CHECK_ERR(EISDIR, open("..", O_RDWR | O_CREAT, 0644));
    CHECK_ERR(EISDIR, open("/", O_RDWR | O_CREAT, 0644));
}

/* ---- O_PATH ---- */

static void o_path_only_names(void)
{
    struct stat about;
    char byte;
    int fd = CHECK_OK(open("file", O_PATH));

    CHECK_ERR(EBADF, read(fd, &byte, 1));
    CHECK_ERR(EBADF, write(fd, &byte, 1));
    CHECK_ERR(EBADF, lseek(fd, 0, SEEK_SET));
    CHECK_ERR(EBADF, ftruncate(fd, 0));
    CHECK_ERR(EBADF, syscall(SYS_fchmod, fd, 0600));
    CHECK_ERR(EBADF, syscall(SYS_fchown, fd, -1, -1));
    CHECK_ERR(EBADF, fsync(fd));
    CHECK_ERR(EBADF, fcntl(fd, F_SETFL, O_APPEND));
    CHECK_ERR(EBADF, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFL)) & O_PATH, O_PATH);
    CHECK_OK(fstat(fd, &about));
    CHECK(S_ISREG(about.st_mode));
    CHECK_OK(close(CHECK_OK(dup(fd))));
    CHECK_OK(close(fd));
}

static void o_path_can_name_a_link(void)
{
    struct stat about;
    char target[16];
    int fd = CHECK_OK(open("to-file", O_PATH | O_NOFOLLOW));

    CHECK_OK(fstat(fd, &about));
    CHECK(S_ISLNK(about.st_mode));
    CHECK_EQ(CHECK_OK(readlinkat(fd, "", target, sizeof(target))), 4);
    CHECK(memcmp(target, "file", 4) == 0);
    CHECK_OK(close(fd));
}

static void o_path_of_a_directory_is_a_place_to_begin(void)
{
    int fd = CHECK_OK(open("dir", O_PATH | O_DIRECTORY));
    char bytes[100];

    close_opened(openat(fd, "inside", O_RDONLY));
    CHECK_ERR(EBADF, syscall(SYS_getdents64, fd, bytes, sizeof(bytes)));
    CHECK_OK(fchdir(fd));
    CHECK_OK(access("inside", F_OK));
    CHECK_OK(chdir(".."));
    CHECK_OK(close(fd));
}

/* ---- AT_ flags ---- */

static void an_empty_path_may_mean_the_descriptor(void)
{
    struct stat about;
    int fd = CHECK_OK(open("file", O_RDONLY)), dir = CHECK_OK(open("dir", O_RDONLY));

    CHECK_OK(syscall(SYS_newfstatat, fd, "", &about, AT_EMPTY_PATH));
    CHECK_EQ(about.st_size, 4);
    CHECK_OK(syscall(SYS_newfstatat, AT_FDCWD, "", &about, AT_EMPTY_PATH));
    CHECK(S_ISDIR(about.st_mode));
    CHECK_ERR(ENOENT, syscall(SYS_newfstatat, fd, "", &about, 0));
    CHECK_ERR(ENOTDIR, syscall(SYS_newfstatat, fd, "x", &about, AT_EMPTY_PATH));
    CHECK_ERR(EBADF, syscall(SYS_newfstatat, 99, "", &about, AT_EMPTY_PATH));
    CHECK_OK(syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH));
    CHECK_OK(syscall(SYS_fchownat, fd, "", -1, -1, AT_EMPTY_PATH));
    CHECK_ERR(ENOENT, syscall(SYS_fchownat, fd, "", -1, -1, 0));
    CHECK_ERR(ENOENT, openat(dir, "", O_RDONLY));
    CHECK_ERR(EINVAL, syscall(SYS_newfstatat, fd, "", &about, 0x80));
    CHECK_OK(close(fd));
    CHECK_OK(close(dir));
}

static void a_link_is_looked_at_itself(void)
{
    struct stat about;

    CHECK_OK(fstatat(AT_FDCWD, "to-nowhere", &about, AT_SYMLINK_NOFOLLOW));
    CHECK(S_ISLNK(about.st_mode));
    CHECK_ERR(ENOENT, fstatat(AT_FDCWD, "to-nowhere", &about, 0));
    CHECK_OK(syscall(SYS_faccessat2, AT_FDCWD, "to-nowhere", F_OK, AT_SYMLINK_NOFOLLOW));
    CHECK_ERR(ENOENT, syscall(SYS_faccessat2, AT_FDCWD, "to-nowhere", F_OK, 0));
}

static void a_descriptor_may_be_linked_to(void)
{
    int fd = CHECK_OK(open("file", O_RDONLY));
    struct stat about;

    CHECK_OK(linkat(fd, "", AT_FDCWD, "second", AT_EMPTY_PATH));
    CHECK_OK(fstat(fd, &about));
    CHECK_EQ(about.st_nlink, 2);
    CHECK_OK(unlink("second"));
    CHECK_OK(close(fd));
}

/* ---- Paths ---- */

static void nothing_is_above_the_root(void)
{
    struct stat root, above;

    CHECK_OK(stat("/", &root));
    CHECK_OK(stat("/../../..", &above));
    CHECK_EQ(root.st_ino, above.st_ino);
    CHECK_OK(stat("/../../tmp/.././", &above));
    CHECK_EQ(root.st_ino, above.st_ino);
}

static void a_slash_at_the_end_asks_for_a_directory(void)
{
    struct stat about;

    close_opened(open("dir/", O_RDONLY));
    close_opened(open("dir///", O_RDONLY));
    CHECK_ERR(ENOTDIR, open("file/", O_RDONLY));
    CHECK_ERR(ENOTDIR, open("to-file/", O_RDONLY));
    CHECK_ERR(ENOENT, open("to-nowhere/", O_RDONLY));
    CHECK_ERR(ENOTDIR, stat("file/", &about));
    CHECK_ERR(ENOTDIR, stat("file/.", &about));
    CHECK_ERR(ENOTDIR, stat("file/..", &about));
    CHECK_OK(lstat("to-dir/", &about));
    CHECK(S_ISDIR(about.st_mode));
    CHECK_ERR(ENOTDIR, unlink("file/"));
    CHECK_ERR(ENOTDIR, unlink("to-dir/"));
    CHECK_ERR(ENOTDIR, rmdir("to-dir"));
    CHECK_ERR(ENOTDIR, rmdir("to-dir/"));
    CHECK_ERR(ENOENT, link("file", "new/"));
    CHECK_ERR(ENOENT, symlink("file", "new/"));
    CHECK_OK(mkdir("new/", 0755));
    CHECK_OK(rmdir("new/"));
}

static void a_file_is_not_gone_through(void)
{
    CHECK_ERR(ENOTDIR, open("file/x", O_RDONLY));
    CHECK_ERR(ENOTDIR, open("file/x", O_RDWR | O_CREAT, 0644));
    CHECK_ERR(ENOTDIR, mkdir("file/x", 0755));
    CHECK_ERR(ENOTDIR, unlink("to-file/x"));
    CHECK_ERR(ENOTDIR, open("/dev/null/x", O_RDONLY));
    CHECK_ERR(ENOENT, open("nowhere/../file", O_RDONLY)); /* the way counts, not where it leads */
    CHECK_ERR(ENOENT, open("", O_RDONLY));
}

static void circles_and_long_chains_of_links_are_refused(void)
{
    char name[8], target[8];

    CHECK_OK(symlink("circle", "circle"));
    CHECK_ERR(ELOOP, open("circle", O_RDONLY));
    CHECK_ERR(ELOOP, open("circle/x", O_RDONLY));
    CHECK_ERR(ELOOP, open("circle", O_RDWR | O_CREAT, 0644));
    CHECK_ERR(EEXIST, open("circle", O_RDWR | O_CREAT | O_EXCL, 0644));
    CHECK_OK(unlink("circle"));
    for (int i = 0; i <= 40; i++) {
        snprintf(name, sizeof(name), "%d", i);
        snprintf(target, sizeof(target), i ? "%d" : "file", i - 1);
        CHECK_OK(symlink(target, name));
    }
    close_opened(open("39", O_RDONLY)); /* the fortieth */
    CHECK_ERR(ELOOP, open("40", O_RDONLY));
    for (int i = 0; i <= 40; i++) {
        snprintf(name, sizeof(name), "%d", i);
        CHECK_OK(unlink(name));
    }
}

static void names_have_an_end(void)
{
    char name[NAME_MAX + 2], path[PATH_MAX + 8];

    memset(name, 'n', sizeof(name));
    name[NAME_MAX] = '\0';
    close_opened(open(name, O_RDWR | O_CREAT, 0644));
    CHECK_OK(unlink(name));
    name[NAME_MAX] = 'n';
    name[NAME_MAX + 1] = '\0';
    CHECK_ERR(ENAMETOOLONG, open(name, O_RDONLY));
    CHECK_ERR(ENAMETOOLONG, open(name, O_RDWR | O_CREAT, 0644));
    CHECK_ERR(ENAMETOOLONG, mkdir(name, 0755));
    memset(path, '/', sizeof(path));
    memcpy(path + PATH_MAX - 4, "dev", 4);
    CHECK_OK(access(path, F_OK)); /* 4095 bytes */
    memcpy(path + PATH_MAX - 3, "dev", 4);
    CHECK_ERR(ENAMETOOLONG, access(path, F_OK));
    CHECK_ERR(ENAMETOOLONG, symlink(path, "new"));
}

static void a_place_to_begin_must_be_a_directory(void)
{
    int fd = CHECK_OK(open("file", O_RDONLY));

    CHECK_ERR(ENOTDIR, openat(fd, "x", O_RDONLY));
    CHECK_ERR(EBADF, openat(99, "x", O_RDONLY));
    CHECK_ERR(EBADF, mkdirat(99, "x", 0755));
    CHECK_ERR(ENOTDIR, unlinkat(fd, "x", 0));
    CHECK_ERR(ENOENT, openat(fd, "", O_RDONLY));
    CHECK_ERR(EINVAL, unlinkat(AT_FDCWD, "file", 0x10000));
    close_opened(openat(99, "/dev/null", O_RDONLY)); /* not looked at */
    CHECK_OK(close(fd));
}

int main(void)
{
    temp_dir_enter();
    make_file("file");
    CHECK_OK(mkdir("dir", 0755));
    make_file("dir/inside");
    CHECK_OK(symlink("file", "to-file"));
    CHECK_OK(symlink("dir", "to-dir"));
    CHECK_OK(symlink("nowhere", "to-nowhere"));
    RUN(o_directory_asks_for_a_directory);
    RUN(o_nofollow_refuses_links_at_the_end);
    RUN(o_excl_makes_new_files_only);
    RUN(a_link_to_nowhere_is_filled_by_creating);
    RUN(a_file_without_a_name_is_made_or_refused);
    RUN(o_trunc_is_for_files_that_are_opened);
    RUN(a_directory_is_not_created_by_open);
    RUN(o_path_only_names);
    RUN(o_path_can_name_a_link);
    RUN(o_path_of_a_directory_is_a_place_to_begin);
    RUN(an_empty_path_may_mean_the_descriptor);
    RUN(a_link_is_looked_at_itself);
    if (geteuid() == 0)
        RUN(a_descriptor_may_be_linked_to); /* nobody else may on Linux */
    RUN(nothing_is_above_the_root);
    RUN(a_slash_at_the_end_asks_for_a_directory);
    RUN(a_file_is_not_gone_through);
    RUN(circles_and_long_chains_of_links_are_refused);
    RUN(names_have_an_end);
    RUN(a_place_to_begin_must_be_a_directory);
    CHECK_OK(unlink("to-nowhere"));
    CHECK_OK(unlink("to-dir"));
    CHECK_OK(unlink("to-file"));
    CHECK_OK(unlink("dir/inside"));
    CHECK_OK(rmdir("dir"));
    CHECK_OK(unlink("file"));
    temp_dir_leave();
    return test_end();
}
