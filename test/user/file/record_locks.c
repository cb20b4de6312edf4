/* Record locks of fcntl: ranges of bytes that processes, or with F_OFD_SETLK open files, lock.

   A case tests from a child what is locked, because a process never stands in its own way. */
#include "test.h"

#include <sched.h>

#define F_OFD_GETLK  36
#define F_OFD_SETLK  37
#define F_OFD_SETLKW 38

static int fd; /* of the file "file", which is 100 bytes long */

static void open_file(void)
{
    static const char bytes[100];

    (void)unlink("file"); /* of a case that has failed */
    fd = create_file("file", bytes, sizeof(bytes));
}

static void close_file(void)
{
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
}

static int lock_at(int at, int request, short kind, long start, long len)
{
    struct flock lock = {.l_type = kind, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

    return fcntl(at, request, &lock);
}

static int set(short kind, long start, long len)
{
    return lock_at(fd, F_SETLK, kind, start, len);
}

/* Writes what a child sees of the locks: for each of the bytes, "r" or "w" if it is locked for
   reading or writing, and else ".". */
static char seen[32];

static void look(void *arg)
{
    int to = *(int *)arg;

    for (int byte = 0; byte < (int)sizeof(seen) - 1; byte++) {
        struct flock lock = {.l_type = F_WRLCK, .l_start = byte, .l_len = 1};

        CHECK_OK(fcntl(fd, F_GETLK, &lock));
        if (lock.l_type != F_UNLCK)
            CHECK_EQ(lock.l_pid, getppid());
        char kind = lock.l_type == F_UNLCK ? '.' : lock.l_type == F_RDLCK ? 'r' : 'w';
        CHECK_EQ(CHECK_OK(write(to, &kind, 1)), 1);
    }
}

static void check_locked(const char *expected)
{
    int fds[2];
    ssize_t len = strlen(expected);

    make_pipe(fds);
    CHECK(exits_with(0, look, &fds[1]));
    CHECK_EQ(CHECK_OK(read(fds[0], seen, sizeof(seen))), (ssize_t)sizeof(seen) - 1);
    if (memcmp(seen, expected, len) != 0)
        test_fail(__FILE__, __LINE__, "locked is %s, not %s", seen, expected);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static void ranges_are_split_and_merged(void)
{
    open_file();
    CHECK_OK(set(F_WRLCK, 2, 10));
    check_locked("..wwwwwwwwww......");
    CHECK_OK(set(F_RDLCK, 5, 3));
    check_locked("..wwwrrrwwww......");
    CHECK_OK(set(F_UNLCK, 6, 1));
    check_locked("..wwwr.rwwww......");
    CHECK_OK(set(F_UNLCK, 11, 5));
    check_locked("..wwwr.rwww.......");
    CHECK_OK(set(F_WRLCK, 0, 6));
    check_locked("wwwwww.rwww.......");
    CHECK_OK(set(F_RDLCK, 12, 0));
    check_locked("wwwwww.rwww.rrrrrr");
    CHECK_OK(set(F_WRLCK, 4, 10));
    check_locked("wwwwwwwwwwwwwwrrrr");
    CHECK_OK(set(F_UNLCK, 3, 1));
    CHECK_OK(set(F_UNLCK, 20, 0));
    check_locked("www.wwwwwwwwwwrrrrrr...........");
    CHECK_OK(set(F_UNLCK, 0, 0));
    check_locked("..................");
    close_file();
}

/* The whole lock that stands in the way is told. Neighbours that merge are one. */
struct expected {
    short kind;
    long start, len;
};

static void check_first(void *arg)
{
    const struct expected *expected = arg;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_END, .l_start = -100};

    CHECK_OK(fcntl(fd, F_GETLK, &lock));
    CHECK_EQ(lock.l_type, expected->kind);
    CHECK_EQ(lock.l_whence, SEEK_SET);
    CHECK_EQ(lock.l_start, expected->start);
    CHECK_EQ(lock.l_len, expected->len);
    CHECK_EQ(lock.l_pid, getppid());
}

static void the_lock_in_the_way_is_told(void)
{
    open_file();
    CHECK_OK(set(F_RDLCK, 10, 10));
    CHECK_OK(set(F_RDLCK, 30, 10));
    CHECK(exits_with(0, check_first, &(struct expected){F_RDLCK, 10, 10}));
    CHECK_OK(set(F_RDLCK, 20, 10));
    CHECK(exits_with(0, check_first, &(struct expected){F_RDLCK, 10, 30}));
    CHECK_OK(set(F_WRLCK, 5, 2));
    CHECK(exits_with(0, check_first, &(struct expected){F_WRLCK, 5, 2}));
    CHECK_OK(set(F_WRLCK, 7, 0));
    CHECK(exits_with(0, check_first, &(struct expected){F_WRLCK, 5, 0}));
    close_file();
}

static void ranges_count_from_start_offset_or_end(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_CUR, .l_start = -2, .l_len = 3};

    open_file();
    CHECK_OK(lseek(fd, 5, SEEK_SET));
    CHECK_OK(fcntl(fd, F_SETLK, &lock));
    check_locked("...www......");
    lock.l_start = 5, lock.l_len = -2;
    CHECK_OK(fcntl(fd, F_SETLK, &lock));
    check_locked("...www..ww..");
    lock.l_whence = SEEK_END, lock.l_start = -99, lock.l_len = 1;
    CHECK_OK(fcntl(fd, F_SETLK, &lock));
    check_locked(".w.www..ww..");
    close_file();
}

