/* why: the chain of events that have made the entries on the walk of an address what they are.

   The chain is found backwards. An entry_set is the origin of an entry. If the entry came with a
   copy of its table, the search goes on in the source, from the copy on. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "message.h"
#include "places.h"
#include "words.h"

#define LINKS_MAX 256

/* Events, in no order until they are printed. */
struct chain {
    const struct record *record;
    uint64_t links[LINKS_MAX];
    unsigned count;
};

/* The origin of an entry. */
struct origin {
    uint64_t set;     /* the event that has put its target there, or NEVER */
    uint64_t cleared; /* the copy that has cleared W in it since, or NEVER */
};

static void add(struct chain *chain, uint64_t n)
{
    for (unsigned i = 0; i < chain->count; i++)
        if (chain->links[i] == n)
            return;
    if (n != NEVER && chain->count < LINKS_MAX)
        chain->links[chain->count++] = n;
}

/* Adds the events that have made entry `index` of the table what it is right before event `end`. */
static struct origin trace_entry(struct chain *chain, uint64_t table, unsigned index, uint64_t end)
{
    struct origin origin = {NEVER, NEVER};
    bool is_known = false;

    for (uint64_t n = end; n-- > 0;) {
        const struct event *event = &chain->record->events[n];
        const uint64_t *words = event->words;

        if (event->kind == EVENT_entry_set && words[0] == table && words[1] == index) {
            if (!is_known || !words[3] || (words[3] & PTE_WRITE))
                add(chain, n);
            if (!is_known && (words[3] & PTE_WRITE))
                add(chain, origin.cleared);
            else if (!is_known)
                origin.cleared = NEVER;
            is_known = true;
            origin.set = n;
            if (!words[2] || !words[3] || entry_target(words[2]) != entry_target(words[3])) {
                add(chain, n);
                return origin;
            }
        } else if (event->kind == EVENT_table_copy && index < words[3] &&
                   (words[0] == table || words[1] == table)) {
            /* The earliest copy since the entry was set is the one that has cleared W. */
            if (!is_known)
                origin.cleared = n;
            if (words[0] == table) {
                add(chain, n);
                table = words[1];
            }
        } else if (event->kind == EVENT_table_new && words[0] == table) {
            return origin;
        }
    }
    return origin;
}

/* Returns the last event before `end` of that kind that has `value` as its word `word`. */
static uint64_t last_with(const struct record *record, enum event_kind kind, unsigned word,
                          uint64_t value, uint64_t end)
{
    for (uint64_t n = end; n-- > 0;)
        if (record->events[n].kind == kind && record->events[n].words[word] == value)
            return n;
    return NEVER;
}

/* Adds the fault in which a thread has made event `n`, if it was in one. */
static void add_fault(struct chain *chain, uint64_t n, uint64_t last)
{
    const struct event *events = chain->record->events;
    uint64_t begin = n, end = n;

    while (begin-- > 0)
        if (events[begin].thread == events[n].thread &&
            (events[begin].kind == EVENT_fault_begin || events[begin].kind == EVENT_fault_end))
            break;
    if (begin == NEVER || events[begin].kind != EVENT_fault_begin)
        return;
    add(chain, begin);
    while (++end <= last)
        if (events[end].thread == events[n].thread && events[end].kind == EVENT_fault_end) {
            add(chain, end);
            return;
        }
}

/* If event `n`, an entry_set, has replaced a target that was shared, adds the copy by which it was
   shared. */
static void add_cause(struct chain *chain, uint64_t n)
{
    const uint64_t *set = chain->record->events[n].words;

    if (!set[2] || !set[3] || (set[2] & PTE_WRITE) || !(set[3] & PTE_WRITE))
        return;
    while (n-- > 0) {
        const struct event *event = &chain->record->events[n];

        if (event->kind == EVENT_entry_set && event->words[0] == set[0] &&
            event->words[1] == set[1])
            return;
        if (event->kind == EVENT_table_copy && set[1] < event->words[3] &&
            (event->words[0] == set[0] || event->words[1] == set[0])) {
            add(chain, n);
            return;
        }
    }
}

/* Adds where the frame came from that event `n`, an entry_set, has put into an entry. */
static void add_frame(struct chain *chain, uint64_t n)
{
    uint64_t entry = chain->record->events[n].words[3];

    if (!entry)
        return;
    uint64_t begin = last_with(chain->record, EVENT_frame_alloc, 0, entry_target(entry), n);
    uint64_t read = last_with(chain->record, EVENT_page_in, 2, entry_target(entry), n);
    add(chain, begin);
    if (read != NEVER && (begin == NEVER || read > begin))
        add(chain, read);
}

