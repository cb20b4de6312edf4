/* Making, checking and printing operations (op.h). */

#include <stdio.h>
#include <arch/trap.h>
#include "object.h"
#include "op.h"
#include "places.h"

const uint16_t word_offsets[NWORDS] = {0, 8, 2048, PAGE_SIZE - 8};

#define RX (PROT_R | PROT_X)
#define RW (PROT_R | PROT_W)

const struct op program_maps[PROGRAM_MAPS] = {
    {.kind = OP_MAP, .first = PROGRAM, .last = PROGRAM + 1, .prot = RX, .flags = F_OBJECT},
    {.kind = OP_MAP,
     .first = PROGRAM + 2,
     .last = PROGRAM + 3,
     .prot = RW,
     .flags = F_OBJECT | F_PARTIAL,
     .index = 2},
    {.kind = OP_MAP, .first = STACK, .last = STACK + 7, .prot = RW, .flags = F_STACK},
};

/* ---- Queries ---- */

uint64_t op_stored(const struct op *op)
{
    return (op->value + 1ul) * 0x9e3779b97f4a7c15ul;
}

bool op_is_access(const struct op *op)
{
    return op->kind <= OP_STRING;
}

bool op_is_copy(const struct op *op)
{
    return op->kind >= OP_COPY_IN && op->kind <= OP_STRING;
}

bool op_is_foreign(const struct op *op)
{
    return op->kind >= OP_PEEK && op->kind <= OP_POKE;
}

unsigned op_access(const struct op *op)
{
    if (op->kind == OP_WRITE || op->kind == OP_COPY_OUT || op->kind == OP_CLEAR ||
        op->kind == OP_POKE)
        return FAULT_WRITE;
    return op->kind == OP_FETCH ? FAULT_EXEC : 0;
}

uint64_t op_copy_start(const struct op *op)
{
    bool runs_on = op->first + 1u == NPLACES || place_is_page(op->first + 1u);

    return runs_on ? places[op->first].end - COPY_LEN / 2 : places[op->first].start;
}

uint64_t op_object_end(const struct op *op)
{
    return op->word ? min(op->index + op->word, OBJECT_PAGES) : OBJECT_PAGES;
}

int64_t op_delta(const struct op *op)
{
    if (op->flags & F_HUGE)
        return op->delta < 0 ? INT64_MIN + (op->value & 1) : (int64_t)USER_END + op->delta;
    return op->delta;
}

uaddr_t op_data_end(const struct op *op)
{
    uaddr_t end = places[op->last].end;

    if (!(op->flags & (F_SHARED | F_OBJECT)))
        return 0;
    if (!(op->flags & F_PARTIAL) || op->flags & F_SHARED)
        return DATA_FILLS;
    return end - 1024 - (op->word & 1) * PAGE_SIZE;
}

struct vspace_limits op_limits(const struct op *op)
{
    if (op->flags & F_LIMITED)
        return (struct vspace_limits){.data = 20 * PAGE_SIZE,
                                      .space = 48 * PAGE_SIZE,
                                      .stack = 6 * PAGE_SIZE,
                                      .locked = 10 * PAGE_SIZE};
    return (struct vspace_limits){.data = ~0ul,
                                  .space = ~0ul,
                                  .locked = ~0ul,
                                  .stack = (op->flags & F_NO_GROWTH ? 6 : 8) * PAGE_SIZE};
}

/* ---- Making ---- */

static bool wants_one_page(const struct op *op)
{
    return op_is_access(op) || op->kind == OP_WALK_AHEAD || op->kind == OP_REST ||
           op->kind == OP_AWAY || op_is_foreign(op);
}

bool op_advice_flags(const struct op *op, struct flags_change *change)
{
    static const struct flags_change changes[ADVISE_KINDS] = {
        [ADVISE_LOCK] = {VREGION_LOCKED | VREGION_ON_FAULT, VREGION_LOCKED, 0, true},
        [ADVISE_LOCK_ON_FAULT] = {0, VREGION_LOCKED | VREGION_ON_FAULT, 0, true},
        [ADVISE_UNLOCK] = {VREGION_LOCKED | VREGION_ON_FAULT, 0, 0, true},
        [ADVISE_DONTFORK] = {.set = VREGION_DONTFORK},
        [ADVISE_WIPEONFORK] = {.set = VREGION_WIPEONFORK, .forbidden = VREGION_FILE},
        [ADVISE_FORK] = {.clear = VREGION_DONTFORK | VREGION_WIPEONFORK},
    };

    *change = changes[op->index];
    return change->clear | change->set;
}

