/* epoll: which files are reported, how often, to which waiters; epolls that watch epolls; and files
   and epolls that are closed while threads wait. */
#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>

#define THREADS 8

static int make_epoll(void)
{
    return CHECK_OK(epoll_create1(EPOLL_CLOEXEC));
}

/* The data of an event is the descriptor. */
static int control(int epfd, int op, int fd, unsigned events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};

    return epoll_ctl(epfd, op, fd, &event);
}

static void add(int epfd, int fd, unsigned events)
{
    CHECK_OK(control(epfd, EPOLL_CTL_ADD, fd, events));
}

/* Returns how many events there are now, and the first one. */
static int events_now(int epfd, struct epoll_event *first)
{
    struct epoll_event events[32];
    int count = CHECK_OK(epoll_wait(epfd, events, ARRAY_SIZE(events), 0));

    *first = events[0];
    return count;
}

/* Returns the events of the only file that is ready; 0: none is. */
static unsigned ready(int epfd, int fd)
{
    struct epoll_event event;
    int count = events_now(epfd, &event);

    CHECK(count <= 1);
    if (count)
        CHECK_EQ(event.data.fd, fd);
    return count ? event.events : 0;
}

static void put(int fd)
{
    CHECK_EQ(CHECK_OK(write(fd, "x", 1)), 1);
}

static void get(int fd)
{
    char byte;

    CHECK_EQ(CHECK_OK(read(fd, &byte, 1)), 1);
}

static void close_pipe(const int fds[2])
{
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

/* ---- Triggers ---- */

static void a_level_is_reported_as_long_as_it_holds(void)
{
    int fds[2], epfd = make_epoll();

    make_pipe(fds);
    add(epfd, fds[0], EPOLLIN);
    CHECK_EQ(ready(epfd, fds[0]), 0);
    put(fds[1]);
    CHECK_EQ(ready(epfd, fds[0]), EPOLLIN);
    CHECK_EQ(ready(epfd, fds[0]), EPOLLIN);
    get(fds[0]);
    CHECK_EQ(ready(epfd, fds[0]), 0);
    close_pipe(fds);
    CHECK_OK(close(epfd));
}

static void an_edge_is_reported_once(void)
{
    int fds[2], epfd = make_epoll();

    make_pipe(fds);
    put(fds[1]);
    add(epfd, fds[0], EPOLLIN | EPOLLET);
    CHECK_EQ(ready(epfd, fds[0]), EPOLLIN); /* it was there before */
    CHECK_EQ(ready(epfd, fds[0]), 0);
    put(fds[1]); /* more bytes are a new edge */
    CHECK_EQ(ready(epfd, fds[0]), EPOLLIN);
    get(fds[0]);
    CHECK_EQ(ready(epfd, fds[0]), 0);
    CHECK_OK(control(epfd, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLET));
    CHECK_EQ(ready(epfd, fds[0]), EPOLLIN); /* a change looks again */
    get(fds[0]);
    put(fds[1]);
    get(fds[0]);
    CHECK_EQ(ready(epfd, fds[0]), 0); /* the edge is over before it is seen */
    close_pipe(fds);
    CHECK_OK(close(epfd));
}

static void one_shot_is_reported_until_it_is_changed(void)
{
    int fds[2], epfd = make_epoll();

    make_pipe(fds);
    add(epfd, fds[0], EPOLLIN | EPOLLONESHOT);
    put(fds[1]);
    CHECK_EQ(ready(epfd, fds[0]), EPOLLIN);
    put(fds[1]);
    CHECK_EQ(ready(epfd, fds[0]), 0);
    CHECK_OK(control(epfd, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLONESHOT));
    CHECK_EQ(ready(epfd, fds[0]), EPOLLIN);
    CHECK_OK(close(fds[1]));
    CHECK_EQ(ready(epfd, fds[0]), 0); /* not even a hang-up */
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(epfd));
}

