/* top [-b] [-d SECONDS] [-n COUNT] [-o FIELD]: shows repeatedly what the machine does, and which
   processes do it.

   FIELD is the sort key: cpu (CPU time since the previous look; at the first look, since the
   process began), mem (resident memory), faults (page faults since the process began) or pid. -b
   writes all processes as plain text, for a file or a pipe. Otherwise the keys P, M, F and N select
   the four sort keys, a blank looks at once, and q ends top. */
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "lib/machine.h"
#include "lib/memory.h"
#include "lib/message.h"
#include "lib/number.h"
#include "lib/process.h"

enum { HEAD_LINES = 6, ROWS_DEFAULT = 24, COLUMNS_DEFAULT = 80, CTRL_C = 3 };

static const char synopsis[] = "[-b] [-d SECONDS] [-n COUNT] [-o cpu|mem|faults|pid]";

struct row {
    struct process_info process;
    unsigned long recent; /* CPU time since the previous look, in ticks */
};

/* The state of the machine at one look. */
struct look {
    struct row *rows; /* from malloc */
    size_t count;
    struct cpu_times cpu, each_cpu[CPUS_LISTED];
};

static struct {
    bool is_batch;
    long delay_s, count; /* count: -1 means without end */
    char field;          /* the sort key, as its key: P, M, F or N */
} options = {.delay_s = 3, .count = -1, .field = 'P'};

/* ---- Looking ---- */

/* Returns the ticks that the process had used at the look `before`, or 0 if it did not exist. */
static unsigned long ticks_before(const struct look *before, long pid)
{
    for (size_t i = 0; i < before->count; i++) {
        if (before->rows[i].process.pid == pid)
            return before->rows[i].process.ticks;
    }
    return 0;
}

static bool look_take(struct look *look, const struct look *before)
{
    struct process_list list;

    *look = (struct look){0};
    if (!cpu_times_read(&look->cpu, look->each_cpu))
        return false;
    if (!process_list_read(&list)) {
        complain_errno("/proc");
        return false;
    }
    look->rows = must_alloc((list.count + 1) * sizeof(*look->rows));
    for (size_t i = 0; i < list.count; i++) {
        struct row *row = &look->rows[look->count];
        if (!process_read(list.pid[i], &row->process))
            continue;
        row->recent = row->process.ticks - ticks_before(before, list.pid[i]);
        look->count++;
    }
    free(list.pid);
    return true;
}

/* ---- Sorting: the largest value first, or the smallest pid ---- */

static unsigned long weight(const struct row *row)
{
    switch (options.field) {
    case 'P':
        return row->recent;
    case 'M':
        return row->process.rss_kb;
    case 'F':
        return row->process.faults;
    default:
        return 0;
    }
}

static int row_compare(const void *a, const void *b)
{
    const struct row *left = a, *right = b;
    unsigned long l = weight(left), r = weight(right);

    if (l != r)
        return l < r ? 1 : -1;
    return (left->process.pid > right->process.pid) - (left->process.pid < right->process.pid);
}

/* ---- Showing ---- */

/* Ends a line, and on a terminal erases the rest of it. */
static void line_end(void)
{
    fputs(options.is_batch ? "\n" : "\033[K\n", stdout);
}

static void tasks_print(const struct look *look)
{
    unsigned running = 0, stopped = 0, zombies = 0;

    for (size_t i = 0; i < look->count; i++) {
        char state = look->rows[i].process.state;
        running += state == 'R';
        stopped += state == 'T';
        zombies += state == 'Z';
    }
    printf("Tasks: %3zu total, %3u running, %3zu sleeping, %3u stopped, %3u zombie", look->count,
           running, look->count - running - stopped - zombies, stopped, zombies);
    line_end();
}

static double percent(unsigned long part, unsigned long whole)
{
    return whole ? 100.0 * part / whole : 0;
}

static void cpu_print(const char *name, const struct cpu_times *now, const struct cpu_times *before)
{
    struct cpu_times cpu = cpu_times_since(now, before);
    unsigned long sum = cpu_times_sum(&cpu);

    printf("%%%-6s: %5.1f us, %5.1f sy, %5.1f id", name, percent(cpu.user, sum),
           percent(cpu.system, sum), percent(cpu.idle, sum));
    line_end();
}

/* Returns how many CPUs have a line of their own: none, if the line of all says the same. */
static size_t cpus_shown(const struct look *look)
{
    size_t cpus = look->cpu.cpus < CPUS_LISTED ? look->cpu.cpus : CPUS_LISTED;

    return cpus > 1 ? cpus : 0;
}

static void cpus_print(const struct look *look, const struct look *before)
{
    char name[16];

    cpu_print("Cpu(s)", &look->cpu, &before->cpu);
    for (size_t n = 0; n < cpus_shown(look); n++) {
        snprintf(name, sizeof(name), "Cpu%zu", n);
        cpu_print(name, &look->each_cpu[n], &before->each_cpu[n]);
    }
}

/* Shows the uses of memory. Sets `total_kb` to the memory of the machine. Returns false after a
   message. */
