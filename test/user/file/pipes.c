/* Pipes: bytes in order, end of file, broken pipes, and processes that wait for each other.

   A test cannot see from outside that a process waits without a guess at time. So the cases force
   the wait: they move more than a pipe can hold, or need an answer for each question. */
#include "test.h"

#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#define STREAM_LEN (512 * KIB) /* more than a pipe holds */

static void close_pipe(const int fds[2])
{
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static void ignore_sigpipe(void)
{
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
}

static void what_goes_in_comes_out(void)
{
    char text[16] = {0};
    int fds[2];

    make_pipe(fds);
    CHECK_EQ(CHECK_OK(write(fds[1], "hello, ", 7)), 7);
    CHECK_EQ(CHECK_OK(write(fds[1], "world", 5)), 5);
    CHECK_EQ(CHECK_OK(read(fds[0], text, 3)), 3);
    CHECK_EQ(CHECK_OK(read(fds[0], text + 3, 13)), 9); /* what there is, not what was asked for */
    CHECK(strcmp(text, "hello, world") == 0);
    close_pipe(fds);
}

static void a_pipe_is_no_file(void)
{
    struct stat about;
    char byte;
    int fds[2];

    make_pipe(fds);
    CHECK_OK(fstat(fds[0], &about));
    CHECK(S_ISFIFO(about.st_mode));
    CHECK_ERR(ESPIPE, lseek(fds[0], 0, SEEK_SET));
    CHECK_ERR(ESPIPE, pread(fds[0], &byte, 1, 0));
    CHECK_ERR(EBADF, read(fds[1], &byte, 1));
    CHECK_ERR(EBADF, write(fds[0], "x", 1));
    CHECK_EQ(CHECK_OK(write(fds[1], "x", 0)), 0);
    CHECK_EQ(CHECK_OK(read(fds[0], &byte, 0)), 0); /* does not wait */
    close_pipe(fds);
}

static void the_end_is_when_the_last_writer_is_gone(void)
{
    char byte;
    int fds[2], copy;

    make_pipe(fds);
    copy = CHECK_OK(dup(fds[1]));
    CHECK_OK(write(fds[1], "x", 1));
    CHECK_OK(close(fds[1]));
    CHECK_OK(write(copy, "y", 1));
    CHECK_OK(close(copy));
    CHECK_EQ(CHECK_OK(read(fds[0], &byte, 1)), 1); /* what is in it can still be read */
    CHECK_EQ(CHECK_OK(read(fds[0], &byte, 1)), 1);
    CHECK_EQ(CHECK_OK(read(fds[0], &byte, 1)), 0);
    CHECK_EQ(CHECK_OK(read(fds[0], &byte, 1)), 0);
    CHECK_OK(close(fds[0]));
}

static void write_byte_to(void *fd)
{
    CHECK_ERR(EPIPE, write(*(int *)fd, "x", 1)); /* comes back only if SIGPIPE is ignored */
}

static void write_byte_ignoring(void *fd)
{
    ignore_sigpipe();
    write_byte_to(fd);
}

static void writing_without_a_reader_fails(void)
{
    int fds[2];

    make_pipe(fds);
    CHECK_OK(close(fds[0]));
    CHECK(dies_by(SIGPIPE, write_byte_to, &fds[1]));
    CHECK(exits_with(0, write_byte_ignoring, &fds[1]));
    CHECK_OK(close(fds[1]));
}

static void a_pipe_need_not_wait(void)
{
    static char page[PIPE_BUF];
    size_t held = 0;
    ssize_t len;
    int fds[2];

    CHECK_OK(pipe2(fds, O_NONBLOCK));
    CHECK_ERR(EAGAIN, read(fds[0], page, 1));
    while ((len = write(fds[1], page, sizeof(page))) > 0)
        held += len;
    CHECK_EQ(errno, EAGAIN);
    CHECK(held >= PIPE_BUF);
    CHECK_EQ(CHECK_OK(read(fds[0], page, sizeof(page))), sizeof(page));
    CHECK_EQ(CHECK_OK(write(fds[1], page, sizeof(page))), sizeof(page)); /* there is room again */
    close_pipe(fds);
}

/* A stream of bytes. Each is a function of its position, so that a lost or doubled byte is
   noticed. */

static char stream_byte(size_t position)
{
    return position ^ position >> 8 ^ position >> 16;
}

struct stream {
    int fds[2];
    size_t at_once; /* bytes; of one read or write at most */
};

static void send_stream(void *arg)
{
    struct stream *stream = arg;
    char *bytes = map_pages(STREAM_LEN / PAGE);
    size_t sent = 0;

    for (size_t i = 0; i < STREAM_LEN; i++)
        bytes[i] = stream_byte(i);
    while (sent < STREAM_LEN) {
        size_t left = STREAM_LEN - sent;
        sent += CHECK_OK(
            write(stream->fds[1], bytes + sent, left < stream->at_once ? left : stream->at_once));
    }
}

static void receive_stream(struct stream *stream)
{
    char *bytes = map_pages(STREAM_LEN / PAGE);
    size_t received = 0;
    ssize_t len;

    CHECK_OK(close(stream->fds[1]));
    while ((len = CHECK_OK(read(stream->fds[0], bytes, stream->at_once))) > 0) {
        for (ssize_t i = 0; i < len; i++)
            CHECK_EQ(bytes[i], stream_byte(received + i));
        received += len;
    }
    CHECK_EQ(received, STREAM_LEN);
    CHECK_OK(close(stream->fds[0]));
    unmap_pages(bytes, STREAM_LEN / PAGE);
}

static void a_full_pipe_waits_for_its_reader(void)
{
    static const size_t sender_at_once[] = {STREAM_LEN, STREAM_LEN, 1000};
    static const size_t receiver_at_once[] = {STREAM_LEN, 777, STREAM_LEN};

    for (size_t i = 0; i < ARRAY_SIZE(sender_at_once); i++) {
        struct stream stream = {.at_once = sender_at_once[i]};
        make_pipe(stream.fds);
        pid_t sender = start_child(send_stream, &stream);
        stream.at_once = receiver_at_once[i];
        receive_stream(&stream);
        CHECK(exited_with(wait_child(sender), 0));
    }
}

/* One write from untouched memory, read into untouched memory. */
static void send_untouched(void *fds)
{
    CHECK_EQ(CHECK_OK(write(((int *)fds)[1], map_pages(STREAM_LEN / PAGE), STREAM_LEN)),
             STREAM_LEN);
}

static void untouched_memory_goes_through(void)
{
    char *bytes = map_pages(STREAM_LEN / PAGE + 1) + 1; /* one byte off, to cross pages */
    size_t received = 0;
    ssize_t len;
    int fds[2];

    make_pipe(fds);
    pid_t sender = start_child(send_untouched, fds);
    CHECK_OK(close(fds[1]));
    while ((len = CHECK_OK(read(fds[0], bytes + received, STREAM_LEN))) > 0)
        received += len;
    CHECK_EQ(received, STREAM_LEN);
    CHECK(is_zero(bytes, STREAM_LEN));
    CHECK(exited_with(wait_child(sender), 0));
    CHECK_OK(close(fds[0]));
    unmap_pages(bytes - 1, STREAM_LEN / PAGE + 1);
}

/* Memory that ends in the middle of a transfer. A pipe keeps bytes in pieces of up to a page, which
   are moved whole or not at all. */

static int events_of(int fd)
{
    struct pollfd asked = {.fd = fd, .events = POLLIN | POLLOUT};
    int ready = CHECK_OK(poll(&asked, 1, 0));

    CHECK_EQ(ready, asked.revents != 0);
    return asked.revents;
}

static int bytes_in(int fd)
{
    int n;

    CHECK_OK(ioctl(fd, FIONREAD, &n));
    return n;
}

/* Returns memory of which `len` bytes can be accessed, and none behind them. */
static char *memory_of(size_t len)
{
    size_t npages = (len + PAGE - 1) / PAGE;
    char *pages = map_pages(npages + 1);

    unmap_pages(pages + npages * PAGE, 1);
    return pages + npages * PAGE - len;
}

static void forget_memory(char *start, size_t len)
{
    unmap_pages((char *)((uintptr_t)start & ~(PAGE - 1)), (len + PAGE - 1) / PAGE);
}

static void a_read_that_faults_takes_no_piece(void)
{
    char text[100], again[100], *half = memory_of(50), *most = memory_of(PAGE + 50);
    char *pages = map_pages(2);
    int fds[2];

    make_pipe(fds);
    memset(text, 't', sizeof(text));
    CHECK_OK(write(fds[1], text, sizeof(text)));
    CHECK_ERR(EFAULT, read(fds[0], half, sizeof(text)));
    struct iovec iov[] = {{again, 40}, {half, 60}};
    CHECK_ERR(EFAULT, readv(fds[0], iov, 2));
    CHECK_EQ(bytes_in(fds[0]), sizeof(text));
    CHECK_EQ(CHECK_OK(read(fds[0], again, sizeof(again))), sizeof(text));
    CHECK(memcmp(text, again, sizeof(text)) == 0);

    for (size_t i = 0; i < 2 * PAGE; i++)
        pages[i] = i / PAGE;
    CHECK_OK(write(fds[1], pages, 2 * PAGE));
    CHECK_EQ(CHECK_OK(read(fds[0], most, 2 * PAGE)), PAGE);
    CHECK(memcmp(most, pages, PAGE) == 0);
    CHECK_EQ(CHECK_OK(read(fds[0], pages, 2 * PAGE)), PAGE);
    CHECK_EQ(pages[0], 1);
    close_pipe(fds);
    forget_memory(half, 50);
    forget_memory(most, PAGE + 50);
    unmap_pages(pages, 2);
}

static void a_write_that_faults_adds_no_piece(void)
{
    char *half = memory_of(50), *most = memory_of(PAGE + 50), *pages = map_pages(2);
    int fds[2];

    make_pipe(fds);
    memset(half, 'h', 50);
    memset(most, 'm', PAGE + 50);
    CHECK_ERR(EFAULT, write(fds[1], half, 100));
    CHECK_EQ(bytes_in(fds[0]), 0);
    CHECK_OK(write(fds[1], "x", 1));
    CHECK_ERR(EFAULT, write(fds[1], half, 100));
    CHECK_EQ(bytes_in(fds[0]), 1);
    CHECK_EQ(CHECK_OK(read(fds[0], pages, PAGE)), 1);
    CHECK_EQ(CHECK_OK(write(fds[1], most, 2 * PAGE)), PAGE);
    CHECK_EQ(CHECK_OK(read(fds[0], pages, 2 * PAGE)), PAGE);
    CHECK(memcmp(most, pages, PAGE) == 0);
    close_pipe(fds);
    forget_memory(half, 50);
    forget_memory(most, PAGE + 50);
    unmap_pages(pages, 2);
}

/* Returns how many bytes a pipe takes in writes of `len` bytes. */
static size_t fill_by(size_t len)
{
    static char bytes[2 * PAGE];
    size_t held = 0;
    ssize_t done;
    int fds[2];

    CHECK_OK(pipe2(fds, O_NONBLOCK));
    while ((done = write(fds[1], bytes, len)) > 0)
        held += done;
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ(bytes_in(fds[0]), held);
    CHECK_EQ(events_of(fds[1]), 0);
    close_pipe(fds);
    return held;
}

static void a_pipe_holds_sixteen_pieces(void)
{
    CHECK_EQ(fill_by(PAGE), 16 * PAGE);
    CHECK_EQ(fill_by(16), 16 * PAGE);
    CHECK_EQ(fill_by(2000), 16 * 4000);
    CHECK_EQ(fill_by(3000), 16 * 3000);
    CHECK_EQ(fill_by(PAGE + 1), 11 * (PAGE + 1) - 1); /* the odd byte of every second */
}

/* Writes of up to PIPE_BUF bytes do not mix with the writes of other processes. */
#define WRITERS  8
#define MESSAGES 64

struct message {
    int writer, number;
    char filling[1000 - 2 * sizeof(int)]; /* so that messages do not end where pages do */
};

struct writer {
    int fd, writer;
};

static void write_messages(void *arg)
{
    struct writer *writer = arg;
    struct message message = {.writer = writer->writer};

    memset(message.filling, 'a' + writer->writer, sizeof(message.filling));
    for (; message.number < MESSAGES; message.number++)
        CHECK_EQ(CHECK_OK(write(writer->fd, &message, sizeof(message))), sizeof(message));
}

static void read_whole(int fd, void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        ssize_t got = CHECK_OK(read(fd, (char *)bytes + done, len - done));
        CHECK(got > 0);
        done += got;
    }
}

