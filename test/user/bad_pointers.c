/* System calls that are given a pointer to where they may not read or write.

   Nothing happens to the process: the call returns EFAULT and has changed nothing. Only those that
   move a run of bytes may have moved some of them before they came to the bad place; then they say
   how many. */
#include "test.h"

#include <limits.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

/* Descriptors under fixed numbers, so that the table of calls can name them. */
enum { FILE_FD = 20, DIR_FD };

#define FILE_LEN PAGE

static void open_fixed(int fd, const char *name, int flags)
{
    int opened = CHECK_OK(open(name, flags, 0644));

    CHECK_OK(dup2(opened, fd));
    CHECK_OK(close(opened));
}

static void fill_file(void)
{
    static char bytes[FILE_LEN];

    memset(bytes, 'f', sizeof(bytes));
    CHECK_EQ(CHECK_OK(pwrite(FILE_FD, bytes, sizeof(bytes), 0)), sizeof(bytes));
    CHECK_OK(ftruncate(FILE_FD, sizeof(bytes)));
    CHECK_OK(lseek(FILE_FD, 0, SEEK_SET));
}

/* What a system call does with the pointer that it is given. */
enum {
    IN = 1,           /* reads there */
    OUT = 2,          /* writes there */
    NULL_IS_FINE = 4, /* takes NULL for "nothing" */
    SOME_IS_FINE = 8, /* a run of bytes: stops where the memory ends */
};

struct call {
    const char *name;
    int kind;     /* of the above */
    int position; /* of the pointer among the arguments */
    long number;
    long args[5];
};

#define CALL(kind, position, name, ...)    \
    {                                      \
#name, kind, position, SYS_##name, \
        {                                  \
            __VA_ARGS__                    \
        }                                  \
    }

static struct stat about;

/* The 0 at its position stands for the pointer. */
static const struct call calls[] = {
    CALL(OUT | SOME_IS_FINE, 1, read, FILE_FD, 0, 16),
    CALL(OUT | SOME_IS_FINE, 1, pread64, FILE_FD, 0, 16, 0),
    CALL(IN | SOME_IS_FINE, 1, write, FILE_FD, 0, 16),
    CALL(IN | SOME_IS_FINE, 1, pwrite64, FILE_FD, 0, 16, 0),
    CALL(IN, 1, readv, FILE_FD, 0, 1),
    CALL(IN, 1, writev, FILE_FD, 0, 1),
    CALL(IN, 0, open, 0, O_RDONLY),
    CALL(IN, 0, open, 0, O_RDWR | O_CREAT, 0644),
    CALL(IN, 1, openat, AT_FDCWD, 0, O_RDONLY),
    CALL(IN, 0, stat, 0, (long)&about),
    CALL(OUT, 1, stat, (long)"file", 0),
    CALL(IN, 0, lstat, 0, (long)&about),
    CALL(OUT, 1, lstat, (long)"file", 0),
    CALL(OUT, 1, fstat, FILE_FD, 0),
    CALL(IN, 1, newfstatat, AT_FDCWD, 0, (long)&about, 0),
    CALL(OUT, 2, newfstatat, AT_FDCWD, (long)"file", 0, 0),
    CALL(IN, 0, access, 0, F_OK),
    CALL(IN, 0, chdir, 0),
    CALL(IN, 0, mkdir, 0, 0755),
    CALL(IN, 0, rmdir, 0),
    CALL(IN, 0, unlink, 0),
    CALL(IN, 0, rename, 0, (long)"new"),
    CALL(IN, 1, rename, (long)"file", 0),
    CALL(IN, 0, link, 0, (long)"new"),
    CALL(IN, 1, link, (long)"file", 0),
    CALL(IN, 0, symlink, 0, (long)"new"),
    CALL(IN, 1, symlink, (long)"file", 0),
    CALL(IN, 0, readlink, 0, (long)&about, sizeof(about)),
    CALL(OUT, 1, readlink, (long)"link", 0, 10),
    CALL(IN, 0, truncate, 0, 0),
    CALL(IN, 0, chmod, 0, 0600),
    CALL(OUT, 0, getcwd, 0, 200),
    CALL(OUT, 1, getdents64, DIR_FD, 0, 1000),
    CALL(IN, 0, execve, 0, 0, 0),
    CALL(IN | OUT, 0, poll, 0, 1, 0),
    CALL(OUT, 0, pipe, 0),
    CALL(OUT, 0, pipe2, 0, O_CLOEXEC),
    CALL(OUT, 0, uname, 0),
    CALL(OUT, 0, sysinfo, 0),
    CALL(OUT, 1, getrusage, RUSAGE_SELF, 0),
    CALL(OUT, 1, getrlimit, RLIMIT_STACK, 0),
    CALL(IN, 1, setrlimit, RLIMIT_STACK, 0),
    CALL(IN | NULL_IS_FINE, 2, prlimit64, 0, RLIMIT_STACK, 0, 0),
    CALL(OUT | NULL_IS_FINE, 3, prlimit64, 0, RLIMIT_STACK, 0, 0),
    CALL(IN, 0, nanosleep, 0, 0),
    CALL(OUT, 1, clock_gettime, CLOCK_MONOTONIC, 0),
    CALL(OUT | SOME_IS_FINE, 0, getrandom, 0, 16, 0),
    CALL(IN | NULL_IS_FINE, 1, rt_sigaction, SIGUSR1, 0, 0, 8),
    CALL(OUT | NULL_IS_FINE, 2, rt_sigaction, SIGUSR1, 0, 0, 8),
    CALL(IN | NULL_IS_FINE, 1, rt_sigprocmask, SIG_BLOCK, 0, 0, 8),
    CALL(OUT | NULL_IS_FINE, 2, rt_sigprocmask, SIG_BLOCK, 0, 0, 8),
};

