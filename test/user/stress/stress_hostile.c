/* Programs that work against themselves: memory that goes away below system calls, descriptors that
   are closed and files that are cut below their users, threads that all end their process at once,
   and processes that are looked at while they end. A call may fail in the ways that Linux lets it
   fail. None may hang, or harm another program. */
#include "workload.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#define CALLS 300

static int is_done; /* atomic */

static bool go_on(void)
{
    return !__atomic_load_n(&is_done, __ATOMIC_ACQUIRE);
}

static void end_now(void)
{
    __atomic_store_n(&is_done, 1, __ATOMIC_RELEASE);
}

/* Checks that a call has succeeded, or has failed with one of the errors, which 0 ends. */
static void check_result(const char *what, long result, const int *errors)
{
    int error = errno;

    if (result >= 0)
        return;
    while (*errors && *errors != error)
        errors++;
    if (!*errors)
        test_fail(__FILE__, __LINE__, "%s: %s", what, strerror(error));
}

/* ---- Memory goes away below system calls ---- */

#define RANGE_PAGES 6u
#define RANGE_BYTES (RANGE_PAGES * PAGE)

enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_REQUEUE = 3, FUTEX_WAKE_OP = 5 };

static char *range;
static int pipe_fds[2]; /* neither end waits */
static int exe_fd;

/* Moves pages within the range. The call fails if both places overlap, or where there is a hole. */
static void move_pages(struct member *self, char *start, size_t len)
{
    uint32_t page = random_below(&self->random, RANGE_PAGES);
    size_t new_len = len < (RANGE_PAGES - page) * PAGE ? len : (RANGE_PAGES - page) * PAGE;
    char *to = range + page * PAGE;

    if (random_below(&self->random, 2))
        (void)!mremap(start, len, new_len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
    else
        (void)!mremap(start, len, 1 + random_below(&self->random, len), 0); /* shrinks in place */
}

/* Maps, moves, protects, empties and unmaps parts of the range. Nothing else of this process is
   mapped meanwhile, so a hole stays free. */
static void change_range(struct member *self)
{
    static const int rights[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};

    while (go_on()) {
        uint32_t page = random_below(&self->random, RANGE_PAGES);
        size_t len = (1 + random_below(&self->random, RANGE_PAGES - page)) * PAGE;
        char *start = range + page * PAGE;

        switch (random_below(&self->random, 8)) {
        case 0:
            CHECK_OK(munmap(start, len));
            break;
        case 1:
            (void)!madvise(start, len, MADV_DONTNEED);
            break;
        case 2:
            move_pages(self, start, len);
            break;
        case 3:
            (void)!mprotect(start, len, rights[random_below(&self->random, 3)]);
            break;
        default:
            CHECK(mmap(start, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
                       -1, 0) == start);
        }
        dawdle(&self->random, 2000);
    }
}

static long futex(uint32_t *word, int operation, uint32_t value, long limit, uint32_t *other)
{
    return syscall(SYS_futex, word, operation, value, limit, other, 0);
}

/* The range holds zeros, or bytes of the kernel's. No call that a case makes writes anywhere
   else, whatever the range holds. */
static long move_bytes(uint32_t which, char *at, size_t len)
{
    struct iovec here = {at, len};

    switch (which) {
    case 0:
        return write(pipe_fds[1], at, len);
    case 1:
        return read(pipe_fds[0], at, len);
    case 2:
        return writev(pipe_fds[1], (struct iovec *)at, 1 + len % 3);
    case 3:
        return pread(exe_fd, at, len, 0);
    default:
        return process_vm_readv(getpid(), &here, 1, &here, 1, 0);
    }
}

static long wait_on_words(uint32_t which, char *at, size_t len)
{
    static const struct timespec brief = {.tv_nsec = 1000};
    uint32_t *word = (uint32_t *)at, *other = (uint32_t *)(range + len / 4 * 4);

    switch (which) {
    case 0:
        return futex(word, FUTEX_WAIT, 0, (long)&brief, NULL);
    case 1:
        return futex(word, FUTEX_WAKE, 1, 0, NULL);
    case 2:
        return futex(word, FUTEX_REQUEUE, 1, 1, other);
    case 3:
        return futex(word, FUTEX_WAKE_OP, 1, 1, other);
    case 4:
        return syscall(SYS_gettimeofday, at, other);
    default:
        return poll((struct pollfd *)at, 1 + len % 3, 0);
    }
}

/* By syscall, because the library's functions may look into the structs. */
static long fill_struct(uint32_t which, char *at)
{
    switch (which) {
    case 0:
        return syscall(SYS_fstat, exe_fd, at);
    case 1:
        return syscall(SYS_uname, at);
    case 2:
        return syscall(SYS_getrusage, 0, at);
    case 3:
        return syscall(SYS_times, at);
    case 4:
        return syscall(SYS_getcwd, at, PAGE);
    case 5:
        return syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, at, 8);
    default:
        return syscall(SYS_sigaltstack, NULL, at);
    }
}

