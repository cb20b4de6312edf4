/* Arguments of system calls about files. */
#define _GNU_SOURCE
#include "argprint.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "names.h"
#include "output.h"

static void show_file_mode(unsigned mode)
{
    if (mode & S_IFMT) {
        print_one_of(&mode_type_names, mode & S_IFMT);
        print("|");
    }
    print("%s%s%s%#03o", mode & S_ISUID ? "S_ISUID|" : "", mode & S_ISGID ? "S_ISGID|" : "",
          mode & S_ISVTX ? "S_ISVTX|" : "", mode & 0777);
}

static void show_device(dev_t device)
{
    print("makedev(%#x, %#x)", major(device), minor(device));
}

static void print_out_stat(const struct tracee *tracee, int n)
{
    struct stat stat;

    if (!fetch_output(tracee, n, &stat, sizeof(stat)))
        return;
    print("{st_mode=");
    show_file_mode(stat.st_mode);
    if (S_ISCHR(stat.st_mode) || S_ISBLK(stat.st_mode)) {
        print(", st_rdev=");
        show_device(stat.st_rdev);
    } else {
        print(", st_size=%lld", (long long)stat.st_size);
    }
    print(", ...}");
}

/* Prints the arguments of mknod, which takes a device only for the types that are devices. */
static void print_node_mode(const struct tracee *tracee, int n)
{
    unsigned mode = tracee->args[n];

    show_file_mode(mode);
    if (S_ISCHR(mode) || S_ISBLK(mode)) {
        print(", ");
        show_device(tracee->args[n + 1]);
    }
}

static void show_open_flags(unsigned flags)
{
    static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};

    print("%s", modes[flags & 3]);
    print_more_flags(&open_names, flags & ~3u);
}

/* Prints the flags of open, and the mode if the flags may create a file. */
static void print_open_flags(const struct tracee *tracee, int n)
{
    unsigned flags = tracee->args[n];
    bool is_temporary = (flags & O_TMPFILE) == O_TMPFILE;

    show_open_flags(flags);
    if ((flags & O_CREAT) || is_temporary) {
        print(", ");
        print_mode(tracee, n + 1);
    }
}

static void print_lock(const struct tracee *tracee, int n)
{
    struct flock lock;

    if (!fetch(tracee, tracee->args[n], &lock, sizeof(lock)))
        return;
    print("{l_type=");
    print_one_of(&lock_names, (unsigned short)lock.l_type);
    print(", l_whence=");
    print_one_of(&seek_names, (unsigned short)lock.l_whence);
    print(", l_start=%lld, l_len=%lld}", (long long)lock.l_start, (long long)lock.l_len);
}

/* Prints the command of fcntl, and the argument that it takes. */
static void print_fcntl(const struct tracee *tracee, int n)
{
    print_one_of(&fcntl_names, tracee->args[n]);
    switch (tracee->args[n]) {
    case F_GETFD:
    case F_GETFL:
        return;
    case F_SETFD:
        print(", ");
        print_flags(&fd_names, tracee->args[n + 1]);
        return;
    case F_SETFL:
        print(", ");
        show_open_flags(tracee->args[n + 1]);
        return;
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
        print(", ");
        print_long(tracee, n + 1);
        return;
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        print(", ");
        print_lock(tracee, n + 1);
        return;
    default:
        print(", ");
        print_hex(tracee, n + 1);
    }
}

static void print_int_behind(const struct tracee *tracee, int n)
{
    int value;

    if (fetch(tracee, tracee->args[n], &value, sizeof(value)))
        print("[%d]", value);
}

static void print_ioctl_data(const struct tracee *tracee, int n)
{
    struct winsize size;

    switch (tracee->args[n - 1]) {
    case FIONREAD:
    case TIOCGPGRP:
    case TIOCGSID:
        if (tracee->has_failed)
            print_address(tracee->args[n]);
        else
            print_int_behind(tracee, n);
        return;
    case FIONBIO:
    case TIOCSPGRP:
        print_int_behind(tracee, n);
        return;
    case TIOCGWINSZ:
        if (fetch_output(tracee, n, &size, sizeof(size)))
            print("{ws_row=%d, ws_col=%d, ws_xpixel=%d, ws_ypixel=%d}", size.ws_row, size.ws_col,
                  size.ws_xpixel, size.ws_ypixel);
        return;
    default:
        print("%#lx", (unsigned long)tracee->args[n]);
    }
}

static void print_out_entries(const struct tracee *tracee, int n)
{
    struct dirent entry;
    unsigned count = 0;

    print_address(tracee->args[n]);
    if (tracee->has_failed)
        return;
    for (int64_t at = 0; at < tracee->result; at += entry.d_reclen) {
        size_t len = offsetof(struct dirent, d_name);

        if (!tracee_read(tracee, tracee->args[n] + at, &entry, len) || entry.d_reclen == 0)
            return;
        count++;
    }
    print(" /* %u entr%s */", count, count == 1 ? "y" : "ies");
}

static void show_pollfd(const struct tracee *tracee, const void *element, size_t index)
{
    const struct pollfd *poll = element;

    (void)tracee, (void)index;
    print("{fd=%d", poll->fd);
    if (poll->fd >= 0) {
        print(", events=");
        print_flags(&poll_names, (unsigned short)poll->events);
    }
    print("}");
}

static void print_pollfds(const struct tracee *tracee, int n)
{
    print_array(tracee, tracee->args[n], tracee->args[n + 1], sizeof(struct pollfd), show_pollfd);
}

/* ---- The kinds ---- */

INPUT(pollfds, print_pollfds);
OUTPUT(out_stat, print_out_stat);
OUTPUT(out_entries, print_out_entries);
OUTPUT(ioctl_data, print_ioctl_data);
LAST(open_flags, print_open_flags);
LAST(fcntl, print_fcntl);
LAST(node_mode, print_node_mode);
