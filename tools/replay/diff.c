/* diff: what differs between two moments: address spaces, regions, pages and frames. */
#include <inttypes.h>
#include <string.h>

#include "commands.h"
#include "message.h"
#include "places.h"
#include "words.h"

/* Pages next to each other that differ in the same way are one line. */
struct run {
    uint64_t start, end;
    char how[160];
};

static void run_print(struct run *run)
{
    uint64_t pages = (run->end - run->start) / PAGE_SIZE;

    if (pages > 0)
        printf("  %#" PRIx64 "-%#" PRIx64 ", %" PRIu64 " page%s: %s\n", run->start, run->end, pages,
               pages == 1 ? "" : "s", run->how);
    run->start = run->end = 0;
}

static void run_add(struct run *run, uint64_t page, const char *how)
{
    if (run->end != page || strcmp(run->how, how) != 0) {
        run_print(run);
        run->start = page;
        snprintf(run->how, sizeof(run->how), "%s", how);
    }
    run->end = page + PAGE_SIZE;
}

/* "absent", "anon, writable", "cache, read-only" */
static void add_page(struct text *text, struct moment *moment, const struct walk *walk)
{
    uint64_t entry = walk->bottom == LEAF_LEVEL ? walk->entry[LEAF_LEVEL] : 0;
    const struct frame *frame = frame_at(moment, entry_target(entry));

    if (!entry)
        text_add(text, "absent");
    else
        text_add(text, "%s, %s", frame ? frame_kind_name(frame->kind) : "?",
                 !(entry & PTE_PRESENT)   ? "held"
                 : walk_is_writable(walk) ? "writable"
                                          : "read-only");
}

static uint64_t page_frame(const struct walk *walk)
{
    return walk->bottom == LEAF_LEVEL ? entry_target(walk->entry[LEAF_LEVEL]) : 0;
}

/* Compares a page at two moments. */
static void page_compare(struct run *run, struct moment *a, const struct walk *before,
                         struct moment *b, const struct walk *after, uint64_t page)
{
    struct text was = {.len = 0}, is = {.len = 0}, how = {.len = 0};

    add_page(&was, a, before);
    add_page(&is, b, after);
    if (page_frame(before) == page_frame(after) && strcmp(was.bytes, is.bytes) == 0)
        return;
    text_add(&how, "%.60s -> %.60s", was.bytes, is.bytes);
    if (page_frame(before) && page_frame(after))
        text_add(&how, page_frame(before) == page_frame(after) ? " (the same frame)"
                                                               : " (another frame)");
    run_add(run, page, how.bytes);
}

static struct walk walk_or_none(struct moment *moment, struct vspace *space, uint64_t address)
{
    return space ? walk_at(moment, space, address) : (struct walk){.bottom = ROOT_LEVEL};
}

/* Compares the pages of a space at two moments; NULL: it does not exist. */
static void pages_compare(struct moment *a, struct vspace *before, struct moment *b,
                          struct vspace *after)
{
    struct run run = {.start = 0};

    for (uint64_t page = 0; page < USER_END;) {
        struct walk was = walk_or_none(a, before, page), is = walk_or_none(b, after, page);
        int level = was.bottom < is.bottom ? was.bottom : is.bottom;

        if (level > ROOT_LEVEL)
            break;
        if (level == LEAF_LEVEL)
            page_compare(&run, a, &was, b, &is, page);
        page = (page / level_span(level) + 1) * level_span(level);
    }
    run_print(&run);
}

static bool region_is_same(const struct region *a, const struct region *b)
{
    return a->start == b->start && a->end == b->end && a->attributes == b->attributes &&
           a->pager == b->pager && a->page == b->page;
}

/* Prints the regions of one moment that the other does not have; NULL: it has none. */
static void regions_print_missing(struct vspace *from, struct vspace *in, char sign)
{
    struct region *region = from ? region_first(from) : NULL;

    for (; region; region = region_next(region)) {
        const struct region *other = in ? region_at(in, region->start) : NULL;
        struct text text = {.len = 0};

        if (other && region_is_same(region, other))
            continue;
        text_add_region(&text, region);
        printf("  %c region %s\n", sign, text.bytes);
    }
}

static void spaces_compare(struct moment *a, struct moment *b)
{
    for (uint64_t number = 1; number < b->machine.nvspaces; number++) {
        struct vspace *before = space_at(a, number), *after = space_at(b, number);
        struct text text = {.len = 0};

        if (!before && !after)
            continue;
        text_add_space(&text, after ? b : a, number);
        printf("%s%s\n", text.bytes, !before ? ", new" : !after ? ", gone" : "");
        regions_print_missing(before, after, '-');
        regions_print_missing(after, before, '+');
        if (after)
            pages_compare(a, before, b, after);
    }
}

static void frames_compare(struct moment *a, struct moment *b)
{
    int64_t counts[FRAME_KINDS_MAX] = {0};

    for (uint64_t n = 0; n < b->machine.nframes; n++) {
        const struct frame *before = frame_at(a, n), *after = frame_at(b, n);

        if (before && before->state == STATE_USED)
            counts[before->kind % FRAME_KINDS_MAX] -= 1l << before->order;
        if (after->state == STATE_USED)
            counts[after->kind % FRAME_KINDS_MAX] += 1l << after->order;
    }
    printf("frames in use:");
    for (unsigned kind = 0; kind < FRAME_KINDS_MAX; kind++)
        if (counts[kind])
            printf(" %+" PRId64 " %s", counts[kind], frame_kind_name(kind));
    putchar('\n');
}

bool diff_command(const struct record *record, char **words)
{
    struct query first, last;
    struct moment before, after;
    char *one[] = {words[0], NULL}, *other[] = {words[0] ? words[1] : NULL, NULL};

    if (!other[0] || words[2])
        return complain("diff: say between which two events, as in `diff 1000 2000`");
    if (!query_parse(&first, record, one) || !query_parse(&last, record, other))
        return false;
    if (!first.has_number || !last.has_number || first.first > last.first)
        return complain("diff: two events are needed, the earlier one first");
    moment_init(&before, record);
    moment_init(&after, record);
    moment_go(&before, first.first);
    moment_go(&after, last.first);
    spaces_compare(&before, &after);
    frames_compare(&before, &after);
    moment_free(&before);
    moment_free(&after);
    return true;
}
