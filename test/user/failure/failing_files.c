/* Each allocation fails once: files, directories, pipes, /proc, /dev (failing.h). */
#include "failing.h"

#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#define NAME_50   "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwx"
#define LONG_NAME NAME_50 NAME_50 NAME_50 NAME_50
#define FAR_BYTE \
    (1ul << 40) /* the page of this byte needs several levels of the page cache's tree */

static int fd, other_fd;
static char bytes[64 * KIB];

/* What there is before. */

static void make_file(void)
{
    fd = create_file("file", "text", 4);
}

static void make_two_files(void)
{
    make_file();
    other_fd = create_file("other", "other text", 10);
}

static void make_directory(void)
{
    CHECK_OK(mkdir("directory", 0755));
}

static void make_two_directories(void)
{
    make_directory();
    CHECK_OK(mkdir("other", 0755));
}

static void make_link_chain(void)
{
    make_directory();
    CHECK_OK(symlink("directory/../second", "first"));
    CHECK_OK(symlink("./third", "second"));
    CHECK_OK(symlink("directory", "third"));
    make_file();
}

static void make_pipes(void)
{
    int fds[2];

    make_pipe(fds);
    fd = fds[0];
    other_fd = fds[1];
}

static void make_deep_directory(void)
{
    for (int i = 0; i < 2; i++) {
        CHECK_OK(mkdir(LONG_NAME, 0755));
        CHECK_OK(chdir(LONG_NAME));
    }
}

static void open_directory(void)
{
    make_two_files();
    fd = CHECK_OK(open(".", O_RDONLY | O_DIRECTORY));
}

static void open_proc(void)
{
    fd = CHECK_OK(open("/proc", O_RDONLY | O_DIRECTORY));
}

/* Making, renaming and removing. */

static int create(void)
{
    return error_of(open("new", O_RDWR | O_CREAT | O_EXCL, 0644));
}

static int create_with_long_name(void)
{
    return error_of(open(LONG_NAME, O_RDWR | O_CREAT, 0644));
}

static int open_existing(void)
{
    return error_of(open("file", O_RDONLY));
}

static int open_and_truncate(void)
{
    return error_of(open("file", O_RDWR | O_TRUNC));
}

static int make_new_directory(void)
{
    return error_of(mkdir("new", 0755));
}

static int make_new_node(void)
{
    return error_of(mknod("new", S_IFREG | 0600, 0));
}

static int make_new_fifo(void)
{
    return error_of(mkfifo("new", 0600));
}

static void make_fifo(void)
{
    CHECK_OK(mkfifo("fifo", 0600));
}

static int open_fifo(void)
{
    int fd = open("fifo", O_RDWR);

    if (fd < 0)
        return errno;
    int error = error_of(write(fd, "x", 1));
    CHECK_OK(close(fd));
    return error;
}

static int make_link(void)
{
    return error_of(link("file", "new"));
}

static int make_symlink(void)
{
    return error_of(symlink("file", "new"));
}

static int make_long_symlink(void)
{
    return error_of(symlink(LONG_NAME "/" LONG_NAME "/" LONG_NAME, "new"));
}

static int rename_file(void)
{
    return error_of(rename("file", LONG_NAME));
}

static int rename_over_file(void)
{
    return error_of(rename("file", "other"));
}

static int rename_into_directory(void)
{
    return error_of(rename("directory", "other/new"));
}

static int unlink_file(void)
{
    return error_of(unlink("file"));
}

static int remove_directory(void)
{
    return error_of(rmdir("directory"));
}

/* Contents. */

static int write_new_page(void)
{
    return error_of(pwrite(fd, "more", 4, PAGE));
}

static int write_far_away(void)
{
    return error_of(pwrite(fd, "more", 4, FAR_BYTE));
}

static int write_near_and_far(void)
{
    return error_of(pwrite(fd, "more", 4, 100 * PAGE)) ? errno : write_far_away();
}

/* A part may be written before there is no page for more. */
static int write_many_pages(void)
{
    ssize_t done = pwrite(fd, bytes, sizeof(bytes), 0);

    return done < 0 ? errno : done < (ssize_t)sizeof(bytes) ? ENOSPC : 0;
}

