/* flock: locks of open files, which dup and fork share, and which the last close drops. */
#include "test.h"

#include <sys/file.h>

static int fds[2]; /* two open files of the file "file" */

static void open_files(void)
{
    (void)unlink("file"); /* of a case that has failed */
    fds[0] = create_file("file", "", 0);
    fds[1] = CHECK_OK(open("file", O_RDONLY));
}

static void close_files(void)
{
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    CHECK_OK(unlink("file"));
}

static void shared_locks_exclude_exclusive_ones(void)
{
    open_files();
    CHECK_OK(flock(fds[0], LOCK_SH));
    CHECK_OK(flock(fds[1], LOCK_SH));
    CHECK_ERR(EWOULDBLOCK, flock(fds[1], LOCK_EX | LOCK_NB));
    CHECK_OK(flock(fds[0], LOCK_EX | LOCK_NB)); /* the attempt has cost the other its lock */
    CHECK_ERR(EWOULDBLOCK, flock(fds[1], LOCK_SH | LOCK_NB));
    CHECK_OK(flock(fds[0], LOCK_EX));
    CHECK_OK(flock(fds[0], LOCK_SH));
    CHECK_OK(flock(fds[1], LOCK_SH | LOCK_NB));
    CHECK_OK(flock(fds[0], LOCK_UN));
    CHECK_OK(flock(fds[0], LOCK_UN));
    CHECK_OK(flock(fds[1], LOCK_EX | LOCK_NB)); /* a reader may, too */
    close_files();
}

static void bad_arguments_are_refused(void)
{
    open_files();
    CHECK_ERR(EINVAL, flock(fds[0], 0));
    CHECK_ERR(EINVAL, flock(fds[0], LOCK_NB));
    CHECK_ERR(EINVAL, flock(fds[0], LOCK_SH | LOCK_EX));
    CHECK_ERR(EINVAL, flock(99, 0));
    CHECK_ERR(EBADF, flock(99, LOCK_SH));
    int path = CHECK_OK(open("file", O_PATH));
    CHECK_ERR(EBADF, flock(path, LOCK_SH));
    CHECK_OK(close(path));
    close_files();
}

static void all_kinds_of_files_can_be_locked(void)
{
    int pipe_fds[2], dir = CHECK_OK(open(".", O_RDONLY)),
                     null = CHECK_OK(open("/dev/null", O_RDWR));

    make_pipe(pipe_fds);
    CHECK_OK(flock(dir, LOCK_EX));
    CHECK_OK(flock(null, LOCK_EX | LOCK_NB));
    CHECK_OK(flock(pipe_fds[0], LOCK_EX));
    CHECK_ERR(EWOULDBLOCK, flock(pipe_fds[1], LOCK_EX | LOCK_NB));
    CHECK_OK(close(pipe_fds[0]));
    CHECK_OK(flock(pipe_fds[1], LOCK_EX | LOCK_NB));
    CHECK_OK(close(pipe_fds[1]));
    CHECK_OK(close(dir));
    CHECK_OK(close(null));
}

static void drop_in_child(void *unused)
{
    (void)unused;
    CHECK_OK(flock(fds[0], LOCK_UN));
}

static void dup_and_fork_share_a_lock(void)
{
    open_files();
    int copy = CHECK_OK(dup(fds[0]));
    CHECK_OK(flock(fds[0], LOCK_EX));
    CHECK_OK(flock(copy, LOCK_EX | LOCK_NB));
    CHECK_OK(close(copy));
    CHECK_ERR(EWOULDBLOCK, flock(fds[1], LOCK_SH | LOCK_NB));
    CHECK(exits_with(0, do_nothing, NULL));
    CHECK_ERR(EWOULDBLOCK, flock(fds[1], LOCK_SH | LOCK_NB));
    CHECK(exits_with(0, drop_in_child, NULL));
    CHECK_OK(flock(fds[1], LOCK_EX | LOCK_NB));
    close_files();
}

static void wait_and_exit(void *kind)
{
    int own = CHECK_OK(open("file", O_RDWR));

    CHECK_OK(flock(own, (intptr_t)kind));
}

static void the_last_close_lets_a_waiter_in(void)
{
    open_files();
    CHECK_OK(flock(fds[0], LOCK_EX));
    pid_t first = start_child(wait_and_exit, (void *)LOCK_EX);
    pid_t second = start_child(wait_and_exit, (void *)LOCK_SH);
    await_state(first, 'S');
    await_state(second, 'S');
    CHECK_OK(close(fds[0])); /* the children have it, too */
    await_state(first, 'S');
    CHECK_OK(kill(first, SIGKILL));
    CHECK(killed_by(wait_child(first), SIGKILL));
    await_state(second, 'S');
    fds[0] = CHECK_OK(open("/proc/self/fd", O_RDONLY)); /* any */
    CHECK_OK(kill(second, SIGKILL));
    CHECK(killed_by(wait_child(second), SIGKILL));
    CHECK_OK(flock(fds[1], LOCK_EX | LOCK_NB));
    first = start_child(wait_and_exit, (void *)LOCK_SH);
    await_state(first, 'S');
    CHECK_OK(flock(fds[1], LOCK_SH));
    CHECK(exited_with(wait_child(first), 0));
    close_files();
}

/* A flock and a record lock do not see each other. */
static void record_locks_are_apart(void)
{
    struct flock lock = {.l_type = F_WRLCK};

    open_files();
    CHECK_OK(flock(fds[1], LOCK_EX));
    CHECK_OK(fcntl(fds[0], F_SETLK, &lock));
    CHECK_OK(fcntl(fds[0], 37 /* F_OFD_SETLK */, &(struct flock){.l_type = F_UNLCK}));
    close_files();
}

int main(void)
{
    temp_dir_enter();
    RUN(shared_locks_exclude_exclusive_ones);
    RUN(bad_arguments_are_refused);
    RUN(all_kinds_of_files_can_be_locked);
    RUN(dup_and_fork_share_a_lock);
    RUN(the_last_close_lets_a_waiter_in);
    RUN(record_locks_are_apart);
    temp_dir_leave();
    return test_end();
}
