/* Moments (moment.h). */
#include "moment.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (!memory) {
        complain("out of memory");
        exit(2);
    }
    return memory;
}

void moment_init(struct moment *moment, const struct record *record)
{
    *moment = (struct moment){.record = record};
    machine_init(&moment->machine, &record->layout);
    moment->threads = zeroed(PIDS, sizeof(*moment->threads));
    moment->parents = zeroed(PIDS, sizeof(*moment->parents));
}

void moment_free(struct moment *moment)
{
    machine_free(&moment->machine);
    free(moment->bases);
    free(moment->pids);
    free(moment->threads);
    free(moment->parents);
}

/* ---- Looking ---- */

struct frame *frame_at(struct moment *moment, uint64_t number)
{
    return machine_frame(&moment->machine, number);
}

struct vspace *space_at(struct moment *moment, uint64_t number)
{
    return machine_vspace(&moment->machine, number);
}

struct vspace *space_of_root(struct moment *moment, uint64_t root)
{
    const struct frame *frame = frame_at(moment, root);

    return frame ? frame->vspace : NULL;
}

struct region *region_at(struct vspace *space, uint64_t address)
{
    struct region *region = region_first(space);

    while (region && region->end <= address)
        region = region_next(region);
    return region && region->start <= address ? region : NULL;
}

uint32_t pid_of_thread(const struct moment *moment, uint32_t tid)
{
    return tid < PIDS ? moment->threads[tid] : 0;
}

uint32_t pid_of_space(const struct moment *moment, uint64_t number)
{
    return number < moment->npids ? moment->pids[number] : 0;
}

uint64_t level_span(int level)
{
    return PAGE_SIZE << (9 * (level - LEAF_LEVEL));
}

unsigned level_index(int level, uint64_t address)
{
    return address / level_span(level) % TABLE_ENTRIES;
}

uint64_t entry_target(uint64_t entry)
{
    return (entry & PTE_ADDR) >> PAGE_SHIFT;
}

struct walk walk_at(struct moment *moment, const struct vspace *space, uint64_t address)
{
    struct walk walk = {.bottom = ROOT_LEVEL + 1};
    uint64_t table = space->root;

    for (int level = ROOT_LEVEL; level >= LEAF_LEVEL; level--) {
        const struct frame *frame = frame_at(moment, table);

        if (!frame || !frame->entries)
            break;
        walk.bottom = level;
        walk.table[level] = table;
        walk.entry[level] = frame->entries[level_index(level, address)].value;
        if (!walk.entry[level])
            break;
        table = entry_target(walk.entry[level]);
    }
    return walk;
}

bool walk_shows_page(const struct walk *walk)
{
    return walk->bottom == LEAF_LEVEL && (walk->entry[LEAF_LEVEL] & PTE_PRESENT);
}

bool walk_is_writable(const struct walk *walk)
{
    uint64_t all = PTE_WRITE;

    for (int level = LEAF_LEVEL; level <= ROOT_LEVEL; level++)
        all &= walk->entry[level];
    return walk_shows_page(walk) && all;
}

/* ---- Events ---- */

/* Notes which addresses a table translates that an entry now leads to. */
static void note_base(struct moment *moment, uint64_t number, unsigned index)
{
    const struct frame *table = frame_at(moment, number);
    uint64_t entry = table->entries[index].value;

    if (entry && table->level > LEAF_LEVEL && moment->bases[number] != NO_BASE)
        moment->bases[entry_target(entry)] =
            moment->bases[number] + index * level_span(table->level);
}

static void note_space(struct moment *moment, uint64_t number, uint32_t pid)
{
    if (number >= moment->npids) {
        uint64_t count = 2 * number + 64;

        moment->pids = must_resize(moment->pids, count * sizeof(*moment->pids));
        memset(moment->pids + moment->npids, 0, (count - moment->npids) * sizeof(*moment->pids));
        moment->npids = count;
    }
    moment->pids[number] = pid;
}

/* Notes what the machine does not keep. The event fits. */
static void note(struct moment *moment, const struct event *event)
{
    const uint64_t *words = event->words;

    switch (event->kind) {
    case EVENT_memory:
        moment->bases = zeroed(words[1], sizeof(*moment->bases));
        break;
    case EVENT_table_new:
        moment->bases[words[0]] = words[1] == ROOT_LEVEL ? 0 : NO_BASE;
        break;
    case EVENT_table_copy:
        moment->bases[words[0]] = moment->bases[words[1]];
        break;
    case EVENT_entry_set:
        note_base(moment, words[0], words[1]);
        break;
    case EVENT_fork:
        moment->parents[words[0]] = words[1];
        /* A child of vfork runs in its parent's space. */
        if (!pid_of_space(moment, words[2]))
            note_space(moment, words[2], words[0]);
        break;
    case EVENT_exec:
        note_space(moment, words[1], words[0]);
        break;
    case EVENT_thread_start:
        moment->threads[words[0]] = words[1];
        break;
    case EVENT_thread_rename:
        moment->threads[words[0]] = moment->threads[words[1]];
        break;
    default:
        break;
    }
}

void moment_step(struct moment *moment)
{
    const struct event *event = &moment->record->events[moment->next];

    if (moment->next++ != moment->machine.events)
        return;
    if (machine_apply(&moment->machine, event)) {
        note(moment, event);
        return;
    }
    complain("event %lu does not fit, because %s. The machine stays as it was before.",
             moment->next - 1, moment->machine.problem);
}

void moment_go(struct moment *moment, uint64_t n)
{
    while (moment->next <= n)
        moment_step(moment);
}
