/* Regular files: contents, opening, names and attributes. */
#include "plain_file.h"

#include <sys/uio.h>

static off_t size_of(int fd)
{
    struct stat about;

    CHECK_OK(fstat(fd, &about));
    return about.st_size;
}

static void open_and_close(const char *name, int flags)
{
    int fd = CHECK_OK(open(name, flags, 0666));

    CHECK_OK(close(fd));
}

/* Contents. */

static void what_is_written_can_be_read(void)
{
    char bytes[32];
    int fd = plain_file_create("hello, world");

    CHECK_EQ(file_offset(fd), 12);
    CHECK_EQ(CHECK_OK(read(fd, bytes, sizeof(bytes))), 0); /* the end of the file */
    CHECK_OK(lseek(fd, 7, SEEK_SET));
    CHECK_EQ(CHECK_OK(read(fd, bytes, sizeof(bytes))), 5);
    CHECK(memcmp(bytes, "world", 5) == 0);
    CHECK_OK(lseek(fd, 0, SEEK_SET));
    CHECK_EQ(CHECK_OK(write(fd, "J", 1)), 1);
    file_check_contents(fd, "Jello, world");
    plain_file_remove(fd);
}

static void lseek_moves_the_offset(void)
{
    int fd = plain_file_create("0123456789");

    CHECK_EQ(CHECK_OK(lseek(fd, 3, SEEK_SET)), 3);
    CHECK_EQ(CHECK_OK(lseek(fd, 4, SEEK_CUR)), 7);
    CHECK_EQ(CHECK_OK(lseek(fd, -2, SEEK_CUR)), 5);
    CHECK_EQ(CHECK_OK(lseek(fd, -1, SEEK_END)), 9);
    CHECK_EQ(CHECK_OK(lseek(fd, 10, SEEK_END)), 20); /* beyond the end: nothing happens yet */
    CHECK_EQ(size_of(fd), 10);
    CHECK_ERR(EINVAL, lseek(fd, -1, SEEK_SET));
    CHECK_ERR(EINVAL, lseek(fd, -21, SEEK_CUR));
    CHECK_ERR(EINVAL, lseek(fd, 0, 99));
    CHECK_EQ(file_offset(fd), 20);
    plain_file_remove(fd);
}

static void a_hole_reads_as_zero(void)
{
    char bytes[100];
    int fd = plain_file_create("start");

    CHECK_EQ(CHECK_OK(pwrite(fd, "end", 3, 3 * PAGE)), 3);
    CHECK_EQ(size_of(fd), 3 * PAGE + 3);
    CHECK_EQ(CHECK_OK(pread(fd, bytes, sizeof(bytes), 2 * PAGE - 50)), sizeof(bytes));
    CHECK(is_zero(bytes, sizeof(bytes)));
    CHECK_EQ(CHECK_OK(pread(fd, bytes, sizeof(bytes), 5)), sizeof(bytes));
    CHECK(is_zero(bytes, sizeof(bytes)));
    plain_file_remove(fd);
}

static void a_file_may_have_a_huge_hole(void)
{
    char byte = 1;
    int fd = plain_file_create("");

    CHECK_EQ(CHECK_OK(pwrite(fd, "x", 1, GIB)), 1);
    CHECK_EQ(size_of(fd), GIB + 1);
    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, GIB / 2)), 1);
    CHECK_EQ(byte, 0);
    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, GIB)), 1);
    CHECK_EQ(byte, 'x');
    CHECK_OK(ftruncate(fd, 0));
    plain_file_remove(fd);
}

static void pread_and_pwrite_leave_the_offset(void)
{
    char byte;
    int fd = plain_file_create("0123456789");

    CHECK_OK(lseek(fd, 4, SEEK_SET));
    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, 8)), 1);
    CHECK_EQ(byte, '8');
    CHECK_EQ(CHECK_OK(pwrite(fd, "x", 1, 2)), 1);
    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, 100)), 0);
    CHECK_ERR(EINVAL, pread(fd, &byte, 1, -1));
    CHECK_ERR(EINVAL, pwrite(fd, &byte, 1, -1));
    CHECK_EQ(file_offset(fd), 4);
    file_check_contents(fd, "01x3456789");
    plain_file_remove(fd);
}