static void the_mask_and_the_data_can_be_changed(void)
{
    int fds[2], epfd = make_epoll();
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0x123456789abcdef};

    make_pipe(fds);
    add(epfd, fds[1], 0);
    CHECK_EQ(ready(epfd, fds[1]), 0);
    CHECK_OK(control(epfd, EPOLL_CTL_MOD, fds[1], EPOLLOUT));
    CHECK_EQ(ready(epfd, fds[1]), EPOLLOUT);
    CHECK_OK(control(epfd, EPOLL_CTL_MOD, fds[1], EPOLLIN));
    CHECK_EQ(ready(epfd, fds[1]), 0);
    CHECK_OK(epoll_ctl(epfd, EPOLL_CTL_ADD, fds[0], &event));
    put(fds[1]);
    CHECK_EQ(events_now(epfd, &event), 1);
    CHECK(event.data.u64 == 0x123456789abcdef);
    close_pipe(fds);
    CHECK_OK(close(epfd));
}

static void a_hang_up_and_an_error_need_not_be_asked_for(void)
{
    int fds[2], epfd = make_epoll();

    make_pipe(fds);
    add(epfd, fds[0], 0);
    CHECK_OK(close(fds[1]));
    CHECK_EQ(ready(epfd, fds[0]), EPOLLHUP);
    CHECK_OK(close(fds[0]));
    make_pipe(fds);
    add(epfd, fds[1], 0);
    CHECK_OK(close(fds[0]));
    CHECK_EQ(ready(epfd, fds[1]), EPOLLERR);
    CHECK_OK(close(fds[1]));
    CHECK_OK(close(epfd));
}

/* A reader makes room for a writer that found a full pipe. */
static void room_is_an_event(void)
{
    static char bytes[64 * KIB];
    int fds[2], epfd = make_epoll();

    make_pipe(fds);
    CHECK_EQ(CHECK_OK(write(fds[1], bytes, sizeof(bytes))), (long)sizeof(bytes));
    add(epfd, fds[1], EPOLLOUT | EPOLLET);
    CHECK_EQ(ready(epfd, fds[1]), 0);
    CHECK_EQ(CHECK_OK(read(fds[0], bytes, 4096)), 4096);
    CHECK_EQ(ready(epfd, fds[1]), EPOLLOUT);
    close_pipe(fds);
    CHECK_OK(close(epfd));
}

static void few_events_at_a_time_leave_none_out(void)
{
    int pipes[5][2], epfd = make_epoll(), seen = 0;
    struct epoll_event events[2];

    for (int n = 0; n < 5; n++) {
        make_pipe(pipes[n]);
        add(epfd, pipes[n][0], EPOLLIN | EPOLLET);
        put(pipes[n][1]);
    }
    for (int n = 0; n < 3; n++) {
        int count = CHECK_OK(epoll_wait(epfd, events, 2, 0));

        CHECK_EQ(count, n < 2 ? 2 : 1);
        for (int i = 0; i < count; i++)
            CHECK_EQ(events[i].data.fd, pipes[seen++][0]); /* in the order of the events */
    }
    CHECK_EQ(CHECK_OK(epoll_wait(epfd, events, 2, 0)), 0);
    for (int n = 0; n < 5; n++)
        close_pipe(pipes[n]);
    CHECK_OK(close(epfd));
}

/* ---- Descriptors ---- */

static void a_closed_file_leaves_by_itself(void)
{
    int fds[2], epfd = make_epoll();

    make_pipe(fds);
    put(fds[1]);
    add(epfd, fds[0], EPOLLIN);
    int copy = CHECK_OK(dup(fds[0]));
    CHECK_OK(close(fds[0]));
    CHECK_EQ(ready(epfd, fds[0]), EPOLLIN); /* the file is still open */
    CHECK_ERR(EBADF, control(epfd, EPOLL_CTL_DEL, fds[0], 0));
    CHECK_OK(close(copy));
    CHECK_EQ(ready(epfd, fds[0]), 0);
    CHECK_OK(close(fds[1]));
    CHECK_OK(close(epfd));
}

static void a_file_may_be_added_under_several_descriptors(void)
{
    int fds[2], epfd = make_epoll();
    struct epoll_event event;

    make_pipe(fds);
    put(fds[1]);
    int copy = CHECK_OK(dup(fds[0]));
    add(epfd, fds[0], EPOLLIN);
    add(epfd, copy, EPOLLIN);
    CHECK_EQ(events_now(epfd, &event), 2);
    CHECK_OK(epoll_ctl(epfd, EPOLL_CTL_DEL, fds[0], NULL));
    CHECK_EQ(ready(epfd, copy), EPOLLIN);
    CHECK_OK(close(copy));
    CHECK_EQ(ready(epfd, copy), EPOLLIN); /* fds[0] keeps the file open */
    close_pipe(fds);
    CHECK_OK(close(epfd));
}

