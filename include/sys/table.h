/* The system calls by number. */
#pragma once

#include <sys/syscall.h>

/* What does the work of a number, Linux's or (from 1000 on) Pagoda's own; NULL: nothing. */
syscall_fn *syscall_find(uint64_t number);
