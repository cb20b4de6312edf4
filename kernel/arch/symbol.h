/* The kernel's own function names. */
#pragma once

#include <lib/base.h>

/* The function that `addr` lies in, and how far behind its start; NULL: none. */
const char *symbol_find(uint64_t addr, uint64_t *offset);
