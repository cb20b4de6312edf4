/* The local APIC, for the other files of this floor. */
#pragma once

#include <lib/base.h>

/* Sends the end of the current interrupt to the local APIC. */
void apic_eoi(void);

/* Sends an NMI to every other CPU that runs. */
void apic_stop_others(void);

/* Sends an NMI to a CPU, which may be this one. */
void apic_send_nmi(unsigned cpu);

/* Enables the local APIC of a CPU other than the boot CPU. */
void apic_init_other(void);

/* Send a CPU that is not running INIT, and the IPI that starts it in real mode at `page`, which is
   below 1 MiB (SDM 3A 8.4). */
void apic_send_init(uint32_t apic_id);
void apic_send_startup(uint32_t apic_id, paddr_t page);

/* Start this CPU's timer, which counts down from `count` once without an interrupt, and return how
   much is left. */
void apic_timer_count_from(uint32_t count);
uint32_t apic_timer_left(void);

/* Makes this CPU's timer interrupt as VECTOR_TIMER, and stops it. */
void apic_timer_start(void);

/* Starts the timer, which interrupts once after `count` ticks. A count that runs is replaced. */
void apic_timer_interrupt_in(uint32_t count);
