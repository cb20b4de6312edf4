/* The files of /proc that say what the kernel is: its names, its file systems, and the settings of
   sysctl(8) in /proc/sys.

   Linux lets root change many settings. Here most are constants, so a write fails with EINVAL. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <fs/flusher.h>
#include <fs/pagecache.h>
#include <proc/names.h>
#include <proc/process.h>
#include <proc/shm.h>
#include <vm/vspace.h>
#include "files.h"

int procfs_version(struct text_sink *sink, uint64_t key __unused)
{
    sink_printf(sink, "%s version %s (%s) %s\n", KERNEL_NAME, KERNEL_RELEASE, __VERSION__,
                KERNEL_VERSION);
    return 0;
}

/* None of them is on a device. */
int procfs_filesystems(struct text_sink *sink, uint64_t key __unused)
{
    sink_printf(sink, "nodev\ttmpfs\nnodev\tproc\nnodev\tpipefs\n");
    return 0;
}

/* ---- /proc/sys ---- */

static int print_line(struct text_sink *sink, const char *text)
{
    sink_printf(sink, "%s\n", text);
    return 0;
}

static int print_setting(struct text_sink *sink, uint64_t value)
{
    sink_printf(sink, "%lu\n", value);
    return 0;
}

static int kernel_domainname(struct text_sink *sink, uint64_t key __unused)
{
    return print_line(sink, DOMAIN_NAME);
}

static int kernel_hostname(struct text_sink *sink, uint64_t key __unused)
{
    return print_line(sink, HOST_NAME);
}

static int kernel_osrelease(struct text_sink *sink, uint64_t key __unused)
{
    return print_line(sink, KERNEL_RELEASE);
}

static int kernel_ostype(struct text_sink *sink, uint64_t key __unused)
{
    return print_line(sink, KERNEL_NAME);
}

/* The first number that is no pid. */
static int kernel_pid_max(struct text_sink *sink, uint64_t key __unused)
{
    return print_setting(sink, PID_MAX + 1);
}

static int kernel_shmall(struct text_sink *sink, uint64_t key __unused)
{
    return print_setting(sink, SHM_MAX_PAGES);
}

static int kernel_shmmax(struct text_sink *sink, uint64_t key __unused)
{
    return print_setting(sink, SHM_MAX_BYTES);
}

static int kernel_shmmni(struct text_sink *sink, uint64_t key __unused)
{
    return print_setting(sink, SHM_MAX_SEGMENTS);
}

static int kernel_version(struct text_sink *sink, uint64_t key __unused)
{
    return print_line(sink, KERNEL_VERSION);
}

const struct pseudo_dir procfs_sys_kernel = {
    .entries =
        (const struct pseudo_entry[]){
            {.name = "domainname", .mode = S_IFREG | 0444, .text = kernel_domainname},
            {.name = "hostname", .mode = S_IFREG | 0444, .text = kernel_hostname},
            {.name = "osrelease", .mode = S_IFREG | 0444, .text = kernel_osrelease},
            {.name = "ostype", .mode = S_IFREG | 0444, .text = kernel_ostype},
            {.name = "pid_max", .mode = S_IFREG | 0444, .text = kernel_pid_max},
            {.name = "shmall", .mode = S_IFREG | 0444, .text = kernel_shmall},
            {.name = "shmmax", .mode = S_IFREG | 0444, .text = kernel_shmmax},
            {.name = "shmmni", .mode = S_IFREG | 0444, .text = kernel_shmmni},
            {.name = "version", .mode = S_IFREG | 0444, .text = kernel_version},
            {.name = NULL},
        },
};

static int vm_dirty_writeback(struct text_sink *sink, uint64_t key __unused)
{
    return print_setting(sink, flusher_interval());
}

static int vm_set_dirty_writeback(const char *text, uint64_t key __unused)
{
    unsigned centisecs;
    int err = procfs_parse_unsigned(text, &centisecs);

    if (!err)
        flusher_set_interval(centisecs);
    return err;
}

static unsigned dropped; /* (a) what was written to drop_caches last */

static int vm_drop_caches(struct text_sink *sink, uint64_t key __unused)
{
    return print_setting(sink, atomic_load_relaxed(&dropped));
}

/* Bit 0: clean pages of files go, if no program has mapped them. Bit 1, of inodes and names, has no
   effect. */
static int vm_set_drop_caches(const char *text, uint64_t key __unused)
{
    unsigned what;
    int err = procfs_parse_unsigned(text, &what);

    if (err || what < 1 || what > 4)
        return -EINVAL;
    if (what & 1)
        pagecache_reclaim(UINT64_MAX);
    atomic_store_relaxed(&dropped, what);
    return 0;
}

static int vm_max_map_count(struct text_sink *sink, uint64_t key __unused)
{
    return print_setting(sink, VREGIONS_MAX);
}

static int vm_mmap_min_addr(struct text_sink *sink, uint64_t key __unused)
{
    return print_setting(sink, USER_START);
}

/* 1: an mmap succeeds however much memory there is. */
static int vm_overcommit_memory(struct text_sink *sink, uint64_t key __unused)
{
    return print_setting(sink, 1);
}

const struct pseudo_dir procfs_sys_vm = {
    .entries =
        (const struct pseudo_entry[]){
            {.name = "dirty_writeback_centisecs",
             .mode = S_IFREG | 0644,
             .text = vm_dirty_writeback,
             .set = vm_set_dirty_writeback},
            {.name = "drop_caches",
             .mode = S_IFREG | 0644,
             .text = vm_drop_caches,
             .set = vm_set_drop_caches},
            {.name = "max_map_count", .mode = S_IFREG | 0444, .text = vm_max_map_count},
            {.name = "mmap_min_addr", .mode = S_IFREG | 0444, .text = vm_mmap_min_addr},
            {.name = "overcommit_memory", .mode = S_IFREG | 0444, .text = vm_overcommit_memory},
            {.name = NULL},
        },
};
