/* PCI by configuration mechanism 1: an address goes to one port, and the register is at another.

   The firmware has numbered the buses and placed the ranges of the devices. A bridge names the bus
   behind it, whose number is higher than that of its own bus.

   A line interrupt stays raised until its device is quieted. Lines may be shared, so every handler
   of the line is called, and looks at its device. A device without a driver would raise its line
   for ever, so all devices are kept off their lines until pci_connect.

   No locks: one thread uses the two ports, at boot. It writes the table of handlers, one entry
   after the other, before the interrupt of the entry is connected.

   Source: PCI Local Bus Specification 3.0, 3.2.2.3.2 (mechanism 1), 6.1 (header), 6.8.2 (MSI-X);
   PCI-to-PCI Bridge Architecture 1.2, 3.2. */
#include <linux/pci_regs.h>
#include <arch/atomic.h>
#include <arch/console.h>
#include <arch/init.h>
#include <arch/irq.h>
#include <arch/port.h>
#include <arch/trap.h>
#include <dev/pci.h>
#include <lib/panic.h>

#define CONFIG_ADDRESS 0xcf8
#define CONFIG_DATA    0xcfc
#define CONFIG_ENABLE  (1u << 31)

#define BUSES            256u
#define SLOTS            32u
#define FUNCTIONS        8u
#define ABSENT           0xffff /* the vendor of no device */
#define MULTIFUNCTION    0x80   /* in the header type */
#define RANGES           6u
#define CAPABILITIES_MAX 48u /* 192 bytes of at least 4 each; a longer list is a loop */

/* The low bits of a message's offset are the number of its range. */
#define MSIX_ENTRY_WORDS (PCI_MSIX_ENTRY_SIZE / 4)

/* The connected interrupts. */
static struct {
    unsigned vector;
    void (*handler)(void *arg);
    void *arg;
} handlers[VECTOR_MESSAGES];
static unsigned nhandlers; /* (a) */
static unsigned nmessages; /* at boot only: the vectors for messages that are given away */

/* ---- The configuration space ---- */

static void select_register(const struct pci_device *device, unsigned offset)
{
    port_write32(CONFIG_ADDRESS, CONFIG_ENABLE | device->bus << 16 | device->slot << 11 |
                                     device->function << 8 | (offset & ~3u));
}

uint32_t pci_read32(const struct pci_device *device, unsigned offset)
{
    select_register(device, offset);
    return port_read32(CONFIG_DATA);
}

uint16_t pci_read16(const struct pci_device *device, unsigned offset)
{
    return pci_read32(device, offset) >> offset % 4 * 8;
}

uint8_t pci_read8(const struct pci_device *device, unsigned offset)
{
    return pci_read32(device, offset) >> offset % 4 * 8;
}

void pci_write16(const struct pci_device *device, unsigned offset, uint16_t value)
{
    select_register(device, offset);
    port_write16(CONFIG_DATA + offset % 4, value);
}

static void change_command(const struct pci_device *device, uint16_t set, uint16_t clear)
{
    uint16_t command = pci_read16(device, PCI_COMMAND);

    pci_write16(device, PCI_COMMAND, (command & ~clear) | set);
}

/* Returns true if the two ports are those of mechanism 1: the address can be read back. */
static bool has_pci(void)
{
    uint32_t before = port_read32(CONFIG_ADDRESS);

    port_write32(CONFIG_ADDRESS, CONFIG_ENABLE);
    bool is_there = port_read32(CONFIG_ADDRESS) == CONFIG_ENABLE;
    port_write32(CONFIG_ADDRESS, before);
    return is_there;
}

/* ---- Finding devices ---- */

/* The buses that a walk has found: bit n % 64 of word n / 64 is bus n. */
struct bus_set {
    uint64_t words[BUSES / 64];
};

static void add_bus(struct bus_set *buses, unsigned bus)
{
    buses->words[bus / 64] |= 1ul << bus % 64;
}

static bool has_bus(const struct bus_set *buses, unsigned bus)
{
    return buses->words[bus / 64] & 1ul << bus % 64;
}

/* Fills in what the device is. Returns false if there is none at its place. */
static bool identify(struct pci_device *device)
{
    device->vendor = pci_read16(device, PCI_VENDOR_ID);
    device->device = pci_read16(device, PCI_DEVICE_ID);
    return device->vendor != ABSENT;
}

static uint8_t header_type(const struct pci_device *device)
{
    return pci_read8(device, PCI_HEADER_TYPE);
}

/* A number that is not higher would lead the walk around in a circle. */
static void add_bus_behind(struct bus_set *buses, const struct pci_device *device)
{
    uint8_t type = header_type(device) & ~MULTIFUNCTION;
    uint8_t behind = pci_read8(device, PCI_SECONDARY_BUS);

    if (type == PCI_HEADER_TYPE_BRIDGE && behind > device->bus)
        add_bus(buses, behind);
}

static void walk_slot(struct bus_set *buses, unsigned bus, unsigned slot,
                      void (*each)(const struct pci_device *device))
{
    struct pci_device device = {.bus = bus, .slot = slot};

    if (!identify(&device))
        return;
    unsigned nfunctions = header_type(&device) & MULTIFUNCTION ? FUNCTIONS : 1;
    for (unsigned n = 0; n < nfunctions; n++) {
        device.function = n;
        if (!identify(&device))
            continue;
        add_bus_behind(buses, &device);
        change_command(&device, PCI_COMMAND_INTX_DISABLE, 0);
        each(&device);
    }
}

/* Visits at most BUSES * SLOTS * FUNCTIONS places, each once, because a bridge leads only to higher
   buses. */
