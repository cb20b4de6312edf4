/* Events on the host: a run can be written to a file, in the format of docs/recording.md. A simulated
   CPU is interrupted by others at steps only, so an event and its change are one step. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arch/cpu.h>
#include <arch/event.h>
#include "record.h"

bool events_on;

static FILE *file;
static uint32_t next_seq;

static void write_or_exit(const void *data, size_t size)
{
    if (fwrite(data, size, 1, file) != 1) {
        perror("the recording cannot be written");
        exit(2);
    }
}

/* The header comes first, and nothing is kept back, because a finding may end the process at any
   time. */
static void record_start(const char *path)
{
    next_seq = 0;
    struct recording recording = {
        .magic = RECORDING_MAGIC, .version = RECORDING_VERSION, .event_size = sizeof(struct event)};
    char page[RECORDING_HEADER] = {0};

    file = fopen(path, "wb");
    if (!file) {
        perror(path);
        exit(2);
    }
    setvbuf(file, NULL, _IONBF, 0);
    memcpy(page, &recording, sizeof(recording));
    write_or_exit(page, sizeof(page));
    events_on = true;
}

void record_init(void)
{
    const char *path = getenv("RECORD");

    if (path)
        record_start(path);
}

void event_make(enum event_kind kind, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    const struct event event = {.seq = next_seq,
                                .time = next_seq,
                                .kind = kind,
                                .cpu = this_cpu_id,
                                .words = {a, b, c, d, e}};

    next_seq++;
    write_or_exit(&event, sizeof(event));
}

bool event_count_begin(void)
{
    return false;
}

void event_count_end(bool irq __unused, enum event_kind kind, uint64_t count, uint64_t b,
                     uint64_t c, uint64_t d)
{
    event_make(kind, count, b, c, d, 0);
}
