/* What tasks share by the flags of clone, and how unshare, close_range and exec end it: the
   descriptors (CLONE_FILES), the working directory and the umask (CLONE_FS), the actions of signals
   (CLONE_SIGHAND). Tasks are threads of one process here, or processes. */
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>

#define STACK_BYTES        (64 * KIB)
#define FUTEX_WAIT         0
#define RANGE_UNSHARE      2
#define CLEAR_SIGHAND      0x100000000ul
#define SYS_CLONE3         435
#define THREAD_WITHOUT_ALL (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_CHILD_CLEARTID)

static char stack[STACK_BYTES] __attribute__((aligned(16)));

/* ---- Processes that share the actions ---- */

static int wait_of_clone(int (*body)(void *), void *arg, int flags)
{
    return wait_child(
        CHECK_OK(clone(body, stack + sizeof(stack), flags | CLONE_VM | SIGCHLD, arg)));
}

static void (*handler_of(int signal))(int)
{
    struct sigaction action;

    CHECK_OK(sigaction(signal, NULL, &action));
    return action.sa_handler;
}

static int ignore_usr1(void *unused)
{
    (void)unused;
    return signal(SIGUSR1, SIG_IGN) == SIG_ERR;
}

static void clone_sighand_shares_the_actions(void)
{
    CHECK(signal(SIGUSR1, SIG_DFL) != SIG_ERR);
    CHECK(exited_with(wait_of_clone(ignore_usr1, NULL, 0), 0));
    CHECK(handler_of(SIGUSR1) == SIG_DFL);
    CHECK(exited_with(wait_of_clone(ignore_usr1, NULL, CLONE_SIGHAND), 0));
    CHECK(handler_of(SIGUSR1) == SIG_IGN);
    CHECK(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
}

static struct gate gone;

static int wait_at_gate(void *gate)
{
    gate_pass(gate);
    return 0;
}

/* The sender and the receiver share the action. The handler runs in the receiver alone. */
static volatile pid_t handled_by;

static void note_pid(int signal)
{
    (void)signal;
    handled_by = getpid();
}

static void a_shared_handler_runs_where_the_signal_is_sent(void)
{
    gone = gate_make();
    CHECK(signal(SIGUSR1, note_pid) != SIG_ERR);
    pid_t pid = CHECK_OK(clone(wait_at_gate, stack + sizeof(stack),
                               CLONE_VM | CLONE_SIGHAND | CLONE_FILES | SIGCHLD, &gone));
    handled_by = 0;
    CHECK_OK(kill(pid, SIGUSR1));
    while (!handled_by)
        sched_yield();
    CHECK_EQ(handled_by, pid);
    CHECK(signal(SIGUSR1, SIG_IGN) == note_pid); /* for both */
    CHECK_OK(kill(pid, SIGUSR1));
    gate_open(&gone);
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_EQ(handled_by, pid);
    CHECK(signal(SIGUSR1, SIG_DFL) == SIG_IGN);
    gate_destroy(&gone);
}

static int run_program(void *unused)
{
    char *argv[] = {(char *)self_path(), "exits-with", "5", NULL};

    (void)unused;
    execv(argv[0], argv);
    return 1;
}

static void exec_ends_the_sharing_of_actions(void)
{
    CHECK(signal(SIGUSR1, note_pid) != SIG_ERR);
    CHECK(exited_with(wait_of_clone(run_program, NULL, CLONE_SIGHAND), 5));
    CHECK(handler_of(SIGUSR1) == note_pid);
    CHECK(signal(SIGUSR1, SIG_DFL) == note_pid);
}

static void a_child_can_begin_without_handlers(void)
{
    uint64_t args[8] = {CLEAR_SIGHAND, 0, 0, 0, SIGCHLD};

    CHECK(signal(SIGUSR1, note_pid) != SIG_ERR);
    CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
    pid_t pid = CHECK_OK(syscall(SYS_CLONE3, args, sizeof(args)));
    if (pid == 0)
        _exit(handler_of(SIGUSR1) == SIG_DFL && handler_of(SIGUSR2) == SIG_IGN);
    CHECK(exited_with(wait_child(pid), 1));
    CHECK(signal(SIGUSR1, SIG_DFL) == note_pid);
    CHECK(signal(SIGUSR2, SIG_DFL) == SIG_IGN);
    args[0] |= CLONE_SIGHAND | CLONE_VM;
    CHECK_ERR(EINVAL, syscall(SYS_CLONE3, args, sizeof(args)));
}

/* ---- Threads that share less ---- */

/* Runs `body` in a thread with these flags, and waits for its end. It shares the thread-local data
   of the caller, who only waits meanwhile. */
static void in_raw_thread(int (*body)(void *), void *arg, int flags)
{
    static int tid;
    int now;

    tid = 1;
    CHECK_OK(clone(body, stack + sizeof(stack), THREAD_WITHOUT_ALL | flags, arg, NULL, NULL, &tid));
    while ((now = __atomic_load_n(&tid, __ATOMIC_SEQ_CST)))
        syscall(SYS_futex, &tid, FUTEX_WAIT, now, NULL, NULL, 0);
}

static int open_root(void *fd)
{
    *(int *)fd = open("/", O_RDONLY);
    syscall(SYS_exit, 0);
    return 0;
}

static int close_fd(void *fd)
{
    *(int *)fd = close(*(int *)fd);
    syscall(SYS_exit, 0);
    return 0;
}

static int move(void *unused)
{
    umask(077);
    (void)!chdir("/tmp");
    syscall(SYS_exit, 0);
    return unused != NULL;
}

static bool is_cwd(const char *path)
{
    char now[256];

    return getcwd(now, sizeof(now)) && strcmp(now, path) == 0;
}

static void a_thread_can_have_descriptors_of_its_own(void)
{
    int fd, kept = CHECK_OK(open("/", O_RDONLY)), closed = kept;

    in_raw_thread(open_root, &fd, CLONE_FS);
    CHECK(fd >= 0);
    CHECK_ERR(EBADF, fcntl(fd, F_GETFD));
    in_raw_thread(close_fd, &closed, CLONE_FS);
    CHECK_EQ(closed, 0);
    CHECK_OK(fcntl(kept, F_GETFD));
    CHECK_OK(close(kept));
    in_raw_thread(open_root, &fd, CLONE_FS | CLONE_FILES);
    CHECK_OK(fcntl(fd, F_GETFD));
    CHECK_OK(close(fd));
}

/* The descriptors of a thread are closed when it ends, not when its process does. */
static int make_pipe_and_leave(void *gate)
{
    struct gate mine = *(struct gate *)gate;

    close(mine.fds[0]);
    syscall(SYS_exit, 0);
    return 0;
}

static void a_thread_that_ends_closes_its_descriptors(void)
{
    struct gate gate = gate_make();
    char byte;

    in_raw_thread(make_pipe_and_leave, &gate, CLONE_FS);
    CHECK_OK(close(gate.fds[1]));
    CHECK_EQ(CHECK_OK(read(gate.fds[0], &byte, 1)), 0); /* nobody else can write */
    CHECK_OK(close(gate.fds[0]));
}

static void a_thread_can_have_a_directory_of_its_own(void)
{
    CHECK_OK(chdir("/"));
    umask(022);
    in_raw_thread(move, NULL, CLONE_FILES);
    CHECK(is_cwd("/"));
    CHECK_EQ(umask(022), 022);
    in_raw_thread(move, NULL, CLONE_FILES | CLONE_FS);
    CHECK(is_cwd("/tmp"));
    CHECK_EQ(umask(022), 077);
}

static void a_thread_shares_memory_and_actions_at_least(void)
{
    CHECK_ERR(EINVAL, syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0));
    CHECK_ERR(EINVAL, syscall(SYS_clone, CLONE_THREAD | CLONE_VM, 0, 0, 0, 0));
    CHECK_ERR(EINVAL, syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0));
}

