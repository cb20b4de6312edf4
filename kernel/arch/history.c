/* The history of frames, for reports of a DEBUG build (arch/history.h).

       allocated by stack_page <- kstack_alloc <- thread_create
       freed by     page_put <- unmap_page <- vspace_unmap
       put by       the last three, the newest first

   It stands beside the frames, and not in their descriptors. The notes of an allocation and of a
   free are made by the only owner of the frame. Two CPUs may put references of one frame at a time,
   and then a note can be lost or be a mixture. Nothing but reports depends on the notes. No
   locks. */
#include <arch/history.h>

#ifdef DEBUG

#include <arch/atomic.h>
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/page.h>
#include <arch/paging.h>
#include <lib/string.h>
#include "symbol.h"

#define CALLERS 5u
#define PUTS    3u

/* The lower halves of return addresses, the innermost first; 0 behind the last. */
struct callers {
    uint32_t rips[CALLERS];
};

struct history {
    struct callers allocated, freed;
    struct callers puts[PUTS]; /* a ring */
    unsigned nputs;            /* atomic; since the allocation */
    bool is_free;              /* the frame was freed after it was allocated */
};

static struct history *histories; /* by pfn; NULL until history_init */
static uint32_t history_count;

uint64_t history_bytes(uint32_t nframes)
{
    return nframes * sizeof(*histories);
}

void history_init(uint32_t nframes)
{
    size_t npages = page_ceil(history_bytes(nframes)) >> PAGE_SHIFT;

    histories = phys_to_virt(boot_alloc(npages)); /* zeroed */
    history_count = nframes;
}

/* Notes the return addresses from the frame at `rbp` on. */
static void callers_note(struct callers *callers, const uint64_t *rbp)
{
    for (unsigned n = 0; n < CALLERS; n++) {
        bool is_call = kstack_contains((uint64_t)rbp, 2 * sizeof(*rbp));

        callers->rips[n] = is_call ? (uint32_t)rbp[1] : 0;
        if (is_call)
            rbp = (const uint64_t *)rbp[0];
    }
}

void history_note(uint32_t pfn, enum history_act act)
{
    if (pfn >= history_count)
        return;
    struct history *history = &histories[pfn];
    const uint64_t *rbp = __builtin_frame_address(0);

    if (act == HISTORY_PUT) {
        unsigned n = atomic_add_fetch(&history->nputs, 1u) - 1;
        callers_note(&history->puts[n % PUTS], rbp);
        return;
    }
    if (act == HISTORY_ALLOCATED)
        atomic_store(&history->nputs, 0u);
    history->is_free = act == HISTORY_FREED;
    callers_note(act == HISTORY_FREED ? &history->freed : &history->allocated, rbp);
}

/* Returns true for the functions of mm/frame.c, which call each other. */
static bool is_of_frames(const char *name)
{
    static const char *const prefixes[] = {"frame_", "run_alloc"};

    for (unsigned n = 0; n < ARRAY_SIZE(prefixes); n++)
        if (strncmp(name, prefixes[n], strlen(prefixes[n])) == 0)
            return true;
    return false;
}

static void callers_print(const char *what, const struct callers *callers)
{
    const char *before = "";

    if (!callers->rips[0])
        return;
    printk("  %s by ", what);
    for (unsigned n = 0; n < CALLERS && callers->rips[n]; n++) {
        uint64_t offset, rip = KERNEL_BASE | callers->rips[n];
        const char *name = symbol_find(rip - 1, &offset); /* the call may end its function */

        if (!name)
            break;
        if (is_of_frames(name) && !*before)
            continue;
        printk("%s%s+%#lx", before, name, offset + 1);
        before = " <- ";
    }
    printk("\n");
}

void history_print(uint32_t pfn)
{
    if (pfn >= history_count)
        return;
    const struct history *history = &histories[pfn];
    unsigned nputs = atomic_load(&history->nputs);

    printk("frame %#x was\n", pfn);
    callers_print("allocated", &history->allocated);
    callers_print(history->is_free ? "freed" : "freed before", &history->freed);
    for (unsigned n = 0; n < min(nputs, PUTS); n++)
        callers_print("put", &history->puts[(nputs - 1 - n) % PUTS]);
}

#endif
