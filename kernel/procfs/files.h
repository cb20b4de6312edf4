/* The files of /proc, as functions that print them: each is the `text`, `link` or `target` of an
   entry (fs/pseudo.h).

   `key` is a process's pid, or pid << 32 | tid for a task of it. If the process or the task is
   gone, the functions return -ESRCH. */
#pragma once

#include <fs/pseudo.h>
#include <arch/page.h>

#define PAGE_KB (PAGE_SIZE / 1024)

/* maps.c */
int procfs_maps(struct text_sink *sink, uint64_t key, uint64_t *place);
int procfs_smaps(struct text_sink *sink, uint64_t key, uint64_t *place);

/* status.c */
int procfs_status(struct text_sink *sink, uint64_t key);
int procfs_stat(struct text_sink *sink, uint64_t key);
int procfs_statm(struct text_sink *sink, uint64_t key);

/* process.c */
/* Returns the number of the first task of a process from `from` on, or PSEUDO_NO_NUMBER; `key` is
   the pid. */
uint32_t procfs_next_task(uint64_t key, uint32_t from);

int procfs_comm(struct text_sink *sink, uint64_t key);
int procfs_set_comm(const char *text, uint64_t key);
int procfs_cmdline(struct text_sink *sink, uint64_t key);
int procfs_environ(struct text_sink *sink, uint64_t key);
int procfs_auxv(struct text_sink *sink, uint64_t key);
int procfs_limits(struct text_sink *sink, uint64_t key);
int procfs_faults(struct text_sink *sink, uint64_t key);
int procfs_cwd(uint64_t key, struct vnode **target);
int procfs_exe(uint64_t key, struct vnode **target);

/* The file of a descriptor; `key` is pid << 32 | descriptor. */
int procfs_fd(uint64_t key, struct vnode **target);

/* Returns the first open descriptor from `from` on, or PSEUDO_NO_NUMBER; `key` is the pid. */
uint32_t procfs_next_fd(uint64_t key, uint32_t from);

/* mem.c */
extern const struct file_ops procfs_mem_file_ops;

/* failure.c */
/* Reads a decimal number, which a newline may follow. -EINVAL, -ERANGE: it is larger than
   UINT32_MAX. */
int procfs_parse_unsigned(const char *text, unsigned *number);

int procfs_fail_nth(struct text_sink *sink, uint64_t key);
int procfs_set_fail_nth(const char *text, uint64_t key);
int procfs_fail_io(struct text_sink *sink, uint64_t key);
int procfs_set_fail_io(const char *text, uint64_t key);
int procfs_oom_score_adj(struct text_sink *sink, uint64_t key);
int procfs_set_oom_score_adj(const char *text, uint64_t key);

/* system.c; `key` has no meaning. */
int procfs_version(struct text_sink *sink, uint64_t key);
int procfs_filesystems(struct text_sink *sink, uint64_t key);
extern const struct pseudo_dir procfs_sys_kernel, procfs_sys_vm;

/* events.c */
int procfs_events(struct text_sink *sink, uint64_t key, uint64_t *place);

/* sysvipc.c; `key` has no meaning. */
int procfs_shm(struct text_sink *sink, uint64_t key);

/* machine.c; `key` has no meaning. */
int procfs_lock_stat(struct text_sink *sink, uint64_t key);
int procfs_cpuinfo(struct text_sink *sink, uint64_t key);
int procfs_diskstats(struct text_sink *sink, uint64_t key);
int procfs_loadavg(struct text_sink *sink, uint64_t key);
int procfs_machine_stat(struct text_sink *sink, uint64_t key);
int procfs_meminfo(struct text_sink *sink, uint64_t key);
int procfs_mounts(struct text_sink *sink, uint64_t key);
int procfs_mountinfo(struct text_sink *sink, uint64_t key);
int procfs_uptime(struct text_sink *sink, uint64_t key);
int procfs_vmstat(struct text_sink *sink, uint64_t key);
