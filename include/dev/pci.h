/* Devices on PCI: finding them, their registers, and their interrupts.

   A device interrupts by messages (MSI-X) if it can, and by one of the lines that the firmware has
   connected otherwise. Source: PCI Local Bus Specification 3.0, chapter 6; linux/pci_regs.h has the
   names of the registers. */
#pragma once

#include <lib/base.h>

/* One function of a device: its place, as the words of lspci, and what it is. */
struct pci_device {
    uint8_t bus, slot, function;
    uint16_t vendor, device;
};

/* A base address register: a range of ports or of memory. */
struct pci_range {
    bool is_ports;
    uint64_t start; /* 0: the device has no such range, or the firmware has not placed it */
};

/* Calls `each` for every device, in the order of the buses. At boot only. */
void pci_for_each(void (*each)(const struct pci_device *device));

/* Read and write registers in the configuration space. An offset is a multiple of the size. At boot
   only. */
uint8_t pci_read8(const struct pci_device *device, unsigned offset);
uint16_t pci_read16(const struct pci_device *device, unsigned offset);
uint32_t pci_read32(const struct pci_device *device, unsigned offset);
void pci_write16(const struct pci_device *device, unsigned offset, uint16_t value);

/* Returns the range of base address register `n`, 0 to 5. */
struct pci_range pci_range(const struct pci_device *device, unsigned n);

/* Returns the offset of the first capability `id` behind the one at `after` (0: of all), or 0 if
   there is none. */
unsigned pci_capability(const struct pci_device *device, uint8_t id, unsigned after);

/* Lets the device answer at its ranges, and read and write memory. */
void pci_enable(const struct pci_device *device);

/* How a device interrupts. */
enum pci_irq {
    PCI_IRQ_NONE,    /* it cannot */
    PCI_IRQ_MESSAGE, /* by entry 0 of its MSI-X table */
    PCI_IRQ_LINE,    /* by a line, which it may share, until the handler has quieted it */
};

/* Connects the device's interrupt: from now on handler(arg) is called by CPU 0, with interrupts
   off. It takes locks from RANK_INTERRUPT on. At boot only. */
enum pci_irq pci_connect(const struct pci_device *device, void (*handler)(void *arg), void *arg);

/* Calls the handlers of an interrupt. Returns false if it has none. Called by
   interrupt_dispatch. */
bool pci_interrupt(unsigned vector);