/* ---- Ending it ---- */

static struct {
    int fd, results[4];
} seen;

static void *unshare_all(void *unused)
{
    seen.results[0] = unshare(CLONE_FILES | CLONE_FS);
    seen.results[1] = close(seen.fd);
    seen.results[2] = chdir("/tmp");
    umask(077);
    return unused;
}

static void *close_a_range(void *unused)
{
    seen.results[0] = syscall(SYS_close_range, seen.fd, seen.fd, RANGE_UNSHARE);
    seen.results[1] = fcntl(seen.fd, F_GETFD);
    seen.results[2] = open("/", O_RDONLY);
    return unused;
}

static void run_thread(void *(*body)(void *))
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, body, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void a_thread_ends_its_sharing(void)
{
    seen.fd = CHECK_OK(open("/", O_RDONLY));
    CHECK_OK(chdir("/"));
    umask(022);
    run_thread(unshare_all);
    CHECK_EQ(seen.results[0], 0);
    CHECK_EQ(seen.results[1], 0);
    CHECK_EQ(seen.results[2], 0);
    CHECK_OK(fcntl(seen.fd, F_GETFD));
    CHECK(is_cwd("/"));
    CHECK_EQ(umask(022), 022);
    CHECK_OK(close(seen.fd));
}

static void a_range_is_closed_for_one_thread(void)
{
    seen.fd = CHECK_OK(open("/", O_RDONLY));
    run_thread(close_a_range);
    CHECK_EQ(seen.results[0], 0);
    CHECK_EQ(seen.results[1], -1);
    CHECK_EQ(seen.results[2], seen.fd);
    CHECK_OK(fcntl(seen.fd, F_GETFD));
    CHECK_OK(close(seen.fd));
}

