/* The receiving end of a TLB shootdown (tlb.c). */
#pragma once

/* Does what another CPU has asked this one to forget, if anything. Called by the interrupt and by
 * whoever spins. */
void shootdown_answer(void);
