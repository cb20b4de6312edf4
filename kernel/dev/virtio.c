/* The two transports of virtio over PCI (virtio.h): registers, features, queues.

   No locks: a device is attached and started by one thread, at boot. Later calls touch one register
   each.

   Sources: virtio 1.2, 3.1.1 (initialization), 4.1.4 (PCI capabilities), 4.1.4.8 (legacy);
   linux/virtio_pci.h has the names of the registers. */
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <arch/init.h>
#include <arch/port.h>
#include "virtio.h"

#define DEVICE_MODERN 0x1040 /* + the type; transitional devices are 0x1000 to 0x103f */

/* The bits of features that concern the transport. */
#define VERSION_1 (1ul << VIRTIO_F_VERSION_1)
#define PLATFORM  (1ul << VIRTIO_F_ACCESS_PLATFORM) /* our addresses are those of the bus, too */

#define RESET_LOOKS 100000u /* at the status, until a device counts as stuck */

/* ---- Registers ---- */

static uint32_t common_read(const struct virtio_device *device, unsigned offset, unsigned size)
{
    volatile uint8_t *at = device->common + offset;

    return size == 1 ? *at : size == 2 ? *(volatile uint16_t *)at : *(volatile uint32_t *)at;
}

static void common_write32(const struct virtio_device *device, unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(device->common + offset) = value;
}

static void common_write16(const struct virtio_device *device, unsigned offset, uint16_t value)
{
    *(volatile uint16_t *)(device->common + offset) = value;
}

static void common_write64(const struct virtio_device *device, unsigned offset, uint64_t value)
{
    common_write32(device, offset, value);
    common_write32(device, offset + 4, value >> 32);
}

static uint8_t status_read(const struct virtio_device *device)
{
    return device->is_modern ? common_read(device, VIRTIO_PCI_COMMON_STATUS, 1)
                             : port_read8(device->ports + VIRTIO_PCI_STATUS);
}

static void status_write(const struct virtio_device *device, uint8_t status)
{
    if (device->is_modern)
        device->common[VIRTIO_PCI_COMMON_STATUS] = status;
    else
        port_write8(device->ports + VIRTIO_PCI_STATUS, status);
}

static void status_add(const struct virtio_device *device, uint8_t bits)
{
    status_write(device, status_read(device) | bits);
}

uint32_t virtio_config(struct virtio_device *device, unsigned offset, unsigned size)
{
    if (device->is_modern) {
        volatile uint8_t *at = device->config + offset;
        if (!device->config || offset + size > device->config_len)
            return 0;
        return size == 1 ? *at : size == 2 ? *(volatile uint16_t *)at : *(volatile uint32_t *)at;
    }
    uint16_t port = device->ports + VIRTIO_PCI_CONFIG_OFF(device->irq == PCI_IRQ_MESSAGE) + offset;
    return size == 1 ? port_read8(port) : size == 2 ? port_read16(port) : port_read32(port);
}

/* ---- Finding the transport ---- */

/* Returns the range of memory that a capability at `offset` names; .start is 0 if there is none. */
static struct pci_range capability_range(const struct pci_device *pci, unsigned offset,
                                         uint32_t *len)
{
    struct pci_range range = pci_range(pci, pci_read8(pci, offset + VIRTIO_PCI_CAP_BAR));

    *len = pci_read32(pci, offset + VIRTIO_PCI_CAP_LENGTH);
    if (range.is_ports || !range.start)
        return (struct pci_range){};
    range.start += pci_read32(pci, offset + VIRTIO_PCI_CAP_OFFSET);
    return range;
}

/* Finds the first structure of a kind (4.1.4), of at least `min_len` bytes. Returns the offset of
   its capability, or 0. */
static unsigned structure_find(const struct pci_device *pci, uint8_t kind, uint32_t min_len,
                               struct pci_range *range, uint32_t *len)
{
    unsigned offset = 0;

    while ((offset = pci_capability(pci, PCI_CAP_ID_VNDR, offset))) {
        if (pci_read8(pci, offset + VIRTIO_PCI_CAP_CFG_TYPE) != kind)
            continue;
        *range = capability_range(pci, offset, len);
        if (range->start && *len >= min_len)
            return offset;
    }
    return 0;
}

