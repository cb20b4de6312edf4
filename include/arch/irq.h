/* Device interrupts and interrupts between CPUs, through the IOAPIC and the local APICs. */
#pragma once

#include <lib/base.h>

/* Routes the ISA line `irq` (0-15; ACPI's overrides applied) to vector VECTOR_IRQ_BASE + irq on CPU 0, and
   unmasks it. */
void irq_route(unsigned irq);

/* Interrupts another CPU with `vector`. */
void ipi_send(unsigned cpu, unsigned vector);
