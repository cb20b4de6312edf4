/* The reason for an exception, in words. */
#pragma once

#include <arch/trap.h>

/* Writes into `buf` what user code has done to raise this exception, other than a page fault. Reads
   the instruction from user memory, so it may sleep; no lock may be held. */
void exception_explain(const struct trapframe *tf, char *buf, size_t size);