static void bad_ranges_are_refused(void)
{
    open_file();
    CHECK_ERR(EINVAL, set(F_WRLCK, -1, 1));
    CHECK_ERR(EINVAL, set(F_WRLCK, 1, -2));
    CHECK_ERR(EINVAL, set(F_WRLCK, 1, INT64_MIN));
    CHECK_ERR(EOVERFLOW, set(F_WRLCK, INT64_MAX, 2));
    CHECK_ERR(EINVAL, set(17, 0, 1));
    CHECK_ERR(EINVAL, lock_at(fd, F_GETLK, F_UNLCK, 0, 1));
    CHECK_ERR(EINVAL, fcntl(fd, F_SETLK, &(struct flock){.l_type = F_RDLCK, .l_whence = 9}));
    CHECK_ERR(EOVERFLOW,
              fcntl(fd, F_SETLK, &(struct flock){.l_whence = SEEK_END, .l_start = INT64_MAX}));
    CHECK_ERR(EFAULT, fcntl(fd, F_SETLK, 8));
    CHECK_ERR(EFAULT, fcntl(fd, F_GETLK, 8));
    CHECK_ERR(EBADF, lock_at(99, F_SETLK, F_RDLCK, 0, 0));
    CHECK_OK(set(F_WRLCK, INT64_MAX, 1));
    CHECK_OK(set(F_WRLCK, INT64_MAX - 5, 0));
    CHECK_OK(set(F_UNLCK, INT64_MAX - 2, 1));
    CHECK_OK(set(F_UNLCK, 0, 0));
    close_file();
}

static void a_lock_needs_the_right_to_do_it(void)
{
    open_file();
    int reader = CHECK_OK(open("file", O_RDONLY)), writer = CHECK_OK(open("file", O_WRONLY));
    int path = CHECK_OK(open("file", O_PATH));
    CHECK_ERR(EBADF, lock_at(reader, F_SETLK, F_WRLCK, 0, 1));
    CHECK_ERR(EBADF, lock_at(writer, F_SETLK, F_RDLCK, 0, 1));
    CHECK_ERR(EBADF, lock_at(path, F_SETLK, F_RDLCK, 0, 1));
    CHECK_OK(lock_at(reader, F_SETLK, F_RDLCK, 0, 1));
    CHECK_OK(lock_at(writer, F_SETLK, F_WRLCK, 0, 1));
    CHECK_OK(lock_at(reader, F_SETLK, F_UNLCK, 0, 1));
    CHECK_OK(close(reader));
    CHECK_OK(close(writer));
    CHECK_OK(close(path));
    close_file();
}

/* ---- Conflicts ---- */

