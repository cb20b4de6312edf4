/* The 4-level tree of one vspace: the only record of what is present now (design.md, rules 2, 3).

   A table is a frame (FRAME_TABLE) with a reference count. What its entries can be is in vm/pte.h.

   The rule for tables: **every table, shared or not, changes only under its own lock. A reader
   below a shared entry, or a copier, holds the lock of the table that it reads, and takes the locks
   of a path from the root down.** So a shared table can change in place, once for all its sharers.

   What makes walking cheap: a table that is reached through W alone ("mine") belongs to this tree
   alone. It is replaced or freed only under the vspace's write lock, and only a fork, which holds
   that too, makes it shared again. So a walk under the read lock goes down through W without
   locks, and locks only where it changes an entry or reads what others share. */
#pragma once

#include <arch/tlb.h>
#include <vm/pte.h>

struct pagetable {
    struct mmu_space mmu;
    /* (a) threads that may run in it. Only a thread that is counted, or the creator of the
       vspace, adds one. */
    unsigned threads;
    /* (a) grows whenever entries may lose rights: a range is cleared or protected, pages are
       forgotten, or the tree is forked */
    unsigned withdrawals;
};

static inline struct frame *pagetable_root(const struct pagetable *pt)
{
    return phys_to_frame(pt->mmu.root);
}

/* Makes an empty tree, with the kernel's half in its root, for one thread. -ENOMEM. */
__must_check int pagetable_create(struct pagetable *pt);

/* Drops everything in the tree, which no CPU runs any more. Never fails, never allocates. */
void pagetable_destroy(struct pagetable *pt);

/* Makes `child`, a tree from pagetable_create, share all of the parent's user half. Scans the
   root's 256 user entries, whatever hangs below them. The parent's vspace lock is held for
   writing. */
void pagetable_fork(struct pagetable *parent, struct pagetable *child);

/* ---- Looking (walk.c) ---- */

/* The result of a walk. */
struct walk {
    pte_t leaf;               /* the leaf entry; 0 if it, or a table on the way, is absent */
    struct frame *leaf_table; /* the table that holds it, if the whole path to it is mine */
};

/* Looks `addr` up. Changes nothing. Vspace lock: read. */
struct walk pagetable_walk(struct pagetable *pt, uaddr_t addr);

/* A present table during a visit. All tables of its path are locked. */
struct table_visit {
    struct frame *path[ROOT_LEVEL + 1]; /* by level, from the root to `level` */
    int level;
    uaddr_t start, end; /* the part of the visited range in this table */
};

static inline struct frame *visited_table(const struct table_visit *at)
{
    return at->path[at->level];
}

static inline pte_t *visited_entries(const struct table_visit *at)
{
    return frame_to_virt(visited_table(at));
}

/* Returns the address that entry `n` of the table translates. */
static inline uaddr_t visited_addr(const struct table_visit *at, unsigned n)
{
    return round_down(at->start, level_span(at->level + 1)) + n * level_span(at->level);
}

static inline unsigned visited_end(const struct table_visit *at)
{
    return level_index(at->level, at->end - 1) + 1;
}

/* Runs its body for each entry of the visited table that lies in the range and is not absent. */
#define for_each_visited_entry(n, at)                                                  \
    for (n = entry_next_used(visited_table(at), level_index((at)->level, (at)->start), \
                             visited_end(at));                                         \
         n < visited_end(at); n = entry_next_used(visited_table(at), n + 1, visited_end(at)))

/* Calls `visit` for each present table that covers a part of [start, end), upper ones first, in the
   order of addresses. `visit` may change entries of the table, and takes no lock of RANK_TABLE. It
   returns true to go on. If it stops in a leaf table, it may lower at->end to how far it came.
   Returns how far the visit came: `end`, unless it was stopped. Vspace lock: read. */
uaddr_t pagetable_visit(struct pagetable *pt, uaddr_t start, uaddr_t end,
                        bool (*visit)(struct table_visit *at, void *arg), void *arg);

/* Finds the first leaf table that is present in [*start, end): its part of the range is
   [*start, *next) then. Returns false if there is none. Vspace lock: read. */
bool pagetable_next_leaf(struct pagetable *pt, uaddr_t *start, uaddr_t end, uaddr_t *next);

/* Returns the frame that the page of `addr` shows, with a reference; NULL if no page is present.
   PAGE_OR_HELD: a page that is held counts as present. Vspace lock: read. */
