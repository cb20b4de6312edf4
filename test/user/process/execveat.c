/* execveat: programs and scripts that are named by a descriptor.

   The program is its own subject: with an argument, it prints the names that exec has given it. */
#include "test.h"

#include <stdio.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

static char *const arguments[] = {"zero", "names", NULL};

static int exec_at(int fd, const char *path, int flags)
{
    return syscall(SYS_execveat, fd, path, arguments, environ, flags);
}

/* ---- The new program ---- */

static void print_line(const char *line, void *unused)
{
    (void)unused;
    dprintf(STDOUT_FILENO, "%s ", line);
}

/* Prints the name of the process and the path of the program, without the number of a
   descriptor. */
static int print_names(void)
{
    const char *path = (const char *)getauxval(AT_EXECFN);

    each_line("/proc/self/comm", print_line, NULL);
    if (strncmp(path, "/dev/fd/", 8) == 0) {
        path += 8 + strspn(path + 8, "0123456789");
        dprintf(STDOUT_FILENO, "/dev/fd/N");
    }
    dprintf(STDOUT_FILENO, "%s", path);
    return TEST_PASSED;
}

/* ---- The cases ---- */

struct run {
    int fd;
    const char *path;
    int flags, output;
};

static void exec_into(void *arg)
{
    const struct run *run = arg;

    CHECK_OK(dup2(run->output, STDOUT_FILENO));
    CHECK_OK(exec_at(run->fd, run->path, run->flags));
}

/* Runs a program in a child, and compares what it prints. */
static void check_prints(int fd, const char *path, int flags, const char *expected)
{
    char output[256] = "";
    size_t len = 0;
    ssize_t got;
    int fds[2];

    make_pipe(fds);
    pid_t pid = start_child(exec_into, &(struct run){fd, path, flags, fds[1]});
    CHECK_OK(close(fds[1]));
    while ((got = CHECK_OK(read(fds[0], output + len, sizeof(output) - 1 - len))) > 0)
        len += got;
    CHECK(exited_with(wait_child(pid), 0));
    if (strcmp(output, expected) != 0)
        test_fail(__FILE__, __LINE__, "\"%s\" printed %s and not %s", path, output, expected);
    CHECK_OK(close(fds[0]));
}

static void make_program(const char *name, const char *bytes, size_t len)
{
    CHECK_OK(close(create_file(name, bytes, len)));
    CHECK_OK(chmod(name, 0755));
}

/* Makes "program", a copy of this program. */
static void make_copy(void)
{
    struct stat about;
    int fd = CHECK_OK(open("/proc/self/exe", O_RDONLY));

    CHECK_OK(fstat(fd, &about));
    char *bytes = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    CHECK(bytes != MAP_FAILED);
    make_program("program", bytes, about.st_size);
    CHECK_OK(munmap(bytes, about.st_size));
    CHECK_OK(close(fd));
}

static void a_path_is_as_for_execve(void)
{
    char path[256], expected[300];
    int fd = CHECK_OK(open("/dev/null", O_RDONLY));

    CHECK(getcwd(path, sizeof(path) - 8));
    strcat(path, "/program");
    snprintf(expected, sizeof(expected), "program %s", path);
    check_prints(fd, path, 0, expected);
    check_prints(-1, path, 0, expected);
    check_prints(AT_FDCWD, "program", 0, "program program");
    check_prints(AT_FDCWD, "./program", AT_EMPTY_PATH, "program ./program");
    CHECK_OK(close(fd));
}

static void a_path_may_begin_at_a_descriptor(void)
{
    CHECK_OK(mkdir("dir", 0755));
    CHECK_OK(rename("program", "dir/moved"));
    int fd = CHECK_OK(open("dir", O_RDONLY | O_CLOEXEC));
    check_prints(fd, "moved", 0, "moved /dev/fd/N/moved");
    check_prints(fd, "../dir/moved", 0, "moved /dev/fd/N/../dir/moved");
    CHECK_OK(close(fd));
    CHECK_OK(rename("dir/moved", "program"));
    CHECK_OK(rmdir("dir"));
}

static void a_descriptor_may_be_the_program(void)
{
    int fd = CHECK_OK(open("program", O_RDONLY | O_CLOEXEC)),
        path = CHECK_OK(open("program", O_PATH));

    check_prints(path, "", AT_EMPTY_PATH, "program /dev/fd/N");
    check_prints(fd, "", AT_EMPTY_PATH, "program /dev/fd/N");
    CHECK_OK(unlink("program"));
    check_prints(fd, "", AT_EMPTY_PATH, "program /dev/fd/N");
    CHECK_OK(close(path));
    CHECK_OK(close(fd));
    make_copy();
}

static void a_script_is_read_through_its_descriptor(void)
{
    static const char text[] = "#!/bin/sh\nexit 7\n";

    make_program("script", text, sizeof(text) - 1);
    int fd = CHECK_OK(open("script", O_RDONLY)), gone = CHECK_OK(dup3(fd, 100, O_CLOEXEC));
    CHECK_OK(unlink("script"));
    /* The interpreter could not open what exec closes. */
    CHECK_ERR(ENOENT, exec_at(gone, "", AT_EMPTY_PATH));
    struct run run = {fd, "", AT_EMPTY_PATH, CHECK_OK(open("/dev/null", O_WRONLY))};
    CHECK(exits_with(7, exec_into, &run));
    CHECK_OK(close(run.output));
    CHECK_OK(close(gone));
    CHECK_OK(close(fd));
}

static void errors_are_told(void)
{
    int fd = CHECK_OK(open("program", O_RDONLY)), dir = CHECK_OK(open(".", O_RDONLY));

    CHECK_OK(symlink("program", "link"));
    CHECK_ERR(EINVAL, exec_at(fd, "", AT_EMPTY_PATH | AT_REMOVEDIR));
    CHECK_ERR(ENOENT, exec_at(fd, "", 0));
    CHECK_ERR(ENOTDIR, exec_at(fd, "program", 0));
    CHECK_ERR(EBADF, exec_at(-1, "program", 0));
    CHECK_ERR(EBADF, exec_at(-1, "", AT_EMPTY_PATH));
    CHECK_ERR(ENOENT, exec_at(dir, "missing", 0));
    CHECK_ERR(EACCES, exec_at(dir, "", AT_EMPTY_PATH));
    CHECK_ERR(EACCES, exec_at(AT_FDCWD, "", AT_EMPTY_PATH));
    CHECK_ERR(ELOOP, exec_at(dir, "link", AT_SYMLINK_NOFOLLOW));
    check_prints(dir, "link", 0, "link /dev/fd/N/link");
    CHECK_OK(chmod("program", 0644));
    CHECK_ERR(EACCES, exec_at(fd, "", AT_EMPTY_PATH));
    CHECK_OK(chmod("program", 0755));
    CHECK_OK(unlink("link"));
    CHECK_OK(close(dir));
    CHECK_OK(close(fd));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return print_names();
    temp_dir_enter();
    make_copy();
    RUN(a_path_is_as_for_execve);
    RUN(a_path_may_begin_at_a_descriptor);
    RUN(a_descriptor_may_be_the_program);
    RUN(a_script_is_read_through_its_descriptor);
    RUN(errors_are_told);
    CHECK_OK(unlink("program"));
    temp_dir_leave();
    return test_end();
}
