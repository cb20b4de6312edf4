/* Comparing the rebuilt memory with the real one, at the end of a run (machine.h).

   The machine stands still, so each difference is one of the recording: an event is missing, or
   says something else than what was done. */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "machine.h"

struct comparison {
    struct machine *machine;
    const char *ram;
    uint64_t size;
    unsigned count, most; /* differences, and how many are printed */
};

__attribute__((format(printf, 3, 4))) static void differs(struct comparison *in, uint64_t last,
                                                          const char *fmt, ...)
{
    va_list args;

    if (in->count++ >= in->most)
        return;
    printf("difference: ");
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    if (last == NEVER)
        printf("; no event has touched it\n");
    else
        printf("; the last event that touched it is %lu\n", last);
}

/* Returns a word of the machine's memory; `size` is 1, 4 or 8 bytes. */
static uint64_t physical(struct comparison *in, uint64_t address, unsigned size)
{
    uint64_t word = 0;

    if (address <= in->size - size)
        memcpy(&word, in->ram + address, size);
    return word;
}

static uint64_t at(struct comparison *in, uint64_t address, unsigned size)
{
    const struct machine *machine = in->machine;

    return physical(in, address - (address >= machine->image ? machine->image : machine->direct),
                    size);
}

/* ---- Frames and tables ---- */

static void compare_frame(struct comparison *in, uint32_t n)
{
    const struct recording_layout *layout = &in->machine->layout;
    const struct frame *frame = &in->machine->frames[n];
    uint64_t descriptor = in->machine->descriptors + (uint64_t)n * layout->frame_size;
    uint64_t count = physical(in, descriptor + layout->frame_refcount, 4);
    uint64_t kind = physical(in, descriptor + layout->frame_kind, 1);
    uint64_t order = physical(in, descriptor + layout->frame_order, 1);
    uint32_t expected = frame->state == STATE_USED ? frame->count : 0;

    if (count != expected)
        differs(in, frame->last, "frame %#x has %lu references, and %u are recorded", n, count,
                expected);
    if (frame->state == STATE_USED && (kind != frame->kind || order != frame->order))
        differs(in, frame->last, "frame %#x is of kind %lu and order %lu, and recorded as %u, %u",
                n, kind, order, frame->kind, frame->order);
}

static void compare_table(struct comparison *in, uint32_t n)
{
    const struct frame *table = &in->machine->frames[n];
    unsigned count = table->level == ROOT_LEVEL ? USER_ENTRIES : TABLE_ENTRIES;

    for (unsigned i = 0; i < count; i++) {
        uint64_t found = physical(in, ((uint64_t)n << PAGE_SHIFT) + i * sizeof(found), 8);

        if ((found ^ table->entries[i].value) & PTE_SET_BY_US)
            differs(in, table->entries[i].last,
                    "entry %u of table %#x (level %u) is %#lx, and recorded as %#lx", i, n,
                    table->level, found, table->entries[i].value);
    }
}

/* ---- Address spaces ---- */

/* Compares the regions below the node at `address` with those from *next on, in order. The tree of
   the machine is as deep as it is balanced; `depth` guards against a circle. */
static void compare_regions(struct comparison *in, struct vspace *vspace, uint64_t address,
                            struct region **next, unsigned depth)
{
    const struct recording_layout *l = &in->machine->layout;
    struct region *region;

    if (!address || depth > 64)
        return;
    compare_regions(in, vspace, at(in, address + l->region_left, 8), next, depth + 1);
    uint64_t start = at(in, address + l->region_start, 8);
    uint64_t end = at(in, address + l->region_end, 8);
    uint64_t attributes = EVENT_REGION(
        at(in, address + l->region_prot, 1), at(in, address + l->region_kind, 1),
        at(in, address + l->region_flags, 1), at(in, address + l->region_shared, 1),
        at(in, address + l->region_no_write, 1), at(in, address + l->region_pager, 8) != 0);
    region = *next;
    if (!region || region->start != start || region->end != end) {
        differs(in, region ? region->last : vspace->last,
                "address space %lu has a region %#lx-%#lx, and %#lx-%#lx is recorded",
                vspace->number, start, end, region ? region->start : 0, region ? region->end : 0);
    } else if (region->attributes != attributes ||
               region->pager != at(in, address + l->region_pager, 8) ||
               region->page != at(in, address + l->region_page, 8) ||
               region->data_end != at(in, address + l->region_data_end, 8)) {
        differs(in, region->last,
                "the region %#lx-%#lx of address space %lu has the attributes %#lx, pager %#lx, "
                "page %#lx, and recorded are %#lx, %#lx, %#lx",
                start, end, vspace->number, attributes, at(in, address + l->region_pager, 8),
                at(in, address + l->region_page, 8), region->attributes, region->pager,
                region->page);
    }
    if (region)
        *next = region_next(region);
    compare_regions(in, vspace, at(in, address + l->region_right, 8), next, depth + 1);
}

static bool is_known(struct machine *machine, uint64_t address)
{
    for (uint64_t n = 0; n < machine->nvspaces; n++)
        if (machine->vspaces[n] && machine->vspaces[n]->address == address)
            return true;
    return false;
}

static void compare_vspace(struct comparison *in, struct vspace *vspace)
{
    const struct recording_layout *l = &in->machine->layout;
    uint64_t number = at(in, vspace->address + l->vspace_number, 8);
    uint64_t root = at(in, vspace->address + l->vspace_root, 8) >> PAGE_SHIFT;
    uint64_t generation = at(in, vspace->address + l->vspace_generation, 8);
    uint64_t next = at(in, vspace->address + l->vspace_next, 8);
    struct region *region = region_first(vspace);

    if (number != vspace->number || root != vspace->root)
        return differs(in, vspace->last,
                       "at %#lx is the address space %lu with root %#lx, and recorded are %lu, %#x",
                       vspace->address, number, root, vspace->number, vspace->root);
    if (generation != vspace->generation)
        differs(in, vspace->last, "address space %lu has had %lu flushes, and %lu are recorded",
                number, generation, vspace->generation);
    if (next && !is_known(in->machine, next))
        differs(in, NEVER, "the address space at %#lx is not recorded", next);
    compare_regions(in, vspace, at(in, vspace->address + l->vspace_tree, 8), &region, 0);
    if (region)
        differs(in, region->last, "address space %lu has no region %#lx-%#lx, which is recorded",
                number, region->start, region->end);
}

unsigned machine_compare(struct machine *machine, const char *ram, uint64_t size, unsigned most)
{
    struct comparison in = {.machine = machine, .ram = ram, .size = size, .most = most};

    for (uint32_t n = 0; n < machine->nframes; n++) {
        compare_frame(&in, n);
        if (machine->frames[n].entries)
            compare_table(&in, n);
    }
    for (uint64_t n = 0; n < machine->nvspaces; n++)
        if (machine->vspaces[n])
            compare_vspace(&in, machine->vspaces[n]);
    return in.count;
}
