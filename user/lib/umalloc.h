/* A small malloc on pagoda_sbrk, with which a program can watch its heap grow. It is not
   thread-safe. */
#pragma once

#include <stddef.h>

/* Returns at least `size` bytes, aligned to 16; NULL, with errno ENOMEM, if there are none. */
void *umalloc(size_t size);

/* Frees memory from umalloc. NULL is ignored. */
void ufree(void *memory);
