/* Virtio disks: the requests of a block device become chains of its one queue.

       read, write   header | memory of the segments ... | status
       discard       header | range                      | status
       flush         header                              | status

   Headers, ranges and states are in one frame, a slot for each request of the block device.

   Requests of all CPUs are in the queue together. The interrupt goes to one CPU, and its handler
   ends all requests that the device has carried out.

   A device that says what cannot be so is stopped, and its requests fail. So it never makes the
   kernel write where it should not.

   Lock: block_device.lock, for the queue too. Source: virtio 1.2, 5.2; linux/virtio_blk.h. */
#include <linux/errno.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <arch/console.h>
#include <dev/block.h>
#include <dev/disks.h>
#include <lib/panic.h>
#include <mm/heap.h>
#include "virtio.h"

#define VIRTIO_VENDOR    0x1af4
#define BLK_TRANSITIONAL 0x1001
#define BLK_MODERN       (0x1040 + VIRTIO_ID_BLOCK)

#define FEATURE(name) (1ul << VIRTIO_BLK_F_##name)
#define WANTED                                                                                 \
    (FEATURE(SIZE_MAX) | FEATURE(SEG_MAX) | FEATURE(RO) | FEATURE(BLK_SIZE) | FEATURE(FLUSH) | \
     FEATURE(DISCARD))

#define config_read(disk, field)                                              \
    virtio_config(&(disk)->virtio, offsetof(struct virtio_blk_config, field), \
                  sizeof(((struct virtio_blk_config *)0)->field))

/* The pieces that a request has beside its segments: the header and the status. */
#define FRAMING 2u
_Static_assert(BLOCK_SEGMENTS + FRAMING <= VIRTQUEUE_CHAIN, "a request is too long for a chain");

/* What the device reads and writes of a request beside the data (5.2.6). */
struct virtio_blk_slot {
    struct virtio_blk_header {
        uint32_t type; /* VIRTIO_BLK_T_ */
        uint32_t reserved;
        uint64_t sector;
    } header;
    struct virtio_blk_range {
        uint64_t sector;
        uint32_t nsectors;
        uint32_t flags;
    } range;
    uint8_t status; /* VIRTIO_BLK_S_ */
} __aligned(64);

_Static_assert(BLOCK_REQUESTS * sizeof(struct virtio_blk_slot) <= PAGE_SIZE,
               "the slots do not fit into a frame");

#define STATUS_NONE 0xff /* the device has not written a status */

struct virtio_disk {
    struct block_device block;
    struct virtio_device virtio;
    struct virtqueue queue;        /* (block.lock) */
    struct virtio_blk_slot *slots; /* (block.lock) of the requests, in their order */
};

static struct virtio_disk *disk_of(struct block_device *device)
{
    return container_of(device, struct virtio_disk, block);
}

static struct virtio_blk_slot *disk_slot(struct virtio_disk *disk,
                                         const struct block_request *request)
{
    return &disk->slots[request - disk->block.requests];
}

/* ---- Requests ---- */

static struct virtio_piece piece_of(const void *p, uint32_t len, bool is_written)
{
    return (struct virtio_piece){virt_to_phys(p), len, is_written};
}

static void fill_slot(struct virtio_blk_slot *slot, const struct block_request *request)
{
    static const uint32_t types[] = {
        [BLOCK_READ] = VIRTIO_BLK_T_IN,
        [BLOCK_WRITE] = VIRTIO_BLK_T_OUT,
        [BLOCK_FLUSH] = VIRTIO_BLK_T_FLUSH,
        [BLOCK_DISCARD] = VIRTIO_BLK_T_DISCARD,
    };
    bool has_sector = request->op == BLOCK_READ || request->op == BLOCK_WRITE;

    slot->header = (struct virtio_blk_header){.type = types[request->op],
                                              .sector = has_sector ? request->sector : 0};
    slot->range =
        (struct virtio_blk_range){.sector = request->sector, .nsectors = request->nsectors};
    slot->status = STATUS_NONE;
}

static bool disk_start(struct block_device *device, struct block_request *request)
{
    struct virtio_disk *disk = disk_of(device);
    struct virtio_blk_slot *slot = disk_slot(disk, request);
    struct virtio_piece pieces[VIRTQUEUE_CHAIN];
    unsigned npieces = 0;

    fill_slot(slot, request);
    pieces[npieces++] = piece_of(&slot->header, sizeof(slot->header), false);
    if (request->op == BLOCK_DISCARD)
        pieces[npieces++] = piece_of(&slot->range, sizeof(slot->range), false);
    for (unsigned n = 0; n < request->nsegments; n++)
        pieces[npieces++] = (struct virtio_piece){
            request->segments[n].addr, request->segments[n].len, request->op == BLOCK_READ};
    pieces[npieces++] = piece_of(&slot->status, sizeof(slot->status), true);
    return virtqueue_add(&disk->queue, pieces, npieces, request);
}

static void disk_kick(struct block_device *device)
{
    virtqueue_kick(&disk_of(device)->queue);
}

static const struct block_ops disk_ops = {.start = disk_start, .kick = disk_kick};

