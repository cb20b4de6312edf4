/* at: the machine right after an event. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "message.h"
#include "places.h"
#include "words.h"

/* ---- The walk of an address ---- */

void walk_print(struct moment *moment, struct vspace *space, uint64_t address)
{
    static const char *const names[] = {"", "leaf", "level 2", "level 3", "root"};
    struct walk walk = walk_at(moment, space, address);

    printf("walk of %#" PRIx64 ":\n", address);
    for (int level = ROOT_LEVEL; level >= walk.bottom; level--) {
        struct text text = {.len = 0};

        text_add_entry(&text, moment, walk.entry[level]);
        printf("  %-8s table %#" PRIx64 "[%u] %s\n", names[level], walk.table[level],
               level_index(level, address), text.bytes);
    }
    if (!walk_shows_page(&walk))
        puts(walk.bottom == LEAF_LEVEL && walk.entry[LEAF_LEVEL]
                 ? "  the page is held: nobody may touch it"
                 : "  no page is present there");
    else if (walk_is_writable(&walk))
        puts("  writable");
    else
        puts("  not writable: W is clear on the way");
}

static bool address_print(struct moment *moment, const struct query *query)
{
    struct vspace *space = query_space(query, moment);
    struct text text = {.len = 0};

    if (!space)
        return false;
    struct region *region = region_at(space, query->page);
    text_add_space(&text, moment, space->number);
    text_add(&text, ", region ");
    if (region)
        text_add_region(&text, region);
    else
        text_add(&text, "none");
    puts(text.bytes);
    walk_print(moment, space, query->page);
    return true;
}

/* ---- The owners of a frame ---- */

/* Prints the spaces whose walk comes through entry `n` of a table. */
static void sharers_print(struct moment *moment, uint64_t number, unsigned n)
{
    const struct frame *table = frame_at(moment, number);
    uint64_t base = moment->bases[number], address = base + n * level_span(table->level);

    for (uint64_t s = 1; base != NO_BASE && s < moment->machine.nvspaces; s++) {
        struct vspace *space = space_at(moment, s);
        struct text text = {.len = 0};

        if (!space || walk_at(moment, space, address).table[table->level] != number)
            continue;
        text_add_space(&text, moment, s);
        printf("      in %s\n", text.bytes);
    }
}

static unsigned entries_print(struct moment *moment, uint64_t number)
{
    unsigned count = 0;

    for (uint64_t f = 0; f < moment->machine.nframes; f++) {
        const struct frame *table = frame_at(moment, f);

        for (unsigned n = 0; table->entries && n < TABLE_ENTRIES; n++) {
            struct text text = {.len = 0};

            if (!table->entries[n].value || entry_target(table->entries[n].value) != number)
                continue;
            text_add_entry(&text, NULL, table->entries[n].value);
            printf("  %s %#" PRIx64 "[%u] for %#" PRIx64 ": %s\n", level_name(table->level), f, n,
                   moment->bases[f] + n * level_span(table->level), strchr(text.bytes, '['));
            sharers_print(moment, f, n);
            count++;
        }
    }
    return count;
}

/* Returns the last event by which a holder other than an entry may have taken a reference. */
static uint64_t last_taken(struct moment *moment, uint64_t number)
{
    for (uint64_t n = moment->next; n-- > 0;) {
        const struct event *event = &moment->record->events[n];

        if ((event->kind == EVENT_frame_get && event->words[1] == number) ||
            (event->kind == EVENT_frame_alloc && event->words[0] == number))
            return n;
    }
    return NEVER;
}

static bool frame_print(struct moment *moment, uint64_t number)
{
    const struct frame *frame = frame_at(moment, number);
    unsigned found = 0;

    if (!frame)
        return complain("there is no frame %#lx: the machine has %#x", number,
                        moment->machine.nframes);
    printf("frame %#" PRIx64 ": %s, %u reference%s\n", number, frame_kind_name(frame->kind),
           frame->count, frame->count == 1 ? "" : "s");
    if (frame->allocated != NEVER && frame->count > 0)
        printf("  allocated by event %" PRIu64 ", %s\n", frame->allocated,
               place_text(event_place(&moment->record->events[frame->allocated])));
    struct vspace *space = space_of_root(moment, number);
    if (space) {
        struct text text = {.len = 0};

        text_add_space(&text, moment, space->number);
        printf("  the root of %s\n", text.bytes);
        found++;
    }
    found += entries_print(moment, number);
    if (frame->count > found) {
        uint64_t taken = last_taken(moment, number);

        printf("  the kernel holds %u: ", frame->count - found);
        if (taken == NEVER)
            puts("since before the recording");
        else
            printf("the last reference was taken by event %" PRIu64 ", %s\n", taken,
                   place_text(event_place(&moment->record->events[taken])));
    }
    return true;
}

/* ---- All processes ---- */

