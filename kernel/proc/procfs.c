/* /proc: processes and memory, as text in Linux's formats, and /proc/PID/faults, which is Pagoda's own.

       procfs.c           which files there are, and finding the process that one is about
       procfs_maps.c      /proc/PID/maps, smaps
       procfs_status.c    /proc/PID/status, stat, statm
       procfs_process.c   the rest of /proc/PID
       procfs_failure.c   /proc/PID/fail-nth
       procfs_machine.c   what is of no process

   Locks: the tree lock while a process is looked at; so it and its files stay. What takes longer, looking at its
   memory, needs only a reference on its vspace: the process may go on, change its program or exit meanwhile. */

#include <linux/errno.h>
#include <fs/vfs.h>
#include <lib/panic.h>
#include "procfs.h"

/* ---- One process ---- */

struct process *procfs_hold(uint64_t key)
{
    mutex_lock(&process_tree_lock);
    struct process *process = process_find(key);
    if (!process)
        mutex_unlock(&process_tree_lock);
    return process;
}

void procfs_release(void)
{
    mutex_unlock(&process_tree_lock);
}

int procfs_visit(uint64_t key, struct vspace **vspace, struct process_layout *layout)
{
    const struct process *process = procfs_hold(key);

    if (!process)
        return -ESRCH;
    *vspace = process->vspace;
    if (*vspace)
        vspace_get(*vspace);
    if (layout)
        *layout = process->layout;
    procfs_release();
    return 0;
}

static const struct pseudo_dir fd_dir = {
    .numbered = &(const struct pseudo_entry){.mode = S_IFLNK | 0700, .link = procfs_fd},
    .next = procfs_next_fd,
};

static const struct pseudo_dir process_dir = {
    .entries =
        (const struct pseudo_entry[]){
            {.name = "cmdline", .mode = S_IFREG | 0444, .text = procfs_cmdline},
            {.name = "comm", .mode = S_IFREG | 0444, .text = procfs_comm},
            {.name = "cwd", .mode = S_IFLNK | 0777, .link = procfs_cwd},
            {.name = "environ", .mode = S_IFREG | 0400, .text = procfs_environ},
            {.name = "exe", .mode = S_IFLNK | 0777, .link = procfs_exe},
            {.name = "fail-nth",
             .mode = S_IFREG | 0644,
             .text = procfs_fail_nth,
             .set = procfs_set_fail_nth},
            {.name = "faults", .mode = S_IFREG | 0444, .text = procfs_faults},
            {.name = "fd", .mode = S_IFDIR | 0500, .dir = &fd_dir},
            {.name = "maps", .mode = S_IFREG | 0444, .text = procfs_maps},
            {.name = "smaps", .mode = S_IFREG | 0444, .text = procfs_smaps},
            {.name = "stat", .mode = S_IFREG | 0444, .text = procfs_stat},
            {.name = "statm", .mode = S_IFREG | 0444, .text = procfs_statm},
            {.name = "status", .mode = S_IFREG | 0444, .text = procfs_status},
            {.name = NULL},
        },
};

/* ---- The root ---- */

static int print_self(struct text_sink *sink, uint64_t key __unused)
{
    sink_printf(sink, "%d", process_current()->pid);
    return 0;
}

static uint32_t next_pid(uint64_t key __unused, uint32_t from)
{
    mutex_lock(&process_tree_lock);
    const struct process *process = from > INT32_MAX ? NULL : process_find_from(from);
    uint32_t pid = process ? (uint32_t)process->pid : PSEUDO_NO_NUMBER;
    mutex_unlock(&process_tree_lock);
    return pid;
}

static const struct pseudo_dir proc_dir = {
    .entries =
        (const struct pseudo_entry[]){
            {.name = "cpuinfo", .mode = S_IFREG | 0444, .text = procfs_cpuinfo},
            {.name = "loadavg", .mode = S_IFREG | 0444, .text = procfs_loadavg},
            {.name = "meminfo", .mode = S_IFREG | 0444, .text = procfs_meminfo},
            {.name = "mounts", .mode = S_IFREG | 0444, .text = procfs_mounts},
            {.name = "self", .mode = S_IFLNK | 0777, .link = print_self},
            {.name = "stat", .mode = S_IFREG | 0444, .text = procfs_machine_stat},
            {.name = "uptime", .mode = S_IFREG | 0444, .text = procfs_uptime},
            {.name = "vmstat", .mode = S_IFREG | 0444, .text = procfs_vmstat},
            {.name = NULL},
        },
    .numbered = &(const struct pseudo_entry){.mode = S_IFDIR | 0555, .dir = &process_dir},
    .next = next_pid,
};

void procfs_init(void)
{
    struct vnode *root = pseudo_root(&proc_dir);

    if (!root || vfs_mount("/proc", root))
        panic("cannot mount /proc");
}