static void check_conflicts(void *unused)
{
    (void)unused;
    CHECK_ERR(EAGAIN, set(F_WRLCK, 0, 0));
    CHECK_ERR(EAGAIN, set(F_RDLCK, 4, 1));
    CHECK_ERR(EAGAIN, set(F_WRLCK, 14, 1));
    CHECK_OK(set(F_RDLCK, 14, 1));
    CHECK_OK(set(F_WRLCK, 5, 5));
    CHECK_OK(set(F_UNLCK, 0, 0));
}

static void writers_exclude_all_and_readers_writers(void)
{
    open_file();
    CHECK_OK(set(F_WRLCK, 0, 5));
    CHECK_OK(set(F_RDLCK, 10, 5));
    CHECK(exits_with(0, check_conflicts, NULL));
    check_locked("wwwww.....rrrrr...");
    close_file();
}

static void a_close_drops_the_locks_of_the_process(void)
{
    open_file();
    CHECK_OK(set(F_WRLCK, 0, 5));
    CHECK_OK(close(CHECK_OK(open("file", O_RDONLY))));
    check_locked(".....");
    CHECK_OK(set(F_WRLCK, 0, 5));
    int copy = CHECK_OK(dup(fd));
    check_locked("wwwww");
    CHECK_OK(dup2(STDOUT_FILENO, copy)); /* closes it */
    check_locked(".....");
    CHECK_OK(close(copy));
    CHECK_OK(set(F_WRLCK, 0, 5));
    int other = create_file("other", "", 0);
    CHECK_OK(close(other));
    CHECK_OK(unlink("other"));
    check_locked("wwwww");
    close_file();
}

static void close_in_child(void *unused)
{
    (void)unused;
    CHECK_OK(close(fd));
}

static void lock_and_die(void *arg)
{
    CHECK_OK(set(F_WRLCK, 0, 5));
    gate_open(arg);
    wait_for_ever(NULL);
}

static void children_do_not_inherit_locks_and_the_dead_have_none(void)
{
    struct gate gate = gate_make();

    open_file();
    CHECK_OK(set(F_WRLCK, 7, 1));
    CHECK(exits_with(0, close_in_child, NULL));
    check_locked(".......w..");
    pid_t pid = start_child(lock_and_die, &gate);
    gate_pass(&gate);
    CHECK_ERR(EAGAIN, set(F_WRLCK, 0, 2));
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    CHECK_OK(set(F_WRLCK, 0, 2));
    check_locked("ww.....w..");
    gate_destroy(&gate);
    close_file();
}

/* ---- Waiting ---- */

static void wait_for_lock(void *unused)
{
    (void)unused;
    CHECK_OK(lock_at(fd, F_SETLKW, F_WRLCK, 3, 1));
    CHECK_ERR(EAGAIN, set(F_WRLCK, 0, 1));
}

static void a_waiter_gets_the_lock(void)
{
    open_file();
    CHECK_OK(set(F_WRLCK, 0, 5));
    pid_t pid = start_child(wait_for_lock, NULL);
    await_state(pid, 'S');
    CHECK_OK(set(F_UNLCK, 4, 1)); /* wakes it for nothing */
    await_state(pid, 'S');
    CHECK_OK(set(F_UNLCK, 3, 1));
    CHECK(exited_with(wait_child(pid), 0));
    close_file();
}

static void read_lock_and_exit(void *unused)
{
    (void)unused;
    CHECK_OK(lock_at(fd, F_SETLKW, F_RDLCK, 0, 0));
}

static void a_lock_that_becomes_weaker_lets_readers_in(void)
{
    open_file();
    CHECK_OK(set(F_WRLCK, 0, 5));
    pid_t pid = start_child(read_lock_and_exit, NULL);
    await_state(pid, 'S');
    CHECK_OK(set(F_RDLCK, 0, 5));
    CHECK(exited_with(wait_child(pid), 0));
    close_file();
}

static volatile sig_atomic_t calls;

static void count(int signal)
{
    (void)signal;
    calls++;
}

static void catch_with(int flags)
{
    const struct sigaction action = {.sa_handler = count, .sa_flags = flags};

    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
}

static void be_interrupted(void *arg)
{
    catch_with(0);
    gate_open(arg);
    CHECK_ERR(EINTR, lock_at(fd, F_SETLKW, F_WRLCK, 0, 1));
    CHECK_EQ(calls, 1);
    catch_with(SA_RESTART);
    gate_open(arg);
    CHECK_OK(lock_at(fd, F_SETLKW, F_WRLCK, 0, 1));
    CHECK_EQ(calls, 2);
}