/* Reads one message. It must be the next one of its writer. */
static void check_message(int fd, int next[WRITERS])
{
    struct message message;

    read_whole(fd, &message, sizeof(message));
    CHECK(message.writer >= 0 && message.writer < WRITERS);
    CHECK_EQ(message.number, next[message.writer]++);
    for (size_t i = 0; i < sizeof(message.filling); i++)
        CHECK_EQ(message.filling[i], 'a' + message.writer);
}

static void the_messages_of_many_writers_stay_whole(void)
{
    int next[WRITERS] = {0};
    pid_t pids[WRITERS];
    int fds[2];

    make_pipe(fds);
    for (int i = 0; i < WRITERS; i++)
        pids[i] = start_child(write_messages, &(struct writer){fds[1], i});
    CHECK_OK(close(fds[1]));
    for (int i = 0; i < WRITERS * MESSAGES; i++)
        check_message(fds[0], next);
    CHECK_EQ(CHECK_OK(read(fds[0], next, 1)), 0);
    for (int i = 0; i < WRITERS; i++)
        CHECK(exited_with(wait_child(pids[i]), 0));
    CHECK_OK(close(fds[0]));
}

/* Readers and writers that end early. The child inherits both descriptors, and closes the one that
   it does not use. */

static void write_too_much(void *fds)
{
    close(((int *)fds)[0]);
    write(((int *)fds)[1], map_pages(STREAM_LEN / PAGE), STREAM_LEN);
}

