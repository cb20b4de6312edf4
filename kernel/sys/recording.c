/* Recording a run (sys/recording.h).

   The device is QEMU's ivshmem-plain: its memory is a file of the host, whose first page the reader
   has filled. The kernel tells there where it keeps what the events describe, so that the reader
   can compare at the end. It looks at the real memory then, and needs no symbols. */

#include <linux/pci_regs.h>
#include <sys/recording.h>
#include <arch/console.h>
#include <arch/event.h>
#include <arch/init.h>
#include <dev/pci.h>
#include <lib/string.h>
#include <vm/vspace.h>

#define IVSHMEM_VENDOR 0x1af4
#define IVSHMEM_DEVICE 0x1110
#define IVSHMEM_MEMORY 2 /* the number of its range */

/* A larger ring would not fit into the window of devices. */
#define SLOTS_MAX (1u << 18)

static const struct recording_layout layout = {
    .frame_size = sizeof(struct frame),
    .frame_refcount = offsetof(struct frame, refcount),
    .frame_kind = offsetof(struct frame, kind),
    .frame_order = offsetof(struct frame, order),
    .vspace_number = offsetof(struct vspace, number),
    .vspace_root = offsetof(struct vspace, pagetable.mmu.root),
    .vspace_generation = offsetof(struct vspace, pagetable.mmu.generation),
    .vspace_tree = offsetof(struct vspace, regions.rbh_root),
    .vspace_next = offsetof(struct vspace, all.le_next),
    .region_left = offsetof(struct vregion, node.rbe_left),
    .region_right = offsetof(struct vregion, node.rbe_right),
    .region_start = offsetof(struct vregion, start),
    .region_end = offsetof(struct vregion, end),
    .region_prot = offsetof(struct vregion, prot),
    .region_kind = offsetof(struct vregion, kind),
    .region_flags = offsetof(struct vregion, flags),
    .region_shared = offsetof(struct vregion, shared),
    .region_no_write = offsetof(struct vregion, no_write),
    .region_pager = offsetof(struct vregion, pager),
    .region_page = offsetof(struct vregion, pager_page),
    .region_data_end = offsetof(struct vregion, data_end),
    .kind_free = FRAME_FREE,
    .kind_cached = FRAME_FREE_CACHED,
    .kind_table = FRAME_TABLE,
    .kind_zero = FRAME_ZERO,
};

static void recording_begin(const struct pci_device *device)
{
    struct pci_range range = pci_range(device, IVSHMEM_MEMORY);

    if (device->vendor != IVSHMEM_VENDOR || device->device != IVSHMEM_DEVICE || range.is_ports ||
        !range.start)
        return;
    pci_enable(device);
    struct recording *recording = device_map(range.start, RECORDING_HEADER);
    uint64_t slots = recording->slots;
    if (memcmp(recording->magic, RECORDING_MAGIC, sizeof(recording->magic)) != 0 ||
        recording->version != RECORDING_VERSION || slots == 0 || slots > SLOTS_MAX) {
        printk("a shared memory is no recording of version %u\n", RECORDING_VERSION);
        return;
    }
    recording = device_map(range.start, RECORDING_HEADER + slots * sizeof(struct event));
    recording->layout = layout;
    recording->event_size = sizeof(struct event);
    event_stream_start(recording);
}

void recording_init(void)
{
    pci_for_each(recording_begin);
}
