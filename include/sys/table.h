/* The system calls by number. */
#pragma once

#include <sys/syscall.h>

/* Returns the entry of a system call, or NULL if no call has this number. Numbers are Linux's, and
   from PAGODA_SYS_FIRST on Pagoda's own. */
syscall_fn *syscall_find(uint64_t number);