static void call_fails(const struct call *call, const char *place, const void *pointer)
{
    long args[5];

    memcpy(args, call->args, sizeof(args));
    args[call->position] = (long)pointer;
    long result = syscall(call->number, args[0], args[1], args[2], args[3], args[4]);
    if (result != -1 || errno != EFAULT)
        test_fail(__FILE__, __LINE__, "%s with argument %d %s (%p): %ld, %s", call->name,
                  call->position, place, pointer, result, strerror(result == -1 ? errno : 0));
}

static void all_calls_fail(int kinds, const char *place, const void *pointer)
{
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        bool is_allowed = !pointer && (calls[i].kind & NULL_IS_FINE);

        if ((calls[i].kind & kinds) && !is_allowed)
            call_fails(&calls[i], place, pointer);
    }
}

static void places_that_are_no_memory(void)
{
    all_calls_fail(IN | OUT, "null", NULL);
    all_calls_fail(IN | OUT, "in the first page", (void *)8);
    all_calls_fail(IN | OUT, "at the end of the user's half", (void *)0x7ffffffff000);
    all_calls_fail(IN | OUT, "not canonical", (void *)0x4141414141414141);
    all_calls_fail(IN | OUT, "in the kernel's memory", (void *)0xffff888000100000);
    all_calls_fail(IN | OUT, "in the kernel's text", (void *)0xffffffff80100000);
    all_calls_fail(IN | OUT, "about to wrap", (void *)-1);
    all_calls_fail(IN | OUT, "in a hole", map_hole(1));
}

static void places_that_are_protected(void)
{
    char *page = map_pages(1);

    CHECK_OK(mprotect(page, PAGE, PROT_READ));
    all_calls_fail(OUT, "on a page to read", page);
    CHECK(is_zero(page, PAGE));
    CHECK_OK(mprotect(page, PAGE, PROT_NONE));
    all_calls_fail(IN | OUT, "on a protected page", page);
    unmap_pages(page, 1);
    all_calls_fail(OUT, "in the program's text", (void *)(uintptr_t)call_fails);
}

static bool moves_a_run_of_bytes(const struct call *call)
{
    return call->kind & SOME_IS_FINE;
}

/* => the end of a page that nothing follows */
static char *cliff(void)
{
    char *pages = map_pages(2);

    unmap_pages(pages + PAGE, 1);
    return pages + PAGE;
}

static void structures_and_strings_that_cross_the_end(void)
{
    char *end = cliff();

    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        end[-1] = 'x'; /* of a string without an end */
        if (!moves_a_run_of_bytes(&calls[i]))
            call_fails(&calls[i], "at the end of a page", end - 1);
    }
    unmap_pages(end - PAGE, 1);
}