struct sizes {
    unsigned tables, pages, writable;
};

/* Counts what is reachable from a table; `mine`: W is set all the way. */
static void tables_count(struct moment *moment, uint64_t number, bool mine, struct sizes *sizes)
{
    const struct frame *table = frame_at(moment, number);

    if (!table || !table->entries)
        return;
    sizes->tables++;
    for (unsigned n = 0; n < (table->level == ROOT_LEVEL ? USER_ENTRIES : TABLE_ENTRIES); n++) {
        uint64_t entry = table->entries[n].value;
        bool is_mine = mine && (entry & PTE_WRITE);

        if (entry && table->level > LEAF_LEVEL)
            tables_count(moment, entry_target(entry), is_mine, sizes);
        else if (entry) {
            sizes->pages++;
            sizes->writable += is_mine;
        }
    }
}

static unsigned regions_count(struct vspace *space)
{
    unsigned count = 0;

    for (struct region *region = region_first(space); region; region = region_next(region))
        count++;
    return count;
}

/* Prints a row about a process, or, if `pid` is 0, about a space that no process has. */
static void space_row(struct moment *moment, uint32_t pid, struct vspace *space)
{
    struct sizes sizes = {0};
    char process[16] = "    -      -";

    if (pid)
        snprintf(process, sizeof(process), "%5u %6u", pid, moment->parents[pid]);
    tables_count(moment, space->root, true, &sizes);
    printf("%s %5" PRIu64 " %7u %6u %5u %8u  %s\n", process, space->number, regions_count(space),
           sizes.tables, sizes.pages, sizes.writable,
           pid ? moment->machine.processes[pid].name : "");
}

static void processes_print(struct moment *moment)
{
    puts("  pid parent space regions tables pages writable  name");
    for (uint32_t pid = 1; pid < PIDS; pid++) {
        const struct process *process = &moment->machine.processes[pid];
        struct vspace *space = process->lives ? space_at(moment, process->vspace) : NULL;

        if (space)
            space_row(moment, pid, space);
    }
    for (uint64_t number = 1; number < moment->machine.nvspaces; number++) {
        struct vspace *space = space_at(moment, number);

        if (space && space->processes == 0)
            space_row(moment, 0, space);
    }
}

static void frames_print(struct moment *moment)
{
    uint64_t counts[FRAME_KINDS_MAX] = {0};
    const char *between = "frames: ";

    for (uint64_t n = 0; n < moment->machine.nframes; n++) {
        const struct frame *frame = frame_at(moment, n);

        if (frame->state == STATE_USED)
            counts[frame->kind % FRAME_KINDS_MAX] += 1ul << frame->order;
    }
    for (unsigned kind = 0; kind < FRAME_KINDS_MAX; kind++) {
        if (!counts[kind])
            continue;
        printf("%s%" PRIu64 " %s", between, counts[kind], frame_kind_name(kind));
        between = ", ";
    }
    putchar('\n');
}

static bool process_print(struct moment *moment, const struct query *query)
{
    struct vspace *space = query_space(query, moment);
    struct text title = {.len = 0};

    if (!space)
        return false;
    text_add_space(&title, moment, space->number);
    printf("%s: root %#x, %u regions\n", title.bytes, space->root, regions_count(space));
    for (struct region *region = region_first(space); region; region = region_next(region)) {
        struct text text = {.len = 0};
        uint64_t present = 0;

        for (uint64_t page = region->start; page < region->end;) {
            struct walk walk = walk_at(moment, space, page);

            if (walk.bottom > ROOT_LEVEL)
                break;
            present += walk.bottom == LEAF_LEVEL && walk.entry[LEAF_LEVEL];
            page = (page / level_span(walk.bottom) + 1) * level_span(walk.bottom);
        }
        text_add_region(&text, region);
        printf("  %s: %" PRIu64 " of %" PRIu64 " pages, since event %" PRIu64 "\n", text.bytes,
               present, (region->end - region->start) / PAGE_SIZE, region->last);
    }
    return true;
}

bool at_command(const struct record *record, char **words)
{
    struct query query;
    struct moment moment;
    bool is_good = true;

    if (!query_parse(&query, record, words))
        return false;
    if (!query.has_number || query.first != query.last)
        return complain("at: say which event, as in `at 1000`");
    moment_init(&moment, record);
    moment_go(&moment, query.first);
    event_line(&moment, query.first);
    if (query.has_frame)
        is_good = frame_print(&moment, query.frame);
    if (query.has_page)
        is_good = address_print(&moment, &query) && is_good;
    else if (query.has_pid || query.has_space)
        is_good = process_print(&moment, &query) && is_good;
    if (!query.has_frame && !query.has_page && !query.has_pid && !query.has_space) {
        processes_print(&moment);
        frames_print(&moment);
    }
    moment_free(&moment);
    return is_good;
}
