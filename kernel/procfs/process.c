/* The smaller files of /proc/PID: its name, its arguments, the outcomes of its faults, and the
   links to its files.

   Locks: the tree lock while a field is printed or a reference is taken; none while memory or a
   path is read. */

#include <linux/errno.h>
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

/* Gets a reference to `vnode`. -ENOENT: it is NULL. */
static int get_target(struct vnode *vnode, struct vnode **target)
{
    if (!vnode)
        return -ENOENT;
    vnode_get(*target = vnode);
    return 0;
}

int procfs_cwd(uint64_t key, struct vnode **target)
{
    const struct process *process = procfs_hold(key);

    if (!process)
        return -ESRCH;
    int err = get_target(process->cwd, target);
    procfs_release();
    return err;
}

int procfs_exe(uint64_t key, struct vnode **target)
{
    const struct process *process = procfs_hold(key);

    if (!process)
        return -ESRCH;
    int err = get_target(process->exe, target);
    procfs_release();
    return err;
}

int procfs_fd(uint64_t key, struct vnode **target)
{
    const struct process *process = procfs_hold(key >> 32);

    if (!process)
        return -ESRCH;
    struct file *file = process->files ? fdtable_get(process->files, (uint32_t)key) : NULL;
    procfs_release();
    int err = get_target(file ? file->vnode : NULL, target);
    if (file)
        file_put(file);
    return err;
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