static void vectors_are_read_and_written_in_order(void)
{
    char first[3], second[10];
    struct iovec out[] = {{"abc", 3}, {"", 0}, {"defgh", 5}};
    struct iovec in[] = {{first, sizeof(first)}, {second, sizeof(second)}};
    int fd = plain_file_create("");

    CHECK_EQ(CHECK_OK(writev(fd, out, 3)), 8);
    CHECK_OK(lseek(fd, 0, SEEK_SET));
    CHECK_EQ(CHECK_OK(readv(fd, in, 2)), 8);
    CHECK(memcmp(first, "abc", 3) == 0);
    CHECK(memcmp(second, "defgh", 5) == 0);
    plain_file_remove(fd);
}

static void truncation_cuts_and_lengthens(void)
{
    int fd = plain_file_create("0123456789");

    CHECK_OK(ftruncate(fd, 4));
    file_check_contents(fd, "0123");
    CHECK_OK(ftruncate(fd, 8)); /* what was cut off does not come back */
    CHECK_EQ(size_of(fd), 8);
    char bytes[8];
    CHECK_EQ(CHECK_OK(pread(fd, bytes, 8, 0)), 8);
    CHECK(memcmp(bytes, "0123\0\0\0\0", 8) == 0);
    CHECK_EQ(file_offset(fd), 10); /* where the writing had ended */
    CHECK_ERR(EINVAL, ftruncate(fd, -1));
    plain_file_remove(fd);
}

static void a_file_is_truncated_by_name(void)
{
    int fd = plain_file_create("0123456789");

    CHECK_OK(truncate("file", 3));
    file_check_contents(fd, "012");
    CHECK_ERR(ENOENT, truncate("missing", 0));
    CHECK_ERR(EISDIR, truncate(".", 0));
    CHECK_ERR(EINVAL, truncate("file", -1));
    plain_file_remove(fd);
}

/* A MiB, in pieces that fit no page. */
static void a_large_file_keeps_its_contents(void)
{
    enum { PIECE = 3333, PIECES = 315 };
    static char bytes[PIECE], found[PIECE];
    int fd = plain_file_create("");

    for (int i = 0; i < PIECES; i++) {
        memset(bytes, i, PIECE);
        CHECK_EQ(CHECK_OK(write(fd, bytes, PIECE)), PIECE);
    }
    CHECK_EQ(size_of(fd), PIECE * PIECES);
    for (int i = PIECES - 1; i >= 0; i--) {
        memset(bytes, i, PIECE);
        CHECK_EQ(CHECK_OK(pread(fd, found, PIECE, i * PIECE)), PIECE);
        CHECK(memcmp(bytes, found, PIECE) == 0);
    }
    plain_file_remove(fd);
}

static void a_removed_file_gives_its_frames_back(void)
{
    long before = number_in("/proc/vmstat", "nr_page_cache");
    int fd = plain_file_create("");

    for (int i = 0; i < 100; i++)
        CHECK_EQ(CHECK_OK(pwrite(fd, "x", 1, i * PAGE)), 1);
    CHECK(number_in("/proc/vmstat", "nr_page_cache") >= before + 100);
    CHECK_OK(ftruncate(fd, 50 * PAGE));
    CHECK(number_in("/proc/vmstat", "nr_page_cache") < before + 100);
    plain_file_remove(fd);
    CHECK_EQ(number_in("/proc/vmstat", "nr_page_cache"), before);
}

/* Opening. */

