/* strace: its lines, on Pagoda and on Linux. Where Linux's own strace is installed, both must print
   the same. */
#include "test.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#define LINUX_STRACE "/usr/bin/strace"

/* ---- The program that is traced: this program, with "subject" as its argument ---- */

static void handle(int signal)
{
    (void)signal;
}

static void subject_files(void)
{
    char bytes[100];
    int fds[2], fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0644);
    struct iovec pieces[] = {{"ab", 2}, {"cde", 3}};
    struct stat about;

    (void)!write(fd, "hello\n\t\33[1m\0001\"x\\", 16);
    (void)!write(fd, "0123456789012345678901234567890123456789", 40);
    lseek(fd, 0, SEEK_SET);
    (void)!read(fd, bytes, sizeof(bytes));
    (void)!writev(fd, pieces, 2);
    lseek(fd, -5, SEEK_END);
    (void)!readv(fd, pieces, 0);
    (void)!pread(fd, bytes, 5, 2);
    fstat(fd, &about);
    stat("/dev/null", &about);
    lstat("/nowhere", &about);
    (void)access("file", R_OK | X_OK);
    (void)!ftruncate(fd, 10);
    chmod("file", 04755);
    umask(022);
    dup2(fd, 20);
    fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_GETFD);
    fcntl(fd, F_SETLK, &(struct flock){.l_type = F_WRLCK, .l_len = 5});
    flock(fd, LOCK_EX | LOCK_NB);
    ioctl(fd, TIOCGWINSZ, bytes);
    (void)!pipe2(fds, O_NONBLOCK | O_CLOEXEC);
    (void)!read(fds[0], bytes, 4);
    struct pollfd polled[] = {{fds[0], POLLIN, 0}, {fds[1], POLLOUT | POLLPRI, 0}};
    poll(polled, 2, 100);
    poll(polled, 1, 0);
    mkdir("dir", 0755);
    (void)!symlink("to", "link");
    (void)!readlink("link", bytes, sizeof(bytes));
    rename("link", "dir/link");
    unlink("dir/link");
    rmdir("dir");
    unlinkat(AT_FDCWD, "dir", AT_REMOVEDIR);
    struct timespec times[] = {{0, UTIME_OMIT}, {0, UTIME_NOW}};
    utimensat(AT_FDCWD, "file", times, 0);
    unlink("file");
    close(-1);
}

static void subject_rest(void)
{
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    struct rlimit limit = {40 * KIB, RLIM_INFINITY};
    struct timespec none = {0, 0};
    static unsigned word;
    sigset_t set;
    int status;

    mprotect(pages, PAGE, PROT_NONE);
    munmap(pages, 2 * PAGE);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    kill(getpid(), SIGUSR1);
    sigtimedwait(&set, NULL, &none);
    sigaddset(&action.sa_mask, SIGHUP);
    sigaction(SIGUSR2, &action, NULL);
    kill(getpid(), SIGUSR2);
    kill(getpid(), 0);
    setrlimit(RLIMIT_STACK, &limit);
    nanosleep(&none, NULL);
    syscall(SYS_futex, &word, 0x81, 7); /* FUTEX_WAKE_PRIVATE */
    syscall(SYS_futex, &word, 0x89, 7, &none, NULL, -1L);
    syscall(999, 1L, 2L, 3L, 4L, 5L, 6L);
    execl("/nowhere", "nowhere", "-x", (char *)NULL);
    pid_t pid = fork();
    if (pid == 0)
        _exit(3);
    waitpid(pid, &status, 0);
    waitpid(-1, &status, WNOHANG | WUNTRACED);
    write_byte((void *)8);
}

static int be_subject(void)
{
    subject_files();
    subject_rest();
    return 0;
}

