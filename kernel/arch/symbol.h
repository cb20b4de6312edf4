/* The names of the kernel's functions. */
#pragma once

#include <lib/base.h>

/* Finds the function in which `addr` lies, and the offset of `addr` in it. NULL: none. */
const char *symbol_find(uint64_t addr, uint64_t *offset);
