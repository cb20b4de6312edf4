/* A small malloc on pagoda_sbrk, so that a program can watch its own heap grow. Not for use by
   several threads. */
#pragma once

#include <stddef.h>

/* At least `size` bytes, aligned to 16. => NULL with errno ENOMEM if there are none. */
void *umalloc(size_t size);

/* Gives back what umalloc returned; NULL is nothing to give back. */
void ufree(void *memory);
