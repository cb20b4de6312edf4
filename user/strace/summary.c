/* strace -c: the number and the cost of each call. */
#include "summary.h"

#include <stdlib.h>
#include <string.h>

#include "../lib/memory.h"
#include "calls.h"
#include "output.h"

struct count {
    uint64_t number;
    char *name;
    unsigned long calls, errors;
    uint64_t time_us; /* in kernel mode */
};

static struct count *counts;
static size_t used;

static struct count *count_of(const struct tracee *tracee)
{
    for (size_t n = 0; n < used; n++)
        if (counts[n].number == tracee->number)
            return &counts[n];
    counts = must_resize(counts, (used + 1) * sizeof(*counts));
    counts[used] = (struct count){.number = tracee->number, .name = must_copy(call_name(tracee))};
    return &counts[used++];
}

static uint64_t kernel_time_us(const struct rusage *usage)
{
    return usage->ru_stime.tv_sec * 1000000ull + usage->ru_stime.tv_usec;
}

void summary_count(const struct tracee *tracee, const struct rusage *usage)
{
    struct count *count = count_of(tracee);

    count->calls++;
    count->errors += tracee->has_failed;
    count->time_us += kernel_time_us(usage) - kernel_time_us(&tracee->usage);
}

/* Compares by time, then by number of calls, then by name. */
static int compare(const void *a, const void *b)
{
    const struct count *left = a, *right = b;

    if (left->time_us != right->time_us)
        return left->time_us < right->time_us ? 1 : -1;
    if (left->calls != right->calls)
        return left->calls < right->calls ? 1 : -1;
    return strcmp(left->name, right->name);
}

static void print_row(const struct count *count, uint64_t total_us)
{
    double share = total_us ? 100.0 * count->time_us / total_us : 0.0;

    print("%6.2f %11.6f %11llu %9lu ", share, count->time_us / 1e6,
          (unsigned long long)(count->calls ? count->time_us / count->calls : 0), count->calls);
    if (count->errors)
        print("%9lu %s", count->errors, count->name);
    else
        print("%9s %s", "", count->name);
    line_end();
}

static void print_line(const char *text)
{
    print("%s", text);
    line_end();
}

void summary_print(void)
{
    static const char rule[] =
        "------ ----------- ----------- --------- --------- ----------------";
    struct count total = {.name = "total"};

    line_break();
    for (size_t n = 0; n < used; n++) {
        total.calls += counts[n].calls;
        total.errors += counts[n].errors;
        total.time_us += counts[n].time_us;
    }
    if (used)
        qsort(counts, used, sizeof(*counts), compare);
    print_line("% time     seconds  usecs/call     calls    errors syscall");
    print_line(rule);
    for (size_t n = 0; n < used; n++)
        print_row(&counts[n], total.time_us);
    print_line(rule);
    print_row(&total, total.time_us);
}