/* The path is empty if the range holds zeros, and no file has a name of the kernel's bytes. */
static long use_path(uint32_t which, char *at, size_t len)
{
    char **vector = (char **)(range + len / 8 * 8);
    int fd;

    switch (which) {
    case 0:
        if ((fd = open(at, O_RDONLY)) >= 0)
            close(fd);
        return fd;
    case 1:
        return access(at, R_OK);
    default:
        return execve(at, vector, vector);
    }
}

static void call_with_range(struct member *self)
{
    static const int errors[] = {EFAULT,       EAGAIN, EINVAL, ENOENT,  ETIMEDOUT,
                                 ENAMETOOLONG, E2BIG,  EACCES, ENOTDIR, 0};

    for (int n = 0; n < CALLS && go_on(); n++) {
        size_t len = 1 + random_below(&self->random, 2 * PAGE);
        size_t offset = random_below(&self->random, RANGE_BYTES - len) / 8 * 8;
        uint32_t kind = random_below(&self->random, 4), which = random_next(&self->random);
        char *at = range + offset;
        long result = kind == 0   ? move_bytes(which % 5, at, len)
                      : kind == 1 ? wait_on_words(which % 6, at, len)
                      : kind == 2 ? fill_struct(which % 7, at)
                                  : use_path(which % 3, at, len);

        check_result("a call whose memory goes away", result, errors);
    }
    end_now();
}

static void memory_goes_away_below_calls(uint64_t *random)
{
    range = map_pages(RANGE_PAGES);
    CHECK_OK(pipe2(pipe_fds, O_NONBLOCK));
    exe_fd = CHECK_OK(open(self_path(), O_RDONLY));
    crew_run(random, 4,
             (void (*const[])(struct member *)){change_range, call_with_range, call_with_range,
                                                call_with_range});
}

/* ---- Descriptors are closed below their users ---- */

#define FIRST_FD 40
#define FDS      6

static int random_fd(struct member *self)
{
    return FIRST_FD + random_below(&self->random, FDS);
}