static void the_reader_leaves_in_the_middle(void)
{
    char byte;
    int fds[2];

    make_pipe(fds);
    pid_t writer = start_child(write_too_much, fds);
    CHECK_EQ(CHECK_OK(read(fds[0], &byte, 1)), 1);
    close_pipe(fds);
    CHECK(killed_by(wait_child(writer), SIGPIPE));
}

static void count_what_was_written(void *fds)
{
    ssize_t len;

    ignore_sigpipe();
    close(((int *)fds)[0]);
    len = CHECK_OK(write(((int *)fds)[1], map_pages(STREAM_LEN / PAGE), STREAM_LEN));
    CHECK(len > 0 && len < (ssize_t)STREAM_LEN);
    CHECK_ERR(EPIPE, write(((int *)fds)[1], "x", 1));
}

static void an_interrupted_write_tells_how_far_it_came(void)
{
    char byte;
    int fds[2];

    make_pipe(fds);
    pid_t writer = start_child(count_what_was_written, fds);
    CHECK_EQ(CHECK_OK(read(fds[0], &byte, 1)), 1);
    close_pipe(fds);
    CHECK(exited_with(wait_child(writer), 0));
}

static void write_and_crash(void *fds)
{
    CHECK_OK(write(((int *)fds)[1], "last words", 10));
    raise(SIGKILL);
}

