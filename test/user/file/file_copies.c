/* sendfile(2) and copy_file_range(2): from file to file, and from a file to a pipe. */
#include "test.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define SIZE (3 * PAGE + 100)

static int from, to;
static char bytes[SIZE], found[2 * SIZE];

/* Opens two files, the first with SIZE bytes that differ from page to page. */
static void begin(void)
{
    for (size_t n = 0; n < SIZE; n++)
        bytes[n] = (char)(n % 251 + 1);
    from = CHECK_OK(open("from", O_RDWR | O_CREAT | O_TRUNC, 0600));
    to = CHECK_OK(open("to", O_RDWR | O_CREAT | O_TRUNC, 0600));
    CHECK_EQ(write(from, bytes, SIZE), SIZE);
}

static void end(void)
{
    CHECK_OK(close(from));
    CHECK_OK(close(to));
    CHECK_OK(unlink("from"));
    CHECK_OK(unlink("to"));
}

/* Checks that `to` has `len` bytes at `offset`, those that `from` has at `source`. */
static void expect_copied(off_t offset, off_t source, size_t len)
{
    CHECK_EQ(pread(to, found, len, offset), (long)len);
    CHECK_EQ(memcmp(found, bytes + source, len), 0);
}

static off_t offset_of(int fd)
{
    return CHECK_OK(lseek(fd, 0, SEEK_CUR));
}

static long copy_range(int in, off_t *in_offset, int out, off_t *out_offset, size_t len)
{
    return syscall(SYS_copy_file_range, in, in_offset, out, out_offset, len, 0);
}

/* ---- sendfile ---- */

static void sendfile_moves_the_offsets(void)
{
    begin();
    CHECK_EQ(lseek(from, 10, SEEK_SET), 10);
    CHECK_EQ(sendfile(to, from, NULL, PAGE), PAGE);
    CHECK_EQ(offset_of(from), PAGE + 10);
    CHECK_EQ(offset_of(to), PAGE);
    CHECK_EQ(sendfile(to, from, NULL, 100 * PAGE), SIZE - PAGE - 10);
    CHECK_EQ(sendfile(to, from, NULL, 1), 0);
    expect_copied(0, 10, SIZE - 10);
    end();
}

static void sendfile_takes_an_offset(void)
{
    off_t offset = 5;

    begin();
    CHECK_EQ(sendfile(to, from, &offset, 2 * PAGE), 2 * PAGE);
    CHECK_EQ(offset, 2 * PAGE + 5);
    CHECK_EQ(offset_of(from), SIZE);
    offset = SIZE + 10;
    CHECK_EQ(sendfile(to, from, &offset, 1), 0);
    CHECK_EQ(offset, SIZE + 10);
    expect_copied(0, 5, 2 * PAGE);
    end();
}

static void sendfile_fills_a_pipe(void)
{
    off_t offset = 3;
    int fds[2];

    begin();
    CHECK_OK(pipe2(fds, O_NONBLOCK));
    CHECK_EQ(sendfile(fds[1], from, &offset, PAGE), PAGE);
    CHECK_EQ(read(fds[0], found, PAGE), PAGE);
    CHECK_EQ(memcmp(found, bytes + 3, PAGE), 0);
    CHECK_OK(ftruncate(from, 100 * PAGE));
    offset = 0;
    long sent = CHECK_OK(sendfile(fds[1], from, &offset, 100 * PAGE));
    CHECK(sent > 0 && sent < 100 * (long)PAGE);
    CHECK_EQ(offset, sent);
    CHECK_ERR(EAGAIN, sendfile(fds[1], from, &offset, PAGE));
    CHECK_EQ(offset, sent);
    CHECK_OK(close(fds[0]));
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERR(EPIPE, sendfile(fds[1], from, &offset, PAGE));
    signal(SIGPIPE, SIG_DFL);
    CHECK_OK(close(fds[1]));
    end();
}

static int pipe_ends[2];

static void send_all(void *unused)
{
    off_t offset = 0;

    (void)unused;
    CHECK_OK(close(pipe_ends[0]));
    while (offset < (off_t)(100 * PAGE))
        CHECK(sendfile(pipe_ends[1], from, &offset, 100 * PAGE - offset) > 0);
    CHECK_EQ(offset, 100 * PAGE);
}

/* Only the first bytes of a call wait, so the program that reads the pipe may be the same. */
static void sendfile_does_not_wait_twice(void)
{
    off_t offset = 0;

    begin();
    CHECK_OK(ftruncate(from, 100 * PAGE));
    make_pipe(pipe_ends);
    long sent = CHECK_OK(sendfile(pipe_ends[1], from, &offset, 100 * PAGE));
    CHECK(sent > 0 && sent < 100 * (long)PAGE);
    CHECK_OK(close(pipe_ends[0]));
    CHECK_OK(close(pipe_ends[1]));
    end();
}

