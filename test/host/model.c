/* The model (model.h): first pages and accesses, then each operation. */

#include <linux/errno.h>
#include <string.h>
#include "model.h"

static void init_object_page(struct model *model, unsigned object, unsigned index)
{
    for (unsigned n = 0; n < NWORDS; n++)
        model->objects[object][index][n] = object_initial(object, index, word_offsets[n]);
}

void model_init(struct model *model)
{
    memset(model, 0, sizeof(*model));
    for (unsigned object = 0; object < NOBJECTS; object++) {
        model->object_npages[object] = OBJECT_PAGES;
        for (unsigned index = 0; index < OBJECT_PAGES; index++)
            init_object_page(model, object, index);
    }
}

/* ---- Places and regions ---- */

static bool counts_as_data(const struct model_page *page)
{
    return !page->shared && (page->prot & PROT_W) && page->kind != VREGION_STACK;
}

uint64_t model_mapped_bytes(const struct model_process *process)
{
    uint64_t bytes = 0;

    for (unsigned place = 0; place < NPLACES; place++)
        if (process->pages[place].mapped)
            bytes += place_len(place);
    return bytes;
}

uint64_t model_data_bytes(const struct model_process *process)
{
    uint64_t bytes = 0;

    for (unsigned place = 0; place < NPLACES; place++)
        if (process->pages[place].mapped && counts_as_data(&process->pages[place]))
            bytes += place_len(place);
    return bytes;
}

uint64_t model_locked_bytes(const struct model_process *process)
{
    uint64_t bytes = 0;

    for (unsigned place = 0; place < NPLACES; place++)
        if (process->pages[place].flags & VREGION_LOCKED)
            bytes += place_len(place);
    return bytes;
}

/* Returns true if the two places are in one region. */
static bool is_same_region(const struct model_page *low, const struct model_page *high,
                           unsigned npages)
{
    return low->mapped && high->mapped && low->prot == high->prot && low->kind == high->kind &&
           low->flags == high->flags && low->shared == high->shared &&
           low->object == high->object && low->data_end == high->data_end &&
           (low->object == NOBJECTS || low->index + npages == high->index);
}

/* Returns the place behind the region that holds `place`, or behind `last` if that comes first. */
static unsigned region_end(const struct model_process *process, unsigned place, unsigned last)
{
    const struct model_page *pages = process->pages;

    for (; place < last; place++)
        if (!is_same_region(&pages[place], &pages[place + 1], place_len(place) >> PAGE_SHIFT))
            break;
    return place + 1;
}

/* Grows the stack above `place` down to it, if the limits and the region below allow it. */
static void grow_stack(struct model_process *process, unsigned place)
{
    struct model_page *pages = process->pages;
    unsigned above = place, below = place;

    while (above < NPLACES && !pages[above].mapped)
        above++;
    while (below > 0 && !pages[below - 1].mapped)
        below--;
    if (above == place || above == NPLACES || pages[above].kind != VREGION_STACK)
        return;
    uint64_t size = places[region_end(process, above, NPLACES - 1) - 1].end - places[place].start;
    uint64_t more = places[above].start - places[place].start;
    if (pages[above].flags & VREGION_LOCKED &&
        model_locked_bytes(process) + more > process->limits.locked)
        return;
    if (size > process->limits.stack || model_mapped_bytes(process) + more > process->limits.space)
        return;
    if (below > 0 && pages[below - 1].kind != VREGION_STACK && pages[below - 1].prot &&
        places[place].start - places[below - 1].end < STACK_GUARD_SIZE)
        return;
    for (unsigned n = place; n < above; n++)
        pages[n] = (struct model_page){.mapped = true,
                                       .own = true,
                                       .prot = pages[above].prot,
                                       .flags = pages[above].flags,
                                       .kind = VREGION_STACK,
                                       .object = NOBJECTS};
}

/* ---- Pages ---- */

bool model_page_missing(const struct model *model, const struct model_page *page)
{
    if (!page->mapped || page->object == NOBJECTS || page->own)
        return false;
    return page->index >= model->object_npages[page->object] ||
           (page->object < NFILES && page->index == FILE_BAD_PAGE);
}