/* Opens something at a descriptor that others use. */
static void change_fd(struct member *self)
{
    int fd = random_fd(self), fds[2], opened;

    switch (random_below(&self->random, 6)) {
    case 0:
        close(fd);
        return;
    case 1:
        (void)!dup2(random_fd(self), fd);
        return;
    case 2:
        CHECK_OK(pipe2(fds, O_NONBLOCK | O_CLOEXEC));
        CHECK_OK(dup2(fds[0], fd));
        CHECK_OK(dup2(fds[1], random_fd(self)));
        CHECK_OK(close(fds[0]));
        CHECK_OK(close(fds[1]));
        return;
    case 3:
        opened = CHECK_OK(open("/proc/self/maps", O_RDONLY));
        break;
    case 4:
        opened = CHECK_OK(open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
        break;
    default:
        opened = CHECK_OK(open("/dev/null", O_RDWR));
    }
    CHECK_OK(dup2(opened, fd));
    CHECK_OK(close(opened));
}

static void use_fd(struct member *self)
{
    char bytes[512] = {0};
    int fd = random_fd(self);
    struct pollfd wanted[2] = {{fd, POLLIN | POLLOUT, 0}, {random_fd(self), POLLIN, 0}};
    struct stat info;

    switch (random_below(&self->random, 8)) {
    case 0:
        (void)!write(fd, bytes, random_below(&self->random, sizeof(bytes)));
        return;
    case 1:
        (void)!syscall(SYS_getdents64, fd, bytes, sizeof(bytes));
        return;
    case 2:
        (void)!fstat(fd, &info);
        return;
    case 3:
        (void)!lseek(fd, random_below(&self->random, 1000), SEEK_SET);
        return;
    case 4:
        (void)!poll(wanted, 2, 1);
        return;
    case 5:
        (void)!fcntl(fd, F_SETFD, FD_CLOEXEC);
        return;
    default:
        (void)!read(fd, bytes, sizeof(bytes));
    }
}

static void change_fds(struct member *self)
{
    for (int n = 0; n < CALLS; n++)
        change_fd(self);
    end_now();
}

static void use_fds(struct member *self)
{
    while (go_on())
        use_fd(self);
}

/* Its children have copies of the descriptors, and close them by their ends. */
static void fork_with_fds(struct member *self)
{
    while (go_on()) {
        int status = 1 + random_below(&self->random, 5);
        bool execs = random_below(&self->random, 2);
        pid_t pid = CHECK_OK(fork());

        if (pid == 0) {
            use_fd(self);
            if (execs)
                exec_exits(status);
            _exit(status);
        }
        CHECK(exited_with(wait_child(pid), status));
    }
}

static void descriptors_are_closed_below_their_users(uint64_t *random)
{
    signal(SIGPIPE, SIG_IGN);
    crew_run(random, 4,
             (void (*const[])(struct member *)){change_fds, use_fds, use_fds, fork_with_fds});
}

/* ---- A file is cut below its users ---- */

#define FILE_PAGES 8u

static int file_fd;
static char *mapped; /* the file, privately */

/* Makes the file long again, so that the page is there when the access is repeated. */
static void repair(int signal, siginfo_t *info, void *context)
{
    char *at = info->si_addr;

    (void)signal, (void)context;
    CHECK(at >= mapped && at < mapped + FILE_PAGES * PAGE);
    CHECK_OK(ftruncate(file_fd, FILE_PAGES * PAGE));
}

static void cut_file(struct member *self)
{
    for (int n = 0; n < CALLS; n++) {
        CHECK_OK(ftruncate(file_fd, random_below(&self->random, FILE_PAGES * PAGE)));
        dawdle(&self->random, 3000);
        CHECK_OK(ftruncate(file_fd, FILE_PAGES * PAGE));
        dawdle(&self->random, 3000);
    }
    end_now();
}

/* Each byte of the file is 0, or the number of its page, counted from 1. */
static void check_byte(char byte, uint32_t page)
{
    CHECK(byte == 0 || byte == (char)(page + 1));
}

static void touch_mapped(struct member *self)
{
    while (go_on()) {
        uint32_t page = random_below(&self->random, FILE_PAGES);
        char *at = mapped + page * PAGE + random_below(&self->random, PAGE);

        check_byte(peek(at), page);
        if (random_below(&self->random, 4) == 0)
            poke(at, page + 1);
        if (random_below(&self->random, 50) == 0)
            CHECK_OK(madvise(mapped, FILE_PAGES * PAGE, MADV_DONTNEED));
    }
}

static void write_file(struct member *self)
{
    char bytes[PAGE];

    while (go_on()) {
        uint32_t page = random_below(&self->random, FILE_PAGES);
        size_t start = random_below(&self->random, PAGE), len = PAGE - start;

        memset(bytes, page + 1, len);
        CHECK_EQ(CHECK_OK(pwrite(file_fd, bytes, len, page * PAGE + start)), len);
        ssize_t got = CHECK_OK(pread(file_fd, bytes, len, page * PAGE + start));
        for (ssize_t at = 0; at < got; at++)
            check_byte(bytes[at], page);
    }
}

static void a_file_is_cut_below_its_users(uint64_t *random)
{
    struct sigaction action = {.sa_sigaction = repair, .sa_flags = SA_SIGINFO | SA_NODEFER};
    char path[64];

    snprintf(path, sizeof(path), "/tmp/cut-%d", getpid());
    file_fd = create_file(path, "", 0);
    CHECK_OK(unlink(path));
    CHECK_OK(ftruncate(file_fd, FILE_PAGES * PAGE));
    mapped = CHECK_OK(
        (char *)mmap(NULL, FILE_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file_fd, 0));
    CHECK_OK(sigaction(SIGBUS, &action, NULL));
    crew_run(random, 4,
             (void (*const[])(struct member *)){cut_file, touch_mapped, touch_mapped, write_file});
}

/* ---- All threads end their process at once ---- */

static void *return_at_once(void *arg)
{
    return arg;
}

static void start_thread(void)
{
    pthread_attr_t attributes;
    pthread_t thread;

    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)!pthread_create(&thread, &attributes, return_at_once, NULL);
}

