/* The contents of the ACPI tables that the kernel needs; valid after acpi_init. */
#pragma once

#include <arch/cpu.h>
#include <arch/irq.h>

#define ISA_LINES IRQ_LINES

/* The connection of an ISA line to the IOAPIC. */
struct isa_line {
    uint32_t gsi; /* global system interrupt */
    bool active_low, level;
};

struct acpi_info {
    paddr_t lapic; /* address of the local APICs' registers */
    paddr_t ioapic;
    uint32_t ioapic_gsi; /* of the IOAPIC's first pin */
    struct isa_line isa[ISA_LINES];
    unsigned ncpus;
    uint8_t apic_ids[MAX_CPUS]; /* of the CPUs that may be started */

    uint16_t pm1a_control, pm1b_control; /* ports; 0: none */
    uint16_t sleep_types[2];             /* SLP_TYP for S5, of PM1a and PM1b */
    uint16_t smi_command;                /* port; 0: the machine is always in ACPI mode */
    uint8_t acpi_enable;                 /* the value to write there */

    uint16_t pm_timer; /* port of the power-management timer; 0: none */
    paddr_t hpet;      /* address of the HPET's registers; 0: none */
};

extern struct acpi_info acpi;