/* Maps a structure of a kind, of which the driver uses up to `used` bytes. */
static volatile uint8_t *structure_map(const struct pci_device *pci, uint8_t kind, uint32_t min_len,
                                       uint32_t used, uint32_t *len)
{
    struct pci_range range;

    if (!structure_find(pci, kind, min_len, &range, len))
        return NULL;
    *len = min(*len, used);
    return device_map(range.start, *len);
}

#define CONFIG_USED 64u /* bytes of the device's configuration that any driver reads */

static bool attach_modern(struct virtio_device *device)
{
    const struct pci_device *pci = &device->pci;
    uint32_t len, common_len = sizeof(struct virtio_pci_common_cfg);
    unsigned notify = structure_find(pci, VIRTIO_PCI_CAP_NOTIFY_CFG, 2, &device->notify, &len);

    if (!notify)
        return false;
    device->notify_step = pci_read32(pci, notify + VIRTIO_PCI_NOTIFY_CAP_MULT);
    device->common = structure_map(pci, VIRTIO_PCI_CAP_COMMON_CFG, common_len, common_len, &len);
    device->isr = structure_map(pci, VIRTIO_PCI_CAP_ISR_CFG, 1, 1, &len);
    device->config =
        structure_map(pci, VIRTIO_PCI_CAP_DEVICE_CFG, 1, CONFIG_USED, &device->config_len);
    device->is_modern = device->common && device->isr;
    return device->is_modern;
}

/* Transitional devices have the ports of the drafts in range 0. */
static bool attach_legacy(struct virtio_device *device)
{
    struct pci_range range = pci_range(&device->pci, 0);

    if (device->pci.device >= DEVICE_MODERN || !range.is_ports || !range.start)
        return false;
    device->ports = range.start;
    return true;
}

/* ---- Starting ---- */

/* 4.1.4.3.2: the status reads 0 once the reset has ended. */
static bool reset(const struct virtio_device *device)
{
    status_write(device, 0);
    for (unsigned n = 0; n < RESET_LOOKS; n++)
        if (status_read(device) == 0)
            return true;
    return false;
}

static uint64_t features_offered(const struct virtio_device *device)
{
    if (!device->is_modern)
        return port_read32(device->ports + VIRTIO_PCI_HOST_FEATURES);
    common_write32(device, VIRTIO_PCI_COMMON_DFSELECT, 0);
    uint64_t features = common_read(device, VIRTIO_PCI_COMMON_DF, 4);
    common_write32(device, VIRTIO_PCI_COMMON_DFSELECT, 1);
    return features | (uint64_t)common_read(device, VIRTIO_PCI_COMMON_DF, 4) << 32;
}

static void features_accept(const struct virtio_device *device)
{
    if (!device->is_modern) {
        port_write32(device->ports + VIRTIO_PCI_GUEST_FEATURES, device->features);
        return;
    }
    common_write32(device, VIRTIO_PCI_COMMON_GFSELECT, 0);
    common_write32(device, VIRTIO_PCI_COMMON_GF, device->features);
    common_write32(device, VIRTIO_PCI_COMMON_GFSELECT, 1);
    common_write32(device, VIRTIO_PCI_COMMON_GF, device->features >> 32);
}

static const char *negotiate(struct virtio_device *device, uint64_t wanted)
{
    device->features = features_offered(device) & (wanted | VERSION_1 | PLATFORM);
    if (device->is_modern && !virtio_has(device, VIRTIO_F_VERSION_1))
        return "the device lacks VERSION_1";
    features_accept(device);
    if (!device->is_modern)
        return NULL;
    status_add(device, VIRTIO_CONFIG_S_FEATURES_OK);
    if (!(status_read(device) & VIRTIO_CONFIG_S_FEATURES_OK))
        return "the device refuses the features";
    return NULL;
}

/* A legacy device has its configuration where that depends on MSI-X, so the interrupt comes before
   the features. Nothing interrupts until there is a queue. */
