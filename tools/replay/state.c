/* state, places: what other programs want to know, one thing a line. Numbers are hexadecimal, and
   NEVER is "-". tools/page compares its own state with this one. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "commands.h"
#include "message.h"
#include "places.h"

static const char *event_number(uint64_t n)
{
    static char text[20];

    snprintf(text, sizeof(text), n == NEVER ? "-" : "%" PRIx64, n);
    return text;
}

static void frames_state(struct moment *moment)
{
    unsigned counts[STATE_INSIDE + 1] = {0};

    for (uint64_t n = 0; n < moment->machine.nframes; n++) {
        const struct frame *frame = frame_at(moment, n);

        counts[frame->state]++;
        if (frame->state != STATE_USED)
            continue;
        printf("frame %" PRIx64 " %x %x %x %x %s", n, frame->kind, frame->order, frame->count,
               frame->level, event_number(frame->allocated));
        printf(" %s\n", event_number(frame->last));
        for (unsigned i = 0; frame->entries && i < TABLE_ENTRIES; i++)
            if (frame->entries[i].value)
                printf("entry %x %" PRIx64 " %s\n", i, frame->entries[i].value,
                       event_number(frame->entries[i].last));
    }
    printf("frames %x %x %x %x\n", counts[STATE_RESERVED], counts[STATE_FREE], counts[STATE_USED],
           counts[STATE_INSIDE]);
}

static void spaces_state(struct moment *moment)
{
    for (uint64_t n = 0; n < moment->machine.nvspaces; n++) {
        struct vspace *space = space_at(moment, n);

        if (!space)
            continue;
        printf("space %" PRIx64 " %x %" PRIx64 " %" PRIx64 " %x %x\n", n, space->root,
               space->generation, space->parent, space->processes, pid_of_space(moment, n));
        for (struct region *region = region_first(space); region; region = region_next(region))
            printf("region %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64
                   " %s\n",
                   region->start, region->end, region->attributes, region->pager, region->page,
                   region->data_end, event_number(region->last));
    }
}

/* Prints the processes and threads up to the number `most`, and the CPUs. */
static void threads_state(struct moment *moment, uint64_t most)
{
    const struct machine *machine = &moment->machine;

    for (uint64_t n = 0; n <= most; n++) {
        const struct process *process = &machine->processes[n];
        const struct thread *thread = &machine->threads[n];

        if (process->lives)
            printf("process %" PRIx64 " %x %" PRIx64 " %x %s\n", n, moment->parents[n],
                   process->vspace, process->threads, process->name);
        if (thread->pid)
            printf("thread %" PRIx64 " %x %" PRIx64 "\n", n, thread->pid,
                   thread->fault.is_open ? thread->fault.address : 0);
    }
    for (unsigned n = 0; n < MAX_CPUS; n++)
        printf("cpu %x %x %" PRIx64 "\n", n, machine->cpus[n].thread, machine->cpus[n].asked);
}

/* Returns the greatest number of a thread or process in the recording. */
static uint64_t greatest_id(const struct record *record)
{
    uint64_t most = 0;

    for (uint64_t n = 0; n < record->count; n++) {
        const struct event *event = &record->events[n];
        bool has_id = event->kind == EVENT_fork || event->kind == EVENT_thread_start ||
                      event->kind == EVENT_thread_rename;

        if (has_id && event->words[0] > most && event->words[0] < PIDS)
            most = event->words[0];
    }
    return most;
}

bool state_command(const struct record *record, char **words)
{
    uint64_t most = greatest_id(record);
    struct moment moment;
    bool is_good = true;

    moment_init(&moment, record);
    for (; is_good && *words; words++) {
        char *end;
        uint64_t n = strtoull(*words, &end, 0);

        if (*end || n >= record->count || n + 1 < moment.next) {
            is_good = complain("state: '%s' is no event, or one before the last", *words);
            break;
        }
        moment_go(&moment, n);
        printf("event %" PRIx64 "\n", n);
        frames_state(&moment);
        spaces_state(&moment);
        threads_state(&moment, most);
    }
    moment_free(&moment);
    return is_good;
}

bool places_command(const struct record *record, char **words)
{
    (void)record;
    (void)words;
    places_print();
    return true;
}
