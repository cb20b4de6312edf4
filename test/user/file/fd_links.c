/* The links of /proc/PID/fd, and /dev/fd, /dev/stdin and their kin: they lead to a file itself,
   whether it has a name or not. An open through them is a new open of the same file. */
#include "test.h"

#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>

/* Returns the path of a descriptor's link. The next call overwrites it. */
static const char *link_of(pid_t pid, int fd)
{
    static char path[64];

    snprintf(path, sizeof(path), "/proc/%d/fd/%d", pid, fd);
    return path;
}

static const char *my_link(int fd)
{
    return link_of(getpid(), fd);
}

static int reopen(int fd, int flags)
{
    return CHECK_OK(open(my_link(fd), flags));
}

static void check_same(int a, int b)
{
    struct stat about_a, about_b;

    CHECK_OK(fstat(a, &about_a));
    CHECK_OK(fstat(b, &about_b));
    CHECK(about_a.st_dev == about_b.st_dev && about_a.st_ino == about_b.st_ino);
}

static void check_reads(int fd, const char *expected)
{
    char text[64] = "";

    CHECK_EQ(CHECK_OK(read(fd, text, sizeof(text) - 1)), strlen(expected));
    CHECK(strcmp(text, expected) == 0);
}

static void close_pipe(const int fds[2])
{
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

/* ---- Regular files ---- */

static void a_file_is_opened_anew(void)
{
    int fd = create_file("file", "contents", 8);

    CHECK_OK(lseek(fd, 3, SEEK_SET));
    int other = reopen(fd, O_RDONLY);
    check_same(fd, other);
    check_reads(other, "contents"); /* it has an offset of its own */
    check_reads(fd, "tents");
    CHECK_ERR(EBADF, write(other, "x", 1));
    CHECK_OK(close(fd));
    fd = reopen(other, O_RDWR | O_APPEND | O_CLOEXEC); /* and rights of its own */
    CHECK_EQ(CHECK_OK(fcntl(fd, F_GETFD)), FD_CLOEXEC);
    CHECK_OK(write(fd, "!", 1));
    check_reads(other, "!");
    CHECK_OK(close(reopen(fd, O_WRONLY | O_TRUNC)));
    struct stat about;
    CHECK_OK(fstat(fd, &about));
    CHECK_EQ(about.st_size, 0);
    CHECK_OK(close(fd));
    CHECK_OK(close(other));
    CHECK_OK(unlink("file"));
}

static void a_file_needs_no_name(void)
{
    char target[256] = "";
    struct stat about;
    int fd = create_file("file", "contents", 8);

    CHECK_OK(unlink("file"));
    CHECK_OK(readlink(my_link(fd), target, sizeof(target) - 1));
    CHECK(strstr(target, "/file (deleted)"));
    int other = reopen(fd, O_RDWR | O_CREAT);
    check_same(fd, other);
    check_reads(other, "contents");
    CHECK_OK(stat(my_link(fd), &about));
    CHECK_EQ(about.st_nlink, 0);
    CHECK_OK(truncate(my_link(fd), 4));
    CHECK_OK(chmod(my_link(fd), 0600));
    CHECK_OK(stat(my_link(fd), &about));
    CHECK_EQ(about.st_mode, S_IFREG | 0600);
    CHECK_EQ(about.st_size, 4);
    CHECK_ERR(ENOENT, linkat(AT_FDCWD, my_link(fd), AT_FDCWD, "file", AT_SYMLINK_FOLLOW));
    CHECK_OK(close(fd));
    CHECK_OK(close(other));
}

static void a_file_may_have_a_new_name(void)
{
    int fd = create_file("file", "contents", 8);

    CHECK_OK(close(create_file("other", "", 0)));
    CHECK_OK(rename("file", "moved"));
    CHECK_OK(rename("other", "file"));
    CHECK_OK(linkat(AT_FDCWD, my_link(fd), AT_FDCWD, "second", AT_SYMLINK_FOLLOW));
    int other = CHECK_OK(open("second", O_RDONLY));
    check_same(fd, other);
    CHECK_OK(close(other));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
    CHECK_OK(unlink("moved"));
    CHECK_OK(unlink("second"));
}

static void a_link_is_a_link(void)
{
    struct stat about;
    int fd = create_file("file", "contents", 8);

    CHECK_OK(lstat(my_link(fd), &about));
    CHECK(S_ISLNK(about.st_mode));
    CHECK_ERR(ELOOP, open(my_link(fd), O_RDONLY | O_NOFOLLOW));
    CHECK_ERR(EEXIST, open(my_link(fd), O_RDWR | O_CREAT | O_EXCL, 0600));
    CHECK_ERR(ENOTDIR, open(my_link(fd), O_RDONLY | O_DIRECTORY));
    CHECK_ERR(EXDEV, rename(my_link(fd), "name"));
    CHECK_ERR(EPERM, unlink(my_link(fd)));
    char path[128];
    snprintf(path, sizeof(path), "%s/", my_link(fd));
    CHECK_ERR(ENOTDIR, stat(path, &about));
    CHECK_ERR(EISDIR, open(path, O_RDWR | O_CREAT, 0600));
    snprintf(path, sizeof(path), "%s/name", my_link(fd));
    CHECK_ERR(ENOTDIR, open(path, O_RDONLY));
    CHECK_OK(symlink(my_link(fd), "link"));
    int other = CHECK_OK(open("link", O_RDONLY));
    check_same(fd, other);
    CHECK_OK(close(other));
    CHECK_OK(close(fd));
    CHECK_ERR(ENOENT, open(my_link(fd), O_RDONLY));
    CHECK_ERR(ENOENT, open("link", O_RDONLY));
    CHECK_OK(unlink("link"));
    CHECK_OK(unlink("file"));
}

static void a_path_may_be_opened_later(void)
{
    char target[64] = "";

    CHECK_OK(close(create_file("file", "contents", 8)));
    CHECK_OK(symlink("file", "link"));
    int path = CHECK_OK(open("file", O_PATH));
    int fd = reopen(path, O_RDONLY);
    check_reads(fd, "contents");
    CHECK_OK(close(fd));
    CHECK_OK(close(path));
    path = CHECK_OK(open("link", O_PATH | O_NOFOLLOW));
    CHECK_ERR(ELOOP, open(my_link(path), O_RDONLY)); /* it leads to a link, which is not followed */
    fd = reopen(path, O_PATH);
    CHECK_EQ(CHECK_OK(readlinkat(fd, "", target, sizeof(target))), 4);
    CHECK_OK(close(fd));
    CHECK_OK(close(path));
    CHECK_OK(unlink("link"));
    CHECK_OK(unlink("file"));
}

/* ---- Directories ---- */

static void a_directory_leads_on(void)
{
    char path[128];

    CHECK_OK(mkdir("dir", 0755));
    int dir = CHECK_OK(open("dir", O_RDONLY | O_DIRECTORY));
    CHECK_OK(rename("dir", "moved"));
    snprintf(path, sizeof(path), "%s/file", my_link(dir));
    int fd = CHECK_OK(open(path, O_RDWR | O_CREAT, 0600)), other = CHECK_OK(open("moved/file", 0));
    check_same(fd, other);
    CHECK_OK(close(fd));
    CHECK_OK(close(other));
    snprintf(path, sizeof(path), "%s/..", my_link(dir));
    fd = CHECK_OK(open(path, O_RDONLY));
    other = CHECK_OK(open(".", O_RDONLY));
    check_same(fd, other);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("moved/file"));
    CHECK_OK(rmdir("moved"));

    fd = reopen(dir, O_RDONLY | O_DIRECTORY);
    check_same(fd, dir);
    CHECK_OK(close(fd));
    CHECK_ERR(ENOENT, mkdirat(dir, "below", 0755));
    CHECK_ERR(EISDIR, open(my_link(dir), O_RDWR));
    CHECK_OK(chdir(my_link(dir)));
    fd = CHECK_OK(open("/proc/self/cwd", O_RDONLY)); /* it has no name either */
    check_same(fd, dir);
    CHECK_OK(fchdir(other));
    CHECK_OK(close(fd));
    CHECK_OK(close(other));
    CHECK_OK(close(dir));
}

