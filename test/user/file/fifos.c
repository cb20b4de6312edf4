/* FIFOs: pipes with a name. An open waits for the other end. */
#include "test.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>

static int events_of_fd(int fd)
{
    struct pollfd asked = {.fd = fd, .events = POLLIN | POLLOUT};

    CHECK_OK(poll(&asked, 1, 0));
    return asked.revents;
}

static int bytes_in(int fd)
{
    int n;

    CHECK_OK(ioctl(fd, FIONREAD, &n));
    return n;
}

static void make_fifo(void)
{
    CHECK_OK(mkfifo("fifo", 0644));
}

static void remove_fifo(void)
{
    CHECK_OK(unlink("fifo"));
}

static int open_fifo(int flags)
{
    return CHECK_OK(open("fifo", flags));
}

/* Opens the FIFO with the flags that its argument points to, and closes it. */
static void open_and_close(void *flags)
{
    CHECK_OK(close(open_fifo(*(int *)flags)));
}

static pid_t start_open(int flags)
{
    pid_t pid = start_child(open_and_close, &flags);

    await_state(pid, 'S');
    return pid;
}

/* ---- What it is ---- */

static bool find_fifo(const struct dirent *entry)
{
    return strcmp(entry->d_name, "fifo") == 0 && entry->d_type == DT_FIFO;
}

static void a_fifo_is_a_name(void)
{
    struct stat about;
    struct dirent *entry;
    bool is_listed = false;
    mode_t old = umask(022);

    CHECK_OK(mkfifo("fifo", 0666));
    CHECK_OK(stat("fifo", &about));
    CHECK_EQ(about.st_mode, S_IFIFO | 0644);
    CHECK_EQ(about.st_size, 0);
    CHECK_EQ(about.st_nlink, 1);
    CHECK_ERR(EEXIST, mkfifo("fifo", 0666));
    CHECK_ERR(ENOENT, mkfifo("missing/fifo", 0666));
    CHECK_OK(mknodat(AT_FDCWD, "other", S_IFIFO | 0600, 0));
    CHECK_OK(rename("fifo", "other"));
    CHECK_OK(link("other", "fifo"));
    CHECK_OK(unlink("other"));
    DIR *dir = opendir(".");
    CHECK(dir);
    while ((entry = readdir(dir)))
        is_listed |= find_fifo(entry);
    CHECK(is_listed);
    CHECK_OK(closedir(dir));
    remove_fifo();
    umask(old);
}

static void a_fifo_is_no_regular_file(void)
{
    char byte;

    make_fifo();
    CHECK_ERR(EINVAL, truncate("fifo", 0));
    CHECK_ERR(ENOTDIR, open("fifo", O_RDONLY | O_DIRECTORY));
    CHECK_ERR(ENOTDIR, open("fifo/", O_RDONLY));
    CHECK_ERR(EEXIST, open("fifo", O_RDWR | O_CREAT | O_EXCL, 0600));
    CHECK_OK(chmod("fifo", 0755));
    CHECK_ERR(EACCES, execl("fifo", "fifo", NULL));
    int fd = CHECK_OK(open("fifo", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFD)), FD_CLOEXEC);
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GETPIPE_SZ)), 16 * PAGE);
    CHECK_ERR(EINVAL, ftruncate(fd, 0));
    CHECK_ERR(ESPIPE, lseek(fd, 0, SEEK_SET));
    CHECK_ERR(ESPIPE, pread(fd, &byte, 1, 0));
    CHECK_ERR(ENODEV, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
    CHECK_ERR(EINVAL, fsync(fd));
    CHECK_OK(close(fd));
    fd = open_fifo(O_PATH); /* does not wait */
    CHECK_ERR(EBADF, read(fd, &byte, 1));
    CHECK_OK(close(fd));
    remove_fifo();
}

/* ---- Opens that wait ---- */

static void write_word(void *unused)
{
    (void)unused;
    int fd = open_fifo(O_WRONLY);
    CHECK_EQ(CHECK_OK(write(fd, "word", 4)), 4);
    CHECK_OK(close(fd));
}