static void *unshare_memory(void *unused)
{
    errno = 0;
    seen.results[0] = unshare(CLONE_VM);
    seen.results[1] = errno;
    return unused;
}

static void unshare_ends_nothing_else(void)
{
    CHECK_OK(unshare(0));
    CHECK_OK(unshare(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM)); /* nothing is shared */
    CHECK_OK(unshare(CLONE_THREAD | CLONE_SIGHAND | CLONE_VM));
    CHECK_ERR(EINVAL, unshare(CLONE_PARENT));
    CHECK_ERR(EINVAL, unshare(CLONE_VFORK));
    run_thread(unshare_memory);
    CHECK_EQ(seen.results[0], -1);
    CHECK_EQ(seen.results[1], EINVAL);
}

/* ---- exec by one of several threads ---- */

static struct flock whole_file(short type)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET};
}

static void *lock_and_exec(void *name)
{
    struct flock lock = whole_file(F_WRLCK);
    char number[12];
    int fd = open(name, O_RDWR);
    char *argv[] = {(char *)self_path(), "waits-at", number, NULL};

    snprintf(number, sizeof(number), "%d", gone.fds[0]);
    if (fd < 0 || fcntl(fd, F_SETLK, &lock) || fcntl(gone.fds[1], F_SETFD, FD_CLOEXEC))
        _exit(1);
    execv(argv[0], argv);
    _exit(2);
}

static void exec_in_a_thread(void *name)
{
    pthread_t thread;

    pthread_create(&thread, NULL, lock_and_exec, name);
    wait_for_ever(NULL);
}

/* The threads share the descriptors until the exec, and the record locks survive it. */
static void record_locks_survive_exec_by_a_thread(void)
{
    struct flock lock = whole_file(F_WRLCK);

    temp_dir_enter();
    gone = gate_make();
    int fd = create_file("locked", "x", 1);
    pid_t pid = start_child(exec_in_a_thread, "locked");
    do {
        lock = whole_file(F_WRLCK);
        CHECK_OK(fcntl(fd, F_GETLK, &lock));
    } while (lock.l_type == F_UNLCK);
    char path[32], name[512];
    snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
    do { /* until the exec has succeeded */
        int file = CHECK_OK(open(path, O_RDONLY));
        long len = CHECK_OK(read(file, name, sizeof(name) - 1));
        CHECK_OK(close(file));
        name[len] = '\0';
    } while (strcmp(name + strlen(name) + 1, "waits-at") != 0);
    lock = whole_file(F_WRLCK);
    CHECK_OK(fcntl(fd, F_GETLK, &lock));
    CHECK_EQ(lock.l_type, F_WRLCK);
    CHECK_EQ(lock.l_pid, pid);
    gate_open(&gone);
    CHECK(exited_with(wait_child(pid), 0));
    gate_destroy(&gone);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("locked"));
    temp_dir_leave();
}

int main(int argc, char **argv)
{
    char byte;

    if (argc > 2 && strcmp(argv[1], "exits-with") == 0)
        return atoi(argv[2]);
    if (argc > 2 && strcmp(argv[1], "waits-at") == 0)
        return read(atoi(argv[2]), &byte, 1) != 1;
    RUN(clone_sighand_shares_the_actions);
    RUN(a_shared_handler_runs_where_the_signal_is_sent);
    RUN(exec_ends_the_sharing_of_actions);
    RUN(a_child_can_begin_without_handlers);
    RUN(a_thread_can_have_descriptors_of_its_own);
    RUN(a_thread_that_ends_closes_its_descriptors);
    RUN(a_thread_can_have_a_directory_of_its_own);
    RUN(a_thread_shares_memory_and_actions_at_least);
    RUN(a_thread_ends_its_sharing);
    RUN(a_range_is_closed_for_one_thread);
    RUN(unshare_ends_nothing_else);
    RUN(record_locks_survive_exec_by_a_thread);
    return test_end();
}