/* Returns a word of the page. Behind the bytes of the object, a private page has zeros. This is
   true even before the process has its own copy, because a fork can come between the fault's
   copy and the write. */
uint64_t model_word(const struct model *model, const struct model_page *page, unsigned n)
{
    if (page->own)
        return page->words[n];
    if (!page->shared && word_offsets[n] >= page->filled)
        return 0;
    return model->objects[page->object][page->index][n];
}

/* Gives the process its own copy of the page: the bytes of the object, and zeros behind them. */
static void make_own(const struct model *model, struct model_page *page)
{
    for (unsigned n = 0; n < NWORDS; n++)
        page->words[n] = model_word(model, page, n);
    page->own = true;
}

static bool is_allowed(const struct model_page *page, unsigned access)
{
    if (access & FAULT_WRITE)
        return page->prot & PROT_W;
    return access & FAULT_EXEC ? page->prot & PROT_X : page->prot;
}

/* Returns true if a debugger may access the page. */
static bool is_allowed_forced(const struct model_page *page, unsigned access)
{
    return !(access & FAULT_WRITE) || !page->shared || page->prot & PROT_W;
}

/* Applies one access to the place. Returns 0, or the outcome of the fault that fails. After
   success, the caller may use model_word and set_word on its page. */
static int touch(const struct model *model, struct model_process *process, unsigned place,
                 unsigned access)
{
    struct model_page *page = &process->pages[place];
    bool is_forced = access & FAULT_FORCED;

    if (!page->mapped)
        grow_stack(process, place);
    if (!page->mapped)
        return FAULT_NOT_MAPPED;
    if (is_forced ? !is_allowed_forced(page, access) : !is_allowed(page, access))
        return FAULT_NOT_ALLOWED;
    if (model_page_missing(model, page))
        return FAULT_NO_PAGE;
    if (!page->shared && !page->own && (access & FAULT_WRITE || page->filled < PAGE_SIZE))
        make_own(model, page);
    page->written |= access & FAULT_WRITE;
    return 0;
}

static void set_word(struct model *model, struct model_page *page, unsigned n, uint64_t value)
{
    if (page->shared)
        model->objects[page->object][page->index][n] = value;
    else
        page->words[n] = value;
}

/* ---- Accesses ---- */

static struct result run_access(struct model *model, struct model_process *process,
                                const struct op *op)
{
    struct model_page *page = &process->pages[op->first];
    int err = touch(model, process, op->first, op_access(op));

    if (err)
        return (struct result){.err = err};
    if (op->kind != OP_WRITE)
        return (struct result){.value = model_word(model, page, op->word)};
    set_word(model, page, op->word, op_stored(op));
    return (struct result){0};
}

/* Models vspace_read, vspace_peek and vspace_poke. If the page may not be accessed, they end before
   its first byte. */
static struct result run_foreign(struct model *model, struct model_process *process,
                                 const struct op *op)
{
    struct model_page *page = &process->pages[op->first];
    unsigned forced = op->kind == OP_PEEK ? 0 : FAULT_FORCED;

    if (touch(model, process, op->first, op_access(op) | forced))
        return (struct result){.err = -EFAULT};
    if (op->kind != OP_POKE)
        return (struct result){.value = model_word(model, page, op->word)};
    set_word(model, page, op->word, op_stored(op));
    return (struct result){0};
}

/* Finds the place and the word for one half of a copy; a copy has two words. Returns false if
   there is no such page. */
static bool copy_word(const struct op *op, unsigned half, unsigned *place, unsigned *word)
{
    bool runs_on = op_copy_start(op) != places[op->first].start;

    *place = op->first + (runs_on ? half : 0);
    if (*place == NPLACES)
        return false;
    *word = runs_on ? (half ? 0 : NWORDS - 1) : half;
    return true;
}