/* A reader gets everything, although the pipe holds less. */
static void sendfile_waits_for_room(void)
{
    long all = 0, done;

    begin();
    CHECK_OK(ftruncate(from, 100 * PAGE));
    CHECK_OK(pipe(pipe_ends));
    pid_t child = start_child(send_all, NULL);
    CHECK_OK(close(pipe_ends[1]));
    while ((done = CHECK_OK(read(pipe_ends[0], found, sizeof(found)))) > 0)
        all += done;
    CHECK_EQ(all, 100 * PAGE);
    CHECK(exited_with(wait_child(child), 0));
    CHECK_OK(close(pipe_ends[0]));
    end();
}

static void sendfile_refuses(void)
{
    off_t zero = 0, negative = -1, large = INT64_MAX;
    int fds[2];

    begin();
    make_pipe(fds);
    int appended = CHECK_OK(open("to", O_WRONLY | O_APPEND)), dir = CHECK_OK(open(".", O_RDONLY));
    int reader = CHECK_OK(open("to", O_RDONLY)), path = CHECK_OK(open("from", O_PATH));
    int writer = CHECK_OK(open("from", O_WRONLY));
    CHECK_ERR(EBADF, sendfile(-1, from, &zero, 1));
    CHECK_ERR(EBADF, sendfile(to, -1, &zero, 1));
    CHECK_ERR(EBADF, sendfile(to, path, &zero, 1));
    CHECK_ERR(EBADF, sendfile(to, writer, &zero, 1));
    CHECK_ERR(EBADF, sendfile(reader, from, &zero, 1));
    CHECK_ERR(EBADF, sendfile(dir, from, &zero, 1));
    CHECK_ERR(EINVAL, sendfile(appended, from, &zero, 1));
    CHECK_ERR(EINVAL, sendfile(to, dir, &zero, 1));
    CHECK_ERR(EINVAL, sendfile(to, fds[0], NULL, 1));
    CHECK_ERR(ESPIPE, sendfile(to, fds[0], &zero, 1));
    CHECK_ERR(EINVAL, sendfile(to, from, &negative, 1));
    CHECK_ERR(EINVAL, sendfile(to, from, &large, 1));
    CHECK_ERR(EFAULT, sendfile(-1, -1, (off_t *)8, 1));
    CHECK_EQ(sendfile(to, from, &zero, 0), 0);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(close(appended));
    CHECK_OK(close(dir));
    CHECK_OK(close(reader));
    CHECK_OK(close(path));
    CHECK_OK(close(writer));
    end();
}

/* ---- copy_file_range ---- */

static void copy_moves_the_offsets(void)
{
    begin();
    CHECK_EQ(lseek(from, 7, SEEK_SET), 7);
    CHECK_EQ(lseek(to, 100, SEEK_SET), 100);
    CHECK_EQ(copy_range(from, NULL, to, NULL, PAGE), PAGE);
    CHECK_EQ(offset_of(from), PAGE + 7);
    CHECK_EQ(offset_of(to), PAGE + 100);
    expect_copied(100, 7, PAGE);
    CHECK_EQ(pread(to, found, 100, 0), 100);
    CHECK_EQ(found[99], 0);
    end();
}

static void copy_takes_offsets(void)
{
    off_t source = 50, target = 2 * PAGE;

    begin();
    CHECK_EQ(copy_range(from, &source, to, &target, ~0ul >> 2), SIZE - 50);
    CHECK_EQ(source, SIZE);
    CHECK_EQ(target, 2 * PAGE + SIZE - 50);
    CHECK_EQ(offset_of(from), SIZE);
    CHECK_EQ(offset_of(to), 0);
    expect_copied(2 * PAGE, 50, SIZE - 50);
    CHECK_EQ(copy_range(from, &source, to, &target, 1), 0);
    end();
}

static void copy_within_a_file(void)
{
    off_t source = 0, target = PAGE;

    begin();
    CHECK_EQ(copy_range(from, &source, from, &target, PAGE), PAGE);
    CHECK_EQ(pread(from, found, PAGE, PAGE), PAGE);
    CHECK_EQ(memcmp(found, bytes, PAGE), 0);
    source = 0, target = PAGE - 1;
    CHECK_ERR(EINVAL, copy_range(from, &source, from, &target, PAGE));
    source = target = 0;
    CHECK_ERR(EINVAL, copy_range(from, &source, from, &target, PAGE));
    CHECK_EQ(copy_range(from, &source, from, &target, 0), 0);
    source = 0, target = SIZE;
    CHECK_EQ(copy_range(from, &source, from, &target, 100 * PAGE), SIZE);
    end();
}

