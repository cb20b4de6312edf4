/* What the system calls that promise memory share. */
#pragma once

#include <proc/populate.h>

/* Faults in the pages of [start, end) of the current process, which is page aligned, as far as its
   regions allow, or up to the first error: as of vspace_populate, or -EINTR. May sleep. */
enum on_error { STOP_ON_ERROR, SKIP_ERRORS };
int populate_range(uaddr_t start, uaddr_t end, enum populate how, enum on_error on_error);

/* Populates the parts of the range that are locked. Errors are not told, as in mmap. */
void populate_locked_parts(uaddr_t start, uint64_t len);
