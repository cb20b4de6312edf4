/* The numbers of the system calls that Linux lacks, for the kernel and for programs. */
#pragma once

#define PAGODA_SYS_FIRST 1001

#define PAGODA_SYS_sbrk  1001 /* void *sbrk(intptr_t n): moves the break, returns the old one */
#define PAGODA_SYS_audit 1002 /* long audit(void): recounts every reference */