/* ---- Pipes, terminals, devices ---- */

static short events_of(int fd)
{
    struct pollfd asked = {.fd = fd, .events = POLLIN | POLLOUT};

    CHECK_OK(poll(&asked, 1, 0));
    return asked.revents;
}

static void a_pipe_is_opened_at_either_end(void)
{
    int fds[2];

    make_pipe(fds);
    int writer = reopen(fds[0], O_WRONLY), reader = reopen(fds[1], O_RDONLY | O_NONBLOCK);
    CHECK_OK(write(writer, "one", 3));
    check_reads(fds[0], "one");
    CHECK_OK(write(fds[1], "two", 3));
    check_reads(reader, "two");
    CHECK_ERR(EAGAIN, read(reader, fds, 1)); /* O_NONBLOCK is not shared */
    close_pipe(fds);
    CHECK_OK(write(writer, "three", 5));
    CHECK_OK(close(writer));
    int late = reopen(reader, O_RDONLY); /* does not wait for a writer, as a FIFO would */
    CHECK_EQ(events_of(late), POLLIN | POLLHUP);
    check_reads(late, "three");
    check_reads(late, "");
    CHECK_OK(close(late));
    int both = reopen(reader, O_RDWR);
    CHECK_EQ(events_of(reader), 0);
    CHECK_OK(write(both, "four", 4));
    check_reads(both, "four");
    CHECK_OK(close(both));
    CHECK_OK(close(reader));
}

