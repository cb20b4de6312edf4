/* Kernel stacks: each in a slot of its own, above a guard that is never mapped, so that an overflow
   is a fault. */
#pragma once

#include <lib/base.h>

/* Makes the list of free slots. Called once, at boot. */
void kstack_init(void);

/* Returns the top of a new stack; 0 if memory or slots are out. */
__must_check uint64_t kstack_alloc(void);

/* Frees a stack that no thread runs on. Interrupts are on. */
void kstack_free(uint64_t top);
