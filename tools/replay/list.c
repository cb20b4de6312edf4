/* list: the events that pass all filters. */
#include <inttypes.h>
#include <string.h>

#include "commands.h"
#include "places.h"
#include "words.h"

static bool is_in(uint64_t page, uint64_t start, uint64_t end)
{
    return page < end && start < page + PAGE_SIZE;
}

/* Returns true if the entries [index, index + count) of a table translate the page. */
static bool table_has_page(struct moment *moment, uint64_t number, uint64_t index, uint64_t count,
                           uint64_t page)
{
    const struct frame *table = frame_at(moment, number);

    if (!table || !table->entries || moment->bases[number] == NO_BASE)
        return false;
    uint64_t start = moment->bases[number] + index * level_span(table->level);
    return is_in(page, start, start + count * level_span(table->level));
}

static bool is_about_page(struct moment *moment, const struct event *event, uint64_t page)
{
    const uint64_t *words = event->words;
    struct region *region;
    struct vspace *space;

    switch (event->kind) {
    case EVENT_fault_begin:
    case EVENT_fault_end:
        return is_in(page, words[1], words[1] + 1);
    case EVENT_region_map:
    case EVENT_region_change:
    case EVENT_region_unmap:
        return is_in(page, words[1], words[2]);
    case EVENT_region_object:
        space = machine_vspace_of_tree(&moment->machine, words[0]);
        region = space ? region_at(space, words[1]) : NULL;
        return region && is_in(page, region->start, region->end);
    case EVENT_entry_set:
        return table_has_page(moment, words[0], words[1], 1, page);
    case EVENT_table_copy:
        return table_has_page(moment, words[1], 0, words[3], page);
    case EVENT_tlb_flush:
    case EVENT_tlb_ask:
    case EVENT_tlb_answer:
        return is_in(page, words[2], words[3]);
    default:
        return false;
    }
}

static bool is_about_frame(const struct event *event, uint64_t frame)
{
    const uint64_t *words = event->words;

    switch (event->kind) {
    case EVENT_frame_alloc:
    case EVENT_frame_free:
        return frame >= words[0] && frame < words[0] + (1ull << words[2]);
    case EVENT_frame_get:
    case EVENT_frame_put:
        return words[1] == frame;
    case EVENT_table_new:
        return words[0] == frame;
    case EVENT_table_copy:
        return words[0] == frame || words[1] == frame;
    case EVENT_entry_set:
        return words[0] == frame || (words[2] && entry_target(words[2]) == frame) ||
               (words[3] && entry_target(words[3]) == frame);
    case EVENT_vspace_new:
        return words[3] == frame;
    case EVENT_page_in:
    case EVENT_page_out:
        return words[2] == frame;
    default:
        return false;
    }
}

/* Returns the number of the space that the event is about, or 0. */
static uint64_t number_of_space(struct moment *moment, const struct event *event)
{
    struct vspace *space = NULL;

    if (word_find(event->kind, "vspace") < EVENT_WORDS)
        return event->words[word_find(event->kind, "vspace")];
    if (word_find(event->kind, "tree") == 0)
        space = machine_vspace_of_tree(&moment->machine, event->words[0]);
    else if (event->kind == EVENT_tlb_flush)
        space = space_of_root(moment, event->words[1]);
    return space ? space->number : 0;
}

/* Returns true if the event is about the space, or about a table on one of its paths. */
static bool is_of_space(struct moment *moment, const struct event *event, uint64_t number)
{
    const struct vspace *space = space_at(moment, number);

    if (number_of_space(moment, event) == number)
        return true;
    if (!space || (event->kind != EVENT_entry_set && event->kind != EVENT_table_copy))
        return false;
    const struct frame *table = frame_at(moment, event->words[0]);
    uint64_t base = moment->bases[event->words[0]];

    return base != NO_BASE && table->entries &&
           walk_at(moment, space, base).table[table->level] == event->words[0];
}

/* An event is of a process if one of its threads made it, or if it is about its space. */
static bool is_of_process(struct moment *moment, const struct event *event, uint32_t pid)
{
    unsigned word = word_find(event->kind, "pid");

    return pid_of_thread(moment, event->thread) == pid ||
           pid_of_space(moment, number_of_space(moment, event)) == pid ||
           (word < EVENT_WORDS && event->words[word] == pid);
}

static bool passes(const struct query *query, struct moment *moment, const struct event *event)
{
    if (query->has_kind && !query->kinds[event->kind])
        return false;
    if (query->has_cpu && event->cpu != query->cpu)
        return false;
    if (query->has_tid && event->thread != query->tid)
        return false;
    if (query->has_outcome &&
        (event->kind != EVENT_fault_end || event->words[2] != (uint64_t)query->outcome))
        return false;
    if (query->has_frame && !is_about_frame(event, query->frame))
        return false;
    if (query->has_page && !is_about_page(moment, event, query->page))
        return false;
    if (query->has_space && !is_of_space(moment, event, query->space))
        return false;
    if (query->has_pid && !is_of_process(moment, event, query->pid))
        return false;
    return !query->function || strcmp(place_function(event_place(event)), query->function) == 0;
}

bool list_command(const struct record *record, char **words)
{
    struct query query;
    struct moment moment;
    uint64_t shown = 0;

    if (!query_parse(&query, record, words))
        return false;
    moment_init(&moment, record);
    for (uint64_t n = 0; n <= query.last; n++) {
        moment_step(&moment);
        if (n < query.first || !passes(&query, &moment, &record->events[n]))
            continue;
        event_line(&moment, n);
        shown++;
    }
    printf("%" PRIu64 " of %" PRIu64 " events\n", shown, query.last - query.first + 1);
    moment_free(&moment);
    return true;
}