static struct result run_copy(struct model *model, struct model_process *process,
                              const struct op *op, uint64_t limit)
{
    uint64_t done = 0;
    unsigned place, word;

    for (unsigned half = 0; half < 2 && done < limit; half++) {
        if (!copy_word(op, half, &place, &word) || touch(model, process, place, op_access(op)))
            break;
        struct model_page *page = &process->pages[place];
        if (op->kind == OP_COPY_OUT)
            set_word(model, page, word, op_stored(op));
        else if (op->kind == OP_CLEAR)
            set_word(model, page, word, 0);
        done += sizeof(uint64_t);
    }
    return (struct result){.err = done < COPY_LEN ? -EFAULT : 0, .value = done};
}

static unsigned string_len(uint64_t word)
{
    unsigned len = 0;

    while (len < sizeof(word) && (word >> 8 * len & 0xff))
        len++;
    return len;
}

static struct result run_string(struct model *model, struct model_process *process,
                                const struct op *op)
{
    unsigned place, word, len = 0;

    for (unsigned half = 0; half < 2; half++) {
        if (!copy_word(op, half, &place, &word) || touch(model, process, place, 0))
            return (struct result){.err = -EFAULT};
        unsigned part = string_len(model_word(model, &process->pages[place], word));
        len += part;
        if (part < sizeof(uint64_t))
            return (struct result){.value = len};
    }
    return (struct result){.err = -ENAMETOOLONG};
}

/* ---- Ranges ---- */

static bool any_mapped(const struct model_process *process, unsigned first, unsigned last)
{
    for (unsigned place = first; place <= last; place++)
        if (process->pages[place].mapped)
            return true;
    return false;
}

static int limits_error(const struct model_process *process, const struct model_page *like,
                        uint64_t len)
{
    if (like->flags & VREGION_LOCKED && model_locked_bytes(process) + len > process->limits.locked)
        return -EAGAIN;
    if (model_mapped_bytes(process) + len > process->limits.space)
        return -ENOMEM;
    bool is_over = counts_as_data(like) && model_data_bytes(process) + len > process->limits.data;
    return is_over ? -ENOMEM : 0;
}

static uint16_t filled_bytes(const struct model_page *page, unsigned place)
{
    if (page->data_end >= places[place].end)
        return PAGE_SIZE;
    return page->data_end > places[place].start ? page->data_end - places[place].start : 0;
}

/* Makes the page one that was never touched. */
static void make_fresh(struct model_page *page, unsigned place)
{
    page->filled = page->object < NOBJECTS && !page->shared ? filled_bytes(page, place) : 0;
    page->own = !page->shared && page->filled == 0;
    page->written = false;
    memset(page->words, 0, sizeof(page->words));
}

/* Maps the places as `like` describes. The index of `like` belongs to the first place. */
static int map_places(struct model_process *process, unsigned first, unsigned last,
                      const struct model_page *like)
{
    int err = limits_error(process, like, places[last].end - places[first].start);
    if (err)
        return err;
    for (unsigned place = first; place <= last; place++) {
        struct model_page *page = &process->pages[place];

        *page = *like;
        page->index += (places[place].start - places[first].start) >> PAGE_SHIFT;
        if (page->object == NOBJECTS)
            page->index = 0;
        make_fresh(page, place);
    }
    return 0;
}

static void unmap_places(struct model_process *process, unsigned first, unsigned last)
{
    memset(&process->pages[first], 0, (last - first + 1) * sizeof(process->pages[0]));
}

/* ---- Operations on ranges ---- */

static struct model_page page_for(const struct op *op)
{
    bool object = op->flags & (F_SHARED | F_OBJECT);

    return (struct model_page){
        .mapped = true,
        .shared = op->flags & F_SHARED,
        .prot = op->prot,
        .kind = op->flags & F_STACK ? VREGION_STACK : VREGION_MAP,
        .object = object ? op->object : NOBJECTS,
        .index = object ? op->index : 0,
        .data_end = op_data_end(op),
    };
}

static struct result run_map(struct model_process *process, const struct op *op)
{
    struct model_page like = page_for(op);

