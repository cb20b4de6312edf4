/* The tree of /proc: the files of the machine, and a directory for each process, as text in Linux's
   formats.

       root.c       the entries of each directory
       visit.c      finding the process that a file is about
       maps.c       /proc/PID/maps, smaps
       status.c     /proc/PID/status, stat, statm
       mem.c        /proc/PID/mem
       process.c    the other files of /proc/PID
       failure.c    /proc/PID/fail-nth, fail-io, oom_score_adj
       machine.c    the files about the machine
       system.c     the files about the kernel, and /proc/sys
       sysvipc.c    the files of /proc/sysvipc

   Nothing is stored: each entry names the function that prints the file when it is read
   (fs/pseudo.h). The kernel below does not need /proc.

   Lock: the tree lock, while the next pid is looked up. */

#include <fs/vfs.h>
#include <lib/panic.h>
#include <proc/process.h>
#include <procfs/root.h>
#include "files.h"

/* ---- One process ---- */

static const struct pseudo_dir fd_dir = {
    .numbered = &(const struct pseudo_entry){.mode = S_IFLNK | 0700, .target = procfs_fd},
    .next = procfs_next_fd,
};

/* A task's directory has the files that tell something of the task, or of its process. */
static const struct pseudo_dir task_dir = {
    .entries =
        (const struct pseudo_entry[]){
            {.name = "auxv", .mode = S_IFREG | 0400, .text = procfs_auxv},
            {.name = "cmdline", .mode = S_IFREG | 0444, .text = procfs_cmdline},
            {.name = "comm", .mode = S_IFREG | 0644, .text = procfs_comm, .set = procfs_set_comm},
            {.name = "cwd", .mode = S_IFLNK | 0777, .target = procfs_cwd},
            {.name = "environ", .mode = S_IFREG | 0400, .text = procfs_environ},
            {.name = "exe", .mode = S_IFLNK | 0777, .target = procfs_exe},
            {.name = "fail-io",
             .mode = S_IFREG | 0644,
             .text = procfs_fail_io,
             .set = procfs_set_fail_io},
            {.name = "fail-nth",
             .mode = S_IFREG | 0644,
             .text = procfs_fail_nth,
             .set = procfs_set_fail_nth},
            {.name = "limits", .mode = S_IFREG | 0444, .text = procfs_limits},
            {.name = "maps", .mode = S_IFREG | 0444, .part = procfs_maps},
            {.name = "oom_score_adj",
             .mode = S_IFREG | 0644,
             .text = procfs_oom_score_adj,
             .set = procfs_set_oom_score_adj},
            {.name = "smaps", .mode = S_IFREG | 0444, .part = procfs_smaps},
            {.name = "stat", .mode = S_IFREG | 0444, .text = procfs_stat},
            {.name = "statm", .mode = S_IFREG | 0444, .text = procfs_statm},
            {.name = "status", .mode = S_IFREG | 0444, .text = procfs_status},
            {.name = NULL},
        },
};

static const struct pseudo_dir tasks_dir = {
    .numbered = &(const struct pseudo_entry){.mode = S_IFDIR | 0555, .dir = &task_dir},
    .next = procfs_next_task,
};