static void wait_and_read(void *arg)
{
    const int *fds = arg;
    struct epoll_event event;

    CHECK_EQ(CHECK_OK(epoll_wait(fds[2], &event, 1, -1)), 1);
    CHECK_EQ(event.data.fd, fds[0]);
    get(fds[0]);
}

static void a_child_shares_the_epoll(void)
{
    int fds[3] = {-1, -1, make_epoll()};

    make_pipe(fds);
    add(fds[2], fds[0], EPOLLIN);
    pid_t child = start_child(wait_and_read, fds);
    await_state(child, 'S');
    put(fds[1]);
    CHECK(exited_with(wait_child(child), 0));
    CHECK_EQ(ready(fds[2], fds[0]), 0);
    close_pipe(fds);
    CHECK_OK(close(fds[2]));
}

static void an_epoll_is_a_file_without_bytes(void)
{
    int epfd = make_epoll();
    char path[64], target[64] = "";
    struct stat about;
    char byte;

    CHECK_OK(fstat(epfd, &about));
    CHECK_EQ(about.st_mode, 0600);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", epfd);
    CHECK(readlink(path, target, sizeof(target)) > 0);
    CHECK(strcmp(target, "anon_inode:[eventpoll]") == 0);
    CHECK_ERR(EINVAL, read(epfd, &byte, 1));
    CHECK_ERR(EINVAL, write(epfd, &byte, 1));
    CHECK_EQ(CHECK_OK(fcntl(epfd, F_GETFD)), FD_CLOEXEC);
    CHECK_OK(close(epfd));
    epfd = CHECK_OK(epoll_create(1));
    CHECK_EQ(CHECK_OK(fcntl(epfd, F_GETFD)), 0);
    CHECK_OK(close(epfd));
}

/* ---- Errors ---- */

static void calls_say_what_is_wrong(void)
{
    int fds[2], epfd = make_epoll();
    struct epoll_event event = {.events = EPOLLIN};

    make_pipe(fds);
    int file = create_file("file", "x", 1);
    CHECK_ERR(EINVAL, epoll_create1(1));
    /* Not every C library passes the size on. */
    CHECK_ERR(EINVAL, syscall(SYS_epoll_create, 0));
    CHECK_ERR(EBADF, control(-1, EPOLL_CTL_ADD, fds[0], EPOLLIN));
    CHECK_ERR(EBADF, control(epfd, EPOLL_CTL_ADD, -1, EPOLLIN));
    CHECK_ERR(EPERM, control(epfd, EPOLL_CTL_ADD, file, EPOLLIN));
    CHECK_ERR(EINVAL, control(epfd, EPOLL_CTL_ADD, epfd, EPOLLIN));
    CHECK_ERR(EINVAL, control(fds[1], EPOLL_CTL_ADD, fds[0], EPOLLIN));
    CHECK_ERR(EINVAL, control(epfd, 77, fds[0], EPOLLIN));
    CHECK_ERR(EFAULT, epoll_ctl(epfd, EPOLL_CTL_ADD, fds[0], NULL));
    CHECK_ERR(ENOENT, control(epfd, EPOLL_CTL_MOD, fds[0], EPOLLIN));
    CHECK_ERR(ENOENT, control(epfd, EPOLL_CTL_DEL, fds[0], EPOLLIN));
    add(epfd, fds[0], EPOLLIN);
    CHECK_ERR(EEXIST, control(epfd, EPOLL_CTL_ADD, fds[0], EPOLLIN));
    CHECK_ERR(EINVAL, epoll_wait(epfd, &event, 0, 0));
    CHECK_ERR(EINVAL, epoll_wait(epfd, &event, -1, 0));
    CHECK_ERR(EINVAL, epoll_wait(epfd, &event, INT32_MAX, 0));
    CHECK_ERR(EINVAL, epoll_wait(fds[0], &event, 1, 0));
    CHECK_ERR(EBADF, epoll_wait(-1, &event, 1, 0));
    CHECK_ERR(EFAULT, epoll_wait(epfd, (void *)-1l, 1, 0));
    CHECK_ERR(EINVAL, syscall(SYS_epoll_pwait, epfd, &event, 1, 0, &event, 3));
    CHECK_OK(close(file));
    CHECK_OK(unlink("file"));
    close_pipe(fds);
    CHECK_OK(close(epfd));
}

