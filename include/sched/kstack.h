/* Kernel stacks: each in a slot of its own, above a guard that is never mapped, so that an overflow is a fault. */
#pragma once

#include <lib/base.h>

void kstack_init(void);

/* The top of a new stack; 0 if memory or slots are out. */
__must_check uint64_t kstack_alloc(void);

/* Takes a stack back, and its frames, at once. Nobody runs on it. Interrupts are on. */
void kstack_free(uint64_t top);