unsigned op_advice_forbidden(const struct op *op)
{
    struct flags_change change;

    if (op_advice_flags(op, &change))
        return change.forbidden;
    return op->index == ADVISE_FREE ? VREGION_LOCKED | VREGION_FILE : 0;
}

unsigned op_remap_places(const struct op *op)
{
    int npages = op->last - op->first + 1 + op->more;

    return max(npages, 1);
}

/* Returns the first place of the twin that holds the place, or NPLACES. */
static unsigned twin_of(unsigned place)
{
    if (place < TWIN || place >= TWIN_2 + TWIN_PLACES || place == TWIN + TWIN_PLACES)
        return NPLACES;
    return place < TWIN_2 ? TWIN : TWIN_2;
}

/* Makes the range one of a whole table, which moves to its place in the other twin. */
static void choose_table(struct op *op, unsigned twin)
{
    op->first = twin;
    op->last = twin + (op->value % 2 ? TWIN_LEAF_PLACES : TWIN_PLACES) - 1;
    op->to = TWIN + TWIN_2 - twin;
    op->more = 0;
    op->flags |= F_MAY_MOVE | F_FIXED;
}

/* Cuts the range so that it and its new place have pages only, and do not overlap if it is fixed or
   kept. */
static void choose_pages(struct op *op)
{
    unsigned count = 1;

    op->first = page_places[op->first % NPAGES];
    op->to = page_places[op->to % NPAGES];
    while (count < 8 && op->first + count <= op->last && place_is_page(op->first + count))
        count++;
    op->last = op->first + count - 1;
    op->more %= 4;
    if (op->flags & F_KEEP)
        op->more = 0;
    count = max(count, op_remap_places(op));
    if (op->to < op->first + count && op->first < op->to + count)
        op->flags &= ~(F_FIXED | F_KEEP);
    if (op->flags & (F_FIXED | F_KEEP))
        op->flags |= F_MAY_MOVE;
}

static void normalize_remap(struct op *op)
{
    unsigned twin = twin_of(op->first);

    op->flags &= F_MAY_MOVE | F_KEEP | F_FIXED | F_DOUBLE;
    if (twin < NPLACES && op->value % 4 < 2)
        choose_table(op, twin);
    else
        choose_pages(op);
    if (op->flags & F_KEEP || op->more == 0 || op->value % 4 < 3)
        op->flags &= ~F_DOUBLE;
}

void op_normalize(struct op *op)
{
    op->kind %= OP_KINDS;
    op->cpu %= NCPUS;
    op->process %= NPROCESSES;
    op->other %= NPROCESSES;
    op->first %= NPLACES;
    op->last %= NPLACES;
    op->prot &= PROT_R | PROT_W | PROT_X;
    op->object %= NOBJECTS;
    op->index %= op->kind == OP_ADVISE ? ADVISE_KINDS : OBJECT_PAGES;
    op->word %= NWORDS;
    op->delta %= (int32_t)(2 * HEAP_PAGES * PAGE_SIZE);
    op->flags &= ~F_STACK;
    if (op->first > op->last) {
        uint8_t first = op->first;

        op->first = op->last;
        op->last = first;
    }
    if (wants_one_page(op))
        op->first = page_places[op->first % NPAGES];
    if (op->kind == OP_REMAP)
        normalize_remap(op);
    if (op->kind == OP_ADVISE && op->index >= ADVISE_POPULATE_READ) {
        op->first = page_places[op->first % NPAGES];
        op->last = op->first;
    }
    if (op->kind == OP_STRING || op->kind == OP_TRUNCATE || op->kind == OP_EXTEND ||
        op->kind == OP_PUNCH || op->kind == OP_WRITEBACK || op->kind == OP_REST ||
        op->kind == OP_AWAY || (op->kind == OP_ADVISE && op->index < ADVISE_DISCARD))
        op->fail = 0; /* the result does not show how far they came */
}