    if (op->flags & F_NO_REPLACE && any_mapped(process, op->first, op->last))
        return (struct result){.err = -EEXIST};
    if (map_places(process, op->first, op->last, &like))
        return (struct result){.err = -ENOMEM};
    return (struct result){.value = places[op->first].start};
}

/* Returns the first place of the highest run of `npages` free pages below the guard. Returns
   NPLACES if the highest free room has wide places, or if there is no room. */
static unsigned find_room(const struct model_process *process, unsigned npages)
{
    uaddr_t floor = places[GUARD].start;
    uint64_t room = 0;

    for (unsigned place = GUARD, highest = GUARD - 1; place-- > 0;) {
        bool is_stack = process->pages[place].kind == VREGION_STACK;
        uaddr_t start = places[place].start;

        if (process->pages[place].mapped)
            floor = start - (is_stack ? min(start, (uaddr_t)STACK_GUARD_SIZE) : 0);
        if (process->pages[place].mapped || start >= floor) {
            room = 0;
            highest = place - 1;
            continue;
        }
        room += min(places[place].end, floor) - start;
        if (room < npages * PAGE_SIZE)
            continue;
        for (unsigned n = place; n <= highest; n++)
            if (!place_is_page(n))
                return NPLACES;
        return place;
    }
    return NPLACES;
}

static unsigned anywhere_npages(const struct op *op)
{
    return op->last % 4 + 1;
}

/* Returns true if the places are free, and not in the guard of a stack. */
static bool is_free(const struct model_process *process, unsigned first, unsigned last)
{
    unsigned above = last + 1;

    if (any_mapped(process, first, last))
        return false;
    while (above < NPLACES && !process->pages[above].mapped)
        above++;
    return above == NPLACES || process->pages[above].kind != VREGION_STACK ||
           places[above].start - places[last].end >= STACK_GUARD_SIZE;
}

/* Returns the place where the pages of OP_MAP_ANYWHERE go, or NPLACES if they would cover a part
   of a wide place. */
static unsigned anywhere_place(const struct model_process *process, const struct op *op)
{
    unsigned npages = anywhere_npages(op), last = op->first + npages - 1;
    bool wide = false;

    if (!(op->flags & F_HINT))
        return find_room(process, npages);
    for (unsigned place = op->first; place <= min(last, NPLACES - 1); place++)
        wide |= !place_is_page(place);
    if (wide)
        return NPLACES;
    if (last < NPLACES && is_free(process, op->first, last))
        return op->first;
    return find_room(process, npages);
}

static struct result run_map_anywhere(struct model_process *process, const struct op *op)
{
    struct op map = *op;
    struct model_page like;

    map.flags &= ~F_PARTIAL;
    map.first = anywhere_place(process, op);
    map.last = map.first + anywhere_npages(op) - 1;
    like = page_for(&map);
    if (map_places(process, map.first, map.last, &like))
        return (struct result){.err = -ENOMEM};
    return (struct result){.value = places[map.first].start};
}

/* Returns the place before which a change of rights ends: a hole, or a region that the data limit
   does not let become data. */
static unsigned protect_end(const struct model_process *process, const struct op *op)
{
    uint64_t data = model_data_bytes(process);
    unsigned place = op->first;

    while (place <= op->last && process->pages[place].mapped) {
        struct model_page page = process->pages[place];
        unsigned end = region_end(process, place, op->last);
        bool was_data = counts_as_data(&page);

        page.prot = op->prot;
        if (counts_as_data(&page) && !was_data) {
            data += places[end - 1].end - places[place].start;
            if (data > process->limits.data)
                break;
        }
        place = end;
    }
    return place;
}

static struct result run_protect(struct model_process *process, const struct op *op)
{
    unsigned end = protect_end(process, op);

    for (unsigned place = op->first; place < end; place++)
        process->pages[place].prot = op->prot;
    return (struct result){.err = end <= op->last ? -ENOMEM : 0};
}

/* ---- Advice ---- */