static void wait_with_pipe(void *gate)
{
    gate_pass(gate);
}

static void the_pipe_of_another_process_can_be_opened(void)
{
    int fds[2];

    make_pipe(fds);
    struct gate gate = gate_make();
    pid_t pid = start_child(wait_with_pipe, &gate);
    int number = fds[0];
    close_pipe(fds);
    int fd = CHECK_OK(open(link_of(pid, number), O_RDWR));
    CHECK_OK(write(fd, "hello", 5));
    check_reads(fd, "hello");
    gate_open(&gate);
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_ERR(ENOENT, open(link_of(pid, number), O_RDWR));
    CHECK_OK(write(fd, "still", 5));
    CHECK_OK(close(fd));
    gate_destroy(&gate);
}

static void dev_has_the_standard_files(void)
{
    char target[64] = "";
    int fds[2], input = CHECK_OK(dup(STDIN_FILENO));

    CHECK_OK(readlink("/dev/fd", target, sizeof(target) - 1));
    CHECK(strcmp(target, "/proc/self/fd") == 0);
    make_pipe(fds);
    CHECK_OK(dup2(fds[0], STDIN_FILENO));
    CHECK_OK(write(fds[1], "standard input", 14));
    int fd = CHECK_OK(open("/dev/stdin", O_RDONLY));
    check_reads(fd, "standard input");
    CHECK_OK(close(fd));
    char path[32];
    snprintf(path, sizeof(path), "/dev/fd/%d", fds[1]);
    fd = CHECK_OK(open(path, O_WRONLY));
    check_same(fd, fds[1]);
    CHECK_OK(close(fd));
    CHECK_OK(dup2(input, STDIN_FILENO));
    CHECK_OK(close(input));
    close_pipe(fds);

    struct stat about, about_link;
    CHECK_OK(fstat(STDOUT_FILENO, &about));
    CHECK_OK(stat("/dev/stdout", &about_link));
    CHECK_EQ(about.st_ino, about_link.st_ino);
    CHECK_OK(fstat(STDERR_FILENO, &about));
    CHECK_OK(stat("/dev/stderr", &about_link));
    CHECK_EQ(about.st_ino, about_link.st_ino);
}

