/* /proc: processes and memory, as text in Linux's formats, and /proc/PID/faults, which is Pagoda's own.

   Locks: the tree lock while a process is looked at; so it, its vspace and its files stay. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <arch/clock.h>
#include <fs/pseudo.h>
#include <fs/vfs.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <proc/process.h>
#include <vm/fault.h>

#define PAGE_KB       (PAGE_SIZE / 1024)
#define TICKS_PER_SEC 100

/* ---- One process ---- */

/* The process that a key stands for, with the tree lock held; NULL, without it: it is gone, or has exited and has no
   memory to show. */
static struct process *process_hold(uint64_t key)
{
    mutex_lock(&process_tree_lock);
    struct process *process = process_find(key);
    if (process && process->vspace)
        return process;
    mutex_unlock(&process_tree_lock);
    return NULL;
}

static void process_release(void)
{
    mutex_unlock(&process_tree_lock);
}

static const char *region_name(const struct vspace *vspace, const struct vregion *region)
{
    if (region->kind == VREGION_STACK && region->end == USER_END)
        return "[stack]";
    if (region->kind == VREGION_HEAP || region->start == vspace->heap_start)
        return "[heap]";
    return "";
}

/* One line of maps, as proc(5) has it: range, rights, offset, device, inode, name. */
static void print_region(struct text_sink *sink, const struct vspace *vspace,
                         const struct vregion *region, char *name, size_t size)
{
    uint64_t ino = 0;

    strlcpy(name, region_name(vspace, region), size);
    if (region->pager)
        ino = region->pager->ops->name(region->pager, name, size);
    sink_printf(sink, "%08lx-%08lx %c%c%c%c %08lx 00:%02x %-8lu %s\n", region->start, region->end,
                region->prot & PROT_R ? 'r' : '-', region->prot & PROT_W ? 'w' : '-',
                region->prot & PROT_X ? 'x' : '-', region->shared ? 's' : 'p',
                region->pager ? region->pager_page << PAGE_SHIFT : 0, region->pager ? 1 : 0, ino,
                name);
}

static int print_maps(struct text_sink *sink, uint64_t key)
{
    char *name = heap_alloc(PATH_MAX);
    struct process *process = name ? process_hold(key) : NULL;

    if (process) {
        struct vspace *vspace = process->vspace;

        rwlock_read_lock(&vspace->lock);
        for (struct vregion *region = vregion_find_from(&vspace->regions, 0); region;
             region = vregion_next(region))
            print_region(sink, vspace, region, name, PATH_MAX);
        rwlock_read_unlock(&vspace->lock);
        process_release();
    }
    heap_free(name);
    return name ? 0 : -ENOMEM;
}

static int print_faults(struct text_sink *sink, uint64_t key)
{
    struct process *process = process_hold(key);

    if (!process)
        return 0;
    for (enum fault_outcome n = 0; n < FAULT_OUTCOMES; n++)
        sink_printf(sink, "%s %lu\n", fault_outcome_name(n),
                    atomic_load_relaxed(&process->vspace->faults[n]));
    process_release();
    return 0;
}

static const char *state_name(char letter)
{
    switch (letter) {
    case 'Z':
        return "zombie";
    case 'T':
        return "stopped";
    case 't':
        return "tracing stop";
    case 'R':
        return "running";
    default:
        return "sleeping";
    }
}

static char state_letter(const struct process *process)
{
    if (process->zombie)
        return 'Z';
    if (process->trace.stop != TRACE_RUNS)
        return 't';
    if (process->signals.stopped)
        return 'T';
    return process->thread->state == THREAD_RUNNABLE ? 'R' : 'S';
}

/* What a process's memory comes to. */
struct memory_sizes {
    uint64_t mapped_kb, resident_pages;
};

static struct memory_sizes memory_sizes(const struct process *process)
{
    if (!process->vspace)
        return (struct memory_sizes){0};
    return (struct memory_sizes){
        /* To show: no lock. */
        .mapped_kb = atomic_load_relaxed(&process->vspace->mapped_bytes) / 1024,
        .resident_pages = vspace_resident_pages(process->vspace),
    };
}

static int parent_pid(const struct process *process)
{
    return process->parent ? process->parent->pid : 0;
}

static int tracer_pid(const struct process *process)
{
    return process->trace.tracer ? process->trace.tracer->pid : 0;
}

static int print_status(struct text_sink *sink, uint64_t key)
{
    mutex_lock(&process_tree_lock);
    const struct process *process = process_find(key);
    if (process) {
        struct memory_sizes sizes = memory_sizes(process);
        char letter = state_letter(process);

        sink_printf(sink, "Name:\t%s\nUmask:\t%04o\n", process->name, process->umask);
        sink_printf(sink, "State:\t%c (%s)\n", letter, state_name(letter));
        sink_printf(sink, "Tgid:\t%d\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n", process->pid,
                    process->pid, parent_pid(process), tracer_pid(process));
        sink_printf(sink, "VmSize:\t%8lu kB\nVmRSS:\t%8lu kB\nThreads:\t1\n", sizes.mapped_kb,
                    sizes.resident_pages * PAGE_KB);
    }
    process_release();
    return 0;
}