/* The relative frequency of each kind. */
static const uint8_t weights[OP_KINDS] = {
    [OP_READ] = 30,        [OP_WRITE] = 40,     [OP_FETCH] = 8,       [OP_COPY_IN] = 4,
    [OP_COPY_OUT] = 6,     [OP_CLEAR] = 2,      [OP_STRING] = 3,      [OP_MAP] = 12,
    [OP_MAP_ANYWHERE] = 3, [OP_UNMAP] = 7,      [OP_PROTECT] = 12,    [OP_SBRK] = 6,
    [OP_TRUNCATE] = 2,     [OP_EXTEND] = 2,     [OP_FORK] = 6,        [OP_PROGRAM] = 4,
    [OP_EXIT] = 4,         [OP_THREAD] = 3,     [OP_THREAD_EXIT] = 2, [OP_LOAD] = 10,
    [OP_UNLOAD] = 2,       [OP_WALK_AHEAD] = 4, [OP_SURVEY] = 1,      [OP_PEEK] = 4,
    [OP_FORCED_PEEK] = 4,  [OP_POKE] = 6,       [OP_REST] = 3,        [OP_AWAY] = 3,
    [OP_REMAP] = 12,       [OP_ADVISE] = 8,     [OP_PUNCH] = 2,       [OP_WRITEBACK] = 4,
};

static enum op_kind random_kind(struct random *random)
{
    static unsigned total;
    unsigned kind = 0;

    if (!total)
        for (unsigned n = 0; n < OP_KINDS; n++)
            total += weights[n];
    for (unsigned at = random_below(random, total); at >= weights[kind]; kind++)
        at -= weights[kind];
    return kind;
}

/* Chooses a range, most often of a few pages in one window. */
static void random_range(struct random *random, struct op *op)
{
    op->first = page_places[random_below(random, NPAGES)];
    if (random_one_in(random, 16))
        op->last = random_below(random, NPLACES);
    else
        op->last = min(op->first + random_below(random, 4), NPLACES - 1);
}

static uint8_t random_prot(struct random *random)
{
    static const uint8_t prots[] = {RW, RW, RW, RW, PROT_R, PROT_R, RX, 0, PROT_W, PROT_X, RW | RX};

    return prots[random_below(random, ARRAY_SIZE(prots))];
}

static uint8_t random_flags(struct random *random)
{
    uint8_t flags = random_below(random, 3); /* anonymous, F_SHARED or F_OBJECT */

    if (random_one_in(random, 3))
        flags |= F_PARTIAL;
    if (random_one_in(random, 4))
        flags |= F_NO_REPLACE;
    if (random_one_in(random, 2))
        flags |= F_HINT;
    if (random_one_in(random, 8))
        flags |= F_HUGE | F_LIMITED;
    return flags;
}

/* Chooses a process. Low numbers are more frequent, so their processes live longer and do more. */
static uint8_t random_process(struct random *random)
{
    return min(random_below(random, NPROCESSES), random_below(random, NPROCESSES));
}

struct op op_random(struct random *random)
{
    struct op op = {
        .kind = random_kind(random),
        .cpu = random_next(random) >> 60,
        .process = random_process(random),
        .other = NPROCESSES - 1 - random_process(random),
        .prot = random_prot(random),
        .flags = random_flags(random),
        .object = random_next(random) >> 60,
        .index = random_next(random) >> 60,
        .word = random_next(random) >> 60,
        .to = random_next(random) >> 56,
        .more = (int8_t)random_below(random, 6) - 3,
        .delta = (int32_t)random_below(random, 12 * PAGE_SIZE) - 6 * (int32_t)PAGE_SIZE,
        .value = random_next(random) >> 32,
        .chance = random_next(random) >> 32,
    };

    random_range(random, &op);
    if (random_one_in(random, 12))
        op.fail = 1 + random_below(random, 8);
    op_normalize(&op);
    return op;
}

/* ---- Printing ---- */

