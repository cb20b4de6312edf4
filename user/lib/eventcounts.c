/* Tables like those of a profiler, of the events that /proc/events still has. */
#include "eventcounts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "memory.h"

/* Rows of a table that are shown; the others are one row. */
enum { ROWS_SHOWN = 8, THREADS = 64 };

struct count {
    char *name;
    unsigned long count;
    uint64_t time; /* of all; of faults only */
};

struct table {
    struct count *rows;
    unsigned used;
};

/* The fault that a thread is in. */
static struct {
    int tid; /* 0: none */
    uint64_t begin;
} open_faults[THREADS];

static void count_one(struct table *table, const char *name, uint64_t time)
{
    unsigned n = 0;

    while (n < table->used && strcmp(table->rows[n].name, name) != 0)
        n++;
    if (n == table->used) {
        table->rows = must_resize(table->rows, (n + 1) * sizeof(*table->rows));
        table->rows[n] = (struct count){.name = must_copy(name)};
        table->used++;
    }
    table->rows[n].count++;
    table->rows[n].time += time;
}

static void fault_begins(const struct machine_event *event)
{
    unsigned n = 0;

    while (n < THREADS && open_faults[n].tid && open_faults[n].tid != event->tid)
        n++;
    if (n == THREADS)
        return;
    open_faults[n].tid = event->tid;
    open_faults[n].begin = event->time;
}

/* Counts a fault whose two events are there. */
static void fault_ends(struct table *faults, const struct machine_event *event)
{
    const char *outcome = outcome_name(event_word(event, "outcome"));

    for (unsigned n = 0; n < THREADS; n++) {
        if (open_faults[n].tid != event->tid || !event->tid)
            continue;
        if (outcome)
            count_one(faults, outcome, event->time - open_faults[n].begin);
        open_faults[n].tid = 0;
    }
}

static int compare(const void *a, const void *b)
{
    const struct count *left = a, *right = b;

    if (left->count != right->count)
        return left->count < right->count ? 1 : -1;
    return strcmp(left->name, right->name);
}

static void table_print(const char *heading, struct table *table, bool has_time)
{
    unsigned long others = 0;

    if (!table->used)
        return;
    qsort(table->rows, table->used, sizeof(*table->rows), compare);
    printf("\n%s\n", heading);
    for (unsigned n = 0; n < table->used; n++) {
        const struct count *row = &table->rows[n];

        if (n >= ROWS_SHOWN)
            others += row->count;
        else if (has_time)
            printf("%8lu  %-20s %10" PRIu64 "\n", row->count, row->name, row->time / row->count);
        else
            printf("%8lu  %s\n", row->count, row->name);
    }
    if (others)
        printf("%8lu  others\n", others);
}

bool event_counts_print(void)
{
    static struct {
        const char *event, *heading;
        struct table table;
    } changes[] = {
        {"frame_alloc", "frames allocated, by function", {}},
        {"frame_free", "frames freed, by function", {}},
        {"frame_get", "references taken, by function", {}},
        {"frame_put", "references put, by function", {}},
        {"entry_set", "entries set, by function", {}},
        {"table_copy", "tables copied, by function", {}},
        {"tlb_flush", "flushes of the TLB, by function", {}},
    };
    struct table kinds = {}, faults = {};
    struct machine_event event;
    uint64_t first = 0, last = 0;
    unsigned long count = 0;
    FILE *file = events_open();

    if (!file)
        return false;
    while (event_read(file, &event)) {
        first = count++ ? first : event.number;
        last = event.number;
        count_one(&kinds, event.name, 0);
        if (strcmp(event.name, "fault_begin") == 0)
            fault_begins(&event);
        else if (strcmp(event.name, "fault_end") == 0)
            fault_ends(&faults, &event);
        for (unsigned n = 0; n < sizeof(changes) / sizeof(changes[0]); n++)
            if (strcmp(event.name, changes[n].event) == 0)
                count_one(&changes[n].table, *event.function ? event.function : "unknown", 0);
    }
    fclose(file);
    printf("the last %lu events, %" PRIu64 " to %" PRIu64 "\n", count, first, last);
    table_print("events", &kinds, false);
    table_print("page faults, by outcome, and ticks of the TSC for each", &faults, true);
    for (unsigned n = 0; n < sizeof(changes) / sizeof(changes[0]); n++)
        table_print(changes[n].heading, &changes[n].table, false);
    return true;
}
