/* The parts of this floor that main.c starts, in order. */
#pragma once

#include <lib/base.h>

void serial_init(void); /* the serial line; from here on printk works */
void cpu_init(void);    /* GDT, IDT, TSS, GS, control registers, SYSCALL of the boot CPU */
void paging_init(
    void); /* the kernel's final page tables: direct map, W^X image, kernel-stack tables */
void acpi_init(void);   /* finds the CPUs, the IOAPIC and its overrides, the power-off port */
void apic_init(void);   /* enables the local APIC, masks the IOAPIC, silences the PICs */
void clock_init(void);  /* calibrates the TSC and the APIC timer; reads the RTC */
void timer_start(void); /* allows timer_interrupt_at on this CPU */

void smp_prepare(void); /* stacks for the other CPUs that ACPI lists; before frame_init */

/* Starts the other CPUs: each calls `entry`, which does not return, with interrupts disabled. */
void smp_start(void (*entry)(void));

/* Makes this CPU count as running, at the end of its start. */
void smp_online(void);

/* Returns the number of kernel-stack slots for which paging_init has made tables. */
unsigned kstack_slots(void);

/* Maps one page of a kernel stack, writable and not executable, or unmaps it (pa == 0). Returns the
   page that was mapped before, or 0. Does not flush. */
paddr_t kstack_map(uint64_t va, paddr_t pa);

/* Maps device registers uncached, for ever. Returns their address. */
void *device_map(paddr_t addr, size_t size);

/* Maps a framebuffer write-combining, for ever: writes may be gathered, and reads are slow. Returns
   its address. */
void *framebuffer_map(paddr_t addr, size_t size);