/* What Linux's strace prints, except for the parts that vary. */
static const char *const subject_lines[] = {
    "open(\"file\", O_RDWR|O_CREAT|O_TRUNC|O_LARGEFILE, 0644) = 3",
    "write(3, \"hello\\n\\t\\33[1m\\0001\\\"x\\\\\", 16) = 16",
    "write(3, \"01234567890123456789012345678901\"..., 40) = 40",
    "lseek(3, 0, SEEK_SET)                   = 0",
    "read(3, \"hello\\n\\t\\33[1m\\0001\\\"x\\\\0123456789012345\"..., 100) = 56",
    "writev(3, [{iov_base=\"ab\", iov_len=2}, {iov_base=\"cde\", iov_len=3}], 2) = 5",
    "lseek(3, -5, SEEK_END)                  = 56",
    "pread64(3, \"llo\\n\\t\", 5, 2)             = 5",
    "fstat(3, {st_mode=S_IFREG|0644, st_size=61, ...}) = 0",
    "stat(\"/dev/null\", {st_mode=S_IFCHR|0666, st_rdev=makedev(0x1, 0x3), ...}) = 0",
    "access(\"file\", R_OK|X_OK)               = ",
    "ftruncate(3, 10)                        = 0",
    "chmod(\"file\", 04755)                    = 0",
    "umask(022)                              = 022",
    "dup2(3, 20)                             = 20",
    "fcntl(3, F_GETFL)                       = 0x8002 (flags O_RDWR|O_LARGEFILE)",
    "fcntl(3, F_SETFD, FD_CLOEXEC)           = 0",
    "fcntl(3, F_GETFD)                       = 0x1 (flags FD_CLOEXEC)",
    "fcntl(3, F_SETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=0, l_len=5}) = 0",
    "flock(3, LOCK_EX|LOCK_NB)               = 0",
    "pipe2([4, 5], O_NONBLOCK|O_CLOEXEC)     = 0",
    "poll([{fd=4, events=POLLIN}, {fd=5, events=POLLPRI|POLLOUT}], 2, 100) = 1 (",
    "poll([{fd=4, events=POLLIN}], 1, 0)     = 0 (Timeout)",
    "mkdir(\"dir\", 0755)                      = 0",
    "symlink(\"to\", \"link\")                   = 0",
    "readlink(\"link\", \"to\", 100)             = 2",
    "unlinkat(AT_FDCWD, \"dir\", AT_REMOVEDIR) = -1 ENOENT (No such file or directory)",
    "utimensat(AT_FDCWD, \"file\", [UTIME_OMIT, UTIME_NOW], 0) = 0",
    "close(-1)                               = -1 EBADF (Bad file descriptor)",
    "mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x",
    "rt_sigprocmask(SIG_BLOCK, [USR1 CHLD], NULL, 8) = 0",
    "rt_sigtimedwait([USR1 CHLD], NULL, {tv_sec=0, tv_nsec=0}, 8) = 10 (SIGUSR1)",
    "--- SIGUSR2 {si_signo=SIGUSR2, si_code=SI_USER, si_pid=",
    "rt_sigreturn({mask=[USR1 CHLD]})        = 0",
    "prlimit64(0, RLIMIT_STACK, {rlim_cur=40*1024, rlim_max=RLIM64_INFINITY}, NULL) = 0",
    "nanosleep({tv_sec=0, tv_nsec=0}, NULL)  = 0",
    "FUTEX_WAKE_PRIVATE, 7) ",
    "FUTEX_WAIT_BITSET_PRIVATE, 7, {tv_sec=0, tv_nsec=0}, FUTEX_BITSET_MATCH_ANY) = -1 EAGAIN (",
    "syscall_0x3e7(0x1, 0x2, 0x3, 0x4, 0x5, 0x6) = -1 ENOSYS (Function not implemented)",
    "execve(\"/nowhere\", [\"nowhere\", \"-x\"], 0x",
    "fork()                                  = ",
    "wait4(",
    "wait4(-1, 0x",
    "--- SIGSEGV {si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=0x8} ---",
    "+++ killed by SIGSEGV +++",
};