static void copy_refuses(void)
{
    off_t zero = 0, negative = -1, large = INT64_MAX;
    int fds[2];

    begin();
    make_pipe(fds);
    int appended = CHECK_OK(open("to", O_WRONLY | O_APPEND)), dir = CHECK_OK(open(".", O_RDONLY));
    int reader = CHECK_OK(open("to", O_RDONLY)), path = CHECK_OK(open("from", O_PATH));
    int writer = CHECK_OK(open("from", O_WRONLY)), null = CHECK_OK(open("/dev/null", O_RDWR));
    int other = CHECK_OK(open("/proc/self/status", O_RDONLY));
    CHECK_ERR(EBADF, copy_range(-1, NULL, to, NULL, 1));
    CHECK_ERR(EBADF, copy_range(from, NULL, -1, NULL, 1));
    CHECK_ERR(EBADF, copy_range(path, NULL, to, NULL, 1));
    CHECK_ERR(EBADF, copy_range(writer, NULL, to, NULL, 1));
    CHECK_ERR(EBADF, copy_range(from, NULL, reader, NULL, 1));
    CHECK_ERR(EBADF, copy_range(from, NULL, appended, NULL, 1));
    CHECK_ERR(EISDIR, copy_range(dir, NULL, to, NULL, 1));
    CHECK_ERR(EISDIR, copy_range(from, NULL, dir, NULL, 1));
    CHECK_ERR(EINVAL, copy_range(fds[0], NULL, to, NULL, 1));
    CHECK_ERR(EINVAL, copy_range(from, NULL, null, NULL, 1));
    CHECK_ERR(EINVAL, syscall(SYS_copy_file_range, from, NULL, to, NULL, 1l, 1));
    CHECK_ERR(EFAULT, syscall(SYS_copy_file_range, from, (off_t *)8, to, NULL, 1l, 1));
    CHECK_ERR(EXDEV, copy_range(other, NULL, to, NULL, 1));
    CHECK_ERR(EOVERFLOW, copy_range(from, &negative, to, NULL, 5));
    CHECK_ERR(EINVAL, copy_range(from, &negative, to, NULL, 0));
    CHECK_ERR(EFBIG, copy_range(from, &zero, to, &large, 5));
    CHECK_EQ(copy_range(from, &large, to, &zero, 5), 0);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(close(appended));
    CHECK_OK(close(dir));
    CHECK_OK(close(reader));
    CHECK_OK(close(path));
    CHECK_OK(close(writer));
    CHECK_OK(close(null));
    CHECK_OK(close(other));
    end();
}

/* Both end where the limit is, and then fail. */
static void the_limit_of_sizes_holds(void)
{
    struct rlimit old, limit;
    off_t source = 0, target = 0;

    begin();
    CHECK_OK(getrlimit(RLIMIT_FSIZE, &old));
    limit = (struct rlimit){PAGE + 100, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    CHECK_OK(setrlimit(RLIMIT_FSIZE, &limit));
    CHECK_EQ(copy_range(from, &source, to, &target, SIZE), PAGE + 100);
    CHECK_ERR(EFBIG, copy_range(from, &source, to, &target, SIZE));
    CHECK_OK(ftruncate(to, 0));
    source = 0;
    CHECK_EQ(sendfile(to, from, &source, SIZE), PAGE + 100);
    CHECK_ERR(EFBIG, sendfile(to, from, &source, SIZE));
    CHECK_OK(setrlimit(RLIMIT_FSIZE, &old));
    signal(SIGXFSZ, SIG_DFL);
    end();
}

/* Programs that map the file see what was copied. */
static void mappings_see_copies(void)
{
    off_t source = 0, target = 0;

    begin();
    CHECK_OK(ftruncate(to, 3 * PAGE));
    char *pages = CHECK_OK(mmap(NULL, 3 * PAGE, PROT_READ, MAP_SHARED, to, 0));
    CHECK_EQ(peek(pages + PAGE), 0);
    CHECK_EQ(copy_range(from, &source, to, &target, SIZE), SIZE);
    CHECK_EQ(memcmp(pages, bytes, 3 * PAGE), 0);
    unmap_pages(pages, 3);
    end();
}

int main(void)
{
    temp_dir_enter();
    RUN(sendfile_moves_the_offsets);
    RUN(sendfile_takes_an_offset);
    RUN(sendfile_fills_a_pipe);
    RUN(sendfile_does_not_wait_twice);
    RUN(sendfile_waits_for_room);
    RUN(sendfile_refuses);
    RUN(copy_moves_the_offsets);
    RUN(copy_takes_offsets);
    RUN(copy_within_a_file);
    RUN(copy_refuses);
    RUN(the_limit_of_sizes_holds);
    RUN(mappings_see_copies);
    temp_dir_leave();
    return test_end();
}
