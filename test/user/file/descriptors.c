/* Descriptors: their numbers, copies and flags; and the devices null and zero, and isatty. */
#include "plain_file.h"
#include <sys/resource.h>

/* Descriptors. */

static void copies_share_an_offset(void)
{
    int fd = plain_file_create("0123456789"), copy = CHECK_OK(dup(fd)), separate;

    CHECK_OK(lseek(fd, 3, SEEK_SET));
    CHECK_EQ(file_offset(copy), 3);
    separate = CHECK_OK(open("file", O_RDWR));
    CHECK_EQ(file_offset(separate), 0);
    CHECK_OK(close(fd));
    CHECK_EQ(file_offset(copy), 3);
    CHECK_OK(close(separate));
    plain_file_remove(copy);
}

static void the_lowest_free_number_is_taken(void)
{
    int first = plain_file_create("text"), second = CHECK_OK(dup(first));

    CHECK_OK(close(first));
    CHECK_EQ(CHECK_OK(dup(second)), first);
    CHECK_EQ(CHECK_OK(fcntl(second, F_DUPFD, 60)), 60);
    CHECK_EQ(CHECK_OK(fcntl(second, F_DUPFD, 60)), 61);
    CHECK_OK(close(60));
    CHECK_OK(close(61));
    CHECK_OK(close(first));
    plain_file_remove(second);
}

static void dup2_replaces(void)
{
    int fd = plain_file_create("text"), other = create_file("other", "other", 5);

    CHECK_EQ(CHECK_OK(dup2(fd, other)), other);
    file_check_contents(other, "text");
    CHECK_EQ(CHECK_OK(dup2(fd, fd)), fd);
    CHECK_ERR(EBADF, dup2(99, fd));
    CHECK_ERR(EBADF, dup2(99, 99));
    CHECK_ERR(EBADF, dup2(fd, -1));
    file_check_contents(fd, "text");
    CHECK_EQ(CHECK_OK(dup2(fd, 70)), 70); /* a number that was free */
    CHECK_OK(close(70));
    CHECK_OK(close(other));
    CHECK_OK(unlink("other"));
    plain_file_remove(fd);
}

static void a_number_that_stands_for_nothing_is_refused(void)
{
    static const int numbers[] = {-1, 99, 1000000, INT32_MAX, INT32_MIN};
    struct stat about;
    char byte;

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        CHECK_ERR(EBADF, read(numbers[i], &byte, 1));
        CHECK_ERR(EBADF, write(numbers[i], &byte, 1));
        CHECK_ERR(EBADF, close(numbers[i]));
        CHECK_ERR(EBADF, fstat(numbers[i], &about));
        CHECK_ERR(EBADF, lseek(numbers[i], 0, SEEK_SET));
        CHECK_ERR(EBADF, dup(numbers[i]));
        CHECK_ERR(EBADF, fcntl(numbers[i], F_GETFD));
        CHECK_ERR(EBADF, ftruncate(numbers[i], 0));
    }
}

static void descriptors_have_flags_of_their_own(void)
{
    int fd = plain_file_create("text"), copy;

    CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFD)), 0);
    CHECK_OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFD)), FD_CLOEXEC);
    copy = CHECK_OK(dup(fd));
    CHECK_EQ(CHECK_OK(fcntl(copy, F_GETFD)), 0); /* belongs to the number, not to the file */
    CHECK_OK(fcntl(fd, F_SETFL, O_APPEND));
    CHECK_EQ(CHECK_OK(fcntl(copy, F_GETFL)) & O_APPEND, O_APPEND); /* belongs to the file */
    CHECK_ERR(EINVAL, fcntl(fd, 12345));
    CHECK_OK(close(copy));
    plain_file_remove(fd);
}

static void open_until_there_are_no_more(void *unused)
{
    struct rlimit limit = {64, 64};
    int fd, highest = -1;

    (void)unused;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    while ((fd = open("/dev/null", O_RDONLY)) >= 0)
        CHECK((highest = fd) < 64);
    CHECK_EQ(errno, EMFILE);
    CHECK_EQ(highest, 63);
    CHECK_ERR(EMFILE, dup(0));
    CHECK_ERR(EMFILE, pipe((int[2]){0}));
    CHECK_OK(close(highest));
    CHECK_ERR(EMFILE, pipe((int[2]){0})); /* needs two */
    CHECK_EQ(CHECK_OK(open("/dev/null", O_RDONLY)), highest);
}

static void descriptors_run_out(void)
{
    CHECK(exits_with(0, open_until_there_are_no_more, NULL));
}

/* An open that creates or empties a file, and then finds no free descriptor. */
static void open_without_a_number(void *unused)
{
    struct rlimit none = {0, 64};
    struct stat status;

    (void)unused;
    CHECK_OK(setrlimit(RLIMIT_NOFILE, &none));
    CHECK_ERR(EMFILE, open("new", O_RDWR | O_CREAT, 0644));
    CHECK_ERR(ENOENT, stat("new", &status));
    CHECK_ERR(EMFILE, open("file", O_RDWR | O_TRUNC));
    CHECK_OK(stat("file", &status));
    CHECK_EQ(status.st_size, 4);
}

static void an_open_without_a_number_changes_nothing(void)
{
    int fd = create_file("file", "text", 4);

    CHECK(exits_with(0, open_without_a_number, NULL));
    plain_file_remove(fd);
}

/* Devices. */

static void dev_null_swallows_all(void)
{
    char bytes[100];
    struct stat about;
    int fd = CHECK_OK(open("/dev/null", O_RDWR));

    CHECK_EQ(CHECK_OK(write(fd, "text", 4)), 4);
    CHECK_EQ(CHECK_OK(read(fd, bytes, sizeof(bytes))), 0);
    CHECK_OK(fstat(fd, &about));
    CHECK(S_ISCHR(about.st_mode));
    CHECK_OK(close(fd));
}

static void dev_zero_is_endless(void)
{
    char *bytes = map_pages(5);
    int fd = CHECK_OK(open("/dev/zero", O_RDWR));

    memset(bytes, 'x', 5 * PAGE);
    CHECK_EQ(CHECK_OK(read(fd, bytes + 100, 3 * PAGE)), 3 * PAGE);
    CHECK_EQ(bytes[99], 'x');
    CHECK(is_zero(bytes + 100, 3 * PAGE));
    CHECK_EQ(bytes[100 + 3 * PAGE], 'x');
    CHECK_EQ(CHECK_OK(write(fd, bytes, 4)), 4);
    CHECK_OK(close(fd));
    unmap_pages(bytes, 5);
}

static void a_file_is_no_terminal(void)
{
    int fd = plain_file_create("text");

    CHECK(!isatty(fd));
    CHECK_EQ(errno, ENOTTY);
    plain_file_remove(fd);
}

int main(void)
{
    temp_dir_enter();
    RUN(copies_share_an_offset);
    RUN(the_lowest_free_number_is_taken);
    RUN(dup2_replaces);
    RUN(a_number_that_stands_for_nothing_is_refused);
    RUN(descriptors_have_flags_of_their_own);
    RUN(descriptors_run_out);
    RUN(an_open_without_a_number_changes_nothing);
    RUN(dev_null_swallows_all);
    RUN(dev_zero_is_endless);
    RUN(a_file_is_no_terminal);
    temp_dir_leave();
    return test_end();
}