static void a_signal_interrupts_a_waiter(void)
{
    struct gate gate = gate_make();

    open_file();
    CHECK_OK(set(F_WRLCK, 0, 5));
    pid_t pid = start_child(be_interrupted, &gate);
    for (int n = 0; n < 2; n++) {
        gate_pass(&gate);
        await_state(pid, 'S');
        CHECK_OK(kill(pid, SIGUSR1));
    }
    CHECK_OK(set(F_UNLCK, 0, 0));
    CHECK(exited_with(wait_child(pid), 0));
    gate_destroy(&gate);
    close_file();
}

static void a_waiter_can_be_killed(void)
{
    open_file();
    CHECK_OK(set(F_WRLCK, 0, 5));
    pid_t pid = start_child(read_lock_and_exit, NULL);
    await_state(pid, 'S');
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    check_locked("wwwww.....");
    close_file();
}

/* Process n of a ring locks byte n, and then waits for the byte of the next. */
#define RING 5
static struct gate ring_gates[2];

static void take_part(void *arg)
{
    int n = (intptr_t)arg;

    CHECK_OK(set(F_WRLCK, n, 1));
    gate_open(&ring_gates[0]);
    gate_pass(&ring_gates[1]);
    CHECK_OK(lock_at(fd, F_SETLKW, F_WRLCK, n + 1, 1));
}

static void a_circle_of_waiters_is_refused(void)
{
    pid_t pids[RING];

    open_file();
    ring_gates[0] = gate_make(), ring_gates[1] = gate_make();
    CHECK_OK(set(F_WRLCK, RING, 1));
    for (intptr_t n = 0; n < RING; n++) {
        pids[n] = start_child(take_part, (void *)n);
        gate_pass(&ring_gates[0]);
    }
    for (int n = 0; n < RING; n++)
        gate_open(&ring_gates[1]);
    for (int n = 0; n < RING; n++)
        await_state(pids[n], 'S');
    CHECK_ERR(EDEADLK, lock_at(fd, F_SETLKW, F_WRLCK, 0, 1));
    CHECK_ERR(EDEADLK, lock_at(fd, F_SETLKW, F_RDLCK, 2, 1));
    CHECK_ERR(EAGAIN, set(F_WRLCK, 0, 1));
    CHECK_OK(set(F_UNLCK, RING, 1)); /* they all end, one after the other */
    for (int n = 0; n < RING; n++)
        CHECK(exited_with(wait_child(pids[n]), 0));
    CHECK_OK(lock_at(fd, F_SETLKW, F_WRLCK, 0, 0));
    gate_destroy(&ring_gates[0]);
    gate_destroy(&ring_gates[1]);
    close_file();
}

/* ---- Locks of open files ---- */

static void release_in_child(void *unused)
{
    (void)unused;
    CHECK_OK(lock_at(fd, F_OFD_SETLK, F_UNLCK, 0, 1));
}

static void wait_by_another_open_file(void *unused)
{
    (void)unused;
    int other = CHECK_OK(open("file", O_RDWR));
    CHECK_OK(lock_at(other, F_OFD_SETLKW, F_WRLCK, 5, 1));
}