static int status_error(uint8_t status)
{
    switch (status) {
    case VIRTIO_BLK_S_OK:
        return 0;
    case VIRTIO_BLK_S_UNSUPP:
        return -EOPNOTSUPP;
    default:
        return -EIO;
    }
}

/* Ends the requests that the device has carried out; there are at most BLOCK_REQUESTS. Returns
   false if the device says what cannot be so. */
static bool end_requests(struct virtio_disk *disk)
{
    void *request;

    for (unsigned n = 0; n <= BLOCK_REQUESTS; n++) {
        if (!virtqueue_take(&disk->queue, &request))
            return false;
        if (!request)
            return true;
        uint8_t status = atomic_load_relaxed(&disk_slot(disk, request)->status);
        block_request_end(request, status_error(status));
    }
    return true;
}

/* Frames of a device that goes on after its reset would be written at any time, so they are kept
   for ever. */
static void disk_give_up(struct virtio_disk *disk)
{
    printk("%s: the device answers what was not asked; the disk is given up\n", disk->block.name);
    block_give_up(&disk->block, virtio_stop(&disk->virtio));
}

static void disk_interrupt(void *arg)
{
    struct virtio_disk *disk = arg;
    struct block_device *block = &disk->block;

    virtio_quiet(&disk->virtio);
    if (!disk->slots) /* no request yet */
        return;
    bool irq = spin_lock_irq(&block->lock);
    if (!block->is_broken) {
        if (end_requests(disk))
            block_start_waiting(block);
        else
            disk_give_up(disk);
    }
    spin_unlock_irq(&block->lock, irq);
}

/* ---- Finding disks ---- */

static void disk_read_config(struct virtio_disk *disk)
{
    const struct virtio_device *virtio = &disk->virtio;
    struct block_device *block = &disk->block;
    unsigned capacity = offsetof(struct virtio_blk_config, capacity);

    block->ops = &disk_ops;
    block->nsectors = virtio_config(&disk->virtio, capacity, 4) |
                      (uint64_t)virtio_config(&disk->virtio, capacity + 4, 4) << 32;
    block->block_size =
        virtio_has(virtio, VIRTIO_BLK_F_BLK_SIZE) ? config_read(disk, blk_size) : BLOCK_SECTOR;
    block->is_read_only = virtio_has(virtio, VIRTIO_BLK_F_RO);
    block->has_flush = virtio_has(virtio, VIRTIO_BLK_F_FLUSH);
    if (virtio_has(virtio, VIRTIO_BLK_F_DISCARD))
        block->max_discard = config_read(disk, max_discard_sectors);
    /* A request has a header and a status; without SEG_MAX it has one segment. */
    uint32_t segments = virtio_has(virtio, VIRTIO_BLK_F_SEG_MAX) ? config_read(disk, seg_max) : 1;
    block->max_segments = max(min(segments, BLOCK_SEGMENTS), 1u);
}

/* Sets the disk up. Returns NULL, or why that is not possible. */
static const char *disk_attach(struct virtio_disk *disk)
{
    const char *problem = virtio_attach(&disk->virtio, WANTED, disk_interrupt, disk);

    if (problem)
        return problem;
    disk_read_config(disk);
    if (virtio_has(&disk->virtio, VIRTIO_BLK_F_SIZE_MAX) && config_read(disk, size_max) < PAGE_SIZE)
        return "the device cannot transfer a page";
    problem = virtqueue_init(&disk->queue, &disk->virtio, 0);
    if (problem)
        return problem;
    if (disk->queue.size < FRAMING + 1)
        return "the queue of the device is too short";
    disk->block.max_segments = min(disk->block.max_segments, disk->queue.size - FRAMING);
    return block_register(&disk->block) ? NULL : "it is not registered";
}

static void print_disk(const struct virtio_disk *disk)
{
    const struct block_device *block = &disk->block;

    printk("%s: %lu MiB%s, virtio disk at PCI %02x:%02x.%u, %s\n", block->name,
           block->nsectors * BLOCK_SECTOR >> 20, block->is_read_only ? ", read-only" : "",
           disk->virtio.pci.bus, disk->virtio.pci.slot, disk->virtio.pci.function,
           disk->virtio.is_modern ? "modern" : "legacy");
}

/* A device that cannot be used is stopped. Its memory stays, because the interrupt is connected. */
static void disk_add(const struct pci_device *pci)
{
    struct virtio_disk *disk = heap_alloc_zeroed(sizeof(*disk));
    struct frame *slots = frame_alloc_zeroed(FRAME_KERNEL);
    const char *problem = "no memory for a disk";

    if (disk && slots) {
        disk->virtio.pci = *pci;
        problem = disk_attach(disk);
    }
    if (problem) {
        printk("disk at PCI %02x:%02x.%u: %s\n", pci->bus, pci->slot, pci->function, problem);
        return;
    }
    disk->slots = frame_to_virt(slots);
    virtio_start(&disk->virtio);
    print_disk(disk);
}

static void add_if_disk(const struct pci_device *pci)
{
    if (pci->vendor == VIRTIO_VENDOR &&
        (pci->device == BLK_TRANSITIONAL || pci->device == BLK_MODERN))
        disk_add(pci);
}

void disks_init(void)
{
    pci_for_each(add_if_disk);
}
