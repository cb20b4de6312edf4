/* RLIMIT_FSIZE: the size up to which a process may make a file grow. */
#include "test.h"

#include <sys/resource.h>
#include <sys/uio.h>

#define LIMIT 10000

static volatile sig_atomic_t signals;
static volatile sig_atomic_t code, sender;

static void note_signal(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)context;
    signals++;
    code = info->si_code;
    sender = info->si_pid;
}

static void set_limit(rlim_t bytes)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_FSIZE, &limit));
    limit.rlim_cur = bytes;
    CHECK_OK(setrlimit(RLIMIT_FSIZE, &limit));
    CHECK_OK(sigaction(
        SIGXFSZ, &(struct sigaction){.sa_sigaction = note_signal, .sa_flags = SA_SIGINFO}, NULL));
    signals = 0;
}

static long size_of(int fd)
{
    struct stat stat;

    CHECK_OK(fstat(fd, &stat));
    return stat.st_size;
}

static char bytes[LIMIT + 100];

static void check_refused(int times)
{
    CHECK_EQ(signals, times);
    CHECK_EQ(code, SI_USER);
    CHECK_EQ(sender, getpid());
}

static void write_to_limit(void *unused)
{
    (void)unused;
    int fd = create_file("file", "", 0);
    set_limit(LIMIT);
    CHECK_EQ(CHECK_OK(write(fd, bytes, sizeof(bytes))), LIMIT);
    CHECK_EQ(signals, 0);
    CHECK_ERR(EFBIG, write(fd, bytes, 1));
    check_refused(1);
    CHECK_EQ(CHECK_OK(write(fd, bytes, 0)), 0);
    CHECK_EQ(CHECK_OK(pwrite(fd, bytes, 100, LIMIT - 1)), 1);
    CHECK_ERR(EFBIG, pwrite(fd, bytes, 1, LIMIT + 5));
    struct iovec vector[2] = {{bytes, 7}, {bytes, 7}};
    CHECK_EQ(CHECK_OK(pwritev(fd, vector, 2, LIMIT - 10)), 10);
    CHECK_ERR(EFBIG, pwritev(fd, vector, 2, LIMIT));
    check_refused(3);
    CHECK_EQ(size_of(fd), LIMIT);
    int appender = CHECK_OK(open("file", O_WRONLY | O_APPEND));
    CHECK_ERR(EFBIG, write(appender, bytes, 1));
    check_refused(4);
    CHECK_OK(ftruncate(fd, LIMIT - 5));
    CHECK_EQ(CHECK_OK(write(appender, bytes, 10)), 5);
    CHECK_EQ(CHECK_OK(lseek(fd, 0, SEEK_CUR)), LIMIT);
}

static void truncate_to_limit(void *unused)
{
    (void)unused;
    int fd = create_file("file", "", 0);
    set_limit(LIMIT);
    CHECK_OK(ftruncate(fd, LIMIT));
    CHECK_ERR(EFBIG, ftruncate(fd, LIMIT + 1));
    check_refused(1);
    CHECK_ERR(EFBIG, truncate("file", LIMIT + 1));
    check_refused(2);
    CHECK_EQ(size_of(fd), LIMIT);
    set_limit(10);
    CHECK_OK(ftruncate(fd, LIMIT - 1)); /* it was longer */
    CHECK_ERR(EFBIG, pwrite(fd, bytes, 1, 10));
    CHECK_OK(truncate("file", 20));
    CHECK_ERR(EFBIG, ftruncate(fd, 21));
    check_refused(2);
    CHECK_OK(close(CHECK_OK(open("file", O_WRONLY | O_TRUNC))));
    set_limit(0);
    CHECK_ERR(EFBIG, write(fd, bytes, 1));
    check_refused(1);
}

static void write_elsewhere(void *unused)
{
    int fds[2], null = CHECK_OK(open("/dev/null", O_WRONLY));

    (void)unused;
    set_limit(0);
    make_pipe(fds);
    CHECK_EQ(CHECK_OK(write(fds[1], bytes, 100)), 100);
    CHECK_EQ(CHECK_OK(write(null, bytes, 100)), 100);
    CHECK_EQ(signals, 0);
}

static void grow(void *unused)
{
    (void)unused;
    int fd = create_file("file", "", 0);
    set_limit(1);
    signal(SIGXFSZ, SIG_DFL);
    (void)!pwrite(fd, bytes, 1, 1);
}

/* The limit holds in a child only, because the harness writes too. */
static void check_in_child(void (*body)(void *))
{
    bool passed = exits_with(0, body, NULL);

    CHECK_OK(unlink("file"));
    CHECK(passed);
}

static void a_write_ends_at_the_limit(void)
{
    check_in_child(write_to_limit);
}

static void a_file_cannot_be_made_longer(void)
{
    check_in_child(truncate_to_limit);
}

static void only_regular_files_are_limited(void)
{
    CHECK(exits_with(0, write_elsewhere, NULL));
}

static void the_signal_kills(void)
{
    CHECK(dies_by(SIGXFSZ, grow, NULL));
    CHECK_OK(unlink("file"));
}

int main(void)
{
    temp_dir_enter();
    RUN(a_write_ends_at_the_limit);
    RUN(a_file_cannot_be_made_longer);
    RUN(only_regular_files_are_limited);
    RUN(the_signal_kills);
    temp_dir_leave();
    return test_end();
}