/* An event that cannot be stored is kept, also one that is reported once. */
static void a_bad_buffer_loses_no_event(void)
{
    int fds[2], epfd = make_epoll();

    make_pipe(fds);
    add(epfd, fds[0], EPOLLIN | EPOLLET);
    put(fds[1]);
    CHECK_ERR(EFAULT, epoll_wait(epfd, (void *)PAGE, 1, 0));
    CHECK_EQ(ready(epfd, fds[0]), EPOLLIN);
    close_pipe(fds);
    CHECK_OK(close(epfd));
}

static void exclusive_is_for_simple_items(void)
{
    int fds[2], epfd = make_epoll(), other = make_epoll();

    make_pipe(fds);
    CHECK_ERR(EINVAL, control(epfd, EPOLL_CTL_ADD, other, EPOLLIN | EPOLLEXCLUSIVE));
    CHECK_ERR(EINVAL,
              control(epfd, EPOLL_CTL_ADD, fds[0], EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT));
    CHECK_ERR(EINVAL, control(epfd, EPOLL_CTL_ADD, fds[0], EPOLLPRI | EPOLLEXCLUSIVE));
    add(epfd, fds[0], EPOLLIN | EPOLLEXCLUSIVE);
    CHECK_ERR(EINVAL, control(epfd, EPOLL_CTL_MOD, fds[0], EPOLLIN));
    CHECK_ERR(EINVAL, control(epfd, EPOLL_CTL_MOD, fds[0], EPOLLIN | EPOLLEXCLUSIVE));
    put(fds[1]);
    CHECK_EQ(ready(epfd, fds[0]), EPOLLIN);
    CHECK_OK(control(epfd, EPOLL_CTL_DEL, fds[0], 0));
    close_pipe(fds);
    CHECK_OK(close(other));
    CHECK_OK(close(epfd));
}

/* ---- Nesting ---- */

static void an_epoll_can_be_watched(void)
{
    int fds[2], inner = make_epoll(), outer = make_epoll();
    struct epoll_event event;

    make_pipe(fds);
    add(outer, inner, EPOLLIN);
    add(inner, fds[0], EPOLLIN | EPOLLET);
    CHECK_EQ(ready(outer, inner), 0);
    put(fds[1]);
    CHECK_EQ(ready(outer, inner), EPOLLIN);
    CHECK_EQ(ready(inner, fds[0]), EPOLLIN); /* takes the edge */
    CHECK_EQ(ready(outer, inner), 0);
    put(fds[1]);
    CHECK_EQ(CHECK_OK(epoll_wait(outer, &event, 1, -1)), 1);
    CHECK_OK(close(inner));
    CHECK_EQ(ready(outer, inner), 0);
    close_pipe(fds);
    CHECK_OK(close(outer));
}

/* An inner level that was true all along is a new edge for the outer epoll at each event. */
static void an_outer_edge_is_an_inner_event(void)
{
    int fds[2], inner = make_epoll(), outer = make_epoll();

    make_pipe(fds);
    add(inner, fds[0], EPOLLIN);
    add(outer, inner, EPOLLIN | EPOLLET);
    put(fds[1]);
    CHECK_EQ(ready(outer, inner), EPOLLIN);
    CHECK_EQ(ready(outer, inner), 0);
    put(fds[1]);
    CHECK_EQ(ready(outer, inner), EPOLLIN);
    close_pipe(fds);
    CHECK_OK(close(inner));
    CHECK_OK(close(outer));
}

static void circles_and_long_chains_are_refused(void)
{
    int epfds[10], last = 1;

    for (size_t n = 0; n < ARRAY_SIZE(epfds); n++)
        epfds[n] = make_epoll();
    add(epfds[1], epfds[0], EPOLLIN);
    CHECK_ERR(ELOOP, control(epfds[0], EPOLL_CTL_ADD, epfds[1], EPOLLIN));
    add(epfds[2], epfds[1], EPOLLIN);
    CHECK_ERR(ELOOP, control(epfds[0], EPOLL_CTL_ADD, epfds[2], EPOLLIN));
    for (last = 3; last < 10; last++)
        if (control(epfds[last], EPOLL_CTL_ADD, epfds[last - 1], EPOLLIN))
            break;
    CHECK_EQ(errno, ELOOP);
    CHECK(last >= 5 && last < 10);
    CHECK_OK(control(epfds[2], EPOLL_CTL_DEL, epfds[1], 0));
    add(epfds[last], epfds[last - 1], EPOLLIN); /* the refusal has left nothing behind */
    for (size_t n = 0; n < ARRAY_SIZE(epfds); n++)
        CHECK_OK(close(epfds[n]));
}