static void read_word(void *unused)
{
    char word[8];

    (void)unused;
    int fd = open_fifo(O_RDONLY);
    CHECK_EQ(CHECK_OK(read(fd, word, sizeof(word))), 4);
    CHECK(memcmp(word, "word", 4) == 0);
    CHECK_EQ(CHECK_OK(read(fd, word, sizeof(word))), 0);
    CHECK_OK(close(fd));
}

static void a_reader_waits_for_a_writer(void)
{
    make_fifo();
    pid_t reader = start_child(read_word, NULL);
    await_state(reader, 'S');
    write_word(NULL);
    CHECK(exited_with(wait_child(reader), 0));
    remove_fifo();
}

static void a_writer_waits_for_a_reader(void)
{
    make_fifo();
    pid_t writer = start_child(write_word, NULL);
    await_state(writer, 'S');
    read_word(NULL);
    CHECK(exited_with(wait_child(writer), 0));
    remove_fifo();
}

/* The reader is gone again before the writer runs. */
static void a_partner_may_come_and_go(void)
{
    make_fifo();
    pid_t writer = start_open(O_WRONLY);
    CHECK_OK(close(open_fifo(O_RDONLY | O_NONBLOCK)));
    CHECK(exited_with(wait_child(writer), 0));
    pid_t reader = start_open(O_RDONLY);
    CHECK_OK(close(open_fifo(O_RDWR)));
    CHECK(exited_with(wait_child(reader), 0));
    remove_fifo();
}

static void an_open_need_not_wait(void)
{
    char byte;

    make_fifo();
    CHECK_ERR(ENXIO, open("fifo", O_WRONLY | O_NONBLOCK));
    int reader = open_fifo(O_RDONLY | O_NONBLOCK);
    CHECK_EQ(CHECK_OK(read(reader, &byte, 1)), 0);
    int writer = open_fifo(O_WRONLY | O_NONBLOCK);
    CHECK_ERR(EAGAIN, read(reader, &byte, 1));
    CHECK_OK(write(writer, "x", 1));
    CHECK_EQ(CHECK_OK(read(reader, &byte, 1)), 1);
    CHECK_OK(close(reader));
    CHECK_ERR(ENXIO, open("fifo", O_WRONLY | O_NONBLOCK));
    CHECK_OK(close(writer));
    remove_fifo();
}

static void a_file_for_both_ends_waits_for_nobody(void)
{
    char byte;

    make_fifo();
    int fd = open_fifo(O_RDWR);
    CHECK_EQ(CHECK_OK(write(fd, "x", 1)), 1);
    CHECK_EQ(events_of_fd(fd), POLLIN | POLLOUT);
    CHECK_EQ(CHECK_OK(read(fd, &byte, 1)), 1);
    CHECK_EQ(events_of_fd(fd), POLLOUT);
    CHECK_OK(close(open_fifo(O_RDONLY)));
    CHECK_OK(close(open_fifo(O_WRONLY)));
    CHECK_OK(close(fd));
    remove_fifo();
}

static volatile sig_atomic_t caught;

static void catch (int number)
{
    (void)number;
    caught++;
}

/* Sends a signal to its parent, which waits in an open. Then opens the FIFO as its argument says,
   unless that is negative. */
static void signal_parent(void *flags)
{
    await_state(getppid(), 'S');
    CHECK_OK(kill(getppid(), SIGUSR1));
    if (*(int *)flags >= 0)
        open_and_close(flags);
}

