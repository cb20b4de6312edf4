/* Read-ahead: who reads a file in order gets pages before it asks for them.

   The first read in order reads a window of 4 pages, the next one that misses the cache 8, and so
   on up to 32. A read elsewhere reads what it asks for, and the window begins anew. A reader is an
   open file, or all the faults on one file. */
#pragma once

#include <lib/base.h>

enum readahead_mode { READAHEAD_NORMAL, READAHEAD_SEQUENTIAL, READAHEAD_RANDOM };

/* Where a reader is. Threads that share a reader may spoil its window, and nothing else: the fields
   are atomic, one by one. A new one is all zeros. */
struct readahead {
    uint64_t next;   /* the page that it needs next, if it reads in order */
    unsigned window; /* pages; 0: it does not read in order */
    unsigned mode;   /* enum readahead_mode: what posix_fadvise(2) has said */
};

/* Returns how many pages are to be read from `index` on, because the reader misses this page, and
   asks for `asked` pages. Remembers them. */
unsigned readahead_count(struct readahead *reader, uint64_t index, uint64_t asked);