static void an_open_file_can_have_locks(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_len = 10};

    open_file();
    int other = CHECK_OK(open("file", O_RDWR));
    CHECK_OK(lock_at(fd, F_OFD_SETLK, F_WRLCK, 0, 10));
    CHECK_ERR(EAGAIN, lock_at(other, F_OFD_SETLK, F_RDLCK, 0, 1));
    CHECK_ERR(EAGAIN, set(F_WRLCK, 0, 1)); /* also where the process is the owner */
    CHECK_OK(fcntl(other, F_OFD_GETLK, &lock));
    CHECK_EQ(lock.l_type, F_WRLCK);
    CHECK_EQ(lock.l_pid, -1);
    CHECK_EQ(lock.l_len, 10);
    lock.l_pid = 1;
    CHECK_ERR(EINVAL, fcntl(other, F_OFD_GETLK, &lock));
    CHECK_ERR(EINVAL, fcntl(other, F_OFD_SETLK, &lock));
    CHECK(exits_with(0, release_in_child, NULL)); /* parent and child share the open file */
    CHECK_OK(lock_at(other, F_OFD_SETLK, F_RDLCK, 0, 1));
    CHECK_OK(lock_at(other, F_OFD_SETLK, F_UNLCK, 0, 1));
    int copy = CHECK_OK(dup(fd));
    CHECK_OK(close(fd));
    CHECK_ERR(EAGAIN, lock_at(other, F_OFD_SETLK, F_WRLCK, 5, 1));
    pid_t pid = start_child(wait_by_another_open_file, NULL);
    await_state(pid, 'S');
    CHECK_OK(close(copy)); /* this process's last; the child has its own */
    await_state(pid, 'S');
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    CHECK_OK(lock_at(other, F_OFD_SETLK, F_WRLCK, 5, 1));
    fd = other;
    close_file();
}

/* ---- Many ---- */

#define MANY 2000

static void many_ranges_are_kept(void)
{
    open_file();
    for (int n = 0; n < MANY; n++)
        CHECK_OK(set(n % 3 ? F_WRLCK : F_RDLCK, 2 * n, 1));
    check_locked("r.w.w.r.w.w.r.w.w.");
    CHECK_OK(set(F_UNLCK, 6, 2 * MANY - 12));
    check_locked("r.w.w.............");
    CHECK_OK(set(F_WRLCK, 1, 0));
    check_locked("rwwwwwwwwwwwwwwwww");
    close_file();
}

/* ---- Load ---- */

#define WORKERS 6
#define ROUNDS  200
#define BYTES   4

/* Checks that no other worker uses the byte while it is locked. */
static void use_byte(int at, char own)
{
    char found = 1;

    CHECK_EQ(CHECK_OK(pwrite(fd, &own, 1, at)), 1);
    CHECK_OK(sched_yield());
    CHECK_EQ(CHECK_OK(pread(fd, &found, 1, at)), 1);
    CHECK_EQ(found, own);
}

/* Locks two bytes in any order, which often closes a circle. */
static void lock_bytes_in_turn(void *arg)
{
    uint64_t state = (uintptr_t)arg;

    for (int round = 0; round < ROUNDS; round++) {
        int first = random_below(&state, BYTES), second = random_below(&state, BYTES);

        CHECK_OK(lock_at(fd, F_SETLKW, F_WRLCK, first, 1));
        if (lock_at(fd, F_SETLKW, F_WRLCK, second, 1) == 0)
            use_byte(second, (uintptr_t)arg);
        else
            CHECK_EQ(errno, EDEADLK);
        use_byte(first, (uintptr_t)arg);
        CHECK_OK(set(F_UNLCK, 0, 0));
    }
}

static void locks_exclude_and_never_hang(void)
{
    pid_t pids[WORKERS];

    open_file();
    for (uintptr_t n = 0; n < WORKERS; n++)
        pids[n] = start_child(lock_bytes_in_turn, (void *)(n + 1));
    for (int n = 0; n < WORKERS; n++)
        CHECK(exited_with(wait_child(pids[n]), 0));
    close_file();
}

int main(void)
{
    temp_dir_enter();
    RUN(ranges_are_split_and_merged);
    RUN(the_lock_in_the_way_is_told);
    RUN(ranges_count_from_start_offset_or_end);
    RUN(bad_ranges_are_refused);
    RUN(a_lock_needs_the_right_to_do_it);
    RUN(writers_exclude_all_and_readers_writers);
    RUN(a_close_drops_the_locks_of_the_process);
    RUN(children_do_not_inherit_locks_and_the_dead_have_none);
    RUN(a_waiter_gets_the_lock);
    RUN(a_lock_that_becomes_weaker_lets_readers_in);
    RUN(a_signal_interrupts_a_waiter);
    RUN(a_waiter_can_be_killed);
    RUN(a_circle_of_waiters_is_refused);
    RUN(an_open_file_can_have_locks);
    RUN(many_ranges_are_kept);
    RUN(locks_exclude_and_never_hang);
    temp_dir_leave();
    return test_end();
}