static void check_interrupted(int mine, int others)
{
    int nothing = -1;

    caught = 0;
    CHECK_OK(sigaction(SIGUSR1, &(struct sigaction){.sa_handler = catch}, NULL));
    pid_t pid = start_child(signal_parent, &nothing);
    CHECK_ERR(EINTR, open("fifo", mine));
    CHECK_EQ(caught, 1);
    CHECK(exited_with(wait_child(pid), 0));
    /* The end is not counted any more. */
    CHECK_ERR(ENXIO, open("fifo", O_WRONLY | O_NONBLOCK));

    CHECK_OK(
        sigaction(SIGUSR1, &(struct sigaction){.sa_handler = catch, .sa_flags = SA_RESTART}, NULL));
    pid = start_child(signal_parent, &others);
    CHECK_OK(close(open_fifo(mine)));
    CHECK_EQ(caught, 2);
    CHECK(exited_with(wait_child(pid), 0));
    CHECK(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
}

static void a_signal_ends_the_wait(void)
{
    make_fifo();
    check_interrupted(O_RDONLY, O_WRONLY);
    check_interrupted(O_WRONLY, O_RDONLY);
    remove_fifo();
}

static void a_process_that_waits_can_be_killed(void)
{
    make_fifo();
    pid_t reader = start_open(O_RDONLY);
    CHECK_OK(kill(reader, SIGKILL));
    CHECK(killed_by(wait_child(reader), SIGKILL));
    CHECK_ERR(ENXIO, open("fifo", O_WRONLY | O_NONBLOCK));
    pid_t writer = start_open(O_WRONLY);
    CHECK_OK(kill(writer, SIGKILL));
    CHECK(killed_by(wait_child(writer), SIGKILL));
    remove_fifo();
}

/* ---- Open, closed, open again ---- */

static void a_writer_may_come_after_the_end(void)
{
    char byte;

    make_fifo();
    int reader = open_fifo(O_RDONLY | O_NONBLOCK);
    for (int i = 0; i < 3; i++) {
        int writer = open_fifo(O_WRONLY);
        CHECK_OK(write(writer, "x", 1));
        CHECK_OK(close(writer));
        CHECK_EQ(CHECK_OK(read(reader, &byte, 1)), 1);
        CHECK_EQ(CHECK_OK(read(reader, &byte, 1)), 0);
    }
    CHECK_OK(close(reader));
    remove_fifo();
}

static void a_reader_may_come_after_a_broken_pipe(void)
{
    make_fifo();
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    int reader = open_fifo(O_RDONLY | O_NONBLOCK), writer = open_fifo(O_WRONLY);
    CHECK_OK(close(reader));
    CHECK_ERR(EPIPE, write(writer, "x", 1));
    CHECK(events_of_fd(writer) & POLLERR);
    reader = open_fifo(O_RDONLY);
    CHECK_EQ(CHECK_OK(write(writer, "x", 1)), 1);
    CHECK_EQ(events_of_fd(writer), POLLOUT);
    CHECK_OK(close(reader));
    CHECK_OK(close(writer));
    CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
    remove_fifo();
}

static void bytes_stay_while_an_end_is_open(void)
{
    make_fifo();
    int both = open_fifo(O_RDWR), writer = open_fifo(O_WRONLY);
    CHECK_EQ(CHECK_OK(write(both, "bytes", 5)), 5);
    CHECK_OK(close(both));
    int reader = open_fifo(O_RDONLY);
    CHECK_EQ(bytes_in(reader), 5);
    CHECK_OK(close(writer));
    CHECK_OK(close(reader));
    both = open_fifo(O_RDWR);
    CHECK_EQ(bytes_in(both), 0);
    CHECK_OK(close(both));
    remove_fifo();
}

static void poll_tells_an_end_only_after_a_writer(void)
{
    make_fifo();
    int reader = open_fifo(O_RDONLY | O_NONBLOCK);
    CHECK_EQ(events_of_fd(reader), 0);
    int writer = open_fifo(O_WRONLY);
    CHECK_EQ(events_of_fd(reader), 0);
    CHECK_OK(write(writer, "x", 1));
    CHECK_EQ(events_of_fd(reader), POLLIN);
    CHECK_OK(close(writer));
    CHECK_EQ(events_of_fd(reader), POLLIN | POLLHUP);
    int late = open_fifo(O_RDONLY | O_NONBLOCK);
    CHECK_EQ(events_of_fd(late), POLLIN);
    writer = open_fifo(O_WRONLY);
    CHECK_EQ(events_of_fd(reader), POLLIN);
    CHECK_OK(close(writer));
    CHECK_EQ(events_of_fd(late), POLLIN | POLLHUP);
    CHECK_OK(close(late));
    CHECK_OK(close(reader));
    remove_fifo();
}

static void poll_waits_for_a_writer(void)
{
    make_fifo();
    int reader = open_fifo(O_RDONLY | O_NONBLOCK);
    struct pollfd asked = {.fd = reader, .events = POLLIN};
    pid_t writer = start_child(write_word, NULL);
    CHECK_EQ(CHECK_OK(poll(&asked, 1, -1)), 1);
    CHECK(asked.revents & (POLLIN | POLLHUP));
    CHECK(exited_with(wait_child(writer), 0));
    CHECK_EQ(bytes_in(reader), 4);
    CHECK_OK(close(reader));
    remove_fifo();
}

static void an_open_fifo_may_lose_its_name(void)
{
    char byte;

    make_fifo();
    int fd = open_fifo(O_RDWR);
    remove_fifo();
    make_fifo();
    int other = open_fifo(O_RDWR);
    CHECK_OK(write(fd, "x", 1));
    CHECK_EQ(bytes_in(other), 0);
    CHECK_EQ(CHECK_OK(read(fd, &byte, 1)), 1);
    CHECK_OK(close(fd));
    CHECK_OK(close(other));
    remove_fifo();
}

/* ---- Many ---- */

#define PROCESSES 4
#define RECORDS   100

/* The test's own file of the FIFO, so that there is no end before all have opened it. */
static int hold;

static void write_records(void *unused)
{
    char record[100];

    (void)unused;
    memset(record, 'r', sizeof(record));
    int fd = open_fifo(O_WRONLY);
    CHECK_OK(close(hold));
    for (int i = 0; i < RECORDS; i++)
        CHECK_EQ(CHECK_OK(write(fd, record, sizeof(record))), sizeof(record));
    CHECK_OK(close(fd));
}

/* Tells through a pipe how many bytes it has read. */
static void read_records(void *sum)
{
    char bytes[100];
    ssize_t len;
    int total = 0, fd = open_fifo(O_RDONLY);

    CHECK_OK(close(hold));
    while ((len = CHECK_OK(read(fd, bytes, sizeof(bytes)))) > 0)
        total += len;
    CHECK_EQ(CHECK_OK(write(*(int *)sum, &total, sizeof(total))), sizeof(total));
}

static void several_readers_share_several_writers(void)
{
    pid_t readers[PROCESSES], writers[PROCESSES];
    int sum[2], total, all = 0;

    make_fifo();
    make_pipe(sum);
    hold = open_fifo(O_RDWR);
    for (int i = 0; i < PROCESSES; i++) {
        readers[i] = start_child(read_records, &sum[1]);
        writers[i] = start_child(write_records, NULL);
    }
    for (int i = 0; i < PROCESSES; i++)
        CHECK(exited_with(wait_child(writers[i]), 0));
    for (int i = 0; i < PROCESSES; i++)
        await_state(readers[i], 'S');
    CHECK_OK(close(hold));
    for (int i = 0; i < PROCESSES; i++) {
        CHECK(exited_with(wait_child(readers[i]), 0));
        CHECK_EQ(CHECK_OK(read(sum[0], &total, sizeof(total))), sizeof(total));
        all += total;
    }
    CHECK_EQ(all, PROCESSES * RECORDS * 100);
    CHECK_OK(close(sum[0]));
    CHECK_OK(close(sum[1]));
    remove_fifo();
}

int main(void)
{
    temp_dir_enter();
    RUN(a_fifo_is_a_name);
    RUN(a_fifo_is_no_regular_file);
    RUN(a_reader_waits_for_a_writer);
    RUN(a_writer_waits_for_a_reader);
    RUN(a_partner_may_come_and_go);
    RUN(an_open_need_not_wait);
    RUN(a_file_for_both_ends_waits_for_nobody);
    RUN(a_signal_ends_the_wait);
    RUN(a_process_that_waits_can_be_killed);
    RUN(a_writer_may_come_after_the_end);
    RUN(a_reader_may_come_after_a_broken_pipe);
    RUN(bytes_stay_while_an_end_is_open);
    RUN(poll_tells_an_end_only_after_a_writer);
    RUN(poll_waits_for_a_writer);
    RUN(an_open_fifo_may_lose_its_name);
    RUN(several_readers_share_several_writers);
    temp_dir_leave();
    return test_end();
}