static void fork_once(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

/* Only this child writes to memory that it shares with its parent. */
static void vfork_and_exec(void)
{
    pid_t pid = vfork();

    if (pid == 0)
        exec_exits(0);
    if (pid > 0)
        waitpid(pid, NULL, 0);
}

static void end_somehow(struct member *self)
{
    for (;;) {
        switch (random_below(&self->random, 40)) {
        case 0:
            _exit(3);
        case 1:
            exec_exits(4);
        case 2:
            kill(getpid(), SIGTERM);
            break;
        case 3:
            syscall(SYS_tkill, syscall(SYS_gettid), SIGKILL);
            break;
        case 4 ... 9:
            fork_once();
            break;
        case 10 ... 12:
            vfork_and_exec();
            break;
        case 13 ... 25:
            start_thread();
            break;
        case 26 ... 29:
            kill(getpid(), SIGCONT);
            break;
        default:
            dawdle(&self->random, 5000);
        }
    }
}

static void run_to_some_end(void *random)
{
    crew_run(random, 5,
             (void (*const[])(struct member *)){end_somehow, end_somehow, end_somehow, end_somehow,
                                                end_somehow});
}

static void threads_end_their_process_at_once(uint64_t *random)
{
    for (int n = 0; n < 8; n++) {
        uint64_t seed = random_next(random);
        int status = in_child(run_to_some_end, &seed);

        if (WIFSIGNALED(status))
            CHECK(WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGKILL);
        else
            CHECK(WEXITSTATUS(status) == 3 || WEXITSTATUS(status) == 4);
    }
}

/* ---- A process is looked at while it ends ---- */

static pid_t observed; /* atomic */

static void live_busily(void *random)
{
    char *pages = map_pages(8);

    for (;;) {
        poke(pages + random_below(random, 8) * PAGE, 1);
        if (random_below(random, 20) == 0)
            CHECK_OK(madvise(pages, 8 * PAGE, MADV_DONTNEED));
        if (random_below(random, 200) == 0)
            fork_once();
        if (random_below(random, 200) == 0)
            start_thread();
        if (random_below(random, 2000) == 0)
            exec_exits(4);
    }
}

/* Reads a file of the process, or its list of names. */
static void observe_file(pid_t pid, const char *name)
{
    char path[64], bytes[256];
    int fd, limit = 20;

    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    (void)!readlink(path, bytes, sizeof(bytes));
    if ((fd = open(path, O_RDONLY)) < 0)
        return; /* it has ended */
    while (limit-- > 0 && (read(fd, bytes, sizeof(bytes)) > 0 ||
                           syscall(SYS_getdents64, fd, bytes, sizeof(bytes)) > 0))
        continue;
    CHECK_OK(close(fd));
}

static void observe(struct member *self)
{
    static const char *const names[] = {"maps", "smaps", "stat",   "status", "cmdline",
                                        "auxv", "fd",    "task",   "exe",    "cwd",
                                        "mem",  "statm", "limits", "comm",   "environ"};
    char bytes[2 * PAGE];

    while (go_on()) {
        pid_t pid = __atomic_load_n(&observed, __ATOMIC_ACQUIRE);
        struct iovec here = {bytes, sizeof(bytes)}, there = {range, sizeof(bytes)};

        if (random_below(&self->random, 4) == 0)
            (void)!process_vm_readv(pid, &here, 1, &there, 1, 0);
        else
            observe_file(pid, names[random_below(&self->random, ARRAY_SIZE(names))]);
        (void)!kill(pid, 0);
        (void)!getpgid(pid);
        (void)!getsid(pid);
    }
}

static void make_and_end(struct member *self)
{
    for (int n = 0; n < 12; n++) {
        uint64_t seed = random_next(&self->random);
        pid_t pid = start_child(live_busily, &seed);

        __atomic_store_n(&observed, pid, __ATOMIC_RELEASE);
        dawdle(&self->random, 100000);
        CHECK_OK(kill(pid, SIGKILL));
        int status = wait_child(pid);
        CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 4);
    }
    end_now();
}

static void a_process_is_looked_at_while_it_ends(uint64_t *random)
{
    observed = getpid();
    range = map_pages(RANGE_PAGES);
    crew_run(random, 4,
             (void (*const[])(struct member *)){make_and_end, observe, observe, observe});
}

int main(int argc, char **argv)
{
    static const struct workload all[] = {
        {"memory_goes_away_below_calls", memory_goes_away_below_calls},
        {"descriptors_are_closed_below_their_users", descriptors_are_closed_below_their_users},
        {"a_file_is_cut_below_its_users", a_file_is_cut_below_its_users},
        {"threads_end_their_process_at_once", threads_end_their_process_at_once},
        {"a_process_is_looked_at_while_it_ends", a_process_is_looked_at_while_it_ends},
    };

    return workloads_main(argc, argv, all, ARRAY_SIZE(all));
}