enum page_wanted { PAGE_PRESENT, PAGE_OR_HELD };
__must_check struct frame *pagetable_get_page(struct pagetable *pt, uaddr_t addr,
                                              enum page_wanted wanted);

/* ---- Owning: rule 3 (own.c) ---- */

/* Makes the path to the table at `level` for `addr` mine, down from the root, and returns that
   table in `table`. OWN_INSERT makes tables that are absent; with OWN_PRESENT the path ends
   above the first one that is absent. -ENOMEM: no translation has changed. May flush, so the
   caller holds no spinlock. Vspace lock: read. */
enum own_absent { OWN_PRESENT, OWN_INSERT };
__must_check int pagetable_own(struct pagetable *pt, uaddr_t addr, int level,
                               enum own_absent absent, struct frame **table);

/* A leaf entry in a table that is mine, as it was when the caller looked. */
struct leaf {
    struct pagetable *pt;
    uaddr_t page; /* its address, page aligned */
    struct frame *table;
    pte_t *slot;
    pte_t entry;
};

enum own_outcome {
    OWN_REUSED,    /* this entry was the last owner: W is set, nothing was copied */
    OWN_COPIED,    /* the entry shows a copy, with W set */
    OWN_TRY_AGAIN, /* another thread has changed the entry */
    OWN_NO_MEMORY, /* nothing has changed */
};

/* Makes a private page mine. `rights` are the bits of the leaf without W. The caller holds no
   spinlock. Vspace lock: read. */
__must_check enum own_outcome pagetable_own_page(const struct leaf *leaf, pte_t rights);

/* Makes a private page mine, which is present or held, and leaves its rights as they are. So the
   kernel can write it where the program may not. Returns its frame in `frame`. -ENOMEM: nothing has
   changed. Vspace lock: write, until the kernel has written. */
__must_check int pagetable_own_quietly(struct pagetable *pt, uaddr_t page, struct frame **frame);

/* ---- Clearing, protecting and moving (clear.c, protect.c, move.c) ---- */

/* A range to clear, [start, end), and the hole that it leaves, [floor, ceiling). Nothing in the
   hole stays present, so the tables that lie wholly in it are dropped too. */
struct hole {
    uaddr_t start, end;
    uaddr_t floor, ceiling;
};

/* Clears a range in two steps: prepare may fail with -ENOMEM, and then no translation has changed;
   clear cannot fail. Vspace lock: write, held over both. */
__must_check int pagetable_prepare_clear(struct pagetable *pt, const struct hole *hole);
void pagetable_clear(struct pagetable *pt, const struct hole *hole);

/* Drops the pages of [start, end) in place: in a shared table, for all sharers at once. With
   FORGET_PAGES, private copies of pages stay. Never fails, never allocates, and drops no table. The
   tables of the range are mine, or the range belongs to one region. Then every sharer of a page
   there has the same region, because a vspace owns the tables of a range before it withdraws or
   changes a promise there. Vspace lock: write. */
enum forget_what { FORGET_ALL, FORGET_PAGES };
void pagetable_forget(struct pagetable *pt, uaddr_t start, uaddr_t end, enum forget_what what);

/* Clears W in the entries of [start, end), a range of a MAP_SHARED region, in place and for all
   sharers at once, as pagetable_forget drops them. Vspace lock: write. */
void pagetable_clean(struct pagetable *pt, uaddr_t start, uaddr_t end);

/* Gives the pages that are present or held in [start, end) the rights of `prot` (PROT_ bits). W is
   only taken away; the fault handler gives it. Two steps, as above. Vspace lock: write, held over
   both. */
__must_check int pagetable_prepare_protect(struct pagetable *pt, uaddr_t start, uaddr_t end);
void pagetable_protect(struct pagetable *pt, uaddr_t start, uaddr_t end, unsigned prot);

/* Moves what is present or held in [from, from + len) to `to`; the two do not overlap. Nothing is
   present at the destination, and its leaf tables are mine. Tables without entries may stay behind.
   Two steps, as above. Vspace lock: write, held over both. */
struct move {
    uaddr_t from, to;
    uint64_t len;
};

__must_check int pagetable_prepare_move(struct pagetable *pt, const struct move *move);
void pagetable_move(struct pagetable *pt, const struct move *move);

/* Returns the rights of a leaf: `prot` in hardware bits, without W. */
pte_t prot_to_pte(unsigned prot);
