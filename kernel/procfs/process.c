/* The smaller files of /proc/PID: its name, its arguments, its limits, the outcomes of its faults,
   and the links to its files.

   Locks: the tree lock while a field is printed or a reference is taken; none while memory or a
   path is read. */

#include <linux/errno.h>
#include <linux/resource.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <proc/access.h>
#include <vm/fault.h>
#include "files.h"
#include "visit.h"

int procfs_comm(struct text_sink *sink, uint64_t key)
{
    const struct task *task = procfs_hold_task(key);

    if (!task)
        return -ESRCH;
    sink_printf(sink, "%s\n", task->name);
    procfs_release();
    return 0;
}

/* As on Linux, a process names only its own tasks. A longer name is cut. */
int procfs_set_comm(const char *text, uint64_t key)
{
    struct task *task = procfs_hold_task(key);

    if (!task)
        return -ESRCH;
    bool is_own = task->process == process_current();
    if (is_own)
        strlcpy(task->name, text, sizeof(task->name));
    procfs_release();
    return is_own ? 0 : -EINVAL;
}

int procfs_faults(struct text_sink *sink, uint64_t key)
{
    struct vspace *vspace;
    int err = procfs_visit(key, &vspace, NULL);

    if (err || !vspace)
        return err;
    for (enum fault_outcome n = 0; n < FAULT_OUTCOMES; n++)
        sink_printf(sink, "%s %lu\n", fault_outcome_name(n), vspace_fault_count(vspace, n));
    vspace_put(vspace);
    return 0;
}

/* ---- Arguments, environment, and the auxiliary vector ---- */

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

/* Prints the auxiliary vector as exec made it, in binary. */
int procfs_auxv(struct text_sink *sink, uint64_t key)
{
    const struct process *process = procfs_hold(key);

    if (!process)
        return -ESRCH;
    bool is_there = process->vspace && process->layout.stack_top;
    if (is_there)
        sink->put(sink, (const char *)process->layout.auxv, sizeof(process->layout.auxv));
    procfs_release();
    return is_there ? 0 : -ESRCH;
}

/* ---- Limits ---- */

static void print_limit(struct text_sink *sink, uint64_t limit)
{
    if (limit == ~0ul)
        sink_printf(sink, "%-20s ", "unlimited");
    else
        sink_printf(sink, "%-20lu ", limit);
}

int procfs_limits(struct text_sink *sink, uint64_t key)
{
    static const struct {
        const char *name, *unit;
    } lines[PROCESS_RLIMITS] = {
        [RLIMIT_CPU] = {"Max cpu time", "seconds"},
        [RLIMIT_FSIZE] = {"Max file size", "bytes"},
        [RLIMIT_DATA] = {"Max data size", "bytes"},
        [RLIMIT_STACK] = {"Max stack size", "bytes"},
        [RLIMIT_CORE] = {"Max core file size", "bytes"},
        [RLIMIT_RSS] = {"Max resident set", "bytes"},
        [RLIMIT_NPROC] = {"Max processes", "processes"},
        [RLIMIT_NOFILE] = {"Max open files", "files"},
        [RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
        [RLIMIT_AS] = {"Max address space", "bytes"},
        [RLIMIT_LOCKS] = {"Max file locks", "locks"},
        [RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
        [RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
        [RLIMIT_NICE] = {"Max nice priority", NULL},
        [RLIMIT_RTPRIO] = {"Max realtime priority", NULL},
        [RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
    };
    const struct process *process = procfs_hold(key);

    if (!process)
        return -ESRCH;
    sink_printf(sink, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned n = 0; n < PROCESS_RLIMITS; n++) {
        sink_printf(sink, "%-25s ", lines[n].name);
        print_limit(sink, process->rlimits[n].soft);
        print_limit(sink, process->rlimits[n].hard);
        sink_printf(sink, lines[n].unit ? "%-10s\n" : "\n", lines[n].unit);
    }
    procfs_release();
    return 0;
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
    struct workdir *workdir = process->leader->workdir;
    struct vnode *cwd = workdir ? workdir_get(workdir) : NULL;
    procfs_release();
    *target = cwd;
    return cwd ? 0 : -ENOENT;
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
    struct fdtable *files = process->leader->files;
    struct file *file = files ? fdtable_get(files, (uint32_t)key) : NULL;
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
    struct fdtable *files = process->leader->files;
    int fd = files ? fdtable_next(files, from) : -1;
    procfs_release();
    return fd < 0 ? PSEUDO_NO_NUMBER : (uint32_t)fd;
}

/* A first task that has left is listed, as on Linux. */
uint32_t procfs_next_task(uint64_t key, uint32_t from)
{
    const struct process *process = from > INT32_MAX ? NULL : procfs_hold(key);

    if (!process)
        return PSEUDO_NO_NUMBER;
    const struct task *next = task_next(process, (int)from - 1);
    int tid = next ? next->tid : -1;
    if (process->pid >= (int)from && (tid < 0 || process->pid < tid))
        tid = process->pid;
    procfs_release();
    return tid < 0 ? PSEUDO_NO_NUMBER : (uint32_t)tid;
}
