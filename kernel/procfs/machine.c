/* The files of /proc that belong to no process: memory, time, CPUs and mounts.

   Each number is read by itself, so the numbers of a file may be of slightly different moments.

   Lock: the tree lock, while births are read. */

#include <arch/clock.h>
#include <arch/lockstat.h>
#include <arch/tlb.h>
#include <dev/block.h>
#include <fs/blockdev.h>
#include <fs/pagecache.h>
#include <fs/vfs.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <mm/failnth.h>
#include <mm/heap.h>
#include <proc/process.h>
#include <sched/load.h>
#include <sched/run.h>
#include <sched/tick.h>
#include <vm/fault.h>
#include "files.h"

/* Returns the frames that any program can have: those that are free, and the clean pages of caches
   with a store, which are given up for it unless they are mapped. */
static uint64_t available_pages(const struct pagecache_counts *cached)
{
    uint64_t nfree = frame_usage(FRAME_FREE);
    uint64_t clean = cached->pages - min(cached->pages, cached->dirty + cached->writing);

    return nfree - min(nfree, frame_reserve()) + clean;
}

int procfs_meminfo(struct text_sink *sink, uint64_t key __unused)
{
    struct pagecache_counts cached = pagecache_counts();
    const struct {
        const char *name;
        uint64_t pages;
    } lines[] = {
        {"MemTotal:", frame_count - frame_usage(FRAME_RESERVED)},
        {"MemFree:", frame_usage(FRAME_FREE)},
        {"MemAvailable:", available_pages(&cached)},
        {"Buffers:", 0},
        {"Cached:", frame_usage(FRAME_CACHE)},
        {"Dirty:", cached.dirty},
        {"Writeback:", cached.writing},
        {"SwapTotal:", 0},
        {"SwapFree:", 0},
        {"AnonPages:", frame_usage(FRAME_ANON)},
        {"Slab:", frame_usage(FRAME_HEAP)},
        {"KernelStack:", frame_usage(FRAME_KSTACK)},
        {"PageTables:", frame_usage(FRAME_TABLE)},
        {"Shmem:", pagecache_pages()},
    };

    for (unsigned n = 0; n < ARRAY_SIZE(lines); n++)
        sink_printf(sink, "%-15s %8lu kB\n", lines[n].name, lines[n].pages * PAGE_KB);
    return 0;
}

/* Returns what all disks have read or written, in KiB. */
static uint64_t disk_kib(enum block_op op)
{
    struct block_device *disk;
    uint64_t sectors = 0;

    for (unsigned n = 0; (disk = block_device(n)); n++)
        sectors += block_count(disk, op).sectors;
    return sectors * BLOCK_SECTOR / 1024;
}

/* Prints a line for each disk, as Linux does. Requests are not merged, and times are not taken, so
   these are 0. */
int procfs_diskstats(struct text_sink *sink, uint64_t key __unused)
{
    struct block_device *disk;

    for (unsigned n = 0; (disk = block_device(n)); n++) {
        struct block_count reads = block_count(disk, BLOCK_READ);
        struct block_count writes = block_count(disk, BLOCK_WRITE);
        struct block_count discards = block_count(disk, BLOCK_DISCARD);
        struct block_count flushes = block_count(disk, BLOCK_FLUSH);

        sink_printf(sink, "%4u %7u %s %lu 0 %lu 0 %lu 0 %lu 0 0 0 0", DISK_MAJOR, n * DISK_MINOR,
                    disk->name, reads.requests, reads.sectors, writes.requests, writes.sectors);
        sink_printf(sink, " %lu 0 %lu 0 %lu 0\n", discards.requests, discards.sectors,
                    flushes.requests);
    }
    return 0;
}

int procfs_vmstat(struct text_sink *sink, uint64_t key __unused)
{
    struct pagecache_counts cached = pagecache_counts();
    struct tlb_counts tlb = tlb_counts();

    sink_printf(sink, "nr_free_pages %lu\nnr_anon_pages %lu\nnr_page_table_pages %lu\n",
                frame_usage(FRAME_FREE), frame_usage(FRAME_ANON), frame_usage(FRAME_TABLE));
    sink_printf(sink, "nr_page_cache %lu\nnr_heap_pages %lu\nnr_heap_bytes %lu\n",
                frame_usage(FRAME_CACHE), frame_usage(FRAME_HEAP), heap_usage());
    sink_printf(sink, "nr_dirty %lu\nnr_writeback %lu\n", cached.dirty, cached.writing);
    sink_printf(sink, "pgpgin %lu\npgpgout %lu\n", disk_kib(BLOCK_READ), disk_kib(BLOCK_WRITE));
    sink_printf(sink, "nr_kernel_stacks %lu\n",
                frame_usage(FRAME_KSTACK) / (KSTACK_SIZE / PAGE_SIZE));
    sink_printf(sink, "nr_tlb_remote_flush %lu\nnr_tlb_remote_flush_received %lu\n", tlb.sent,
                tlb.received);
    sink_printf(sink, "nr_tlb_local_flush_all %lu\nnr_tlb_local_flush_one %lu\n", tlb.all,
                tlb.pages);
    sink_printf(sink, "allocs_made_to_fail %lu\n", failnth_count());
    for (enum fault_outcome n = 0; n < FAULT_OUTCOMES; n++)
        sink_printf(sink, "fault_%s %lu\n", fault_outcome_name(n), fault_total(n));
    return 0;
}

