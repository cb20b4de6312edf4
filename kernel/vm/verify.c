/* The verification of a resolved fault: the walk is done again, as the CPU will do it.

       for each entry, from the root down     present, for the user, writable for a write,
                                              executable for a fetch
       its target                             a table; at the leaf, a page in use
       what the page holds                    zeros, where the outcome promises zeros

   A DEBUG build verifies each fault. Every build verifies one that repeats without progress, so that
   its report says what is wrong.

   Locks: the vspace's, for reading, from the end of the fault on; those of the path's tables. If the
   path is shared, a truncation through another vspace may take the page away meanwhile. So there an
   absent leaf is no mistake, if the handler has found it present. */

#include <arch/power.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <vm/zero.h>
#include "verify.h"

/* The entries for one address, as far down as there are tables. */
struct path {
    uaddr_t addr;
    pte_t entries[ROOT_LEVEL + 1]; /* by level */
    bool is_shared;                /* W is clear in an upper entry */
};

static bool is_frame(pte_t entry)
{
    return (entry & PTE_ADDR) >> PAGE_SHIFT < frame_count;
}

static bool is_table(pte_t entry)
{
    return (entry & PTE_PRESENT) && is_frame(entry) && entry_frame(entry)->kind == FRAME_TABLE;
}

static bool is_page(pte_t entry)
{
    if (!is_frame(entry))
        return false;
    const struct frame *frame = entry_frame(entry);
    bool is_of_program = frame->kind == FRAME_ANON || frame->kind == FRAME_CACHE;

    return (is_of_program || frame_is_zero_page(frame)) && frame_refs(frame) > 0;
}

static bool note_entry(struct table_visit *at, void *arg)
{
    struct path *path = arg;
    pte_t entry = entry_load(entry_slot(visited_table(at), at->level, path->addr));

    path->entries[at->level] = entry;
    path->is_shared |= at->level > LEAF_LEVEL && !(entry & PTE_WRITE);
    return at->level > LEAF_LEVEL && is_table(entry);
}

/* Returns what forbids the access in an entry; NULL: nothing does. */
static const char *entry_fault(pte_t entry, int level, unsigned access)
{
    if (!(entry & PTE_PRESENT))
        return entry ? "not present" : "absent";
    if (!(entry & PTE_USER))
        return "not for the user";
    if ((access & FAULT_WRITE) && !(entry & PTE_WRITE))
        return "not writable";
    if ((access & FAULT_EXEC) && (entry & PTE_NX))
        return "not executable";
    if (level > LEAF_LEVEL && !is_table(entry))
        return "no pointer to a table";
    if (level == LEAF_LEVEL && !is_page(entry))
        return "no pointer to a page of a program";
    return NULL;
}

static __noreturn void verify_failed(struct vspace *vspace, const struct fault_claim *claim,
                                     const char *what, const char *how)
{
    walk_print_from(vspace->pagetable.mmu.root, claim->addr);
    panic(RULE(1) "the fault at %#lx ended as %s, but the %s is %s", claim->addr,
          fault_outcome_name(claim->outcome), what, how);
}

static void verify_walk(struct vspace *vspace, const struct fault_claim *claim,
                        const struct path *path)
{
    static const char *const names[] = {"", "leaf", "entry at level 2", "entry at level 3",
                                        "root's entry"};

    for (int level = ROOT_LEVEL; level >= LEAF_LEVEL; level--) {
        const char *why = entry_fault(path->entries[level], level, claim->access);

        if (why)
            verify_failed(vspace, claim, names[level], why);
    }
}

/* Checks the bytes from `from` on. Where other threads ran in the vspace, they may have written the
   page already, even if they have ended since. */
static void verify_zeros(struct vspace *vspace, const struct fault_claim *claim,
                         const struct path *path, size_t from)
{
    const char *page = frame_to_virt(entry_frame(path->entries[LEAF_LEVEL]));
    uint64_t word = 0;

    if (!claim->is_alone)
        return;
    for (uint64_t n = from; n < PAGE_SIZE; n += sizeof(word) - n % sizeof(word)) {
        size_t len = sizeof(word) - n % sizeof(word);

        memcpy(&word, page + n, len);
        if (!word)
            continue;
        walk_print_from(vspace->pagetable.mmu.root, claim->addr);
        panic(RULE(5) "the fault at %#lx ended as %s, but the page is not zero: offset %#lx "
                      "holds %#lx",
              claim->addr, fault_outcome_name(claim->outcome), n, word);
    }
}

void fault_verify(struct vspace *vspace, const struct fault_claim *claim)
{
    uaddr_t page = page_floor(claim->addr);
    struct path path = {.addr = claim->addr};

    assert(rwlock_is_held(&vspace->lock) && fault_resolved(claim->outcome));
    pagetable_visit(&vspace->pagetable, page, page + PAGE_SIZE, note_entry, &path);
    if (claim->outcome == FAULT_SPURIOUS && path.is_shared && !path.entries[LEAF_LEVEL])
        return;
    verify_walk(vspace, claim, &path);
    if (claim->outcome == FAULT_ZERO_MAPPED || claim->outcome == FAULT_ZERO_FILLED)
        verify_zeros(vspace, claim, &path, 0);
    else if (claim->outcome == FAULT_FILE_COPIED)
        verify_zeros(vspace, claim, &path, claim->data_bytes);
}
