/* Interrupt controllers: a local APIC in each CPU, and one IOAPIC for the devices. The legacy PICs
   are masked.

   Registers are in memory (xAPIC mode). All ISA lines go to CPU 0, at VECTOR_IRQ_BASE + line, with
   the pins and polarities that ACPI gives. No locks: interrupts are disabled where two writes
   belong together, and the IOAPIC is programmed only at boot and when a driver starts.

   PCI devices send messages to CPU 0's local APIC, or use a line of the IOAPIC.

   Sources: SDM 3A, chapter 10 (local APIC, table 10-1; ICR 10.6.1; timer 10.5.4); Intel 82093AA
   (IOAPIC) datasheet 3. */
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <arch/page.h>
#include <arch/port.h>
#include <arch/trap.h>
#include <lib/panic.h>
#include "acpi.h"
#include "apic.h"
#include "regs.h"

/* Registers of the local APIC: byte offsets. */
#define LAPIC_ID            0x020
#define LAPIC_TPR           0x080
#define LAPIC_EOI           0x0b0
#define LAPIC_SPURIOUS      0x0f0
#define LAPIC_ICR_LOW       0x300
#define LAPIC_ICR_HIGH      0x310
#define LAPIC_LVT_TIMER     0x320
#define LAPIC_LVT_LINT0     0x350
#define LAPIC_LVT_LINT1     0x360
#define LAPIC_LVT_ERROR     0x370
#define LAPIC_TIMER_INITIAL 0x380
#define LAPIC_TIMER_CURRENT 0x390
#define LAPIC_TIMER_DIVIDE  0x3e0

#define APIC_BASE_ENABLE (1u << 11) /* of MSR_APIC_BASE */
#define APIC_BASE_X2APIC (1u << 10)
#define SPURIOUS_ENABLE  (1u << 8)
#define LVT_MASKED       (1u << 16)
#define LVT_NMI          (4u << 8)
#define TIMER_BY_1       11
#define ICR_NMI          (4u << 8)
#define ICR_INIT         (5u << 8)
#define ICR_STARTUP      (6u << 8) /* with the number of a page below 1 MiB */
#define ICR_PENDING      (1u << 12)
#define ICR_ASSERT       (1u << 14)
#define ICR_ALL_OTHERS   (3u << 18)
#define ICR_TURNS        (1u << 20) /* about a second; a send takes microseconds */

/* Registers of the IOAPIC: indices. */
#define IOAPIC_VERSION     1
#define IOAPIC_REDIRECTION 0x10 /* two words for each pin */
#define PIN_ACTIVE_LOW     (1u << 13)
#define PIN_LEVEL          (1u << 15)
#define PIN_MASKED         (1u << 16)

/* The address to which a device writes an interrupt message. */
#define MESSAGE_BASE    0xfee00000u
#define MESSAGE_APIC_ID 12 /* the position of the CPU that gets it */

#define PIC1_COMMAND 0x20
#define PIC1_DATA    0x21
#define PIC2_COMMAND 0xa0
#define PIC2_DATA    0xa1

static volatile uint32_t *lapic;
static volatile uint32_t *ioapic; /* [0] is the index, [4] the data */
static unsigned ioapic_npins;

static uint32_t lapic_read(unsigned reg)
{
    return lapic[reg / 4];
}

static void lapic_write(unsigned reg, uint32_t value)
{
    lapic[reg / 4] = value;
}

static uint32_t ioapic_read(unsigned reg)
{
    ioapic[0] = reg;
    return ioapic[4];
}

static void ioapic_write(unsigned reg, uint32_t value)
{
    ioapic[0] = reg;
    ioapic[4] = value;
}

static void pin_write(unsigned pin, uint32_t low, uint32_t apic_id)
{
    ioapic_write(IOAPIC_REDIRECTION + 2 * pin + 1, apic_id << 24);
    ioapic_write(IOAPIC_REDIRECTION + 2 * pin, low);
}

/* Moves the PICs' vectors away from those of exceptions, in case of a spurious interrupt, and masks
   all their lines (Intel 8259A). */
static void pics_silence(void)
{
    port_write8(PIC1_COMMAND, 0x11);
    port_write8(PIC2_COMMAND, 0x11);
    port_write8(PIC1_DATA, VECTOR_IRQ_BASE);
    port_write8(PIC2_DATA, VECTOR_IRQ_BASE + 8);
    port_write8(PIC1_DATA, 1 << 2);
    port_write8(PIC2_DATA, 2);
    port_write8(PIC1_DATA, 1);
    port_write8(PIC2_DATA, 1);
    port_write8(PIC1_DATA, 0xff);
    port_write8(PIC2_DATA, 0xff);
}

