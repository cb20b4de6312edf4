/* Unpacking cpio "newc" archives.

   An archive is a sequence of members. A member is a header of 110 ASCII characters, the name with
   its final 0, and the data. Header with name, and data, are padded to a multiple of 4 bytes from
   the start of the image. The last member is called "TRAILER!!!". Zeros may stand between two
   archives. Source: Linux Documentation/driver-api/early-userspace/buffer-format.rst. */
#include <linux/errno.h>
#include <arch/console.h>
#include <arch/page.h>
#include <fs/cpio.h>
#include <fs/vfs.h>
#include <lib/panic.h>
#include <lib/string.h>

#define MAGIC   "070701"
#define TRAILER "TRAILER!!!"

/* A header; each number is 8 hexadecimal digits. */
struct header {
    char magic[6];
    char ino[8], mode[8], uid[8], gid[8], nlink[8], mtime[8], size[8];
    char dev_major[8], dev_minor[8], rdev_major[8], rdev_minor[8], name_size[8], check[8];
};

_Static_assert(sizeof(struct header) == 110, "the header of a cpio member");

/* The image, and the position in it. */
struct image {
    const char *start;
    size_t len;
    size_t at;
};

struct member {
    const char *name; /* with a final 0 */
    uint32_t mode;
    uint64_t mtime; /* seconds since 1970 */
    uint64_t rdev;
    const char *data;
    size_t size; /* of the data, in bytes */
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 'a' - 'A';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Returns -1 if the digits are no number. */
static int64_t hex_number(const char digits[8])
{
    int64_t number = 0;

    for (int i = 0; i < 8; i++) {
        int digit = hex_digit(digits[i]);
        if (digit < 0)
            return -1;
        number = number << 4 | digit;
    }
    return number;
}

/* Advances over the next `len` bytes of the image and their padding. Returns the bytes, or NULL if
   the image ends before that. */
static const char *image_take(struct image *image, int64_t len)
{
    if (len < 0 || (size_t)len > image->len - image->at)
        return NULL;
    const char *bytes = image->start + image->at;
    image->at = min(round_up(image->at + len, 4), image->len);
    return bytes;
}

/* Takes the next header and the name behind it, which are padded together. NULL: not a member. */
static const struct header *image_take_header(struct image *image, struct member *member)
{
    const struct header *header = (const void *)(image->start + image->at);

    if (image->len - image->at < sizeof(*header) || memcmp(header->magic, MAGIC, 6) != 0)
        return NULL;
    int64_t name_size = hex_number(header->name_size);
    if (name_size <= 0 || !image_take(image, sizeof(*header) + name_size))
        return NULL;
    member->name = (const char *)(header + 1);
    return member->name[name_size - 1] == '\0' ? header : NULL;
}

/* Takes the next member. Returns false if what follows is not a member. */
static bool image_take_member(struct image *image, struct member *member)
{
    const struct header *header = image_take_header(image, member);

    if (!header)
        return false;
    member->mode = hex_number(header->mode);
    member->mtime = hex_number(header->mtime);
    member->rdev = hex_number(header->rdev_major) << 8 | hex_number(header->rdev_minor);
    member->size = hex_number(header->size);
    member->data = image_take(image, hex_number(header->size));
    return member->data != NULL;
}

/* Skips zeros up to the next archive. Returns false if there is none. */
static bool find_archive(struct image *image)
{
    while (image->at < image->len && image->start[image->at] == '\0')
        image->at++;
    return image->at < image->len;
}

static int write_all(struct file *file, const char *data, size_t size)
{
    struct uio uio;

    uio_init_kernel(&uio, data, size);
    ssize_t done = file_write(file, &uio);
    if (done < 0)
        return done;
    return (size_t)done == size ? 0 : -ENOSPC;
}

/* A file that cannot be written to its end is removed, because it would look like a whole one. */
static int unpack_file(struct vnode *root, const struct member *member)
{
    unsigned flags = O_WRONLY | O_CREAT | O_TRUNC;
    struct file *file;
    int err = vfs_open(root, member->name, flags, member->mode & ~S_IFMT, &file);

    if (err)
        return err;
    err = write_all(file, member->data, member->size);
    file_put(file);
    if (err) {
        int err_unlink = vfs_unlink(root, member->name);
        assert(!err_unlink);
    }
    return err;
}

/* Makes a symbolic link. Its data, without a final 0, are the target. */
static int unpack_link(struct vnode *root, const struct member *member)
{
    char target[PATH_MAX / 4];

    if (member->size >= sizeof(target))
        return -ENAMETOOLONG;
    memcpy(target, member->data, member->size);
    target[member->size] = '\0';
    int err = vfs_unlink(root, member->name);
    if (err && err != -ENOENT)
        return err;
    return vfs_symlink(target, root, member->name);
}

static int make_member(struct vnode *root, const struct member *member)
{
    switch (member->mode & S_IFMT) {
    case S_IFREG:
        return unpack_file(root, member);
    case S_IFLNK:
        return unpack_link(root, member);
    case S_IFDIR:
    case S_IFCHR:
    case S_IFIFO:
        return vfs_make(root, member->name, member->mode, member->rdev);
    }
    return -EOPNOTSUPP;
}

/* Makes a member and sets its mode and time, also if it was there before. */
static int unpack_member(struct vnode *root, const struct member *member)
{
    struct vnode *vnode;
    int err = make_member(root, member);

    if (err && err != -EEXIST)
        return err;
    err = path_lookup(root, member->name, 0, &vnode);
    if (err)
        return err;
    vnode_chmod(vnode, member->mode);
    atomic_store_relaxed(&vnode->mtime_ns, member->mtime * 1000000000);
    vnode_put(vnode);
    return 0;
}

/* What a file takes beside its data: the vnode, the name, and the tree of its page cache. */
#define MEMBER_BYTES(size) (1024 + (size) / 128)

uint64_t cpio_unpacked_bytes(const void *start, size_t len)
{
    struct image image = {.start = start, .len = len};
    struct member member;
    uint64_t bytes = 0;

    while (find_archive(&image) && image_take_member(&image, &member))
        bytes += page_ceil(member.size) + MEMBER_BYTES(member.size);
    return bytes;
}

unsigned cpio_unpack(struct vnode *root, const void *start, size_t len, unsigned *no_room)
{
    struct image image = {.start = start, .len = len};
    struct member member;
    unsigned files = 0;

    *no_room = 0;
    while (find_archive(&image)) {
        if (!image_take_member(&image, &member)) {
            printk("cpio: no archive at byte %zu of the initial RAM disk\n", image.at);
            break;
        }
        if (strcmp(member.name, TRAILER) == 0)
            continue;
        int err = unpack_member(root, &member);
        *no_room += err == -ENOSPC || err == -ENOMEM;
        if (err)
            printk("cpio: cannot unpack %s: error %d\n", member.name, -err);
        else
            files++;
    }
    return files;
}
