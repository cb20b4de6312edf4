/* vmstat [-n] [DELAY [COUNT]]: shows the activity of the machine. The first line is the average
   since boot. With a DELAY, a line for the time since the previous one follows every DELAY seconds;
   there are COUNT lines, or no end. -n prints the heading only once.

       procs    number of threads: r running or ready, b blocked
       memory   in kB: free, private to programs (anon), file pages (cache), page tables
       faults   page faults per second, by outcome: a page of zeros, a page of a file, a copy on
                write (reused or copied), a failure
       system   thread switches per second
       cpu      percent of time: in programs, in the kernel, idle

   vmstat -s shows all counters since boot, among them one for each outcome of a page fault.
   vmstat -e shows counts of the last events of the kernel: by kind, faults by outcome, and changes
   by the function of the kernel that made them. */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/eventcounts.h"
#include "lib/machine.h"
#include "lib/message.h"
#include "lib/number.h"

enum { LINES_PER_HEADING = 20 };

/* The counters at one moment. */
struct sample {
    unsigned long running, blocked, switches; /* from /proc/stat */
    unsigned long free, anon, cache, tables;  /* kB; from /proc/meminfo */
    unsigned long zero, file, copy, failed;   /* faults; from /proc/vmstat */
    struct cpu_times cpu;
};

static bool memory_read(struct sample *sample)
{
    static const char *const keys[] = {"MemFree", "AnonPages", "Cached", "PageTables"};
    unsigned long kb[4] = {0};

    if (!numbers_read("/proc/meminfo", keys, kb, 4))
        return false;
    sample->free = kb[0];
    sample->anon = kb[1];
    sample->cache = kb[2];
    sample->tables = kb[3];
    return true;
}

static bool faults_read(struct sample *sample)
{
    static const char *const keys[] = {
        "fault_zero_mapped",   "fault_zero_filled", "fault_file_mapped", "fault_file_copied",
        "fault_shared_mapped", "fault_reused",      "fault_copied",      "fault_not_mapped",
        "fault_not_allowed",   "fault_no_page",     "fault_no_memory",
    };
    unsigned long n[11] = {0};

    if (!numbers_read("/proc/vmstat", keys, n, 11))
        return false;
    sample->zero = n[0] + n[1];
    sample->file = n[2] + n[3] + n[4];
    sample->copy = n[5] + n[6];
    sample->failed = n[7] + n[8] + n[9] + n[10];
    return true;
}

static bool activity_read(struct sample *sample)
{
    static const char *const keys[] = {"procs_running", "procs_blocked", "ctxt"};
    unsigned long n[3] = {0};

    if (!numbers_read("/proc/stat", keys, n, 3))
        return false;
    sample->running = n[0] > 0 ? n[0] - 1 : 0; /* without vmstat itself */
    sample->blocked = n[1];
    sample->switches = n[2];
    return cpu_times_read(&sample->cpu, NULL);
}

static bool sample_read(struct sample *sample)
{
    return memory_read(sample) && faults_read(sample) && activity_read(sample);
}

static void heading_print(void)
{
    puts("procs ----------memory--------- ----------faults--------- system ----cpu----\n"
         " r  b   free   anon  cache table   zero   file   copy fail     cs  us  sy  id");
}

/* Returns `amount` in `ticks` as a rate per second. */
static unsigned long rate(unsigned long amount, unsigned long ticks)
{
    return amount * sysconf(_SC_CLK_TCK) / ticks;
}

/* Shows the state `now`, and the changes since `before`. */
static void sample_print(const struct sample *now, const struct sample *before)
{
    struct cpu_times cpu = cpu_times_since(&now->cpu, &before->cpu);
    unsigned long sum = cpu_times_sum(&cpu), ticks = cpu_times_ticks(&cpu);

    sum = sum ? sum : 1;
    ticks = ticks ? ticks : 1;
    printf("%2lu %2lu %6lu %6lu %6lu %5lu ", now->running, now->blocked, now->free, now->anon,
           now->cache, now->tables);
    printf("%6lu %6lu %6lu %4lu %6lu ", rate(now->zero - before->zero, ticks),
           rate(now->file - before->file, ticks), rate(now->copy - before->copy, ticks),
           rate(now->failed - before->failed, ticks),
           rate(now->switches - before->switches, ticks));
    printf("%3lu %3lu %3lu\n", 100 * cpu.user / sum, 100 * cpu.system / sum, 100 * cpu.idle / sum);
}

static bool samples_print(long delay, long count, bool has_one_heading)
{
    struct sample now = {0}, before = {0};

    for (long i = 0; count < 0 || i < count; i++) {
        if (i > 0) {
            if (fflush(stdout) != 0)
                return false;
            sleep(delay);
        }
        if (!sample_read(&now))
            return false;
        if (i == 0 || (!has_one_heading && i % LINES_PER_HEADING == 0))
            heading_print();
        sample_print(&now, &before);
        before = now;
    }
    return true;
}

/* Prints a line "fault_name number" or "nr_name number" in the order of vmstat -s: the number, then
   its name. */
static void count_print(const char *line)
{
    char name[64];
    unsigned long number;

    if (sscanf(line, "%63s %lu", name, &number) != 2)
        return;
    for (char *c = name; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    if (strncmp(name, "fault ", 6) == 0)
        printf("%13lu faults: %s\n", number, name + 6);
    else if (strncmp(name, "nr ", 3) == 0)
        printf("%13lu %s\n", number, name + 3);
}

static bool counts_print(void)
{
    static const char *const keys[] = {"MemTotal", "MemFree", "ctxt", "btime", "processes"};
    FILE *file = fopen("/proc/vmstat", "r");
    struct cpu_times cpu;
    unsigned long n[5] = {0};
    char line[128];

    if (!file) {
        complain_errno("/proc/vmstat");
        return false;
    }
    bool is_ok = numbers_read("/proc/meminfo", keys, n, 2) &&
                 numbers_read("/proc/stat", keys + 2, n + 2, 3) && cpu_times_read(&cpu, NULL);
    if (is_ok) {
        printf("%13lu K total memory\n%13lu K used memory\n%13lu K free memory\n", n[0],
               n[0] - n[1], n[1]);
        while (fgets(line, sizeof(line), file))
            count_print(line);
        printf("%13lu user cpu ticks\n%13lu system cpu ticks\n%13lu idle cpu ticks\n", cpu.user,
               cpu.system, cpu.idle);
        printf("%13lu CPU context switches\n%13lu boot time\n%13lu forks\n", n[2], n[3], n[4]);
    }
    if (ferror(file))
        is_ok = path_failed("/proc/vmstat");
    fclose(file);
    return is_ok;
}

int main(int argc, char **argv)
{
    static const char synopsis[] = "[-n] [DELAY [COUNT]] | -s | -e";
    bool has_one_heading = false, is_ok;
    long delay = 0, count = 1;
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, "ens")) != -1) {
        if (option == '?')
            usage(synopsis);
        if (option == 's')
            return finish(!counts_print());
        if (option == 'e')
            return finish(!event_counts_print());
        has_one_heading = true;
    }
    int numbers = argc - optind;
    if (numbers > 0)
        count = -1;
    if (numbers > 2 || (numbers > 0 && !number_parse(argv[optind], 0, INT_MAX, &delay)) ||
        (numbers > 1 && !number_parse(argv[optind + 1], 1, INT_MAX, &count)) ||
        (numbers == 1 && delay == 0))
        usage(synopsis);
    is_ok = samples_print(delay, count, has_one_heading);
    return finish(!is_ok);
}