/* Many paths through few epolls: the number of paths grows with the power of the width. */
static void too_many_paths_are_refused(void)
{
    enum { WIDTH = 40, LEVELS = 4 };
    int epfds[LEVELS][WIDTH], fds[2];
    bool is_refused = false;

    make_pipe(fds);
    for (int level = 0; level < LEVELS; level++)
        for (int n = 0; n < WIDTH; n++)
            epfds[level][n] = make_epoll();
    for (int n = 0; n < WIDTH; n++)
        add(epfds[0][n], fds[0], EPOLLIN);
    for (int level = 1; level < LEVELS; level++)
        for (int n = 0; n < WIDTH; n++)
            for (int m = 0; m < WIDTH; m++)
                if (control(epfds[level][n], EPOLL_CTL_ADD, epfds[level - 1][m], EPOLLIN)) {
                    CHECK_EQ(errno, EINVAL);
                    is_refused = true;
                }
    CHECK(is_refused);
    put(fds[1]);
    close_pipe(fds);
    for (int level = 0; level < LEVELS; level++)
        for (int n = 0; n < WIDTH; n++)
            CHECK_OK(close(epfds[level][n]));
}

/* ---- Waiting ---- */

static void poll_can_watch_an_epoll(void)
{
    int fds[2], epfd = make_epoll();
    struct pollfd polled = {.fd = epfd, .events = POLLIN};

    make_pipe(fds);
    add(epfd, fds[0], EPOLLIN);
    CHECK_EQ(CHECK_OK(poll(&polled, 1, 0)), 0);
    put(fds[1]);
    CHECK_EQ(CHECK_OK(poll(&polled, 1, -1)), 1);
    CHECK_EQ(polled.revents, POLLIN);
    close_pipe(fds);
    CHECK_OK(close(epfd));
}

static int64_t now_ms(void)
{
    struct timespec time;

    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, &time));
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void a_wait_ends_at_its_time(void)
{
    const struct timespec time = {.tv_nsec = 20000000}, bad = {.tv_nsec = -1};
    int epfd = make_epoll();
    struct epoll_event event;
    int64_t begin = now_ms();

    CHECK_EQ(CHECK_OK(epoll_wait(epfd, &event, 1, 20)), 0);
    CHECK(now_ms() >= begin + 20);
    CHECK_EQ(CHECK_OK(syscall(SYS_epoll_pwait2, epfd, &event, 1, &time, NULL, 0)), 0);
    CHECK(now_ms() >= begin + 40);
    CHECK_ERR(EINVAL, syscall(SYS_epoll_pwait2, epfd, &event, 1, &bad, NULL, 0));
    CHECK_OK(close(epfd));
}

static volatile sig_atomic_t caught;

static void catch (int signo)
{
    caught = signo;
}

static void wait_for_nothing(void *epfd)
{
    struct epoll_event event;
    sigset_t none;

    sigemptyset(&none);
    CHECK_ERR(EINTR, epoll_pwait(*(int *)epfd, &event, 1, -1, &none));
    CHECK_EQ(caught, SIGUSR1);
}

/* The signal is blocked but for the wait, so it can come at any time. SA_RESTART has no effect. */
static void a_signal_ends_a_wait(void)
{
    struct sigaction action = {.sa_handler = catch, .sa_flags = SA_RESTART};
    int epfd = make_epoll();
    sigset_t mask, old;

    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &mask, &old));
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
    pid_t child = start_child(wait_for_nothing, &epfd);
    CHECK_OK(kill(child, SIGUSR1));
    CHECK(exited_with(wait_child(child), 0));
    CHECK_OK(sigprocmask(SIG_SETMASK, &old, NULL));
    CHECK_OK(close(epfd));
}

static void wait_through_a_stop(void *epfd)
{
    struct epoll_event event;

    CHECK_ERR(EINTR, epoll_wait(*(int *)epfd, &event, 1, -1));
}

