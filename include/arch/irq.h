/* Interrupts of devices, through the IOAPIC, and between CPUs, through the local APICs. */
#pragma once

#include <lib/base.h>

#define IRQ_LINES 16

/* Routes an ISA line (0-15, after ACPI's overrides) to vector VECTOR_IRQ_BASE + irq on CPU 0, and
   unmasks it. */
void irq_route(unsigned irq);

/* Routes a line of PCI to vector VECTOR_IRQ_BASE + irq on CPU 0, and unmasks it. The interrupt
   comes again until the device is quieted. Returns false if no pin has this line. */
__must_check bool irq_route_level(unsigned irq);

/* What a device writes, and where, to interrupt CPU 0 (SDM 3A, 10.11). */
struct irq_message {
    uint64_t addr;
    uint32_t data;
};
struct irq_message irq_message(unsigned vector);

/* Interrupts another CPU with `vector`. */
void ipi_send(unsigned cpu, unsigned vector);
