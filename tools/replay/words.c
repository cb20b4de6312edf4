/* Events, entries and regions in words. The names are those of the kernel (mm/frame.h, vm/vspace.h,
   vm/vregion.h, arch/trap.h). */
#include "words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "places.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const char *colour_dim = "", *colour_bold = "", *colour_end = "";

void colours_choose(void)
{
    if (!isatty(STDOUT_FILENO))
        return;
    colour_dim = "\33[2m";
    colour_bold = "\33[1m";
    colour_end = "\33[m";
}

void text_add(struct text *text, const char *format, ...)
{
    size_t room = sizeof(text->bytes) - text->len;
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text->bytes + text->len, room, format, args);
    va_end(args);
    text->len += len < 0 ? 0 : (size_t)len < room ? (size_t)len : room - 1;
}

const char *frame_kind_name(unsigned kind)
{
    static const char *const names[] = {"reserved", "free", "free",   "anon",   "table",
                                        "cache",    "heap", "kstack", "kernel", "zero page"};

    return kind < COUNT(names) ? names[kind] : "?";
}

static const char *const outcomes[] = {
    "zero_mapped",    "zero_filled", "file_mapped", "file_copied", "shared_mapped",
    "shared_dirtied", "reused",      "copied",      "spurious",    "not_mapped",
    "not_allowed",    "no_page",     "no_memory",   "interrupted",
};

const char *outcome_name(uint64_t outcome)
{
    return outcome < COUNT(outcomes) ? outcomes[outcome] : "would_wait";
}

int outcome_find(const char *name)
{
    for (unsigned n = 0; n < COUNT(outcomes); n++)
        if (strcmp(outcomes[n], name) == 0)
            return n;
    return -1;
}

const char *level_name(int level)
{
    static const char *const names[] = {"?", "leaf table", "level 2 table", "level 3 table",
                                        "root"};

    return level > 0 && level <= ROOT_LEVEL ? names[level] : names[0];
}

void text_add_entry(struct text *text, struct moment *moment, uint64_t entry)
{
    static const struct {
        uint64_t bit;
        const char *name;
    } bits[] = {
        {PTE_PRESENT, "P"}, {PTE_WRITE, "W"},       {PTE_USER, "U"},      {PTE_ACCESSED, "A"},
        {PTE_DIRTY, "D"},   {PTE_SHARED, "SHARED"}, {PTE_FRESH, "FRESH"}, {PTE_NX, "NX"},
    };
    uint64_t number = entry_target(entry);
    const char *between = "";

    if (!entry) {
        text_add(text, "absent");
        return;
    }
    text_add(text, "frame %#" PRIx64 " [", number);
    for (unsigned n = 0; n < COUNT(bits); n++) {
        if (!(entry & bits[n].bit))
            continue;
        text_add(text, "%s%s", between, bits[n].name);
        between = " ";
    }
    text_add(text, entry & PTE_PRESENT ? "]" : "] held");
    const struct frame *frame = moment ? frame_at(moment, number) : NULL;
    if (frame)
        text_add(text, ": %s, %u reference%s", frame_kind_name(frame->kind), frame->count,
                 frame->count == 1 ? "" : "s");
}

void text_add_attributes(struct text *text, uint64_t attributes)
{
    static const char *const kinds[] = {"map", "heap", "stack"};
    unsigned kind = attributes >> 8 & 0xff;

    text_add(text, "%c%c%c %s%s", attributes & 1 ? 'r' : '-', attributes & 2 ? 'w' : '-',
             attributes & 4 ? 'x' : '-', kind < COUNT(kinds) ? kinds[kind] : "?",
             attributes >> 24 & 1 ? " shared" : " private");
}

void text_add_region(struct text *text, struct region *region)
{
    text_add(text, "%#" PRIx64 "-%#" PRIx64 " ", region->start, region->end);
    text_add_attributes(text, region->attributes);
    if (region->pager)
        text_add(text, ", page %" PRIu64 " of object %#" PRIx64, region->page,
                 region->pager & 0xffffffffffff);
}

static const char *process_name(struct moment *moment, uint32_t pid)
{
    const char *name = moment->machine.processes[pid].name;

    return *name ? name : "?";
}

void text_add_process(struct text *text, struct moment *moment, uint32_t pid)
{
    if (pid && pid < PIDS)
        text_add(text, "%s (pid %u)", process_name(moment, pid), pid);
    else
        text_add(text, "the kernel");
}