static const char *bring_up(struct virtio_device *device, uint64_t wanted,
                            void (*handler)(void *arg), void *arg)
{
    if (!reset(device))
        return "the device does not end its reset";
    status_add(device, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    status_add(device, VIRTIO_CONFIG_S_DRIVER);
    device->irq = pci_connect(&device->pci, handler, arg);
    if (device->irq == PCI_IRQ_NONE)
        return "the device has no interrupt that can be used";
    return negotiate(device, wanted);
}

const char *virtio_attach(struct virtio_device *device, uint64_t wanted, void (*handler)(void *arg),
                          void *arg)
{
    pci_enable(&device->pci);
    if (!attach_modern(device) && !attach_legacy(device))
        return "the device has no registers that can be used";
    const char *problem = bring_up(device, wanted, handler, arg);
    if (problem)
        status_add(device, VIRTIO_CONFIG_S_FAILED);
    return problem;
}

void virtio_start(struct virtio_device *device)
{
    status_add(device, VIRTIO_CONFIG_S_DRIVER_OK);
}

bool virtio_stop(struct virtio_device *device)
{
    return reset(device);
}

/* A read of the register quiets the line (4.1.4.5). */
void virtio_quiet(struct virtio_device *device)
{
    if (device->irq != PCI_IRQ_LINE)
        return;
    if (device->is_modern)
        (void)*device->isr;
    else
        (void)port_read8(device->ports + VIRTIO_PCI_ISR);
}

/* ---- Queues ---- */

unsigned virtio_queue_size(struct virtio_device *device, unsigned number)
{
    if (!device->is_modern) {
        port_write16(device->ports + VIRTIO_PCI_QUEUE_SEL, number);
        return port_read16(device->ports + VIRTIO_PCI_QUEUE_NUM);
    }
    common_write16(device, VIRTIO_PCI_COMMON_Q_SELECT, number);
    return common_read(device, VIRTIO_PCI_COMMON_Q_SIZE, 2);
}

/* Lets the queue interrupt by entry 0 of the device's table. Returns false if the device has no
   memory for that (4.1.5.1.2.1). The queue is selected. */
static bool queue_set_message(struct virtio_device *device)
{
    if (device->irq != PCI_IRQ_MESSAGE)
        return true;
    if (!device->is_modern) {
        port_write16(device->ports + VIRTIO_MSI_CONFIG_VECTOR, VIRTIO_MSI_NO_VECTOR);
        port_write16(device->ports + VIRTIO_MSI_QUEUE_VECTOR, 0);
        return port_read16(device->ports + VIRTIO_MSI_QUEUE_VECTOR) == 0;
    }
    common_write16(device, VIRTIO_PCI_COMMON_MSIX, VIRTIO_MSI_NO_VECTOR);
    common_write16(device, VIRTIO_PCI_COMMON_Q_MSIX, 0);
    return common_read(device, VIRTIO_PCI_COMMON_Q_MSIX, 2) == 0;
}

bool virtio_queue_enable(struct virtio_device *device, struct virtqueue *queue)
{
    paddr_t desc = virt_to_phys(queue->desc);

    if (!queue_set_message(device))
        return false;
    if (!device->is_modern) {
        queue->ports = device->ports;
        port_write32(device->ports + VIRTIO_PCI_QUEUE_PFN, desc >> VIRTIO_PCI_QUEUE_ADDR_SHIFT);
        return true;
    }
    uint64_t step = common_read(device, VIRTIO_PCI_COMMON_Q_NOFF, 2);
    queue->doorbell = device_map(device->notify.start + step * device->notify_step, 2);
    common_write16(device, VIRTIO_PCI_COMMON_Q_SIZE, queue->size);
    common_write64(device, VIRTIO_PCI_COMMON_Q_DESCLO, desc);
    common_write64(device, VIRTIO_PCI_COMMON_Q_AVAILLO, virt_to_phys(queue->avail));
    common_write64(device, VIRTIO_PCI_COMMON_Q_USEDLO, virt_to_phys(queue->used));
    common_write16(device, VIRTIO_PCI_COMMON_Q_ENABLE, 1);
    return true;
}