/* ---- Running strace ---- */

static const char *our_strace(void)
{
    static char path[512];
    const char *self = self_path();

    snprintf(path, sizeof(path), "%.*s/../bin/strace", (int)(strrchr(self, '/') - self), self);
    return path;
}

#define MAX_ARGUMENTS 12

struct run {
    const char *strace;
    const char *arguments[MAX_ARGUMENTS];
    int errors; /* where its standard error goes; -1: nowhere */
};

static void become_strace(void *arg)
{
    struct run *run = arg;
    char *argv[MAX_ARGUMENTS + 1] = {"strace"};

    memcpy(argv + 1, run->arguments, sizeof(run->arguments));
    if (run->errors < 0)
        run->errors = open("/dev/null", O_WRONLY);
    dup2(run->errors, STDERR_FILENO);
    for (int fd = STDERR_FILENO + 1; fd < 20; fd++)
        close(fd); /* so that the subject's have the numbers that are expected */
    execv(run->strace, argv);
    _exit(127);
}

static int run_strace(const char *strace, const char *const *arguments)
{
    struct run run = {.strace = strace, .errors = -1};

    for (int n = 0; arguments[n]; n++)
        run.arguments[n] = arguments[n];
    return in_child(become_strace, &run);
}

#define STRACE(...) run_strace(our_strace(), (const char *const[]){__VA_ARGS__, NULL})

/* All of a file, with a 0 behind it. */
static char *contents(const char *name)
{
    struct stat about;
    int fd = CHECK_OK(open(name, O_RDONLY));

    CHECK_OK(fstat(fd, &about));
    char *text = malloc(about.st_size + 1);
    CHECK_EQ(read(fd, text, about.st_size), about.st_size);
    text[about.st_size] = '\0';
    close(fd);
    return text;
}

static void check_has(const char *text, const char *wanted)
{
    if (!strstr(text, wanted))
        test_fail(__FILE__, __LINE__, "strace did not say: %s", wanted);
}

static void check_has_not(const char *text, const char *unwanted)
{
    if (strstr(text, unwanted))
        test_fail(__FILE__, __LINE__, "strace said: %s", unwanted);
}

/* ---- The cases ---- */

static void strace_shows_the_lines_of_a_program(void)
{
    CHECK(killed_by(STRACE("-o", "trace", self_path(), "subject"), SIGSEGV));
    char *text = contents("trace"), *from = text;

    CHECK_EQ(strncmp(text, "execve(\"", 8), 0);
    for (size_t n = 0; n < ARRAY_SIZE(subject_lines); n++) {
        check_has(from, subject_lines[n]);
        from = strstr(from, subject_lines[n]);
    }
    free(text);
    CHECK_OK(unlink("trace"));
}

/* Blanks numbers of four digits and more, such as pids and addresses, which vary. */
static void blank_numbers(char *text)
{
    while (*text) {
        size_t digits = strspn(text, "0123456789abcdef");

        if (digits >= 4 && strspn(text, "0123456789") > 0)
            memset(text, '#', digits);
        text += digits ? digits : 1;
    }
}

static void linuxs_strace_says_the_same(void)
{
    static const char *const files[] = {"ours", "linuxs"};
    char *texts[2];

    if (access(LINUX_STRACE, X_OK) != 0)
        return;
    for (int n = 0; n < 2; n++) {
        const char *arguments[] = {"-o", files[n], self_path(), "subject", NULL};

        CHECK(killed_by(run_strace(n ? LINUX_STRACE : our_strace(), arguments), SIGSEGV));
        texts[n] = contents(files[n]);
        blank_numbers(texts[n] + 1);
    }
    for (char *a = strtok_r(texts[0], "\n", &texts[0]), *b = strtok_r(texts[1], "\n", &texts[1]);
         a || b; a = strtok_r(NULL, "\n", &texts[0]), b = strtok_r(NULL, "\n", &texts[1]))
        if (!a || !b || strcmp(a, b) != 0)
            test_fail(__FILE__, __LINE__, "%s, but Linux's: %s", a ? a : "nothing",
                      b ? b : "nothing");
    CHECK_OK(unlink("ours"));
    CHECK_OK(unlink("linuxs"));
}