/* Makes a page fresh, unless it shows an object that all share. */
static void discard_page(struct model_page *page, unsigned place)
{
    if (page->mapped)
        make_fresh(page, place);
}

static bool is_forbidden(const struct model_page *page, unsigned forbidden)
{
    unsigned features = page->flags | (page->object < NOBJECTS ? VREGION_FILE : 0);

    return page->mapped && features & forbidden;
}

static uint64_t bytes_to_lock(const struct model_process *process, const struct op *op)
{
    uint64_t bytes = 0;

    for (unsigned place = op->first; place <= op->last; place++)
        if (process->pages[place].mapped && !(process->pages[place].flags & VREGION_LOCKED))
            bytes += place_len(place);
    return bytes;
}

static int advise_places(struct model_process *process, const struct op *op)
{
    struct flags_change change;
    bool is_about_flags = op_advice_flags(op, &change), has_hole = false;

    if (change.set & VREGION_LOCKED &&
        model_locked_bytes(process) + bytes_to_lock(process, op) > process->limits.locked)
        return -ENOMEM;
    for (unsigned place = op->first; place <= op->last; place++) {
        struct model_page *page = &process->pages[place];

        has_hole |= !page->mapped;
        if (has_hole && change.holes_are_fatal)
            break;
        if (is_forbidden(page, op_advice_forbidden(op)))
            return -EINVAL;
        if (!is_about_flags)
            discard_page(page, place);
        else if (page->mapped)
            page->flags = (page->flags & ~change.clear) | change.set;
    }
    return has_hole ? -ENOMEM : 0;
}

static int populate_place(struct model *model, struct model_process *process, const struct op *op)
{
    unsigned access = op->index == ADVISE_POPULATE_WRITE ? FAULT_WRITE : 0;

    /* No stack grows for it. */
    if (!process->pages[op->first].mapped)
        return -ENOMEM;
    if (op->index == ADVISE_POPULATE_READ && !(process->pages[op->first].prot & PROT_R))
        return -EINVAL;
    switch (touch(model, process, op->first, access)) {
    case 0:
        return 0;
    case FAULT_NO_PAGE:
        return -EFAULT;
    default:
        return -EINVAL;
    }
}

static struct result run_advise(struct model *model, struct model_process *process,
                                const struct op *op)
{
    bool populates = op->index >= ADVISE_POPULATE_READ;

    return (struct result){.err = populates ? populate_place(model, process, op)
                                            : advise_places(process, op)};
}

/* ---- Remap ---- */

/* Returns the page that `page`, at address `from`, becomes at address `to`. */
static struct model_page page_moved(const struct model_page *page, uaddr_t from, uaddr_t to)
{
    struct model_page moved = *page;

    moved.kind = page->kind == VREGION_HEAP ? VREGION_MAP : page->kind;
    if (page->object < NOBJECTS && page->data_end != DATA_FILLS)
        moved.data_end = max(page->data_end, from) - from + to;
    return moved;
}

/* Moves `old` places to `to`, where there are `new` then. */
static void move_places(struct model_process *process, const struct op *op, unsigned old,
                        unsigned new, unsigned to)
{
    static struct model_page moved[NPLACES];
    struct model_page *pages = process->pages;
    uaddr_t from = places[op->first].start;

    for (unsigned n = 0; n < new; n++) {
        moved[n] = page_moved(&pages[n < old ? op->first + n : op->first], from, places[to].start);
        if (n < old)
            continue;
        if (moved[n].object < NOBJECTS)
            moved[n].index += n;
        make_fresh(&moved[n], to + n);
    }
    if (op->flags & F_KEEP)
        for (unsigned n = 0; n < old; n++) {
            pages[op->first + n].flags &= ~(VREGION_LOCKED | VREGION_ON_FAULT);
            make_fresh(&pages[op->first + n], op->first + n);
        }
    else if (old > 0)
        unmap_places(process, op->first, op->first + old - 1);
    memcpy(&pages[to], moved, new * sizeof(moved[0]));
}