static void a_device_is_opened_anew(void)
{
    char byte = 1;
    int fd = CHECK_OK(open("/dev/zero", O_WRONLY)), other = reopen(fd, O_RDONLY);

    CHECK_EQ(CHECK_OK(read(other, &byte, 1)), 1);
    CHECK_EQ(byte, 0);
    CHECK_OK(close(fd));
    CHECK_OK(close(other));
}

static void a_terminal_is_opened_anew(void)
{
    int fd = CHECK_OK(open("/dev/console", O_RDONLY)), other = reopen(fd, O_RDWR);

    CHECK(isatty(other));
    check_same(fd, other);
    CHECK_OK(close(fd));
    CHECK_OK(close(other));
}

static void a_file_of_proc_is_opened_anew(void)
{
    char text[8];
    int fd = CHECK_OK(open("/proc/self/comm", O_RDONLY)), other = reopen(fd, O_RDONLY);

    CHECK(CHECK_OK(read(other, text, sizeof(text))) > 0);
    CHECK_OK(close(fd));
    CHECK_OK(close(other));
}

/* ---- Programs ---- */

/* Returns a descriptor of an executable file without a name. */
static int unlinked_program(const char *text, size_t len)
{
    CHECK_OK(close(create_file("program", text, len)));
    CHECK_OK(chmod("program", 0755));
    int fd = CHECK_OK(open("program", O_RDONLY));
    CHECK_OK(unlink("program"));
    return fd;
}

static int unlinked_copy(void)
{
    struct stat about;
    int from = CHECK_OK(open("/proc/self/exe", O_RDONLY));

    CHECK_OK(fstat(from, &about));
    char *bytes = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE, from, 0);
    CHECK(bytes != MAP_FAILED);
    int fd = unlinked_program(bytes, about.st_size);
    CHECK_OK(munmap(bytes, about.st_size));
    CHECK_OK(close(from));
    return fd;
}

static void exec_link(void *fd)
{
    CHECK_OK(execl(my_link(*(int *)fd), "copy", "check", NULL));
}

/* Runs as an unlinked program. */
static int check_own_file(void)
{
    char target[256] = "";

    CHECK_OK(readlink("/proc/self/exe", target, sizeof(target) - 1));
    CHECK(strstr(target, "/program (deleted)"));
    CHECK_OK(close(CHECK_OK(open("/proc/self/exe", O_RDONLY))));
    CHECK_ERR(ETXTBSY, open("/proc/self/exe", O_RDWR));
    return 42;
}

static void an_unlinked_program_can_be_run(void)
{
    int fd = unlinked_copy();

    CHECK(exits_with(42, exec_link, &fd));
    CHECK_OK(close(fd));
}

/* The interpreter reads the script through the link too. */
static void an_unlinked_script_can_be_run(void)
{
    static const char text[] = "#!/bin/sh\nexit 7\n";
    int fd = unlinked_program(text, sizeof(text) - 1);

    CHECK(exits_with(7, exec_link, &fd));
    CHECK_OK(close(fd));
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return check_own_file();
    temp_dir_enter();
    RUN(a_file_is_opened_anew);
    RUN(a_file_needs_no_name);
    RUN(a_file_may_have_a_new_name);
    RUN(a_link_is_a_link);
    RUN(a_path_may_be_opened_later);
    RUN(a_directory_leads_on);
    RUN(a_pipe_is_opened_at_either_end);
    RUN(the_pipe_of_another_process_can_be_opened);
    RUN(dev_has_the_standard_files);
    RUN(a_device_is_opened_anew);
    RUN_ON_PAGODA(a_terminal_is_opened_anew);
    RUN(a_file_of_proc_is_opened_anew);
    RUN(an_unlinked_program_can_be_run);
    RUN(an_unlinked_script_can_be_run);
    temp_dir_leave();
    return test_end();
}
