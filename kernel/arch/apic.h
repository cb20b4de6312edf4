/* The local APIC, for the other files of this floor. */
#pragma once

#include <lib/base.h>

/* Tells the local APIC that the interrupt under way is dealt with. */
void apic_eoi(void);

/* Sends an NMI to every other CPU that is up. */
void apic_stop_others(void);

/* The timer of this CPU: counts down from `count` once, without an interrupt; and how much is left. */
void apic_timer_count_from(uint32_t count);
uint32_t apic_timer_left(void);

/* From now on VECTOR_TIMER every `count` ticks. */
void apic_timer_periodic(uint32_t count);