static const struct pseudo_dir process_dir = {
    .entries =
        (const struct pseudo_entry[]){
            {.name = "auxv", .mode = S_IFREG | 0400, .text = procfs_auxv},
            {.name = "cmdline", .mode = S_IFREG | 0444, .text = procfs_cmdline},
            {.name = "comm", .mode = S_IFREG | 0644, .text = procfs_comm, .set = procfs_set_comm},
            {.name = "cwd", .mode = S_IFLNK | 0777, .target = procfs_cwd},
            {.name = "environ", .mode = S_IFREG | 0400, .text = procfs_environ},
            {.name = "exe", .mode = S_IFLNK | 0777, .target = procfs_exe},
            {.name = "fail-io",
             .mode = S_IFREG | 0644,
             .text = procfs_fail_io,
             .set = procfs_set_fail_io},
            {.name = "fail-nth",
             .mode = S_IFREG | 0644,
             .text = procfs_fail_nth,
             .set = procfs_set_fail_nth},
            {.name = "faults", .mode = S_IFREG | 0444, .text = procfs_faults},
            {.name = "fd", .mode = S_IFDIR | 0500, .dir = &fd_dir},
            {.name = "limits", .mode = S_IFREG | 0444, .text = procfs_limits},
            {.name = "maps", .mode = S_IFREG | 0444, .part = procfs_maps},
            {.name = "mem", .mode = S_IFREG | 0600, .file_ops = &procfs_mem_file_ops},
            {.name = "mountinfo", .mode = S_IFREG | 0444, .text = procfs_mountinfo},
            {.name = "mounts", .mode = S_IFREG | 0444, .text = procfs_mounts},
            {.name = "oom_score_adj",
             .mode = S_IFREG | 0644,
             .text = procfs_oom_score_adj,
             .set = procfs_set_oom_score_adj},
            {.name = "smaps", .mode = S_IFREG | 0444, .part = procfs_smaps},
            {.name = "stat", .mode = S_IFREG | 0444, .text = procfs_stat},
            {.name = "statm", .mode = S_IFREG | 0444, .text = procfs_statm},
            {.name = "status", .mode = S_IFREG | 0444, .text = procfs_status},
            {.name = "task", .mode = S_IFDIR | 0555, .dir = &tasks_dir},
            {.name = NULL},
        },
};

/* ---- The root ---- */

static int root_self(struct text_sink *sink, uint64_t key __unused)
{
    sink_printf(sink, "%d", process_current()->pid);
    return 0;
}

static uint32_t root_next_pid(uint64_t key __unused, uint32_t from)
{
    mutex_lock(&process_tree_lock);
    const struct process *process = from > INT32_MAX ? NULL : process_find_from(from);
    uint32_t pid = process ? (uint32_t)process->pid : PSEUDO_NO_NUMBER;
    mutex_unlock(&process_tree_lock);
    return pid;
}

static const struct pseudo_dir sys_dir = {
    .entries =
        (const struct pseudo_entry[]){
            {.name = "kernel", .mode = S_IFDIR | 0555, .dir = &procfs_sys_kernel},
            {.name = "vm", .mode = S_IFDIR | 0555, .dir = &procfs_sys_vm},
            {.name = NULL},
        },
};

static const struct pseudo_dir sysvipc_dir = {
    .entries =
        (const struct pseudo_entry[]){
            {.name = "shm", .mode = S_IFREG | 0444, .text = procfs_shm},
            {.name = NULL},
        },
};

static const struct pseudo_dir proc_dir = {
    .entries =
        (const struct pseudo_entry[]){
            {.name = "cpuinfo", .mode = S_IFREG | 0444, .text = procfs_cpuinfo},
            {.name = "diskstats", .mode = S_IFREG | 0444, .text = procfs_diskstats},
            {.name = "events", .mode = S_IFREG | 0444, .part = procfs_events},
            {.name = "filesystems", .mode = S_IFREG | 0444, .text = procfs_filesystems},
            {.name = "loadavg", .mode = S_IFREG | 0444, .text = procfs_loadavg},
            {.name = "lock_stat", .mode = S_IFREG | 0444, .text = procfs_lock_stat},
            {.name = "meminfo", .mode = S_IFREG | 0444, .text = procfs_meminfo},
            {.name = "mounts", .mode = S_IFREG | 0444, .text = procfs_mounts},
            {.name = "self", .mode = S_IFLNK | 0777, .link = root_self},
            {.name = "stat", .mode = S_IFREG | 0444, .text = procfs_machine_stat},
            {.name = "sys", .mode = S_IFDIR | 0555, .dir = &sys_dir},
            {.name = "sysvipc", .mode = S_IFDIR | 0555, .dir = &sysvipc_dir},
            {.name = "uptime", .mode = S_IFREG | 0444, .text = procfs_uptime},
            {.name = "version", .mode = S_IFREG | 0444, .text = procfs_version},
            {.name = "vmstat", .mode = S_IFREG | 0444, .text = procfs_vmstat},
            {.name = NULL},
        },
    .numbered = &(const struct pseudo_entry){.mode = S_IFDIR | 0555, .dir = &process_dir},
    .next = root_next_pid,
};

void procfs_init(void)
{
    struct vnode *root = pseudo_root(&proc_dir);

    if (!root || vfs_mount("/proc", root))
        panic("cannot mount /proc");
}
