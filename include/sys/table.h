/* The system calls by number. */
#pragma once

#include <sys/syscall.h>

/* Returns the entry of a system call. Numbers are Linux's, and from PAGODA_SYS_FIRST on Pagoda's own.
   NULL: no call has this number. */
syscall_fn *syscall_find(uint64_t number);