/* Returns what forbids the first region of a remap to grow or move; 0: nothing does. */
static int remap_error(const struct model_process *process, const struct op *op, unsigned old,
                       unsigned new)
{
    const struct model_page *page = &process->pages[op->first];
    unsigned more = op->flags & F_KEEP ? new : new - min(old, new);

    if (!old && !page->shared)
        return -EINVAL;
    unsigned both = min(old, new);
    if (both && region_end(process, op->first, op->first + both - 1) < op->first + both)
        return -EFAULT;
    uint64_t len = 0;
    for (unsigned n = new - more; n < new; n++)
        len += op->flags & F_KEEP ? place_len(op->first + n) : PAGE_SIZE;
    struct model_page like = *page;
    if (op->flags & F_KEEP)
        like.flags = 0;
    return len ? limits_error(process, &like, len) : 0;
}

/* Moves the regions of the range one after the other, those that begin below `limit`. */
static struct result move_regions(struct model_process *process, const struct op *op, uaddr_t limit)
{
    struct op part = *op;
    unsigned end;

    if (!process->pages[op->first].mapped)
        return (struct result){.err = -EFAULT};
    for (unsigned place = op->first; place <= op->last; place = end) {
        end = process->pages[place].mapped ? region_end(process, place, op->last) : place + 1;
        if (!process->pages[place].mapped || places[place].start >= limit)
            continue;
        part.first = place;
        int err = remap_error(process, &part, end - place, end - place);
        if (err)
            return (struct result){.err = err};
        unmap_places(process, op->to + place - op->first, op->to + end - 1 - op->first);
        move_places(process, &part, end - place, end - place, op->to + place - op->first);
    }
    return (struct result){.value = places[op->to].start};
}

/* Returns true if the range has free pages behind it, and is the end of a region. */
static bool can_extend(const struct model_process *process, const struct op *op, unsigned old,
                       unsigned new)
{
    unsigned end = op->first + old;

    return old && region_end(process, op->first, NPLACES - 1) == end &&
           !any_mapped(process, end, op->first + new - 1);
}

static void extend(struct model_process *process, const struct op *op, unsigned old, unsigned new)
{
    for (unsigned n = old; n < new; n++) {
        struct model_page *page = &process->pages[op->first + n];

        *page = process->pages[op->first];
        if (page->object < NOBJECTS)
            page->index += n;
        make_fresh(page, op->first + n);
    }
}

static unsigned remap_old(const struct op *op)
{
    return op->flags & F_DOUBLE ? 0 : op->last - op->first + 1u;
}

/* Returns the place where a remap that is not fixed goes. */
static unsigned remap_place(const struct model_process *process, const struct op *op)
{
    unsigned new = op_remap_places(op);

    if (op->flags & F_FIXED)
        return op->to;
    if (op->flags & F_KEEP && is_free(process, op->to, op->to + new - 1))
        return op->to;
    return find_room(process, new);
}

static struct result run_remap(struct model_process *process, const struct op *op)
{
    unsigned old = remap_old(op), new = op_remap_places(op);
    bool moves = op->flags & (F_FIXED | F_KEEP);
    struct result result = {.value = places[op->first].start};

    if (op->flags & F_FIXED && old == new)
        return move_regions(process, op, ~0ul);
    if (!process->pages[op->first].mapped)
        return (struct result){.err = -EFAULT};
    if (!moves && new <= old) {
        if (new < old)
            unmap_places(process, op->first + new, op->last);
        return result;
    }
    result.err = remap_error(process, op, old, new);
    if (result.err)
        return result;
    if (!moves && can_extend(process, op, old, new)) {
        extend(process, op, old, new);
        return result;
    }
    if (!(op->flags & F_MAY_MOVE))
        return (struct result){.err = -ENOMEM};
    unsigned to = remap_place(process, op);
    if (op->flags & F_FIXED)
        unmap_places(process, to, to + new - 1);
    move_places(process, op, old, new, to);
    return (struct result){.value = places[to].start};
}

