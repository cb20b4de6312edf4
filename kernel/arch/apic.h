/* The local APIC, for the other files of this floor. */
#pragma once

#include <lib/base.h>

/* Sends the end of the current interrupt to the local APIC. */
void apic_eoi(void);

/* Sends an NMI to every other CPU that runs. */
void apic_stop_others(void);

/* Start this CPU's timer, which counts down from `count` once without an interrupt, and return how
   much is left. */
void apic_timer_count_from(uint32_t count);
uint32_t apic_timer_left(void);

/* Starts the timer interrupt VECTOR_TIMER, which comes every `count` ticks. */
void apic_timer_periodic(uint32_t count);