static void calls_can_be_chosen(void)
{
    CHECK(
        killed_by(STRACE("-o", "trace", "-e", "trace=fork,dup2", self_path(), "subject"), SIGSEGV));
    char *text = contents("trace");
    CHECK_EQ(strncmp(text, "dup2(3, 20) ", 12), 0);
    check_has(text, "\nfork() ");
    check_has(text, "\n--- SIGSEGV {");
    check_has_not(text, "open(");
    free(text);
    CHECK(killed_by(
        STRACE("-o", "trace", "-s", "3", "-a", "20", "-e", "!open", self_path(), "subject"),
        SIGSEGV));
    text = contents("trace");
    check_has(text, "\ndup2(3, 20)         = 20\n");
    check_has(text, "\nwrite(3, \"hel\"..., 16) = 16\n");
    check_has_not(text, "open(");
    free(text);
    CHECK_OK(unlink("trace"));
}

static void calls_can_be_counted(void)
{
    CHECK(killed_by(STRACE("-c", "-o", "trace", self_path(), "subject"), SIGSEGV));
    char *text = contents("trace");
    check_has(text, "% time     seconds  usecs/call     calls    errors syscall\n");
    check_has(text, "         2           poll\n");
    check_has(text, "         1         1 unlinkat\n");
    check_has(text, " total\n");
    free(text);
    CHECK_OK(unlink("trace"));
}

static void children_can_be_followed(void)
{
    CHECK(killed_by(STRACE("-f", "-o", "trace", self_path(), "subject"), SIGSEGV));
    char *text = contents("trace");
    check_has(text, " exit_group(3"); /* cut short if its parent makes a call meanwhile */
    check_has(text, " +++ exited with 3 +++\n");
    check_has(text, " +++ killed by SIGSEGV +++\n");
    free(text);
    CHECK_OK(unlink("trace"));
}

static void *run_in_thread(void *unused)
{
    (void)!access("in-a-thread", F_OK);
    execl(self_path(), self_path(), "exit", (char *)NULL);
    return unused;
}

/* The subject of the next case: its other thread runs another program. */
static int be_threads(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run_in_thread, NULL) == 0)
        wait_for_ever(NULL);
    return 1;
}

static void threads_can_be_followed(void)
{
    CHECK(exited_with(STRACE("-f", "-o", "trace", self_path(), "threads"), 42));
    char *text = contents("trace");
    check_has(text, " access(\"in-a-thread\", F_OK");
    check_has(text, " +++ superseded by execve in pid ");
    check_has(text, " <... execve resumed>) ");
    check_has(text, " exit_group(42) ");
    check_has(text, " +++ exited with 42 +++\n");
    free(text);
    CHECK_OK(unlink("trace"));
}

/* The subject of the next case: three faults of its own, one of the kernel, and a bad access. */
static int be_faulting(void)
{
    char *pages = map_pages(3);
    int fds[2];

    (void)!access("before", F_OK);
    write_byte(pages);
    read_byte(pages + PAGE);
    write_byte(pages + PAGE);
    (void)!access("between", F_OK);
    (void)!pipe(fds);
    (void)!write(fds[1], "", 1);
    (void)!read(fds[0], pages + 2 * PAGE, 1);
    (void)!access("after", F_OK);
    write_byte((char *)8);
    return 0;
}

static bool kernel_makes_events(void)
{
    char byte;
    int fd = open("/proc/events", O_RDONLY);
    bool has = fd >= 0 && read(fd, &byte, 1) == 1;

    close(fd);
    return has;
}