/* Returns true if the places that a remap needs are pages. */
static bool can_remap(const struct model_process *process, const struct op *op)
{
    unsigned new = op_remap_places(op);

    if (op->flags & F_FIXED && op->to == TWIN + TWIN_2 - op->first && !op->more)
        return true;
    for (unsigned n = 0; n < new; n++)
        if (op->first + n >= NPLACES || !place_is_page(op->first + n) ||
            (op->flags & (F_FIXED | F_KEEP) &&
             (op->to + n >= NPLACES || !place_is_page(op->to + n))))
            return false;
    return remap_place(process, op) < NPLACES;
}

/* Returns the first heap place at or above `addr`. */
static unsigned heap_place(uaddr_t addr)
{
    return HEAP + (page_ceil(addr) - places[HEAP].start) / PAGE_SIZE;
}

static int heap_grow(struct model_process *process, uaddr_t brk)
{
    const struct model_page like = {
        .mapped = true, .prot = PROT_R | PROT_W, .kind = VREGION_HEAP, .object = NOBJECTS};
    unsigned first = heap_place(process->brk), end = heap_place(brk);

    if (brk - places[HEAP].start > process->limits.data)
        return -ENOMEM;
    if (first == end)
        return 0;
    if (!is_free(process, first, end - 1))
        return -ENOMEM;
    return map_places(process, first, end - 1, &like);
}

static struct result run_sbrk(struct model_process *process, const struct op *op)
{
    struct result result = {.value = process->brk};
    int64_t delta = op_delta(op);

    if (op->flags & F_HUGE)
        result.err = delta > 0 ? -ENOMEM : 0;
    else if (delta > 0)
        result.err = heap_grow(process, process->brk + delta);
    else if ((uint64_t)-delta > process->brk - places[HEAP].start)
        return result;
    else if (heap_place(process->brk + delta) < heap_place(process->brk))
        unmap_places(process, heap_place(process->brk + delta), heap_place(process->brk) - 1);
    if (!result.err && !(op->flags & F_HUGE))
        process->brk += delta;
    return result;
}

/* Drops the bytes of the object from the page, whether the page shows them or holds a copy. */
static void forget_page(struct model_page *page, const struct op *op)
{
    bool shows = page->shared || page->filled > 0;

    if (!page->mapped || page->object != op->object || page->index < op->index || !shows)
        return;
    page->own = false;
    page->written = false;
}

static void run_truncate(struct model *model, const struct op *op)
{
    for (unsigned n = 0; n < NPROCESSES; n++)
        for (unsigned place = 0; place < NPLACES; place++)
            forget_page(&model->processes[n].pages[place], op);
    for (unsigned index = op->index; index < OBJECT_PAGES; index++)
        init_object_page(model, op->object, index);
    model->object_npages[op->object] = min(model->object_npages[op->object], (uint64_t)op->index);
}

/* The shared pages of the range count as not written: their entries need not be dirty. */
static void clean_pages(struct model *model, const struct op *op)
{
    for (unsigned n = 0; n < NPROCESSES; n++)
        for (unsigned place = 0; place < NPLACES; place++) {
            struct model_page *page = &model->processes[n].pages[place];

            if (page->shared && page->object == op->object && page->index >= op->index &&
                page->index < op_object_end(op))
                page->written = false;
        }
}

/* Private copies stay. */
static void run_punch(struct model *model, const struct op *op)
{
    clean_pages(model, op);
    for (unsigned index = op->index; index < op_object_end(op); index++)
        init_object_page(model, op->object, index);
}

/* ---- Processes ---- */

static void run_program(struct model *model, struct model_process *process, const struct op *op)
{
    struct op write = {
        .kind = OP_WRITE, .first = STACK + 7, .word = NWORDS - 1, .value = op->value};

    memset(process, 0, sizeof(*process));
    process->threads = 1;
    process->brk = places[HEAP].start;
    process->limits = op_limits(op);
    for (unsigned n = 0; n < PROGRAM_MAPS; n++)
        (void)run_map(process, &program_maps[n]);
    (void)run_access(model, process, &write);
}

