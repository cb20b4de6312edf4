/* What main.c calls of this floor, in order. */
#pragma once

#include <lib/base.h>

void serial_init(void); /* the serial line: from here on printk is seen */
void cpu_init(void);    /* GDT, IDT, TSS, GS, control registers, SYSCALL of the boot CPU */
void paging_init(
    void); /* the kernel's final page tables: direct map, W^X image, kernel-stack tables */
void acpi_init(void);          /* finds CPUs, the IOAPIC and its overrides, the power-off port */
void apic_init(void);          /* local APIC on, IOAPIC masked, the old PICs silenced */
void clock_init(void);         /* calibrates the TSC and the APIC timer; reads the RTC */
void timer_start(unsigned hz); /* VECTOR_TIMER interrupts on this CPU from now on */

/* Kernel-stack slots that paging_init has made tables for. */
unsigned kstack_slots(void);

/* Maps or unmaps (pa == 0) one page of a kernel stack, writable, not executable; returns the page that was there
   before, or 0. Does not flush. */
paddr_t kstack_map(uint64_t va, paddr_t pa);

/* Maps device registers uncached, for ever; returns where. */
void *device_map(paddr_t addr, size_t size);

/* The same for a framebuffer: writes may be gathered, and reads are slow. */
void *framebuffer_map(paddr_t addr, size_t size);
