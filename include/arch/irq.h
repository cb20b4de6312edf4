/* Interrupts of devices, through the IOAPIC, and between CPUs, through the local APICs. */
#pragma once

#include <lib/base.h>

/* Routes an ISA line (0-15, after ACPI's overrides) to vector VECTOR_IRQ_BASE + irq on CPU 0, and
   unmasks it. */
void irq_route(unsigned irq);

/* Interrupts another CPU with `vector`. */
void ipi_send(unsigned cpu, unsigned vector);