static void run_fork(struct model_process *parent, struct model_process *child)
{
    *child = *parent;
    child->threads = 1;
    for (unsigned place = 0; place < NPLACES; place++) {
        struct model_page *page = &child->pages[place];

        if (page->flags & VREGION_DONTFORK)
            unmap_places(child, place, place);
        else if (page->flags & VREGION_WIPEONFORK)
            make_fresh(page, place);
        page->flags &= ~(VREGION_LOCKED | VREGION_ON_FAULT);
    }
}

static struct result run_rest(struct model *model, struct model_process *process,
                              const struct op *op)
{
    struct op read = *op;

    read.kind = OP_READ;
    return run_access(model, process, &read);
}

void model_run_short(struct model *model, const struct op *op, uint64_t done)
{
    struct model_process *process = &model->processes[op->process];
    unsigned place = op->first, word;

    if (op->kind == OP_REMAP && op->flags & F_FIXED && remap_old(op) == op_remap_places(op))
        (void)move_regions(process, op, done);

    if (op_is_copy(op)) {
        (void)run_copy(model, process, op, done);
        if (!copy_word(op, done / sizeof(uint64_t), &place, &word))
            return;
    }
    if ((op_is_access(op) || op_is_foreign(op)) && !process->pages[place].mapped)
        grow_stack(process, place);
}

bool model_can(const struct model *model, const struct op *op)
{
    const struct model_process *process = &model->processes[op->process];

    if (op->kind == OP_PROGRAM)
        return true;
    if (!process->threads)
        return op->kind == OP_UNLOAD;
    switch (op->kind) {
    case OP_FORK:
        return !model->processes[op->other].threads;
    case OP_THREAD:
        return process->threads < MAX_THREADS;
    case OP_MAP_ANYWHERE:
        return anywhere_place(process, op) < NPLACES;
    case OP_REMAP:
        return can_remap(process, op);
    case OP_SBRK:
        return op->flags & F_HUGE || op->delta <= 0 ||
               process->brk + op->delta <= places[HEAP + HEAP_PAGES - 1].end;
    default:
        return true;
    }
}

struct result model_run(struct model *model, const struct op *op, uint64_t limit)
{
    struct model_process *process = &model->processes[op->process];

    switch (op->kind) {
    case OP_READ:
    case OP_WRITE:
    case OP_FETCH:
        return run_access(model, process, op);
    case OP_REST:
    case OP_AWAY:
        return run_rest(model, process, op);
    case OP_PEEK:
    case OP_FORCED_PEEK:
    case OP_POKE:
        return run_foreign(model, process, op);
    case OP_COPY_IN:
    case OP_COPY_OUT:
    case OP_CLEAR:
        return run_copy(model, process, op, limit);
    case OP_STRING:
        return run_string(model, process, op);
    case OP_MAP:
        return run_map(process, op);
    case OP_MAP_ANYWHERE:
        return run_map_anywhere(process, op);
    case OP_UNMAP:
        unmap_places(process, op->first, op->last);
        break;
    case OP_PROTECT:
        return run_protect(process, op);
    case OP_ADVISE:
        return run_advise(model, process, op);
    case OP_REMAP:
        return run_remap(process, op);
    case OP_SBRK:
        return run_sbrk(process, op);
    case OP_TRUNCATE:
        run_truncate(model, op);
        break;
    case OP_EXTEND:
        model->object_npages[op->object] = OBJECT_PAGES;
        break;
    case OP_PUNCH:
        if (op->object >= NFILES)
            run_punch(model, op);
        break;
    case OP_WRITEBACK:
        clean_pages(model, op);
        break;
    case OP_FORK:
        run_fork(process, &model->processes[op->other]);
        break;
    case OP_PROGRAM:
        run_program(model, process, op);
        break;
    case OP_EXIT:
        process->threads = 0;
        break;
    case OP_THREAD:
        process->threads++;
        break;
    case OP_THREAD_EXIT:
        process->threads--;
        break;
    default: /* these operations change nothing */
        break;
    }
    return (struct result){0};
}
