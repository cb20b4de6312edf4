/* The survey: what is present of an address space, in the numbers of /proc/PID/smaps, statm and
   status. */
#pragma once

#include <vm/vspace.h>

/* Pages that a page table shows, without the shared zero page, as on Linux. A page is private if
   nothing else leads to it: no other entry, and no other reference on a table of its path. It is
   dirty if its contents are kept nowhere else: it is anonymous, or written and of a shared
   object. */
struct survey {
    uint64_t shared_clean, shared_dirty, private_clean, private_dirty;
    uint64_t anon;       /* of these, pages of no file */
    uint64_t referenced; /* of these, pages that were accessed */

    /* Proportional sizes, in bytes << SURVEY_SHIFT. At each level of the tree a page is divided by
       the number of references, so the shares of all processes add up to the whole. */
    uint64_t share, share_dirty;
};

#define SURVEY_SHIFT 12

/* Adds to `survey` what is present of [start, end), which is page aligned. Lock: the vspace's, for
   reading, a part of the range at a time; a change meanwhile may be seen or not. */
void vspace_survey(struct vspace *vspace, uaddr_t start, uaddr_t end, struct survey *survey);

/* Returns how many frames the address space holds: its tables, and the pages of no file that they
   show. What it shares with others since a fork counts in full. Looks at 512 entries for each leaf
   table. Lock: the vspace's, for reading. */
uint64_t vspace_held(struct vspace *vspace);

static inline uint64_t survey_pages(const struct survey *survey)
{
    return survey->shared_clean + survey->shared_dirty + survey->private_clean +
           survey->private_dirty;
}

/* The sizes of the regions in bytes, and of the tables for them. */
struct vspace_sizes {
    uint64_t mapped, mapped_peak;
    uint64_t data;  /* private and writable, the stack aside */
    uint64_t stack; /* of stacks, as far as they have grown */
    uint64_t exec;  /* executable */
    uint64_t locked;
    uint64_t tables;
};

/* Lock: taken, for reading. */
struct vspace_sizes vspace_sizes(struct vspace *vspace);