static void page_faults_are_shown_among_calls(void)
{
    static const char *const lines[] = {
        "access(\"before\", F_OK) ",
        "\n--- page fault {addr=0x",
        ", access=write, outcome=zero_filled, region=anonymous rw-p} ---\n",
        "\n--- page fault {addr=0x",
        ", access=read, outcome=zero_mapped, region=anonymous rw-p} ---\n",
        ", access=write, outcome=zero_filled, region=anonymous rw-p} ---\n",
        "access(\"between\", F_OK) ",
        " <unfinished ...>\n",
        ", access=write in the kernel, outcome=zero_filled, region=anonymous rw-p} ---\n",
        "<... read resumed>",
        "access(\"after\", F_OK) ",
        "--- page fault {addr=0x8, access=write, outcome=not_mapped} ---\n",
        "--- SIGSEGV {",
    };

    if (!kernel_makes_events()) {
        CHECK(exited_with(STRACE("-F", "-o", "trace", self_path(), "faulting"), 1));
        CHECK_OK(unlink("trace"));
        return;
    }
    CHECK(killed_by(STRACE("-F", "-o", "trace", self_path(), "faulting"), SIGSEGV));
    char *text = contents("trace"), *from = text;
    for (size_t n = 0; n < ARRAY_SIZE(lines); n++) {
        check_has(from, lines[n]);
        from = strstr(from, lines[n]);
    }
    free(text);
    CHECK_OK(unlink("trace"));
}

static void strace_tells_how_it_ended(void)
{
    CHECK(exited_with(STRACE("-o", "trace", self_path(), "exit"), 42));
    CHECK(exited_with(STRACE("-o", "trace", "/nowhere"), 1));
    CHECK(exited_with(STRACE("-o", "trace", "no-such-program"), 1));
    CHECK(exited_with(STRACE("-o", "/nowhere/trace", self_path(), "exit"), 1));
    CHECK(exited_with(STRACE("-e", "no_such_call", self_path()), 1));
    CHECK(exited_with(STRACE("-z"), 2));
    CHECK(exited_with(STRACE("-f"), 2));
    CHECK(exited_with(STRACE("-p", "x"), 1));
    CHECK(exited_with(STRACE("-p", "4194300"), 1));
    CHECK_OK(unlink("trace"));
}

/* A process that reads a byte, and an strace -p that has attached to it. */
struct attached {
    int bytes[2], errors[2];
    pid_t reader, strace;
};

static void read_a_byte(void *arg)
{
    const struct attached *attached = arg;
    char byte;

    CHECK_EQ(read(attached->bytes[0], &byte, 1), 1);
    _exit(byte);
}

static void *read_in_thread(void *attached)
{
    read_a_byte(attached);
    return NULL;
}

static void read_a_byte_in_a_thread(void *attached)
{
    pthread_t thread;

    CHECK_EQ(pthread_create(&thread, NULL, read_in_thread, attached), 0);
    wait_for_ever(NULL);
}

static unsigned count(const char *text, const char *word)
{
    unsigned n = 0;

    for (; (text = strstr(text, word)); text++)
        n++;
    return n;
}

/* Starts a process with that body, and the strace. Waits until that traces `ntasks` tasks. */
static void attach_to(struct attached *attached, void (*body)(void *), unsigned ntasks)
{
    static char number[16];
    char said[256] = "";

    make_pipe(attached->bytes);
    make_pipe(attached->errors);
    attached->reader = start_child(body, attached);
    snprintf(number, sizeof(number), "%d", attached->reader);
    struct run run = {.strace = our_strace(),
                      .arguments = {"-f", "-o", "trace", "-p", number},
                      .errors = attached->errors[1]};
    attached->strace = start_child(become_strace, &run);
    close(attached->errors[1]);
    for (size_t len = 0; count(said, " attached\n") < ntasks;) {
        ssize_t more = read(attached->errors[0], said + len, sizeof(said) - 1 - len);

        CHECK(more > 0);
        len += more;
    }
}