static void a_dead_writer_leaves_its_words(void)
{
    char text[16];
    int fds[2];

    make_pipe(fds);
    pid_t writer = start_child(write_and_crash, fds);
    CHECK_OK(close(fds[1]));
    CHECK_EQ(CHECK_OK(read(fds[0], text, sizeof(text))), 10);
    CHECK_EQ(CHECK_OK(read(fds[0], text, sizeof(text))), 0);
    CHECK(killed_by(wait_child(writer), SIGKILL));
    CHECK_OK(close(fds[0]));
}

static void read_for_ever(void *fds)
{
    char byte;

    CHECK_OK(read(((int *)fds)[0], &byte, 1));
}

/* The child holds both ends itself, so that only the signal can end its wait. */
static void a_waiting_process_can_be_killed(void (*body)(void *))
{
    int fds[2];

    make_pipe(fds);
    pid_t pid = start_child(body, fds);
    await_state(pid, 'S');
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    close_pipe(fds);
}

static void a_waiting_reader_can_be_killed(void)
{
    a_waiting_process_can_be_killed(read_for_ever);
}

static void a_waiting_writer_can_be_killed(void)
{
    a_waiting_process_can_be_killed(send_untouched);
}

/* The pipe works for other readers after one was killed. */
static void the_next_reader_gets_the_byte(void)
{
    char byte = 0;
    int fds[2];

    make_pipe(fds);
    pid_t reader = start_child(read_for_ever, fds);
    await_state(reader, 'S');
    CHECK_OK(kill(reader, SIGKILL));
    CHECK(killed_by(wait_child(reader), SIGKILL));
    CHECK_OK(write(fds[1], "x", 1));
    CHECK_EQ(CHECK_OK(read(fds[0], &byte, 1)), 1);
    CHECK_EQ(byte, 'x');
    close_pipe(fds);
}

