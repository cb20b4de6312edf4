/* The kernel heap: small objects in slabs of one page and one size, large ones in runs of
   frames. */
#pragma once

#include <lib/base.h>

/* Returns `size` bytes, aligned to 16 (to a page, from half a page on), contents undefined.
   Returns NULL if memory is out, or if the size is 0 or above 4 MiB. Never sleeps. */
__must_check void *heap_alloc(size_t size);

/* Returns `size` bytes as heap_alloc does, filled with zeros. */
__must_check void *heap_alloc_zeroed(size_t size);

/* Frees an object. NULL is allowed. */
void heap_free(void *object);

/* Returns the bytes that callers hold now, rounded up to the sizes of objects. */
uint64_t heap_usage(void);
