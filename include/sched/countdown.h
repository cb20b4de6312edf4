/* When the timer of each CPU interrupts next: at its next tick, or at an earlier deadline.

   A CPU that runs a thread takes ticks, on a grid of TICK_NS. An idle CPU takes none, and halts
   until its first deadline or another interrupt.

   Each function is about the CPU that calls it. Interrupts are off. */
#pragma once

#include <lib/base.h>

/* Start ticks, as the CPU leaves its idle thread, and end them. */
void countdown_start_ticks(uint64_t now_ns);
void countdown_end_ticks(void);

/* Asks for an interrupt at `deadline_ns` (monotonic), if none is due earlier. UINT64_MAX: asks for
   nothing. */
void countdown_to(uint64_t deadline_ns);

/* Called when the timer has interrupted: the interrupts that were asked for are forgotten, except
   for the ticks. Returns true if a tick is due. */
__must_check bool countdown_take(uint64_t now_ns);
