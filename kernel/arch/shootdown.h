/* The receiving end of a TLB shootdown (tlb.c). */
#pragma once

/* Flushes what another CPU has requested, if anything. Called by the interrupt handler and by a CPU
   that spins. */
void shootdown_answer(void);