static void open_says_what_is_wrong(void)
{
    char name[300];
    int fd = plain_file_create("text");

    CHECK_ERR(ENOENT, open("missing", O_RDWR));
    CHECK_ERR(ENOENT, open("", O_RDONLY));
    CHECK_ERR(ENOENT, open("missing/file", O_RDWR | O_CREAT, 0644));
    CHECK_ERR(ENOTDIR, open("file/inner", O_RDONLY));
    CHECK_ERR(ENOTDIR, open("file/", O_RDONLY));
    CHECK_ERR(ENOTDIR, open("file", O_RDONLY | O_DIRECTORY));
    CHECK_ERR(EEXIST, open("file", O_RDWR | O_CREAT | O_EXCL, 0644));
    CHECK_ERR(EISDIR, open(".", O_WRONLY));
    CHECK_ERR(EISDIR, open("/", O_RDWR | O_CREAT, 0644));
    memset(name, 'n', sizeof(name));
    name[256] = '\0';
    CHECK_ERR(ENAMETOOLONG, open(name, O_RDWR | O_CREAT, 0644));
    name[255] = '\0';
    open_and_close(name, O_RDWR | O_CREAT);
    CHECK_OK(unlink(name));
    plain_file_remove(fd);
}

static void creating_an_existing_file_opens_it(void)
{
    int fd = plain_file_create("text"), again = CHECK_OK(open("file", O_RDWR | O_CREAT, 0644));

    file_check_contents(again, "text");
    CHECK_OK(close(again));
    plain_file_remove(fd);
}

static void o_trunc_empties(void)
{
    int fd = plain_file_create("text");

    open_and_close("file", O_WRONLY | O_TRUNC);
    CHECK_EQ(size_of(fd), 0);
    plain_file_remove(fd);
}

static void o_append_writes_at_the_end(void)
{
    int fd = plain_file_create("one"), appending = CHECK_OK(open("file", O_WRONLY | O_APPEND));

    CHECK_OK(write(appending, "two", 3));
    CHECK_OK(write(fd, "three", 5)); /* at its own offset: over what was appended */
    CHECK_OK(lseek(appending, 0, SEEK_SET));
    CHECK_OK(write(appending, "!", 1));
    file_check_contents(fd, "onethree!");
    CHECK_OK(close(appending));
    plain_file_remove(fd);
}

static void access_modes_are_kept(void)
{
    char byte;
    int fd = plain_file_create("text");
    int reader = CHECK_OK(open("file", O_RDONLY)), writer = CHECK_OK(open("file", O_WRONLY));

    CHECK_ERR(EBADF, write(reader, "x", 1));
    CHECK_ERR(EBADF, read(writer, &byte, 1));
    CHECK_ERR(EINVAL, ftruncate(reader, 0));
    CHECK_EQ(CHECK_OK(fcntl(reader, F_GETFL)) & O_ACCMODE, O_RDONLY);
    CHECK_EQ(CHECK_OK(fcntl(writer, F_GETFL)) & O_ACCMODE, O_WRONLY);
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFL)) & O_ACCMODE, O_RDWR);
    CHECK_OK(close(reader));
    CHECK_OK(close(writer));
    file_check_contents(fd, "text");
    plain_file_remove(fd);
}

/* Names and files. */

static void an_open_file_outlives_its_name(void)
{
    int fd = plain_file_create("text"), other;

    CHECK_OK(unlink("file"));
    CHECK_ERR(ENOENT, open("file", O_RDONLY));
    other = plain_file_create("other");
    file_check_contents(fd, "text");
    CHECK_EQ(CHECK_OK(pwrite(fd, "T", 1, 0)), 1);
    file_check_contents(fd, "Text");
    file_check_contents(other, "other");
    CHECK_OK(close(fd));
    plain_file_remove(other);
}