static void nothing_has_changed(void)
{
    char bytes[FILE_LEN + 1];
    sigset_t blocked;

    CHECK_EQ(CHECK_OK(lseek(FILE_FD, 0, SEEK_CUR)), 0);
    CHECK_EQ(CHECK_OK(read(FILE_FD, bytes, sizeof(bytes))), FILE_LEN);
    for (size_t i = 0; i < FILE_LEN; i++)
        CHECK_EQ(bytes[i], 'f');
    CHECK_OK(lseek(FILE_FD, 0, SEEK_SET));
    CHECK_OK(access("file", F_OK));
    CHECK_ERR(ENOENT, access("new", F_OK));
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &blocked));
    CHECK(!sigismember(&blocked, SIGUSR1));
}

/* Runs of bytes. */

static void a_file_is_read_up_to_the_end_of_memory(void)
{
    char *end = cliff();

    CHECK_EQ(CHECK_OK(read(FILE_FD, end - 100, 200)), 100);
    CHECK_EQ(end[-100], 'f');
    CHECK_EQ(end[-1], 'f');
    CHECK_EQ(CHECK_OK(lseek(FILE_FD, 0, SEEK_CUR)), 100);
    CHECK_OK(lseek(FILE_FD, 0, SEEK_SET));
    unmap_pages(end - PAGE, 1);
}

static void a_file_is_written_up_to_the_end_of_memory(void)
{
    char *end = cliff();
    char bytes[300];

    memset(end - 100, 'w', 100);
    CHECK_EQ(CHECK_OK(write(FILE_FD, end - 100, 200)), 100);
    CHECK_EQ(CHECK_OK(pread(FILE_FD, bytes, sizeof(bytes), 0)), sizeof(bytes));
    CHECK_EQ(bytes[99], 'w');
    CHECK_EQ(bytes[100], 'f');
    fill_file();
    unmap_pages(end - PAGE, 1);
}

/* Linux moves nothing then; but a pipe that delivers the good part would be right as well. */
static void a_pipe_loses_nothing(void)
{
    char *end = cliff();
    char bytes[300];
    ssize_t sent, received;
    int fds[2];

    make_pipe(fds);
    sent = write(fds[1], end - 100, 200);
    CHECK(sent == 100 || (sent == -1 && errno == EFAULT));
    CHECK_EQ(CHECK_OK(write(fds[1], bytes, 200)), 200);
    if (sent == -1)
        sent = 0;
    received = read(fds[0], end - 100, 300);
    CHECK(received == 100 || (received == -1 && errno == EFAULT));
    if (received == -1)
        received = 0;
    CHECK_EQ(CHECK_OK(read(fds[0], bytes, sizeof(bytes))), sent + 200 - received);
    close(fds[0]);
    close(fds[1]);
    unmap_pages(end - PAGE, 1);
}

static void vectors_with_a_bad_second_part(void)
{
    char good[100];
    struct iovec parts[2] = {{good, sizeof(good)}, {map_hole(1), 100}};

    CHECK_EQ(CHECK_OK(readv(FILE_FD, parts, 2)), 100);
    CHECK_EQ(CHECK_OK(lseek(FILE_FD, 0, SEEK_CUR)), 100);
    CHECK_EQ(CHECK_OK(writev(FILE_FD, parts, 2)), 100);
    CHECK_EQ(CHECK_OK(lseek(FILE_FD, 0, SEEK_CUR)), 200);
    fill_file();
}

static void vectors_that_make_no_sense(void)
{
    char byte;
    struct iovec parts[2] = {{(void *)0xffff888000100000, 1}, {&byte, 1}};

    CHECK_ERR(EFAULT, readv(FILE_FD, parts, 2));
    CHECK_ERR(EFAULT, writev(FILE_FD, parts, 2));
    parts[0] = (struct iovec){&byte, -1};
    CHECK_ERR(EINVAL, readv(FILE_FD, parts, 1));
    CHECK_ERR(EINVAL, writev(FILE_FD, parts, 1));
    CHECK_ERR(EINVAL, readv(FILE_FD, parts, -1));
    CHECK_ERR(EINVAL, readv(FILE_FD, parts, 1025));
    CHECK_EQ(CHECK_OK(readv(FILE_FD, parts, 0)), 0);
}

