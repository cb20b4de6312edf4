/* /proc/mounts and /proc/PID/mountinfo: the mounts, as text. */
#include <linux/errno.h>
#include <linux/kdev_t.h>
#include <linux/limits.h>
#include <arch/atomic.h>
#include <fs/mount.h>
#include <lib/printf.h>
#include <mm/heap.h>
#include "files.h"

/* Where the lines of the mounts go. */
struct mount_lines {
    struct text_sink *sink;
    char *path; /* PATH_MAX bytes, for the directory of a mount */
};

static const char *access_of(const struct mount *mount)
{
    return atomic_load_relaxed(&mount->root->fs->read_only) ? "ro" : "rw";
}

/* Returns what follows "ro" or "rw" in the options of a mount. A file system without times of
   access says what Linux says of it. */
static const char *atime_options(const struct mount *mount)
{
    const struct filesystem *fs = mount->root->fs;
    unsigned rule = atomic_load_relaxed(&fs->atime);
    bool dirs = atomic_load_relaxed(&fs->dir_atime) != ATIME_NEVER;

    if (rule == ATIME_NEVER)
        return fs->ops ? ",noatime" : ",relatime";
    if (rule == ATIME_ALWAYS)
        return dirs ? "" : ",nodiratime";
    return dirs ? ",relatime" : ",nodiratime,relatime";
}

/* Prints a line of fstab(5): source, directory, type, options. */
static void print_mount(const struct mount *mount, void *arg)
{
    const struct mount_lines *lines = arg;

    if (vnode_path(mount->root, lines->path, PATH_MAX) >= 0)
        sink_printf(lines->sink, "%s %s %s %s%s 0 0\n", mount->source, lines->path,
                    mount->root->fs->name, access_of(mount), atime_options(mount));
}

/* Prints a line of proc(5)'s mountinfo. */
static void print_mount_info(const struct mount *mount, void *arg)
{
    const struct mount_lines *lines = arg;
    const struct filesystem *fs = mount->root->fs;

    if (vnode_path(mount->root, lines->path, PATH_MAX) >= 0)
        sink_printf(lines->sink, "%u %u %lu:%lu / %s %s%s - %s %s %s\n", mount->id,
                    mount->parent_id, MAJOR(fs->dev), MINOR(fs->dev), lines->path, access_of(mount),
                    atime_options(mount), fs->name, mount->source, access_of(mount));
}

static int print_mounts(struct text_sink *sink, void (*each)(const struct mount *, void *))
{
    struct mount_lines lines = {.sink = sink, .path = heap_alloc(PATH_MAX)};

    if (!lines.path)
        return -ENOMEM;
    mount_each(each, &lines);
    heap_free(lines.path);
    return 0;
}

int procfs_mounts(struct text_sink *sink, uint64_t key __unused)
{
    return print_mounts(sink, print_mount);
}

int procfs_mountinfo(struct text_sink *sink, uint64_t key __unused)
{
    return print_mounts(sink, print_mount_info);
}