static int write_over_page_border(void)
{
    ssize_t done = pwrite(fd, bytes, 16, 2 * PAGE - 8);

    return done < 0 ? errno : done < 16 ? ENOSPC : 0;
}

static struct iovec pieces[300];

static void make_file_and_pieces(void)
{
    make_file();
    CHECK_OK(lseek(fd, 0, SEEK_SET));
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
        pieces[i] = (struct iovec){bytes, 1};
}

static int write_in_pieces(void)
{
    return error_of(writev(fd, pieces, ARRAY_SIZE(pieces)));
}

static int make_longer(void)
{
    return error_of(ftruncate(fd, FAR_BYTE));
}

static int make_shorter(void)
{
    return error_of(ftruncate(fd, 1));
}

static int truncate_mapped(void)
{
    return error_of(ftruncate(other_fd, 0));
}

/* Truncation removes pages from processes that map the file. If a child shares the page tables,
   this takes memory; if the kernel gets none, the pages stay mapped. The child ends with the
   worker. */
static void map_with_child(void)
{
    char *page;

    make_pipes();
    int ends_with_worker = other_fd;
    other_fd = create_file("mapped", "text", 4);
    page = CHECK_OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, other_fd, 0));
    CHECK_EQ(peek(page), 't');
    if (CHECK_OK(fork()) > 0)
        return;
    CHECK_OK(close(ends_with_worker));
    _exit(read(fd, page, 1));
}

static int truncate_by_name(void)
{
    return error_of(truncate("file", 1));
}

/* Paths and what they lead to. */

static int look_at_file(void)
{
    struct stat status;

    return error_of(stat("directory/../file", &status));
}

static int look_through_links(void)
{
    struct stat status;

    return error_of(stat("first/../second/.", &status));
}

static int read_link(void)
{
    return error_of(readlink("first", bytes, sizeof(bytes)));
}

static int go_through_links(void)
{
    return error_of(chdir("first"));
}

static int go_back(void)
{
    return error_of(chdir("../.."));
}

static int name_directory(void)
{
    return getcwd(bytes, sizeof(bytes)) ? 0 : errno;
}

static int change_mode(void)
{
    return error_of(chmod("file", 0600));
}

static int change_times(void)
{
    static const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 2}};

    return error_of(utimensat(AT_FDCWD, "file", times, 0));
}

static int change_owner(void)
{
    return error_of(chown("file", 0, 0));
}

static int look_at_file_system(void)
{
    struct statfs status;

    return error_of(statfs("file", &status));
}

static int ask_access(void)
{
    return error_of(access("file", R_OK));
}

static int list(void)
{
    return error_of(lseek(fd, 0, SEEK_SET)) ? errno
                                            : error_of(getdents(fd, (struct dirent *)bytes, KIB));
}

/* Open files. */

static int duplicate_high(void)
{
    return error_of(fcntl(fd, F_DUPFD, 900));
}

static int duplicate_to(void)
{
    return error_of(dup2(fd, 700));
}

static int open_many(void)
{
    int error = 0;

    for (int i = 0; i < 70 && !error; i++)
        error = error_of(dup(fd));
    return error;
}

static int make_new_pipe(void)
{
    int fds[2];

    return error_of(pipe2(fds, O_CLOEXEC));
}

static int write_into_pipe(void)
{
    return error_of(write(other_fd, "x", 1));
}

static int fill_pipe(void)
{
    CHECK_OK(fcntl(other_fd, F_SETFL, O_NONBLOCK));
    while (write(other_fd, bytes, 3 * PAGE) > 0) {
    }
    return errno == EAGAIN ? 0 : errno;
}

/* /proc and /dev. */

static int read_all(const char *path)
{
    int file = open(path, O_RDONLY);
    ssize_t done;

    if (file < 0)
        return errno;
    while ((done = read(file, bytes, 100)) > 0) {
    }
    int error = error_of(done);
    CHECK_OK(close(file));
    return error;
}

