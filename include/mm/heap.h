/* The kernel heap: small objects in slabs of one page and one size, large ones in runs of frames. */
#pragma once

#include <lib/base.h>

/* `size` bytes, aligned to 16 (a page, from half a page on), contents undefined; NULL if memory is out, or the size
   is 0 or above 4 MiB. Never sleeps. */
__must_check void *heap_alloc(size_t size);

/* The same, filled with zeros. */
__must_check void *heap_alloc_zeroed(size_t size);

/* Gives an object back. NULL is allowed. */
void heap_free(void *object);

/* Bytes that callers hold now, rounded up as they were given out. */
uint64_t heap_usage(void);