void text_add_thread(struct text *text, struct moment *moment, uint32_t tid)
{
    uint32_t pid = pid_of_thread(moment, tid);

    if (!pid)
        text_add(text, tid ? "tid %u" : "kernel", tid);
    else if (pid == tid)
        text_add(text, "%s/%u", process_name(moment, pid), tid);
    else
        text_add(text, "%s/%u:%u", process_name(moment, pid), pid, tid);
}

void text_add_space(struct text *text, struct moment *moment, uint64_t number)
{
    text_add(text, "space %" PRIu64, number);
    if (pid_of_space(moment, number)) {
        text_add(text, " of ");
        text_add_process(text, moment, pid_of_space(moment, number));
    } else {
        text_add(text, ", of no process");
    }
}

static void add_tree(struct text *text, struct moment *moment, uint64_t tree)
{
    struct vspace *space = machine_vspace_of_tree(&moment->machine, tree);

    text_add_space(text, moment, space ? space->number : 0);
}

/* ---- Events ---- */

static void add_entry_set(struct text *text, struct moment *moment, const uint64_t *words)
{
    const struct frame *table = frame_at(moment, words[0]);

    text_add(text, "%s %#" PRIx64 "[%" PRIu64 "]", table ? level_name(table->level) : "table",
             words[0], words[1]);
    if (table && moment->bases[words[0]] != NO_BASE)
        text_add(text, " for %#" PRIx64,
                 moment->bases[words[0]] + words[1] * level_span(table->level));
    text_add(text, ": ");
    text_add_entry(text, NULL, words[2]);
    text_add(text, " -> ");
    if (words[2] && words[3] && !((words[2] ^ words[3]) & PTE_ADDR)) {
        struct text entry = {.len = 0};

        text_add_entry(&entry, NULL, words[3]);
        text_add(text, "%s", strchr(entry.bytes, '['));
    } else {
        text_add_entry(text, NULL, words[3]);
    }
}

static void add_table_copy(struct text *text, struct moment *moment, const uint64_t *words)
{
    const struct vspace *parent = space_of_root(moment, words[1]);
    const struct vspace *child = space_of_root(moment, words[0]);

    text_add(text, "%s %#" PRIx64 " is copied to %#" PRIx64 ": W is cleared in both",
             level_name(words[2]), words[1], words[0]);
    if (parent && child)
        text_add(text, " (fork of space %" PRIu64 " from %" PRIu64 ")", child->number,
                 parent->number);
}

static void add_frame(struct text *text, uint64_t number, uint64_t kind, uint64_t order)
{
    text_add(text, "frame %#" PRIx64 " %s", number, frame_kind_name(kind));
    if (order)
        text_add(text, ", %u frames", 1u << order);
}

static void add_access(struct text *text, const uint64_t *words)
{
    text_add(text, "%s at %#" PRIx64 "%s",
             words[2] & 1 << 4   ? "exec"
             : words[2] & 1 << 1 ? "write"
                                 : "read",
             words[1], words[2] & 1 << 2 ? "" : ", by the kernel");
}

static void add_range(struct text *text, uint64_t start, uint64_t end)
{
    if (start == 0 && end >= USER_END)
        text_add(text, "all addresses");
    else
        text_add(text, "%#" PRIx64 "-%#" PRIx64, start, end);
}

static void add_region(struct text *text, struct moment *moment, const struct event *event)
{
    const uint64_t *words = event->words;

    text_add(text, "%#" PRIx64 "-%#" PRIx64 " ", words[1], words[2]);
    if (event->kind != EVENT_region_unmap) {
        text_add_attributes(text, words[3]);
        text_add(text, " ");
    }
    if (event->kind == EVENT_region_change && words[4] != words[1])
        text_add(text, "(began at %#" PRIx64 ") ", words[4]);
    text_add(text, "in ");
    add_tree(text, moment, words[0]);
}

static void add_flush(struct text *text, struct moment *moment, const uint64_t *words)
{
    struct vspace *space = space_of_root(moment, words[1]);

    add_range(text, words[2], words[3]);
    text_add(text, " of ");
    text_add_space(text, moment, space ? space->number : 0);
    text_add(text, ", generation %" PRIu64, words[0]);
}

static void add_request(struct text *text, const struct event *event)
{
    static const char *const kinds[] = {"flush a space", "flush any", "leave the space"};
    const uint64_t *words = event->words;

    text_add(text, event->kind == EVENT_tlb_ask ? "CPUs %#" PRIx64 ": " : "CPU %" PRIu64 ": ",
             words[0]);
    text_add(text, "%s, ", words[1] < COUNT(kinds) ? kinds[words[1]] : "?");
    add_range(text, words[2], words[3]);
}