static int read_maps(void)
{
    return read_all("/proc/self/maps");
}

static int read_status(void)
{
    return read_all("/proc/self/status");
}

static int read_stat(void)
{
    return read_all("/proc/self/stat");
}

static int read_faults(void)
{
    return read_all("/proc/self/faults");
}

static int read_meminfo(void)
{
    return read_all("/proc/meminfo");
}

static int read_vmstat(void)
{
    return read_all("/proc/vmstat");
}

static int read_uptime(void)
{
    return read_all("/proc/uptime");
}

static int read_smaps(void)
{
    return read_all("/proc/self/smaps");
}

static int read_arguments(void)
{
    return read_all("/proc/self/cmdline");
}

static int read_load(void)
{
    return read_all("/proc/loadavg");
}

static int read_name_of_file(void)
{
    return error_of(readlink("/proc/self/fd/1", bytes, sizeof(bytes)));
}

static int read_memory(void)
{
    struct iovec to = {bytes, sizeof(bytes)}, from = {bytes, sizeof(bytes)};

    return error_of(process_vm_readv(getpid(), &to, 1, &from, 1, 0));
}

/* Writes memory that the program may only read, by its file. EIO may mean that memory is out. */
static char *read_only;

static void map_read_only(void)
{
    read_only = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(read_only != MAP_FAILED);
}

static int write_memory(void)
{
    int fd = open("/proc/self/mem", O_RDWR);

    if (fd < 0)
        return errno;
    int error = error_of(pwrite(fd, "x", 1, (off_t)read_only));
    CHECK_OK(close(fd));
    return error == EIO ? ENOMEM : error;
}

static int read_name_of_program(void)
{
    return error_of(readlink("/proc/self/exe", bytes, sizeof(bytes)));
}

static int read_random(void)
{
    int file = open("/dev/urandom", O_RDONLY);

    if (file < 0)
        return errno;
    CHECK_EQ(CHECK_OK(read(file, bytes, sizeof(bytes))), sizeof(bytes));
    return error_of(close(file));
}

static int use_console(void)
{
    struct pollfd polled = {.events = POLLOUT};
    struct winsize size;

    polled.fd = open("/dev/console", O_RDWR | O_NOCTTY);
    if (polled.fd < 0)
        return errno;
    CHECK_OK(ioctl(polled.fd, TIOCGWINSZ, &size));
    CHECK_OK(write(polled.fd, "", 0));
    int error = error_of(poll(&polled, 1, 0));
    CHECK_OK(close(polled.fd));
    return error;
}

static int read_kernel_log(void)
{
    enum { READ_ALL = 3 };

    return error_of(klogctl(READ_ALL, bytes, sizeof(bytes)));
}

static int lock_range(short kind, long start, long len)
{
    struct flock lock = {.l_type = kind, .l_start = start, .l_len = len};

    return error_of(fcntl(fd, F_SETLK, &lock));
}

static int lock_file(void)
{
    return lock_range(F_WRLCK, 0, 0);
}

static void make_locked_file(void)
{
    make_file();
    CHECK_EQ(lock_file(), 0);
}

static int split_lock(void)
{
    return lock_range(F_RDLCK, 5, 5);
}

static int lock_open_file(void)
{
    return error_of(flock(fd, LOCK_EX));
}

static int use_epoll(void)
{
    struct epoll_event event = {.events = EPOLLIN};
    int epfd = epoll_create1(0);

    if (epfd < 0)
        return errno;
    int error = error_of(epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event));
    if (!error)
        CHECK_EQ(CHECK_OK(epoll_wait(epfd, &event, 1, 0)), 0);
    CHECK_OK(close(epfd));
    return error;
}