/* Also a stop without a handler does, as signal(7) says. */
static void a_stop_ends_a_wait(void)
{
    int epfd = make_epoll();
    pid_t child = start_child(wait_through_a_stop, &epfd);

    await_state(child, 'S');
    CHECK_OK(kill(child, SIGSTOP));
    await_state(child, 'T');
    CHECK_OK(kill(child, SIGCONT));
    CHECK(exited_with(wait_child(child), 0));
    CHECK_OK(close(epfd));
}

/* ---- Threads ---- */

struct crew {
    int epfd, fds[2], end[2];
    atomic_int taken;
};

/* Takes bytes until the other pipe is closed. */
static void *take_bytes(void *arg)
{
    struct crew *crew = arg;
    struct epoll_event event;
    char byte;

    for (;;) {
        CHECK_EQ(CHECK_OK(epoll_wait(crew->epfd, &event, 1, -1)), 1);
        if (event.data.fd == crew->end[0])
            return NULL;
        while (read(crew->fds[0], &byte, 1) == 1)
            atomic_fetch_add(&crew->taken, 1);
    }
}

static void crew_start(struct crew *crew, pthread_t *threads, void *(*body)(void *), unsigned how)
{
    crew->epfd = make_epoll();
    make_pipe(crew->fds);
    make_pipe(crew->end);
    CHECK_OK(fcntl(crew->fds[0], F_SETFL, O_NONBLOCK));
    add(crew->epfd, crew->fds[0], EPOLLIN | how);
    add(crew->epfd, crew->end[0], EPOLLIN);
    for (int n = 0; n < THREADS; n++)
        CHECK_EQ(pthread_create(&threads[n], NULL, body, crew), 0);
}

static void crew_end(struct crew *crew, pthread_t *threads)
{
    CHECK_OK(close(crew->end[1]));
    for (int n = 0; n < THREADS; n++)
        CHECK_EQ(pthread_join(threads[n], NULL), 0);
    close_pipe(crew->fds);
    CHECK_OK(close(crew->end[0]));
    CHECK_OK(close(crew->epfd));
}

/* Every byte is taken, whichever thread is woken, and all threads see a level. */
static void threads_share_the_work(unsigned how)
{
    struct crew crew = {0};
    pthread_t threads[THREADS];

    crew_start(&crew, threads, take_bytes, how);
    for (int n = 0; n < 2000; n++) {
        put(crew.fds[1]);
        while (n % 16 == 0 && atomic_load(&crew.taken) <= n)
            sched_yield();
    }
    while (atomic_load(&crew.taken) < 2000)
        sched_yield();
    crew_end(&crew, threads);
}

static void threads_share_levels(void)
{
    threads_share_the_work(0);
}

static void threads_share_edges(void)
{
    threads_share_the_work(EPOLLET);
}

/* Several epolls watch one pipe exclusively: each byte wakes one waiter, at least, and none is
   lost. */
static void *take_exclusively(void *arg)
{
    struct crew *crew = arg;
    struct epoll_event event;
    int epfd = make_epoll();
    char byte;

    add(epfd, crew->fds[0], EPOLLIN | EPOLLEXCLUSIVE);
    add(epfd, crew->end[0], EPOLLIN);
    for (;;) {
        CHECK_EQ(CHECK_OK(epoll_wait(epfd, &event, 1, -1)), 1);
        if (event.data.fd == crew->end[0])
            break;
        if (read(crew->fds[0], &byte, 1) == 1)
            atomic_fetch_add(&crew->taken, 1);
    }
    CHECK_OK(close(epfd));
    return NULL;
}

static void exclusive_waiters_take_all(void)
{
    struct crew crew = {0};
    pthread_t threads[THREADS];

    crew_start(&crew, threads, take_exclusively, EPOLLONESHOT);
    for (int n = 0; n < 1000; n++) {
        put(crew.fds[1]);
        while (n % 8 == 0 && atomic_load(&crew.taken) <= n)
            sched_yield();
    }
    while (atomic_load(&crew.taken) < 1000)
        sched_yield();
    crew_end(&crew, threads);
}

static atomic_bool is_over;