/* Prints a line for each rank of locks: its name, the acquisitions that had to wait, and in a DEBUG
   build all acquisitions and the longest hold in nanoseconds. */
int procfs_lock_stat(struct text_sink *sink, uint64_t key __unused)
{
    sink_printf(sink, "%-16s %12s %12s %12s\n", "class", "contended", "acquired", "longest-ns");
    for (enum lock_rank rank = 0; rank < LOCK_RANKS; rank++) {
        if (*lock_rank_name(rank) == '?')
            continue;
        const struct lock_stat stat = lock_stat_of(rank);

        sink_printf(sink, "%-16s %12lu", lock_rank_name(rank), stat.contended);
        if (LOCK_STAT_COUNTS_ALL)
            sink_printf(sink, " %12lu %12lu\n", stat.acquired, stat.longest_ns);
        else
            sink_printf(sink, " %12s %12s\n", "-", "-");
    }
    return 0;
}

int procfs_uptime(struct text_sink *sink, uint64_t key __unused)
{
    uint64_t up = clock_monotonic_ns() / 10000000; /* hundredths of a second */
    uint64_t idle_ns = 0;

    for (unsigned n = 0; n < cpu_count(); n++)
        idle_ns += tick_cpu_use(n).idle_ns;
    sink_printf(sink, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, clock_ticks(idle_ns) / 100,
                clock_ticks(idle_ns) % 100);
    return 0;
}

/* Prints the three averages, the threads that are runnable and all threads, and the last pid. */
int procfs_loadavg(struct text_sink *sink, uint64_t key __unused)
{
    int last_pid;

    mutex_lock(&process_tree_lock);
    (void)process_births(&last_pid);
    mutex_unlock(&process_tree_lock);
    for (unsigned n = 0; n < LOADS; n++) {
        /* Rounded to hundredths. */
        uint64_t load = load_average(n) * 100 + (1ul << (LOAD_SHIFT - 1));

        load >>= LOAD_SHIFT;
        sink_printf(sink, "%lu.%02lu ", load / 100, load % 100);
    }
    sink_printf(sink, "%u/%u %d\n", run_count(), thread_count(), last_pid);
    return 0;
}

/* Prints user, nice, system, idle, and six kinds of time that are always 0 here. */
static void print_cpu_use(struct text_sink *sink, const struct cpu_use *use)
{
    sink_printf(sink, " %lu 0 %lu %lu 0 0 0 0 0 0\n", clock_ticks(use->busy.user_ns),
                clock_ticks(use->busy.kernel_ns), clock_ticks(use->idle_ns));
}

/* Prints a line with the sums over all CPUs, then a line for each CPU. */
static void print_cpus(struct text_sink *sink)
{
    struct cpu_use uses[MAX_CPUS], sum = {0};
    unsigned count = cpu_count();

    for (unsigned n = 0; n < count; n++) {
        uses[n] = tick_cpu_use(n);
        sum.busy.user_ns += uses[n].busy.user_ns;
        sum.busy.kernel_ns += uses[n].busy.kernel_ns;
        sum.idle_ns += uses[n].idle_ns;
    }
    sink_printf(sink, "cpu ");
    print_cpu_use(sink, &sum);
    for (unsigned n = 0; n < count; n++) {
        sink_printf(sink, "cpu%u", n);
        print_cpu_use(sink, &uses[n]);
    }
}

int procfs_machine_stat(struct text_sink *sink, uint64_t key __unused)
{
    uint64_t interrupts = 0;
    int last_pid;

    mutex_lock(&process_tree_lock);
    uint64_t births = process_births(&last_pid);
    mutex_unlock(&process_tree_lock);
    print_cpus(sink);
    for (unsigned n = 0; n < cpu_count(); n++)
        interrupts += atomic_load_relaxed(&cpu_get(n)->interrupts);
    sink_printf(sink, "intr %lu\n", interrupts);
    sink_printf(sink, "ctxt %lu\nbtime %lu\nprocesses %lu\n", run_switches(),
                (clock_realtime_ns() - clock_monotonic_ns()) / 1000000000, births);
    sink_printf(sink, "procs_running %u\nprocs_blocked 0\n", run_count());
    return 0;
}

/* Prints the boot CPU's model for each CPU, because all are of one model. */
int procfs_cpuinfo(struct text_sink *sink, uint64_t key __unused)
{
    struct cpu_identity identity = cpu_identify();
    uint64_t khz = clock_tsc_hz() / 1000;

    for (unsigned n = 0; n < cpu_count(); n++) {
        sink_printf(sink, "processor\t: %u\nvendor_id\t: %s\n", n, identity.vendor);
        sink_printf(sink, "cpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\n", identity.family,
                    identity.model, identity.name);
        sink_printf(sink, "stepping\t: %u\ncpu MHz\t\t: %lu.%03lu\n\n", identity.stepping,
                    khz / 1000, khz % 1000);
    }
    return 0;
}