/* poll */

static void poll_tells_what_is_ready(void)
{
    int fds[2];

    make_pipe(fds);
    CHECK_EQ(events_of(fds[0]), 0);
    CHECK_EQ(events_of(fds[1]), POLLOUT);
    CHECK_OK(write(fds[1], "x", 1));
    CHECK_EQ(events_of(fds[0]), POLLIN);
    CHECK_OK(close(fds[1]));
    CHECK_EQ(events_of(fds[0]), POLLIN | POLLHUP);
    CHECK_EQ(events_of(fds[1]), POLLNVAL);
    CHECK_EQ(events_of(-1), 0); /* left out */
    CHECK_OK(close(fds[0]));
    make_pipe(fds);
    CHECK_OK(close(fds[0]));
    CHECK(events_of(fds[1]) & POLLERR);
    CHECK_OK(close(fds[1]));
}

static void answer_through_second(void *second)
{
    CHECK_OK(write(((int *)second)[1], "x", 1));
}

static void poll_waits_for_one_of_two(void)
{
    int first[2], second[2];

    make_pipe(first);
    make_pipe(second);
    pid_t writer = start_child(answer_through_second, second);
    struct pollfd asked[] = {{.fd = first[0], .events = POLLIN},
                             {.fd = second[0], .events = POLLIN}};
    CHECK_EQ(CHECK_OK(poll(asked, 2, -1)), 1);
    CHECK_EQ(asked[0].revents, 0);
    CHECK_EQ(asked[1].revents, POLLIN);
    CHECK_EQ(CHECK_OK(poll(asked, 1, 1)), 0); /* the time is up */
    CHECK(exited_with(wait_child(writer), 0));
    close_pipe(first);
    close_pipe(second);
}

/* Question and answer, through two pipes. */

struct conversation {
    int questions[2], answers[2];
};

static void answer_questions(void *arg)
{
    struct conversation *conversation = arg;
    int number;

    CHECK_OK(close(conversation->questions[1]));
    while (CHECK_OK(read(conversation->questions[0], &number, sizeof(number))) > 0) {
        number++;
        CHECK_OK(write(conversation->answers[1], &number, sizeof(number)));
    }
}

static void a_thousand_questions_are_answered(void)
{
    struct conversation conversation;
    int answer;

    make_pipe(conversation.questions);
    make_pipe(conversation.answers);
    pid_t other = start_child(answer_questions, &conversation);
    for (int i = 0; i < 1000; i++) {
        CHECK_OK(write(conversation.questions[1], &i, sizeof(i)));
        CHECK_EQ(CHECK_OK(read(conversation.answers[0], &answer, sizeof(answer))), sizeof(answer));
        CHECK_EQ(answer, i + 1);
    }
    close_pipe(conversation.questions);
    CHECK(exited_with(wait_child(other), 0));
    close_pipe(conversation.answers);
}

/* ---- The size ---- */

static void fill(int fd, unsigned pages)
{
    char page[PAGE];

    for (unsigned n = 0; n < pages; n++) {
        memset(page, 'a' + n % 26, sizeof(page));
        CHECK_EQ(CHECK_OK(write(fd, page, sizeof(page))), PAGE);
    }
    CHECK_ERR(EAGAIN, write(fd, page, sizeof(page)));
}