static void lengths_that_wrap(void)
{
    char *page = map_pages(1);

    CHECK_ERR(EFAULT, read(FILE_FD, page, SIZE_MAX));
    CHECK_ERR(EFAULT, read(FILE_FD, page, SIZE_MAX / 2));
    CHECK_ERR(EFAULT, write(FILE_FD, page, SIZE_MAX));
    CHECK_ERR(EFAULT, read(FILE_FD, (void *)0x7fffffffe000, 2 * PAGE));
    CHECK_ERR(EFAULT, read(FILE_FD, (void *)-PAGE, 2 * PAGE));
    CHECK_EQ(CHECK_OK(read(FILE_FD, NULL, 0)), 0);
    CHECK_EQ(CHECK_OK(write(FILE_FD, NULL, 0)), 0);
    CHECK_EQ(CHECK_OK(read(FILE_FD, page, MIB)), FILE_LEN); /* the file ends before the memory */
    CHECK_OK(lseek(FILE_FD, 0, SEEK_SET));
    unmap_pages(page, 1);
}

/* Other pointers. */

static void paths_that_are_too_long(void)
{
    char *path = map_pages(2);

    memset(path, '/', PATH_MAX); /* with its end, one byte too long */
    CHECK_ERR(ENAMETOOLONG, open(path, O_RDONLY));
    CHECK_ERR(ENAMETOOLONG, chdir(path));
    path[PATH_MAX - 1] = '\0';
    CHECK_OK(access(path, F_OK));
    unmap_pages(path, 2);
}

static void arguments_of_exec(void)
{
    char *end = cliff();
    char *bad_string[] = {"exec", (char *)0xffff888000100000, NULL};
    char *endless_string[] = {"exec", end - 1, NULL};
    char **endless_array = (char **)end - 1;

    end[-1] = 'x';
    CHECK_ERR(EFAULT, execve(self_path(), bad_string, environ));
    CHECK_ERR(EFAULT, execve(self_path(), environ, bad_string));
    CHECK_ERR(EFAULT, execve(self_path(), endless_string, environ));
    *endless_array = "exec";
    CHECK_ERR(EFAULT, execve(self_path(), endless_array, environ));
    CHECK_ERR(EFAULT, execve(self_path(), (char **)0xffff888000100000, environ));
    CHECK_ERR(EFAULT, execve(self_path(), environ, (char **)0xffff888000100000));
    unmap_pages(end - PAGE, 1);
}

static void exit_at_once(void *unused)
{
    (void)unused;
}

static void the_status_of_wait(void)
{
    pid_t pid = start_child(exit_at_once, NULL);

    CHECK_ERR(EFAULT, waitpid(pid, (int *)0xffff888000100000, 0));
    waitpid(pid, NULL, WNOHANG); /* in case it was not reaped */
}

static int lowest_free_descriptor(void)
{
    int fd = CHECK_OK(open("/dev/null", O_RDONLY));

    CHECK_OK(close(fd));
    return fd;
}

int main(void)
{
    int free_before = lowest_free_descriptor();

    temp_dir_enter();
    open_fixed(FILE_FD, "file", O_RDWR | O_CREAT);
    open_fixed(DIR_FD, ".", O_RDONLY | O_DIRECTORY);
    fill_file();
    CHECK_OK(symlink("file", "link"));
    RUN(places_that_are_no_memory);
    RUN(places_that_are_protected);
    RUN(structures_and_strings_that_cross_the_end);
    RUN(nothing_has_changed);
    RUN(a_file_is_read_up_to_the_end_of_memory);
    RUN(a_file_is_written_up_to_the_end_of_memory);
    RUN(a_pipe_loses_nothing);
    RUN(vectors_with_a_bad_second_part);
    RUN(vectors_that_make_no_sense);
    RUN(lengths_that_wrap);
    RUN(paths_that_are_too_long);
    RUN(arguments_of_exec);
    RUN(the_status_of_wait);
    RUN(nothing_has_changed);
    CHECK_EQ(lowest_free_descriptor(), free_before); /* no pipe was left open */
    CHECK_OK(unlink("link"));
    CHECK_OK(unlink("file"));
    temp_dir_leave();
    return TEST_PASSED;
}