/* Adds how the region came to be, and, after a fork, that of the parent. */
static void add_region(struct chain *chain, struct moment *moment, struct vspace *space,
                       uint64_t address, uint64_t end)
{
    const struct event *events = chain->record->events;

    for (uint64_t n = end; n-- > space->born;) {
        const uint64_t *words = events[n].words;
        bool is_map = events[n].kind == EVENT_region_map;

        if ((!is_map && events[n].kind != EVENT_region_change) || words[0] != space->tree ||
            address < words[1] || address >= words[2])
            continue;
        add(chain, n);
        if (!is_map && words[4] > address)
            break; /* it has grown down to here */
        if (is_map)
            break;
    }
    uint64_t fork = last_with(chain->record, EVENT_vspace_fork, 0, space->number, end);
    struct vspace *parent = space_at(moment, space->parent);
    if (fork == NEVER || !parent)
        return;
    add(chain, fork);
    add_region(chain, moment, parent, address, fork);
}

static int compare(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

    return left < right ? -1 : left > right;
}

/* Prints the chain, each event with the names that were in use then. */
static void chain_print(struct chain *chain)
{
    struct moment moment;

    qsort(chain->links, chain->count, sizeof(chain->links[0]), compare);
    moment_init(&moment, chain->record);
    for (unsigned n = 0; n < chain->count; n++) {
        moment_go(&moment, chain->links[n]);
        event_line(&moment, chain->links[n]);
    }
    moment_free(&moment);
}

/* Says what the walk allows, and since when. */
static void verdict_print(struct moment *moment, struct vspace *space,
                          const struct origin origins[], uint64_t address)
{
    struct walk walk = walk_at(moment, space, address);
    struct region *region = region_at(space, address);
    int level = ROOT_LEVEL;

    while (level > LEAF_LEVEL && (walk.entry[level] & PTE_WRITE))
        level--;
    if (!region) {
        puts("No region promises anything there.");
    } else if (!walk_shows_page(&walk)) {
        puts(walk.entry[walk.bottom] ? "The page is held, and nobody may touch it."
                                     : "The region promises a page, and no fault has asked for it "
                                       "since. The next access does.");
    } else if (walk_is_writable(&walk)) {
        puts("The page can be written: W is set in every entry, so it is reached by this walk "
             "alone.");
    } else if (!(region->attributes & 2)) {
        puts("The page is read-only, because its region is.");
    } else {
        printf("The page is read-only: W is clear in the entry of the %s", level_name(level));
        if (origins[level].cleared != NEVER)
            printf(", since it was shared by the copy of event %" PRIu64, origins[level].cleared);
        const struct frame *frame = frame_at(moment, entry_target(walk.entry[level]));
        const char *what = level == LEAF_LEVEL ? "page" : level_name(level - 1);
        bool is_reused = frame && frame->count == 1 && frame->kind != 9;
        printf(". The next write %s the %s%s.\n", is_reused ? "reuses" : "copies", what,
               is_reused             ? ", because this entry is its last owner"
               : level == LEAF_LEVEL ? ""
                                     : ", and all that is below it on this walk");
    }
}

static bool why_print(struct moment *moment, const struct query *query)
{
    struct vspace *space = query_space(query, moment);
    struct chain chain = {.record = moment->record};
    struct origin origins[ROOT_LEVEL + 1];

    if (!space)
        return false;
    struct walk walk = walk_at(moment, space, query->page);
    add_region(&chain, moment, space, query->page, moment->next);
    for (int level = ROOT_LEVEL; level >= walk.bottom; level--) {
        origins[level] =
            trace_entry(&chain, walk.table[level], level_index(level, query->page), moment->next);
        if (origins[level].set == NEVER)
            continue;
        add_frame(&chain, origins[level].set);
        add_cause(&chain, origins[level].set);
    }
    for (unsigned n = 0, count = chain.count; n < count; n++)
        if (moment->record->events[chain.links[n]].kind == EVENT_entry_set)
            add_fault(&chain, chain.links[n], query->last);
    chain_print(&chain);
    walk_print(moment, space, query->page);
    verdict_print(moment, space, origins, query->page);
    return true;
}

/* Takes the first word, "ADDR@N", apart into "page=ADDR" and "N". */
bool why_command(const struct record *record, char **words)
{
    char page[40], number[24], *parts[32] = {page, number};
    struct query query;
    struct moment moment;
    char *at = words[0] ? strchr(words[0], '@') : NULL;

    if (!at || at - words[0] > 20 || strlen(at) > 20)
        return complain("why: say which address, and after which event, as in "
                        "`why 0x604000@1000`");
    snprintf(page, sizeof(page), "page=%.*s", (int)(at - words[0]), words[0]);
    snprintf(number, sizeof(number), "%s", at + 1);
    for (unsigned n = 1; words[n] && n < 30; n++)
        parts[n + 1] = words[n];
    if (!query_parse(&query, record, parts))
        return false;
    if (!query.has_number || query.first != query.last)
        return complain("why: '%s' is no event", number);
    if (query.page >= USER_END)
        return complain("why: %#lx is no address of a program", query.page);
    moment_init(&moment, record);
    moment_go(&moment, query.first);
    bool is_good = why_print(&moment, &query);
    moment_free(&moment);
    return is_good;
}
