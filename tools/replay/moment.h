/* A moment of a recording: the machine that its events have made so far, and what only readers want
   to know. The moment "at event N" is that right after it. */
#pragma once

#include "machine.h"
#include "recording.h"

#define LEAF_LEVEL 1
#define PAGE_SIZE  4096ul
#define USER_END   (1ul << 47)

#define PTE_PRESENT  (1ul << 0)
#define PTE_USER     (1ul << 2)
#define PTE_ACCESSED (1ul << 5)
#define PTE_DIRTY    (1ul << 6)
#define PTE_FRESH    (1ul << 10)
#define PTE_NX       (1ul << 63)

struct moment {
    const struct record *record;
    struct machine machine;
    uint64_t next; /* the first event that has not happened yet */

    /* The first address that each table translates; NO_BASE: not known yet. */
    uint64_t *bases; /* by frame */
    uint32_t *pids;  /* of the latest process in each space, by the space's number; 0: none */
    uint64_t npids;
    uint32_t *threads; /* the process of each thread, by tid, also after its end */
    uint32_t *parents; /* of each process */
};

#define NO_BASE UINT64_MAX

/* Makes the moment before the first event. */
void moment_init(struct moment *moment, const struct record *record);
void moment_free(struct moment *moment);

/* Goes to the moment after the next event. If that does not fit, nothing changes any more, and a
   message says so once. */
void moment_step(struct moment *moment);

/* Goes forward to the moment right after event `n`. */
void moment_go(struct moment *moment, uint64_t n);

/* Return NULL if there is none. */
struct frame *frame_at(struct moment *moment, uint64_t number);
struct vspace *space_at(struct moment *moment, uint64_t number);
struct vspace *space_of_root(struct moment *moment, uint64_t root);
struct region *region_at(struct vspace *space, uint64_t address);

/* Return the pid of a thread's process, and of the latest process in a space; 0: none. */
uint32_t pid_of_thread(const struct moment *moment, uint32_t tid);
uint32_t pid_of_space(const struct moment *moment, uint64_t number);

/* Returns the index of the entry for `address` in a table at `level`, and the bytes of an entry. */
unsigned level_index(int level, uint64_t address);
uint64_t level_span(int level);

/* Returns the frame to which an entry leads. */
uint64_t entry_target(uint64_t entry);

/* The walk of an address: the tables from the root on, and their entries. */
struct walk {
    int bottom; /* the level of the last table; above the root: there is none */
    uint64_t table[ROOT_LEVEL + 2], entry[ROOT_LEVEL + 2];
};
struct walk walk_at(struct moment *moment, const struct vspace *space, uint64_t address);

/* Returns true if the walk shows a page, and if it allows writing. */
bool walk_shows_page(const struct walk *walk);
bool walk_is_writable(const struct walk *walk);
