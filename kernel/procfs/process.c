/* The smaller files of /proc/PID: its name, its arguments, the outcomes of its faults, and the
   links to its files.

   Locks: the tree lock while a field is printed or a reference is taken; none while memory or a
   path is read. */

#include <linux/errno.h>
#include <linux/limits.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <vm/fault.h>
#include "files.h"
#include "visit.h"

int procfs_comm(struct text_sink *sink, uint64_t key)
{
    const struct process *process = procfs_hold(key);

    if (!process)
        return -ESRCH;
    sink_printf(sink, "%s\n", process->name);
    procfs_release();
    return 0;
}

int procfs_faults(struct text_sink *sink, uint64_t key)
{
    struct vspace *vspace;
    int err = procfs_visit(key, &vspace, NULL);

    if (err || !vspace)
        return err;
    for (enum fault_outcome n = 0; n < FAULT_OUTCOMES; n++)
        sink_printf(sink, "%s %lu\n", fault_outcome_name(n),
                    atomic_load_relaxed(&vspace->faults[n]));
    vspace_put(vspace);
    return 0;
}

/* ---- Arguments and environment ---- */

/* Prints the bytes [start, end) of the vspace, up to the first page that is not present. */
static int print_user_bytes(struct text_sink *sink, struct vspace *vspace, uaddr_t start,
                            uaddr_t end)
{
    char *page = heap_alloc(PAGE_SIZE);
    size_t part;

    if (!page)
        return -ENOMEM;
    for (; start < end; start += part) {
        part = vspace_read(vspace, start, page, min(end - start, PAGE_SIZE));
        if (part == 0)
            break;
        sink->put(sink, page, part);
    }
    heap_free(page);
    return 0;
}

enum strings { STRINGS_ARGUMENTS, STRINGS_ENVIRONMENT };

static int print_strings(struct text_sink *sink, uint64_t key, enum strings which)
{
    struct vspace *vspace;
    struct process_layout layout;
    int err = procfs_visit(key, &vspace, &layout);

    if (err || !vspace)
        return err;
    if (which == STRINGS_ENVIRONMENT)
        err = print_user_bytes(sink, vspace, layout.env_start, layout.env_end);
    else
        err = print_user_bytes(sink, vspace, layout.args_start, layout.env_start);
    vspace_put(vspace);
    return err;
}

int procfs_cmdline(struct text_sink *sink, uint64_t key)
{
    return print_strings(sink, key, STRINGS_ARGUMENTS);
}

int procfs_environ(struct text_sink *sink, uint64_t key)
{
    return print_strings(sink, key, STRINGS_ENVIRONMENT);
}

/* ---- Links ---- */

/* Prints the path of a vnode and drops the caller's reference to it. -ENOENT: `vnode` is NULL. */
static int print_path(struct text_sink *sink, struct vnode *vnode)
{
    char *path = heap_alloc(PATH_MAX);
    int err = path ? -ENOENT : -ENOMEM;

    if (vnode && path)
        err = vnode_path(vnode, path, PATH_MAX);
    if (err >= 0)
        sink_printf(sink, "%s", path);
    vnode_put(vnode);
    heap_free(path);
    return min(err, 0);
}

/* Gets a reference to `vnode`, which may be NULL. */
static struct vnode *vnode_get_or_null(struct vnode *vnode)
{
    if (vnode)
        vnode_get(vnode);
    return vnode;
}

int procfs_cwd(struct text_sink *sink, uint64_t key)
{
    const struct process *process = procfs_hold(key);

    if (!process)
        return -ESRCH;
    struct vnode *cwd = vnode_get_or_null(process->cwd);
    procfs_release();
    return print_path(sink, cwd);
}

int procfs_exe(struct text_sink *sink, uint64_t key)
{
    const struct process *process = procfs_hold(key);

    if (!process)
        return -ESRCH;
    struct vnode *exe = vnode_get_or_null(process->exe);
    procfs_release();
    return print_path(sink, exe);
}

int procfs_fd(struct text_sink *sink, uint64_t key)
{
    const struct process *process = procfs_hold(key >> 32);

    if (!process)
        return -ESRCH;
    struct file *file = process->files ? fdtable_get(process->files, (uint32_t)key) : NULL;
    struct vnode *vnode = file ? vnode_get_or_null(file->vnode) : NULL;
    procfs_release();
    if (file)
        file_put(file);
    return print_path(sink, vnode);
}

uint32_t procfs_next_fd(uint64_t key, uint32_t from)
{
    const struct process *process = from > INT32_MAX ? NULL : procfs_hold(key);

    if (!process)
        return PSEUDO_NO_NUMBER;
    int fd = process->files ? fdtable_next(process->files, from) : -1;
    procfs_release();
    return fd < 0 ? PSEUDO_NO_NUMBER : (uint32_t)fd;
}