static bool memory_print(unsigned long *total_kb)
{
    static const char *const keys[] = {"MemTotal", "MemFree", "AnonPages", "Cached", "PageTables"};
    unsigned long kb[5] = {0};

    if (!numbers_read("/proc/meminfo", keys, kb, 5))
        return false;
    printf("MiB Mem : %.1f total, %.1f free, %.1f programs, %.1f cache, %.1f tables",
           kb[0] / 1024.0, kb[1] / 1024.0, kb[2] / 1024.0, kb[3] / 1024.0, kb[4] / 1024.0);
    line_end();
    *total_kb = kb[0];
    return true;
}

/* Shows a process. Its recent CPU time is in percent of `ticks`, the time of one CPU. */
static void row_print(const struct row *row, unsigned long ticks, unsigned long total_kb)
{
    const struct process_info *process = &row->process;
    unsigned long hz = sysconf(_SC_CLK_TCK), seconds = process->ticks / hz;
    char rest[128];

    snprintf(rest, sizeof(rest), "%3lu:%02lu.%02lu %s", seconds / 60, seconds % 60,
             process->ticks % hz * 100 / hz, process->name);
    printf("%7ld %c %9lu %8lu %7lu %8lu %5.1f %5.1f %.*s", process->pid, process->state,
           process->size_kb, process->rss_kb, process->tables_kb, process->faults,
           percent(row->recent, ticks), percent(process->rss_kb, total_kb), COLUMNS_DEFAULT - 61,
           rest);
    line_end();
}

static size_t rows_that_fit(const struct look *look)
{
    struct winsize size;
    bool is_known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0;
    size_t rows = is_known ? size.ws_row : ROWS_DEFAULT;
    size_t head = HEAD_LINES + cpus_shown(look);
    size_t room = rows > head + 1 ? rows - head - 1 : 1;

    return options.is_batch || look->count < room ? look->count : room;
}

static bool look_print(const struct look *look, const struct look *before)
{
    struct cpu_times cpu = cpu_times_since(&look->cpu, &before->cpu);
    unsigned long ticks = cpu_times_ticks(&cpu), total_kb;
    char uptime[128];

    if (!uptime_describe(uptime, sizeof(uptime)))
        return false;
    if (!options.is_batch)
        fputs("\033[H", stdout);
    printf("top - %s", uptime);
    line_end();
    tasks_print(look);
    cpus_print(look, before);
    if (!memory_print(&total_kb))
        return false;
    line_end();
    fputs("    PID S      VIRT      RES  TABLES   FAULTS  %CPU  %MEM     TIME+ COMMAND", stdout);
    line_end();
    qsort(look->rows, look->count, sizeof(look->rows[0]), row_compare);
    for (size_t i = 0; i < rows_that_fit(look); i++)
        row_print(&look->rows[i], ticks, total_kb);
    if (!options.is_batch)
        fputs("\033[J", stdout);
    return fflush(stdout) == 0;
}

/* ---- The keyboard ---- */

static struct termios modes_before;

/* Makes the terminal deliver every key at once, without echo. */
static void keys_begin(void)
{
    if (tcgetattr(STDIN_FILENO, &modes_before) < 0) {
        complain_errno("standard input");
        exit(1);
    }
    struct termios raw = modes_before;
    raw.c_lflag &= ~(ICANON | ECHO | ISIG);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
}

/* Waits until the next look is due or a key asks for it. Returns false if top is to end. */
static bool keys_wait(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    char key;

    if (poll(&input, 1, options.delay_s * 1000) <= 0)
        return true;
    if (read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == CTRL_C)
        return false;
    if (strchr("PMFN", key))
        options.field = key;
    return true;
}

/* ---- The program ---- */

static bool pause_until_next(void)
{
    if (!options.is_batch)
        return keys_wait();
    sleep(options.delay_s);
    putchar('\n');
    return true;
}

static bool looks_print(void)
{
    struct look look, before = {0};
    bool is_ok = true, goes_on = true;

    for (long n = 0; goes_on && is_ok; n++) {
        is_ok = look_take(&look, &before) && look_print(&look, &before);
        free(before.rows);
        before = look;
        goes_on = n + 1 != options.count && is_ok && pause_until_next();
    }
    free(before.rows);
    return is_ok;
}

static char field_parse(const char *name)
{
    static const struct {
        const char *name;
        char key;
    } fields[] = {{"cpu", 'P'}, {"mem", 'M'}, {"faults", 'F'}, {"pid", 'N'}};

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        if (strcmp(name, fields[i].name) == 0)
            return fields[i].key;
    }
    usage(synopsis);
}

static void option_take(int option)
{
    bool is_ok = option != '?';

    if (option == 'b')
        options.is_batch = true;
    else if (option == 'd')
        is_ok = number_parse(optarg, 0, INT_MAX / 1000, &options.delay_s);
    else if (option == 'n')
        is_ok = number_parse(optarg, 1, LONG_MAX, &options.count);
    else if (option == 'o')
        options.field = field_parse(optarg);
    if (!is_ok)
        usage(synopsis);
}

int main(int argc, char **argv)
{
    int option;

    opterr = 0;
    while ((option = getopt(argc, argv, "bd:n:o:")) != -1)
        option_take(option);
    if (optind < argc)
        usage(synopsis);
    if (options.is_batch)
        return finish(!looks_print());
    keys_begin();
    fputs("\033[2J", stdout);
    bool is_ok = looks_print();
    tcsetattr(STDIN_FILENO, TCSADRAIN, &modes_before);
    return finish(!is_ok);
}