void pci_for_each(void (*each)(const struct pci_device *device))
{
    struct bus_set buses = {};

    if (!has_pci())
        return;
    add_bus(&buses, 0);
    for (unsigned bus = 0; bus < BUSES; bus++)
        for (unsigned slot = 0; has_bus(&buses, bus) && slot < SLOTS; slot++)
            walk_slot(&buses, bus, slot, each);
}

/* ---- Registers ---- */

struct pci_range pci_range(const struct pci_device *device, unsigned n)
{
    unsigned offset = PCI_BASE_ADDRESS_0 + 4 * n;

    if (n >= RANGES)
        return (struct pci_range){};
    uint32_t low = pci_read32(device, offset);
    if (low & PCI_BASE_ADDRESS_SPACE_IO)
        return (struct pci_range){.is_ports = true, .start = low & PCI_BASE_ADDRESS_IO_MASK};
    uint64_t start = low & (uint32_t)PCI_BASE_ADDRESS_MEM_MASK;
    if ((low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) == PCI_BASE_ADDRESS_MEM_TYPE_64 && n + 1 < RANGES)
        start |= (uint64_t)pci_read32(device, offset + 4) << 32;
    return (struct pci_range){.start = start};
}

unsigned pci_capability(const struct pci_device *device, uint8_t id, unsigned after)
{
    unsigned offset;

    if (!(pci_read16(device, PCI_STATUS) & PCI_STATUS_CAP_LIST))
        return 0;
    offset = pci_read8(device, after ? after + PCI_CAP_LIST_NEXT : PCI_CAPABILITY_LIST) & ~3u;
    for (unsigned n = 0; offset && n < CAPABILITIES_MAX; n++) {
        if (pci_read8(device, offset + PCI_CAP_LIST_ID) == id)
            return offset;
        offset = pci_read8(device, offset + PCI_CAP_LIST_NEXT) & ~3u;
    }
    return 0;
}

void pci_enable(const struct pci_device *device)
{
    change_command(device, PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 0);
}

/* ---- Interrupts ---- */

static void add_handler(unsigned vector, void (*handler)(void *arg), void *arg)
{
    handlers[nhandlers].vector = vector;
    handlers[nhandlers].handler = handler;
    handlers[nhandlers].arg = arg;
    atomic_store(&nhandlers, nhandlers + 1);
}

/* Makes entry 0 of the MSI-X table, which lies in one of the device's ranges, raise `vector`. */
static bool connect_message(const struct pci_device *device, unsigned vector)
{
    unsigned capability = pci_capability(device, PCI_CAP_ID_MSIX, 0);

    if (!capability)
        return false;
    uint32_t table = pci_read32(device, capability + PCI_MSIX_TABLE);
    struct pci_range range = pci_range(device, table & PCI_MSIX_TABLE_BIR);
    if (range.is_ports || !range.start)
        return false;
    volatile uint32_t *entry =
        device_map(range.start + (table & PCI_MSIX_TABLE_OFFSET), PCI_MSIX_ENTRY_SIZE);
    struct irq_message message = irq_message(vector);

    /* The function is masked as a whole while the entry is written. */
    uint16_t flags = pci_read16(device, capability + PCI_MSIX_FLAGS);
    flags |= PCI_MSIX_FLAGS_ENABLE;
    pci_write16(device, capability + PCI_MSIX_FLAGS, flags | PCI_MSIX_FLAGS_MASKALL);
    entry[PCI_MSIX_ENTRY_LOWER_ADDR / 4] = message.addr;
    entry[PCI_MSIX_ENTRY_UPPER_ADDR / 4] = message.addr >> 32;
    entry[PCI_MSIX_ENTRY_DATA / 4] = message.data;
    entry[PCI_MSIX_ENTRY_VECTOR_CTRL / 4] = 0;
    pci_write16(device, capability + PCI_MSIX_FLAGS, flags & ~PCI_MSIX_FLAGS_MASKALL);
    return true;
}

/* Returns the line to which the firmware has connected the device's pin, or -1. */
static int line_of(const struct pci_device *device)
{
    uint8_t line = pci_read8(device, PCI_INTERRUPT_LINE);

    return pci_read8(device, PCI_INTERRUPT_PIN) && line < IRQ_LINES ? line : -1;
}

enum pci_irq pci_connect(const struct pci_device *device, void (*handler)(void *arg), void *arg)
{
    if (nhandlers == ARRAY_SIZE(handlers))
        return PCI_IRQ_NONE;
    if (nmessages < VECTOR_MESSAGES) {
        add_handler(VECTOR_MESSAGE_BASE + nmessages, handler, arg);
        if (connect_message(device, VECTOR_MESSAGE_BASE + nmessages)) {
            nmessages++;
            return PCI_IRQ_MESSAGE;
        }
        atomic_store(&nhandlers, nhandlers - 1);
    }
    int line = line_of(device);
    if (line < 0)
        return PCI_IRQ_NONE;
    add_handler(VECTOR_IRQ_BASE + line, handler, arg);
    if (irq_route_level(line)) {
        change_command(device, 0, PCI_COMMAND_INTX_DISABLE);
        return PCI_IRQ_LINE;
    }
    atomic_store(&nhandlers, nhandlers - 1);
    return PCI_IRQ_NONE;
}

bool pci_interrupt(unsigned vector)
{
    bool found = false;

    for (unsigned n = 0; n < atomic_load(&nhandlers); n++) {
        if (handlers[n].vector != vector)
            continue;
        handlers[n].handler(handlers[n].arg);
        found = true;
    }
    return found;
}
