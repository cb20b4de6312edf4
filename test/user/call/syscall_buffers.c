/* System calls with several pointers or with lengths, some of them bad: buffers that end where the
   memory does, vectors, long paths, the arguments of exec, and calls that need a child. What a
   single pointer may point to is the subject of syscall_pointers. */
#include "fixed_files.h"

#include <limits.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <sys/uio.h>

#include "statx.h"

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
    fixed_file_fill();
    unmap_pages(end - PAGE, 1);
}

/* Linux moves nothing here. A pipe that delivers the good part is right as well. */
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

static void a_vector_moves_what_is_before_its_bad_part(void)
{
    char good[100];
    struct iovec parts[2] = {{good, sizeof(good)}, {map_hole(1), 100}};

    CHECK_EQ(CHECK_OK(readv(FILE_FD, parts, 2)), 100);
    CHECK_EQ(CHECK_OK(lseek(FILE_FD, 0, SEEK_CUR)), 100);
    CHECK_EQ(CHECK_OK(writev(FILE_FD, parts, 2)), 100);
    CHECK_EQ(CHECK_OK(lseek(FILE_FD, 0, SEEK_CUR)), 200);
    fixed_file_fill();
}

static void vectors_that_make_no_sense_are_refused(void)
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

static void lengths_that_wrap_are_refused(void)
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

static void a_path_that_is_too_long_is_refused(void)
{
    char *path = map_pages(2);

    memset(path, '/', PATH_MAX); /* with its end, one byte too long */
    CHECK_ERR(ENAMETOOLONG, open(path, O_RDONLY));
    CHECK_ERR(ENAMETOOLONG, chdir(path));
    path[PATH_MAX - 1] = '\0';
    CHECK_OK(access(path, F_OK));
    unmap_pages(path, 2);
}

static void bad_arguments_of_exec_are_refused(void)
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

/* wait4 needs a child each time. */

static bool wait_at(int *status, struct rusage *usage)
{
    pid_t pid = start_child(do_nothing, NULL);
    bool is_done = wait4(pid, status, 0, usage) == pid;
    int error = errno;

    waitpid(pid, NULL, WNOHANG); /* in case it was not reaped */
    errno = error;
    return is_done;
}

static void wait4_refuses_bad_pointers(void)
{
    char *pages = map_pages(4);
    void *bad[] = {(void *)0xffff800000100000, (void *)-1, (void *)8, map_hole(1)};
    struct rusage *usage = (struct rusage *)(pages + 3 * PAGE - 8);

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        CHECK(!wait_at(bad[i], NULL) && errno == EFAULT);
        CHECK(!wait_at(NULL, bad[i]) && errno == EFAULT);
    }
    CHECK(wait_at((int *)pages, NULL));
    CHECK_EQ(*(int *)pages, 0);
    poke(pages + PAGE, 'x');
    CHECK(wait_at((int *)(pages + 2 * PAGE - 2),
                  usage)); /* both on two pages, the second untouched */
    CHECK_EQ(usage->ru_nsignals, 0);
    CHECK_EQ(peek(pages + PAGE), 'x');
    CHECK_OK(mprotect(pages, PAGE, PROT_READ));
    CHECK(!wait_at((int *)pages, NULL) && errno == EFAULT);
    unmap_pages(pages, 4);
}

/* The kernel writes the pid of a child to a page that both processes share. A bad address is no
   error. */
static void clone_writes_the_pid_where_it_can(void)
{
    int *word = (int *)map_pages(1);
    long flags = CLONE_CHILD_SETTID | SIGCHLD;
    pid_t pid = CHECK_OK(syscall(SYS_clone, flags, NULL, NULL, word, 0));

    if (pid == 0)
        _exit(*word == getpid() ? 0 : TEST_FAILED);
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_EQ(*word, 0);
    pid = CHECK_OK(syscall(SYS_clone, flags, NULL, NULL, 0xffff800000100000, 0));
    if (pid == 0)
        _exit(0);
    CHECK(exited_with(wait_child(pid), 0));
    unmap_pages(word, 1);
}

/* It returns the time, which goes on. */
static void times_refuses_bad_pointers(void)
{
    struct tms *pages = (struct tms *)(map_pages(2) + PAGE - 8);
    clock_t before = CHECK_OK(times(NULL));

    CHECK(CHECK_OK(times(pages)) >= before);
    CHECK(pages->tms_utime >= 0 && pages->tms_cstime >= 0);
    CHECK_ERR(EFAULT, syscall(SYS_times, 8));
    CHECK_ERR(EFAULT, syscall(SYS_times, 0xffff800000100000));
    unmap_pages((char *)pages - PAGE + 8, 2);
}

int main(void)
{
    fixed_files_enter();
    RUN(a_file_is_read_up_to_the_end_of_memory);
    RUN(a_file_is_written_up_to_the_end_of_memory);
    RUN(a_pipe_loses_nothing);
    RUN(a_vector_moves_what_is_before_its_bad_part);
    RUN(vectors_that_make_no_sense_are_refused);
    RUN(lengths_that_wrap_are_refused);
    RUN(a_path_that_is_too_long_is_refused);
    RUN(bad_arguments_of_exec_are_refused);
    RUN(wait4_refuses_bad_pointers);
    RUN(clone_writes_the_pid_where_it_can);
    RUN(times_refuses_bad_pointers);
    RUN(nothing_has_changed);
    fixed_files_leave();
    return test_end();
}