void text_add_event(struct text *text, struct moment *moment, const struct event *event)
{
    const uint64_t *words = event->words;

    switch ((enum event_kind)event->kind) {
    case EVENT_memory:
        text_add(text, "%" PRIu64 " frames", words[1]);
        break;
    case EVENT_frames_added:
        text_add(text, "frames %#" PRIx64 "-%#" PRIx64 " are free", words[0], words[1]);
        break;
    case EVENT_frame_alloc:
    case EVENT_frame_free:
        add_frame(text, words[0], words[1], words[2]);
        break;
    case EVENT_frame_get:
    case EVENT_frame_put:
        text_add(text, "frame %#" PRIx64 " has %" PRIu64 " reference%s", words[1], words[0],
                 words[0] == 1 ? "" : "s");
        break;
    case EVENT_table_new:
        text_add(text, "frame %#" PRIx64 " is an empty %s", words[0], level_name(words[1]));
        break;
    case EVENT_table_copy:
        add_table_copy(text, moment, words);
        break;
    case EVENT_entry_set:
        add_entry_set(text, moment, words);
        break;
    case EVENT_vspace_new:
        text_add(text, "space %" PRIu64 ", root %#" PRIx64, words[0], words[3]);
        break;
    case EVENT_vspace_fork:
        text_add(text, "space %" PRIu64 " from ", words[0]);
        text_add_space(text, moment, words[1]);
        break;
    case EVENT_vspace_end:
        text_add_space(text, moment, words[0]);
        break;
    case EVENT_region_map:
    case EVENT_region_change:
    case EVENT_region_unmap:
        add_region(text, moment, event);
        break;
    case EVENT_region_object:
        text_add(text, "the region at %#" PRIx64 " shows object %#" PRIx64 " from page %" PRIu64,
                 words[1], words[2] & 0xffffffffffff, words[3]);
        break;
    case EVENT_fault_begin:
        add_access(text, words);
        break;
    case EVENT_fault_end:
        text_add(text, "%#" PRIx64 ": %s", words[1], outcome_name(words[2]));
        break;
    case EVENT_tlb_flush:
        add_flush(text, moment, words);
        break;
    case EVENT_tlb_ask:
    case EVENT_tlb_answer:
        add_request(text, event);
        break;
    case EVENT_fork:
        text_add_process(text, moment, words[1]);
        text_add(text, " has the child %" PRIu64 ", in space %" PRIu64, words[0], words[2]);
        break;
    case EVENT_exec:
        text_add_process(text, moment, words[0]);
        text_add(text, ", in space %" PRIu64, words[1]);
        break;
    case EVENT_exit:
        text_add_process(text, moment, words[0]);
        text_add(text, ", status %#" PRIx64, words[1]);
        break;
    case EVENT_thread_start:
    case EVENT_thread_end:
        text_add(text, "tid %" PRIu64 " of ", words[0]);
        text_add_process(text, moment, words[1]);
        break;
    case EVENT_thread_rename:
        text_add(text, "tid %" PRIu64 " was %" PRIu64, words[0], words[1]);
        break;
    case EVENT_switch:
        text_add_thread(text, moment, words[0]);
        text_add(text, " -> ");
        text_add_thread(text, moment, words[1]);
        break;
    case EVENT_page_in:
    case EVENT_page_out:
        text_add(text, "page %" PRIu64 " of object %#" PRIx64 ", frame %#" PRIx64, words[1],
                 words[0] & 0xffffffffffff, words[2]);
        if (words[3])
            text_add(text, ", error %" PRIu64, words[3]);
        break;
    case EVENT_end:
        text_add(text, "status %" PRIu64, words[0]);
        break;
    case EVENT_none:
    case EVENT_KINDS:
        break;
    }
}

void event_line(struct moment *moment, uint64_t n)
{
    const struct event *event = &moment->record->events[n];
    struct text thread = {.len = 0}, text = {.len = 0};

    text_add_thread(&thread, moment, event->thread);
    text_add_event(&text, moment, event);
    const char *place = place_text(event_place(event));
    printf("%8" PRIu64 " %u %-12s %s%-13s%s %s", n, event->cpu, thread.bytes, colour_bold,
           event_name(event->kind), colour_end, text.bytes);
    printf(*place ? "  %s%s%s\n" : "\n", colour_dim, place, colour_end);
}