/* Waits, adds, changes and removes, beside threads that close the same descriptors. */
static void *use_at_random(void *arg)
{
    int *fds = arg;
    unsigned seed = (unsigned)(uintptr_t)pthread_self() >> 12;
    struct epoll_event events[4];

    while (!atomic_load(&is_over)) {
        int fd = fds[rand_r(&seed) % 8], epfd = fds[rand_r(&seed) % 8];

        switch (rand_r(&seed) % 4) {
        case 0:
            (void)control(epfd, EPOLL_CTL_ADD, fd, EPOLLIN | (rand_r(&seed) % 2 ? EPOLLET : 0));
            break;
        case 1:
            (void)control(epfd, EPOLL_CTL_MOD, fd, EPOLLIN | (rand_r(&seed) % 2 ? EPOLLOUT : 0));
            break;
        case 2:
            (void)control(epfd, EPOLL_CTL_DEL, fd, 0);
            break;
        default:
            (void)epoll_wait(epfd, events, 4, rand_r(&seed) % 2);
        }
    }
    return NULL;
}

/* Puts another file in the place of a descriptor: an epoll, or an end of a pipe with a byte. */
static void replace(int fd, unsigned choice)
{
    int pipe_fds[2], epfd;

    if (choice < 2) {
        epfd = make_epoll();
        CHECK_OK(dup2(epfd, fd));
        CHECK_OK(close(epfd));
        return;
    }
    make_pipe(pipe_fds);
    put(pipe_fds[1]);
    CHECK_OK(dup2(pipe_fds[choice % 2], fd));
    close_pipe(pipe_fds);
}

static void closes_beside_waits_do_no_harm(void)
{
    pthread_t threads[THREADS];
    unsigned seed = random_seed();
    int fds[8];

    atomic_store(&is_over, false);
    for (int n = 0; n < 8; n++)
        replace(fds[n] = 100 + n, n % 4);
    for (int n = 0; n < THREADS; n++)
        CHECK_EQ(pthread_create(&threads[n], NULL, use_at_random, fds), 0);
    for (int n = 0; n < 1000; n++)
        replace(fds[rand_r(&seed) % 8], rand_r(&seed) % 4);
    atomic_store(&is_over, true);
    for (int n = 0; n < THREADS; n++)
        CHECK_EQ(pthread_join(threads[n], NULL), 0);
    for (int n = 0; n < 8; n++)
        CHECK_OK(close(fds[n]));
}

static void die_in_a_wait(void *epfd)
{
    struct epoll_event event;

    (void)epoll_wait(*(int *)epfd, &event, 1, -1);
}

static void a_waiter_can_be_killed(void)
{
    int fds[2], epfd = make_epoll();

    make_pipe(fds);
    add(epfd, fds[0], EPOLLIN);
    pid_t child = start_child(die_in_a_wait, &epfd);
    await_state(child, 'S');
    CHECK_OK(kill(child, SIGKILL));
    CHECK(killed_by(wait_child(child), SIGKILL));
    put(fds[1]);
    CHECK_EQ(ready(epfd, fds[0]), EPOLLIN);
    close_pipe(fds);
    CHECK_OK(close(epfd));
}

int main(void)
{
    temp_dir_enter();
    RUN(a_level_is_reported_as_long_as_it_holds);
    RUN(an_edge_is_reported_once);
    RUN(one_shot_is_reported_until_it_is_changed);
    RUN(the_mask_and_the_data_can_be_changed);
    RUN(a_hang_up_and_an_error_need_not_be_asked_for);
    RUN(room_is_an_event);
    RUN(few_events_at_a_time_leave_none_out);
    RUN(a_closed_file_leaves_by_itself);
    RUN(a_file_may_be_added_under_several_descriptors);
    RUN(a_child_shares_the_epoll);
    RUN(an_epoll_is_a_file_without_bytes);
    RUN(calls_say_what_is_wrong);
    RUN(a_bad_buffer_loses_no_event);
    RUN(exclusive_is_for_simple_items);
    RUN(an_epoll_can_be_watched);
    RUN(an_outer_edge_is_an_inner_event);
    RUN(circles_and_long_chains_are_refused);
    RUN(too_many_paths_are_refused);
    RUN(poll_can_watch_an_epoll);
    RUN(a_wait_ends_at_its_time);
    RUN(a_signal_ends_a_wait);
    RUN(a_stop_ends_a_wait);
    RUN(a_waiter_can_be_killed);
    RUN(threads_share_levels);
    RUN(threads_share_edges);
    RUN(exclusive_waiters_take_all);
    RUN(closes_beside_waits_do_no_harm);
    temp_dir_leave();
    return test_end();
}