static const struct scenario scenarios[] = {
    {"create", NULL, create, 0},
    {"create_with_long_name", NULL, create_with_long_name, 0},
    {"open_existing", make_file, open_existing, 0},
    {"open_and_truncate", make_file, open_and_truncate, 0},
    {"make_new_directory", NULL, make_new_directory, 0},
    {"make_new_node", NULL, make_new_node, 0},
    {"make_new_fifo", NULL, make_new_fifo, 0},
    {"use_epoll", make_pipes, use_epoll, 0},
    {"open_fifo", make_fifo, open_fifo, 0},
    {"make_link", make_file, make_link, 0},
    {"make_symlink", NULL, make_symlink, 0},
    {"make_long_symlink", NULL, make_long_symlink, 0},
    {"rename_file", make_file, rename_file, 0},
    {"rename_over_file", make_two_files, rename_over_file, 0},
    {"rename_into_directory", make_two_directories, rename_into_directory, 0},
    {"unlink_file", make_file, unlink_file, 0},
    {"remove_directory", make_directory, remove_directory, 0},
    {"write_new_page", make_file, write_new_page, 0},
    {"write_far_away", make_file, write_far_away, 0},
    {"write_near_and_far", make_file, write_near_and_far, MAY_BE_PARTIAL},
    {"write_many_pages", make_file, write_many_pages, MAY_BE_PARTIAL},
    {"write_over_page_border", make_file, write_over_page_border, MAY_BE_PARTIAL},
    {"write_in_pieces", make_file_and_pieces, write_in_pieces, 0},
    {"make_longer", make_file, make_longer, NO_MEMORY},
    {"make_shorter", make_file, make_shorter, NO_MEMORY},
    {"truncate_by_name", make_file, truncate_by_name, 0},
    {"truncate_mapped", map_with_child, truncate_mapped, NO_MEMORY},
    {"look_at_file", make_link_chain, look_at_file, 0},
    {"look_through_links", make_link_chain, look_through_links, 0},
    {"read_link", make_link_chain, read_link, 0},
    {"go_through_links", make_link_chain, go_through_links, 0},
    {"go_back", make_deep_directory, go_back, 0},
    {"name_directory", make_deep_directory, name_directory, 0},
    {"change_mode", make_file, change_mode, 0},
    {"change_times", make_file, change_times, 0},
    {"change_owner", make_file, change_owner, 0},
    {"look_at_file_system", make_file, look_at_file_system, 0},
    {"ask_access", make_file, ask_access, 0},
    {"list", open_directory, list, MAY_BE_PARTIAL},
    {"list_proc", open_proc, list, MAY_BE_PARTIAL},
    {"duplicate_high", make_file, duplicate_high, 0},
    {"duplicate_to", make_file, duplicate_to, 0},
    {"open_many", make_file, open_many, MAY_BE_PARTIAL},
    {"lock_file", make_file, lock_file, 0},
    {"split_lock", make_locked_file, split_lock, 0},
    {"lock_open_file", make_file, lock_open_file, 0},
    {"make_new_pipe", NULL, make_new_pipe, 0},
    {"write_into_pipe", make_pipes, write_into_pipe, 0},
    {"fill_pipe", make_pipes, fill_pipe, MAY_BE_PARTIAL | MAY_SUCCEED},
    {"read_maps", NULL, read_maps, 0},
    {"read_status", NULL, read_status, 0},
    {"read_stat", NULL, read_stat, 0},
    {"read_faults", NULL, read_faults, 0},
    {"read_meminfo", NULL, read_meminfo, 0},
    {"read_vmstat", NULL, read_vmstat, 0},
    {"read_uptime", NULL, read_uptime, 0},
    {"read_smaps", NULL, read_smaps, 0},
    {"read_arguments", NULL, read_arguments, 0},
    {"read_load", NULL, read_load, 0},
    {"read_name_of_file", NULL, read_name_of_file, 0},
    {"read_memory", NULL, read_memory, MAY_BE_PARTIAL | MAY_SUCCEED},
    {"write_memory", map_read_only, write_memory, 0},
    {"read_name_of_program", NULL, read_name_of_program, 0},
    {"read_random", NULL, read_random, 0},
    {"use_console", NULL, use_console, 0},
    {"read_kernel_log", NULL, read_kernel_log, 0},
};

int main(void)
{
    pagoda_only();
    memset(bytes, 'b', sizeof(bytes));
    check_scenarios(scenarios, ARRAY_SIZE(scenarios));
    return test_end();
}
