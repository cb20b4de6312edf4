/* Listing directories: getdents, getdents64. */
#include <linux/errno.h>
#include <lib/string.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* An entry of getdents64(2). Linux has this struct in no header for programs. */
struct linux_dirent64 {
    uint64_t d_ino;
    int64_t d_off; /* the offset of the next entry */
    uint16_t d_reclen;
    uint8_t d_type; /* the S_IFMT bits, shifted down */
    char d_name[];
};

/* An entry of getdents(2). The type is in its last byte, behind the name. */
struct linux_dirent {
    uint64_t d_ino;
    int64_t d_off;
    uint16_t d_reclen;
    char d_name[];
};

/* Room for the longest name, its 0, a type, and padding. */
union dirent_buf {
    struct linux_dirent64 dirent64;
    struct linux_dirent dirent;
    char bytes[offsetof(struct linux_dirent64, d_name) + NAME_MAX + 2 + 8];
};

/* Fills in an entry. Returns its length. */
typedef size_t dirent_fn(const struct dir_entry *entry, union dirent_buf *buf);

static size_t make_dirent64(const struct dir_entry *entry, union dirent_buf *buf)
{
    struct linux_dirent64 *dirent = &buf->dirent64;
    size_t len = offsetof(struct linux_dirent64, d_name) + strlen(entry->name) + 1;

    memset(buf, 0, sizeof(*buf));
    dirent->d_ino = entry->ino;
    dirent->d_off = entry->cookie + 1;
    dirent->d_reclen = round_up(len, 8);
    dirent->d_type = entry->mode >> 12;
    strlcpy(dirent->d_name, entry->name, NAME_MAX + 1);
    return dirent->d_reclen;
}

static size_t make_dirent(const struct dir_entry *entry, union dirent_buf *buf)
{
    struct linux_dirent *dirent = &buf->dirent;
    size_t len = offsetof(struct linux_dirent, d_name) + strlen(entry->name) + 2;

    memset(buf, 0, sizeof(*buf));
    dirent->d_ino = entry->ino;
    dirent->d_off = entry->cookie + 1;
    dirent->d_reclen = round_up(len, 8);
    strlcpy(dirent->d_name, entry->name, NAME_MAX + 1);
    buf->bytes[dirent->d_reclen - 1] = entry->mode >> 12;
    return dirent->d_reclen;
}

/* A user's buffer while it is filled. */
struct listing {
    dirent_fn *make;
    char __user *to;
    size_t left, done;
    int err; /* why it ended: -EINVAL (no room), -EFAULT */
};

static int emit_dirent(const struct dir_entry *entry, void *arg)
{
    struct listing *listing = arg;
    union dirent_buf buf;
    size_t len = listing->make(entry, &buf);

    if (len > listing->left)
        listing->err = -EINVAL;
    else
        listing->err = copy_to_user(listing->to, &buf, len);
    if (listing->err)
        return listing->err;
    listing->to += len;
    listing->left -= len;
    listing->done += len;
    return 0;
}

static long list_dir(int fd, char __user *to, unsigned size, dirent_fn *make)
{
    struct listing listing = {.make = make, .to = to, .left = size};
    struct file *file = io_file_from_fd(fd);

    if (!file)
        return -EBADF;
    int err = file_list(file, emit_dirent, &listing);
    file_put(file);
    return uio_result(listing.done, err ? err : listing.err);
}

SYSCALL3(sys_getdents64, int, fd, char __user *, to, unsigned, size)
{
    return list_dir(fd, to, size, make_dirent64);
}

SYSCALL3(sys_getdents, int, fd, char __user *, to, unsigned, size)
{
    return list_dir(fd, to, size, make_dirent);
}