static void check_pages(int fd, unsigned first, unsigned count)
{
    char page[PAGE];

    for (unsigned n = first; n < first + count; n++) {
        read_whole(fd, page, sizeof(page));
        CHECK_EQ(page[0], 'a' + n % 26);
        CHECK_EQ(page[PAGE - 1], 'a' + n % 26);
    }
}

static void the_size_of_a_pipe_can_be_changed(void)
{
    int fds[2];

    CHECK_OK(pipe2(fds, O_NONBLOCK));
    CHECK_EQ(CHECK_OK(fcntl(fds[0], F_SETPIPE_SZ, 4 * PAGE)), 4 * PAGE);
    CHECK_EQ(CHECK_OK(fcntl(fds[1], F_GETPIPE_SZ)), 4 * PAGE);
    fill(fds[1], 4);
    check_pages(fds[0], 0, 2); /* so that the bytes do not begin at the first buffer */
    CHECK_ERR(EBUSY, fcntl(fds[1], F_SETPIPE_SZ, PAGE));
    CHECK_EQ(CHECK_OK(fcntl(fds[1], F_SETPIPE_SZ, 2 * PAGE)), 2 * PAGE);
    CHECK_EQ(CHECK_OK(fcntl(fds[1], F_SETPIPE_SZ, 65 * PAGE)), 128 * PAGE);
    check_pages(fds[0], 2, 2);
    fill(fds[1], 128);
    check_pages(fds[0], 0, 128);
    CHECK_EQ(CHECK_OK(fcntl(fds[1], F_SETPIPE_SZ, 0)), PAGE);
    fill(fds[1], 1);
    CHECK_EQ(CHECK_OK(fcntl(fds[1], F_SETPIPE_SZ, MIB)), MIB);
    check_pages(fds[0], 0, 1);
    CHECK_ERR(EINVAL, fcntl(fds[0], F_SETPIPE_SZ, (1u << 31) + 1));
    close_pipe(fds);
    int dir = CHECK_OK(open("/", O_RDONLY));
    CHECK_ERR(EBADF, fcntl(dir, F_SETPIPE_SZ, PAGE));
    CHECK_OK(close(dir));
}

/* A writer that waits for room goes on when the pipe grows. */
static void write_two_pages(void *fds)
{
    char pages[2 * PAGE] = {0};

    CHECK_EQ(CHECK_OK(write(((int *)fds)[1], pages, sizeof(pages))), 2 * PAGE);
}

static void a_pipe_that_grows_wakes_its_writer(void)
{
    int fds[2];

    make_pipe(fds);
    CHECK_OK(fcntl(fds[0], F_SETPIPE_SZ, PAGE));
    pid_t pid = start_child(write_two_pages, fds);
    await_state(pid, 'S');
    CHECK_OK(fcntl(fds[0], F_SETPIPE_SZ, 2 * PAGE));
    CHECK(exited_with(wait_child(pid), 0));
    close_pipe(fds);
}

int main(void)
{
    RUN(what_goes_in_comes_out);
    RUN(a_pipe_is_no_file);
    RUN(the_end_is_when_the_last_writer_is_gone);
    RUN(writing_without_a_reader_fails);
    RUN(a_pipe_need_not_wait);
    RUN(a_full_pipe_waits_for_its_reader);
    RUN(untouched_memory_goes_through);
    RUN(a_read_that_faults_takes_no_piece);
    RUN(a_write_that_faults_adds_no_piece);
    RUN(a_pipe_holds_sixteen_pieces);
    RUN(the_messages_of_many_writers_stay_whole);
    RUN(the_reader_leaves_in_the_middle);
    RUN(an_interrupted_write_tells_how_far_it_came);
    RUN(a_dead_writer_leaves_its_words);
    RUN(a_waiting_reader_can_be_killed);
    RUN(a_waiting_writer_can_be_killed);
    RUN(the_next_reader_gets_the_byte);
    RUN(poll_tells_what_is_ready);
    RUN(poll_waits_for_one_of_two);
    RUN(a_thousand_questions_are_answered);
    RUN(the_size_of_a_pipe_can_be_changed);
    RUN(a_pipe_that_grows_wakes_its_writer);
    return test_end();
}
