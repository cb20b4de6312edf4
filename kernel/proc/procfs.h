/* What the files of /proc/PID share, and what they print: each function is the `text` or `link` of an entry
   (fs/pseudo.h). A key is the process's pid. Of a process that is gone, they return -ESRCH. */
#pragma once

#include <fs/pseudo.h>
#include <proc/process.h>

#define PAGE_KB (PAGE_SIZE / 1024)

/* The process that a key stands for, a zombie perhaps, with the tree lock held; or NULL, without it: it is gone. */
struct process *procfs_hold(uint64_t key);
void procfs_release(void);

/* The vspace of the process, with a reference, so that nothing else of it need be held, and its layout there (NULL: not
   wanted). No vspace: the process is a zombie. -ESRCH. */
__must_check int procfs_visit(uint64_t key, struct vspace **vspace, struct process_layout *layout);

/* procfs_maps.c */
int procfs_maps(struct text_sink *sink, uint64_t key);
int procfs_smaps(struct text_sink *sink, uint64_t key);

/* procfs_status.c */
int procfs_status(struct text_sink *sink, uint64_t key);
int procfs_stat(struct text_sink *sink, uint64_t key);
int procfs_statm(struct text_sink *sink, uint64_t key);

/* procfs_process.c */
int procfs_comm(struct text_sink *sink, uint64_t key);
int procfs_cmdline(struct text_sink *sink, uint64_t key);
int procfs_environ(struct text_sink *sink, uint64_t key);
int procfs_faults(struct text_sink *sink, uint64_t key);
int procfs_cwd(struct text_sink *sink, uint64_t key);
int procfs_exe(struct text_sink *sink, uint64_t key);
int procfs_fd(struct text_sink *sink,
              uint64_t key); /* here the key is of the pid and the descriptor */
uint32_t procfs_next_fd(uint64_t key, uint32_t from);

/* procfs_failure.c */
int procfs_fail_nth(struct text_sink *sink, uint64_t key);
int procfs_set_fail_nth(const char *text, uint64_t key);

/* procfs_machine.c: the key says nothing. */
int procfs_cpuinfo(struct text_sink *sink, uint64_t key);
int procfs_loadavg(struct text_sink *sink, uint64_t key);
int procfs_machine_stat(struct text_sink *sink, uint64_t key);
int procfs_meminfo(struct text_sink *sink, uint64_t key);
int procfs_mounts(struct text_sink *sink, uint64_t key);
int procfs_uptime(struct text_sink *sink, uint64_t key);
int procfs_vmstat(struct text_sink *sink, uint64_t key);
