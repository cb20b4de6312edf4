/* What of an address space is there: the numbers of /proc/PID/smaps, statm and status. */
#pragma once

#include <vm/vspace.h>

/* Pages that a page table shows, the shared zero page aside, as on Linux. A page is private if nobody else can reach
   it: neither through another entry, nor through a table on the way that has other references. It is dirty if it is
   kept nowhere else: anonymous, or of a shared object and written. */
struct survey {
    uint64_t shared_clean, shared_dirty, private_clean, private_dirty;
    uint64_t anon;       /* of these, those that are of no file */
    uint64_t referenced; /* of these, those that were accessed */

    /* Proportional sizes, in bytes << SURVEY_SHIFT. At each level of the tree a page is divided among the references
       that there are, so that the shares of all processes come to the whole. */
    uint64_t share, share_dirty;
};

#define SURVEY_SHIFT 12

/* Adds what is there of [start, end), page aligned. Lock: the vspace's, for writing, by a part of the range at a time,
   so that faults need not wait for all of it: what changes meanwhile may be seen or not. */
void vspace_survey(struct vspace *vspace, uaddr_t start, uaddr_t end, struct survey *survey);

static inline uint64_t survey_pages(const struct survey *survey)
{
    return survey->shared_clean + survey->shared_dirty + survey->private_clean +
           survey->private_dirty;
}