static void stat_tells_about_the_file(void)
{
    struct stat by_name, by_fd, other;
    int fd = plain_file_create("text"), other_fd = create_file("other", "", 0);

    CHECK_OK(stat("file", &by_name));
    CHECK_OK(fstat(fd, &by_fd));
    CHECK_OK(fstat(other_fd, &other));
    CHECK(S_ISREG(by_name.st_mode));
    CHECK_EQ(by_name.st_size, 4);
    CHECK_EQ(by_name.st_nlink, 1);
    CHECK_EQ(by_name.st_ino, by_fd.st_ino);
    CHECK_EQ(by_name.st_dev, by_fd.st_dev);
    CHECK(by_fd.st_ino != other.st_ino);
    CHECK_OK(unlink("other"));
    CHECK_OK(fstat(other_fd, &other));
    CHECK_EQ(other.st_nlink, 0);
    CHECK_OK(lstat("file", &by_name));
    CHECK_EQ(by_name.st_ino, by_fd.st_ino);
    CHECK_ERR(ENOENT, stat("missing", &other));
    CHECK_ERR(ENOTDIR, stat("file/inner", &other));
    CHECK_OK(close(other_fd));
    plain_file_remove(fd);
}

static mode_t mode_of(const char *name)
{
    struct stat about;

    CHECK_OK(stat(name, &about));
    return about.st_mode & 07777;
}

static void umask_limits_the_mode(void)
{
    mode_t mask = umask(027);

    open_and_close("file", O_RDWR | O_CREAT);
    CHECK_EQ(mode_of("file"), 0640);
    CHECK_OK(mkdir("directory", 0777));
    CHECK_EQ(mode_of("directory"), 0750);
    CHECK_EQ(umask(mask), 027);
    CHECK_OK(rmdir("directory"));
    CHECK_OK(unlink("file"));
}

static void chmod_changes_the_mode(void)
{
    int fd = plain_file_create("text");

    CHECK_OK(chmod("file", 0751));
    CHECK_EQ(mode_of("file"), 0751);
    CHECK_OK(access("file", X_OK));
    CHECK_OK(fchmod(fd, 0600));
    CHECK_EQ(mode_of("file"), 0600);
    CHECK_ERR(ENOENT, chmod("missing", 0600));
    plain_file_remove(fd);
}

static void access_asks_about_the_file(void)
{
    int fd = plain_file_create("text");

    CHECK_OK(access("file", F_OK));
    CHECK_OK(access("file", R_OK | W_OK));
    CHECK_ERR(EACCES, access("file", X_OK));
    CHECK_OK(access(".", X_OK));
    CHECK_ERR(ENOENT, access("missing", F_OK));
    CHECK_ERR(EINVAL, access("file", 8));
    plain_file_remove(fd);
}

static void only_links_can_be_read_as_links(void)
{
    char target[10];
    int fd = plain_file_create("text");

    CHECK_ERR(EINVAL, readlink("file", target, sizeof(target)));
    CHECK_ERR(EINVAL, readlink(".", target, sizeof(target)));
    CHECK_ERR(ENOENT, readlink("missing", target, sizeof(target)));
    plain_file_remove(fd);
}

int main(void)
{
    temp_dir_enter();
    RUN(what_is_written_can_be_read);
    RUN(lseek_moves_the_offset);
    RUN(a_hole_reads_as_zero);
    RUN(a_file_may_have_a_huge_hole);
    RUN(pread_and_pwrite_leave_the_offset);
    RUN(vectors_are_read_and_written_in_order);
    RUN(truncation_cuts_and_lengthens);
    RUN(a_file_is_truncated_by_name);
    RUN(a_large_file_keeps_its_contents);
    RUN_ON_PAGODA(a_removed_file_gives_its_frames_back);
    RUN(open_says_what_is_wrong);
    RUN(creating_an_existing_file_opens_it);
    RUN(o_trunc_empties);
    RUN(o_append_writes_at_the_end);
    RUN(access_modes_are_kept);
    RUN(an_open_file_outlives_its_name);
    RUN(stat_tells_about_the_file);
    RUN(umask_limits_the_mode);
    RUN(chmod_changes_the_mode);
    RUN(access_asks_about_the_file);
    RUN(only_links_can_be_read_as_links);
    temp_dir_leave();
    return test_end();
}