/* The first 24 fields of proc(5)'s stat. */
static int print_stat(struct text_sink *sink, uint64_t key)
{
    mutex_lock(&process_tree_lock);
    const struct process *process = process_find(key);
    if (process) {
        struct memory_sizes sizes = memory_sizes(process);
        struct process_usage usage = process_usage(process);

        sink_printf(sink, "%d (%s) %c %d %d %d 0 -1 0 %lu %lu 0 0 %lu %lu %lu %lu 20 0 1 0 %lu",
                    process->pid, process->name, state_letter(process), parent_pid(process),
                    process->pgid, process->sid, usage.minor_faults,
                    process->children_usage.minor_faults, usage.ticks_user, usage.ticks_kernel,
                    process->children_usage.ticks_user, process->children_usage.ticks_kernel,
                    process->start_ns / (1000000000 / TICKS_PER_SEC));
        sink_printf(sink, " %lu %lu\n", sizes.mapped_kb * 1024, sizes.resident_pages);
    }
    process_release();
    return 0;
}

static int print_exe(struct text_sink *sink, uint64_t key)
{
    char *path = heap_alloc(PATH_MAX);
    struct process *process = path ? process_hold(key) : NULL;
    int err = path ? -ENOENT : -ENOMEM;

    if (process) {
        err = vnode_path(process->exe, path, PATH_MAX);
        process_release();
    }
    if (err >= 0)
        sink_printf(sink, "%s", path);
    heap_free(path);
    return min(err, 0);
}

static const struct pseudo_dir process_dir = {
    .entries =
        (const struct pseudo_entry[]){
            {.name = "exe", .mode = S_IFLNK | 0777, .link = print_exe},
            {.name = "faults", .mode = S_IFREG | 0444, .text = print_faults},
            {.name = "maps", .mode = S_IFREG | 0444, .text = print_maps},
            {.name = "stat", .mode = S_IFREG | 0444, .text = print_stat},
            {.name = "status", .mode = S_IFREG | 0444, .text = print_status},
            {.name = NULL},
        },
};

/* ---- The machine ---- */

static int print_meminfo(struct text_sink *sink, uint64_t key __unused)
{
    const struct {
        const char *name;
        uint64_t pages;
    } lines[] = {
        {"MemTotal:", frame_count - frame_usage(FRAME_RESERVED)},
        {"MemFree:", frame_usage(FRAME_FREE)},
        {"MemAvailable:", frame_usage(FRAME_FREE)},
        {"Cached:", frame_usage(FRAME_CACHE)},
        {"AnonPages:", frame_usage(FRAME_ANON)},
        {"Slab:", frame_usage(FRAME_HEAP)},
        {"KernelStack:", frame_usage(FRAME_KSTACK)},
        {"PageTables:", frame_usage(FRAME_TABLE)},
    };

    for (unsigned n = 0; n < ARRAY_SIZE(lines); n++)
        sink_printf(sink, "%-15s %8lu kB\n", lines[n].name, lines[n].pages * PAGE_KB);
    return 0;
}

static int print_vmstat(struct text_sink *sink, uint64_t key __unused)
{
    uint64_t faults[FAULT_OUTCOMES];

    sink_printf(sink, "nr_free_pages %lu\nnr_anon_pages %lu\nnr_page_table_pages %lu\n",
                frame_usage(FRAME_FREE), frame_usage(FRAME_ANON), frame_usage(FRAME_TABLE));
    sink_printf(sink, "nr_page_cache %lu\nnr_heap_pages %lu\nnr_heap_bytes %lu\n",
                frame_usage(FRAME_CACHE), frame_usage(FRAME_HEAP), heap_usage());
    sink_printf(sink, "nr_kernel_stacks %lu\n",
                frame_usage(FRAME_KSTACK) / (KSTACK_SIZE / PAGE_SIZE));
    fault_totals(faults);
    for (enum fault_outcome n = 0; n < FAULT_OUTCOMES; n++)
        sink_printf(sink, "fault_%s %lu\n", fault_outcome_name(n), faults[n]);
    return 0;
}

static int print_uptime(struct text_sink *sink, uint64_t key __unused)
{
    struct sched_stats stats;
    uint64_t centiseconds = clock_monotonic_ns() / 10000000;

    sched_stats(&stats);
    sink_printf(sink, "%lu.%02lu %lu.%02lu\n", centiseconds / 100, centiseconds % 100,
                stats.idle_ticks / TICKS_PER_SEC, stats.idle_ticks % TICKS_PER_SEC);
    return 0;
}

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
            {.name = "meminfo", .mode = S_IFREG | 0444, .text = print_meminfo},
            {.name = "self", .mode = S_IFLNK | 0777, .link = print_self},
            {.name = "uptime", .mode = S_IFREG | 0444, .text = print_uptime},
            {.name = "vmstat", .mode = S_IFREG | 0444, .text = print_vmstat},
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