static void attach(struct attached *attached)
{
    attach_to(attached, read_a_byte, 1);
}

static void attached_destroy(struct attached *attached)
{
    close(attached->bytes[0]);
    close(attached->bytes[1]);
    close(attached->errors[0]);
    CHECK_OK(unlink("trace"));
}

static void a_running_process_can_be_traced(void)
{
    struct attached attached;

    attach(&attached);
    CHECK_EQ(write(attached.bytes[1], "\5", 1), 1);
    CHECK(exited_with(wait_child(attached.strace), 0));
    CHECK(exited_with(wait_child(attached.reader), 5));
    char *text = contents("trace");
    check_has(text, ", \"\\5\", 1) ");
    check_has(text, "exit_group(5) ");
    check_has(text, "+++ exited with 5 +++\n");
    free(text);
    attached_destroy(&attached);
}

/* With -f, strace attaches to all threads. The thread may be born before or after it attaches. */
static void all_threads_of_a_process_are_traced(void)
{
    struct attached attached;

    attach_to(&attached, read_a_byte_in_a_thread, 2);
    CHECK_EQ(write(attached.bytes[1], "\5", 1), 1);
    CHECK(exited_with(wait_child(attached.strace), 0));
    CHECK(exited_with(wait_child(attached.reader), 5));
    char *text = contents("trace");
    check_has(text, "exit_group(5");
    check_has(text, "+++ exited with 5 +++\n");
    free(text);
    attached_destroy(&attached);
}

/* A process to which strace was attached runs on. A process that strace started ends with it. */
static void strace_is_interrupted(void)
{
    struct attached attached;

    attach(&attached);
    CHECK_OK(kill(attached.strace, SIGINT));
    CHECK(killed_by(wait_child(attached.strace), SIGINT));
    CHECK_EQ(write(attached.bytes[1], "\5", 1), 1);
    CHECK(exited_with(wait_child(attached.reader), 5));
    attached_destroy(&attached);
}

/* A key must not stop an strace of the shell: the shell would wait for it, and could not continue
   it. */
static void strace_is_not_stopped_by_a_key(void)
{
    struct attached attached;

    attach(&attached);
    CHECK_OK(kill(attached.strace, SIGTSTP));
    CHECK_EQ(write(attached.bytes[1], "\5", 1), 1);
    CHECK(exited_with(wait_child(attached.strace), 0));
    CHECK(exited_with(wait_child(attached.reader), 5));
    attached_destroy(&attached);
}

static void strace_is_killed(void)
{
    struct attached attached;

    attach(&attached);
    CHECK_OK(kill(attached.strace, SIGKILL));
    CHECK(killed_by(wait_child(attached.strace), SIGKILL));
    CHECK_EQ(write(attached.bytes[1], "\5", 1), 1);
    CHECK(exited_with(wait_child(attached.reader), 5));
    attached_destroy(&attached);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return strcmp(argv[1], "subject") == 0    ? be_subject()
               : strcmp(argv[1], "threads") == 0  ? be_threads()
               : strcmp(argv[1], "faulting") == 0 ? be_faulting()
                                                  : 42;
    temp_dir_enter();
    RUN(strace_shows_the_lines_of_a_program);
    RUN(linuxs_strace_says_the_same);
    RUN(calls_can_be_chosen);
    RUN(calls_can_be_counted);
    RUN(children_can_be_followed);
    RUN(threads_can_be_followed);
    RUN_ON_PAGODA(page_faults_are_shown_among_calls);
    RUN(strace_tells_how_it_ended);
    RUN(a_running_process_can_be_traced);
    RUN(all_threads_of_a_process_are_traced);
    RUN(strace_is_interrupted);
    RUN(strace_is_not_stopped_by_a_key);
    RUN(strace_is_killed);
    temp_dir_leave();
    return test_end();
}