static void lapic_init(void)
{
    uint64_t base = msr_read(MSR_APIC_BASE);
    if (base & APIC_BASE_X2APIC)
        boot_fail("the firmware left the local APIC in x2APIC mode, which is not supported");
    msr_write(MSR_APIC_BASE, base | APIC_BASE_ENABLE);
    lapic_write(LAPIC_SPURIOUS, SPURIOUS_ENABLE | VECTOR_SPURIOUS);
    lapic_write(LAPIC_TPR, 0);
    lapic_write(LAPIC_LVT_TIMER, LVT_MASKED);
    lapic_write(LAPIC_LVT_LINT0, LVT_MASKED);
    lapic_write(LAPIC_LVT_LINT1, LVT_NMI);
    lapic_write(LAPIC_LVT_ERROR, LVT_MASKED);
    lapic_write(LAPIC_TIMER_DIVIDE, TIMER_BY_1);
    this_cpu()->apic_id = lapic_read(LAPIC_ID) >> 24;
}

/* Where no device answers, reads give all zeros or all ones. */
static void ioapic_init(void)
{
    uint32_t version = ioapic_read(IOAPIC_VERSION);

    if (version == 0 || version == UINT32_MAX)
        boot_fail("it needs an I/O APIC, and there is none at %#lx", acpi.ioapic);
    ioapic_npins = (version >> 16 & 0xff) + 1;
    for (unsigned pin = 0; pin < ioapic_npins; pin++)
        pin_write(pin, PIN_MASKED, 0);
}

void apic_init_other(void)
{
    lapic_init();
}

void apic_init(void)
{
    pics_silence();
    lapic = device_map(acpi.lapic, 0x400);
    ioapic = device_map(acpi.ioapic, 0x20);
    lapic_init();
    ioapic_init();
}

void irq_route(unsigned irq)
{
    assert(irq < ISA_LINES);
    const struct isa_line *line = &acpi.isa[irq];
    unsigned pin = line->gsi - acpi.ioapic_gsi;
    if (pin >= ioapic_npins)
        boot_fail("ISA line %u is at pin %u of an I/O APIC with %u pins", irq, pin, ioapic_npins);
    uint32_t low = VECTOR_IRQ_BASE + irq;
    if (line->active_low)
        low |= PIN_ACTIVE_LOW;
    if (line->level)
        low |= PIN_LEVEL;
    pin_write(pin, low, cpu_get(0)->apic_id);
}

/* A line that ACPI does not mention has the polarity of PCI, active low. */
bool irq_route_level(unsigned irq)
{
    assert(irq < ISA_LINES);
    const struct isa_line *line = &acpi.isa[irq];
    unsigned pin = line->gsi - acpi.ioapic_gsi;
    if (pin >= ioapic_npins)
        return false;
    bool active_low = line->level ? line->active_low : true;
    pin_write(pin, (VECTOR_IRQ_BASE + irq) | PIN_LEVEL | (active_low ? PIN_ACTIVE_LOW : 0),
              cpu_get(0)->apic_id);
    return true;
}

struct irq_message irq_message(unsigned vector)
{
    return (struct irq_message){MESSAGE_BASE | cpu_get(0)->apic_id << MESSAGE_APIC_ID, vector};
}

void apic_eoi(void)
{
    lapic_write(LAPIC_EOI, 0);
}

/* Writes the two halves of the ICR together. The write of the low one sends. If the message before
   has not been sent after ICR_TURNS looks, it is given up: whoever waits for its effect reports a
   hang, and so needs the ICR. */
static void icr_write(uint32_t high, uint32_t low)
{
    bool irq = irq_save();
    for (unsigned n = 0; n < ICR_TURNS && (lapic_read(LAPIC_ICR_LOW) & ICR_PENDING); n++)
        cpu_relax();
    lapic_write(LAPIC_ICR_HIGH, high);
    lapic_write(LAPIC_ICR_LOW, low);
    irq_restore(irq);
}

void ipi_send(unsigned cpu, unsigned vector)
{
    icr_write(cpu_get(cpu)->apic_id << 24, ICR_ASSERT | vector);
}

void apic_send_init(uint32_t apic_id)
{
    icr_write(apic_id << 24, ICR_ASSERT | ICR_INIT);
}

void apic_send_startup(uint32_t apic_id, paddr_t page)
{
    icr_write(apic_id << 24, ICR_ASSERT | ICR_STARTUP | page >> PAGE_SHIFT);
}

void apic_stop_others(void)
{
    if (cpu_count() > 1)
        icr_write(0, ICR_ALL_OTHERS | ICR_ASSERT | ICR_NMI);
}

void apic_send_nmi(unsigned cpu)
{
    icr_write(cpu_get(cpu)->apic_id << 24, ICR_ASSERT | ICR_NMI);
}

void apic_timer_count_from(uint32_t count)
{
    lapic_write(LAPIC_LVT_TIMER, LVT_MASKED);
    lapic_write(LAPIC_TIMER_INITIAL, count);
}

uint32_t apic_timer_left(void)
{
    return lapic_read(LAPIC_TIMER_CURRENT);
}

void apic_timer_start(void)
{
    lapic_write(LAPIC_TIMER_INITIAL, 0);
    lapic_write(LAPIC_LVT_TIMER, VECTOR_TIMER);
}

void apic_timer_interrupt_in(uint32_t count)
{
    lapic_write(LAPIC_TIMER_INITIAL, count);
}