static const char *const names[OP_KINDS] = {
    [OP_READ] = "read",           [OP_WRITE] = "write",       [OP_FETCH] = "fetch",
    [OP_COPY_IN] = "copy_in",     [OP_COPY_OUT] = "copy_out", [OP_CLEAR] = "clear",
    [OP_STRING] = "string",       [OP_MAP] = "map",           [OP_MAP_ANYWHERE] = "map_anywhere",
    [OP_UNMAP] = "unmap",         [OP_PROTECT] = "protect",   [OP_SBRK] = "sbrk",
    [OP_TRUNCATE] = "truncate",   [OP_EXTEND] = "extend",     [OP_PUNCH] = "punch",
    [OP_WRITEBACK] = "writeback", [OP_FORK] = "fork",         [OP_PROGRAM] = "program",
    [OP_EXIT] = "exit",           [OP_THREAD] = "thread",     [OP_THREAD_EXIT] = "thread_exit",
    [OP_LOAD] = "load",           [OP_UNLOAD] = "unload",     [OP_WALK_AHEAD] = "walk_ahead",
    [OP_SURVEY] = "survey",       [OP_PEEK] = "peek",         [OP_FORCED_PEEK] = "forced_peek",
    [OP_POKE] = "poke",           [OP_REMAP] = "remap",       [OP_ADVISE] = "advise",
    [OP_REST] = "rest",           [OP_AWAY] = "away",
};

static void print_place(unsigned place)
{
    static const struct {
        const char *name;
        unsigned first;
    } windows[] = {{"stack", STACK},   {"guard", GUARD},     {"top", TOP},
                   {"twin_2", TWIN_2}, {"twin", TWIN},       {"half_tib", HALF_TIB},
                   {"gib", GIB},       {"program", PROGRAM}, {"bottom", BOTTOM}};
    unsigned n = 0;

    while (windows[n].first > place)
        n++;
    fprintf(stderr, " %s+%u", windows[n].name, place - windows[n].first);
}

static void print_map(const struct op *op)
{
    fprintf(stderr, " %s%s%s", op->prot & PROT_R ? "r" : "-", op->prot & PROT_W ? "w" : "-",
            op->prot & PROT_X ? "x" : "-");
    if (op->kind == OP_PROTECT)
        return;
    if (op->flags & (F_SHARED | F_OBJECT))
        fprintf(stderr, " %s object %u from page %u%s", op->flags & F_SHARED ? "shared" : "private",
                op->object, op->index, op->flags & F_PARTIAL ? ", the last page in part" : "");
    fputs(op->flags & F_NO_REPLACE ? " no_replace" : "", stderr);
    fputs(op->flags & F_HINT ? " hint" : "", stderr);
}

static bool has_range(const struct op *op)
{
    return op->kind == OP_MAP || op->kind == OP_UNMAP || op->kind == OP_PROTECT ||
           op->kind == OP_MAP_ANYWHERE || op->kind == OP_SURVEY || op->kind == OP_REMAP ||
           op->kind == OP_ADVISE;
}

static void print_remap(const struct op *op)
{
    fprintf(stderr, " as %u places%s%s%s", op_remap_places(op),
            op->flags & F_MAY_MOVE ? " may_move" : "", op->flags & F_KEEP ? " keep" : "",
            op->flags & F_DOUBLE ? " double" : "");
    if (op->flags & (F_FIXED | F_KEEP)) {
        fputs(op->flags & F_FIXED ? " fixed to" : " hint", stderr);
        print_place(op->to);
    }
}

void op_print(const struct op *op)
{
    fprintf(stderr, "    cpu %u, process %u: %s", op->cpu, op->process, names[op->kind]);
    if (wants_one_page(op) || has_range(op))
        print_place(op->first);
    if (has_range(op)) {
        print_place(op->last);
        if (op->kind == OP_REMAP)
            print_remap(op);
        else if (op->kind == OP_ADVISE)
            fprintf(stderr, " number %u", op->index);
        else if (op->kind != OP_UNMAP && op->kind != OP_SURVEY)
            print_map(op);
    }
    if ((op_is_access(op) && !op_is_copy(op)) || op_is_foreign(op))
        fprintf(stderr, " word %u", op->word);
    if (op->kind == OP_SBRK)
        fprintf(stderr, " %ld", op_delta(op));
    if (op->kind == OP_TRUNCATE)
        fprintf(stderr, " object %u to %u pages", op->object, op->index);
    if (op->kind == OP_EXTEND)
        fprintf(stderr, " object %u", op->object);
    if (op->kind == OP_PUNCH || op->kind == OP_WRITEBACK)
        fprintf(stderr, " object %u, pages %u to %lu", op->object, op->index,
                op_object_end(op) - 1);
    if (op->kind == OP_FORK)
        fprintf(stderr, " into %u", op->other);
    if (op->kind == OP_PROGRAM && (op->flags & F_LIMITED))
        fprintf(stderr, " limited");
    if (op->fail)
        fprintf(stderr, "; request %u fails", op->fail);
    fputs("\n", stderr);
}
