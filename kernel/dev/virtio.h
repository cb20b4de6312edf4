/* Virtio devices on PCI, and the queues through which they get requests.

   A device has registers, by one of two transports:

       modern   structures in memory, which capabilities of the PCI device name (virtio 1.x)
       legacy   ports, with the layout of the drafts before 1.0; "transitional" devices have both

   A queue (struct virtqueue) is three arrays in memory, which driver and device share. Each has a
   single writer:

       descriptors   driver   pieces of memory, linked to chains: a chain is one request
       available     driver   the heads of the chains that the device may carry out
       used          device   the heads of the chains that it has carried out

   The driver must be able to trust nothing that the device writes. So the links and what each chain
   is for are kept a second time, in memory of the kernel's own.

   Source: Virtual I/O Device (VIRTIO) Version 1.2, which the numbers of sections refer to. */
#pragma once

#include <linux/virtio_ring.h>
#include <dev/pci.h>
#include <mm/frame.h>

/* A device. Constant once the driver has started it. */
struct virtio_device {
    struct pci_device pci;
    bool is_modern;
    volatile uint8_t *common, *isr, *config; /* modern: the structures */
    uint32_t config_len;                     /* bytes */
    struct pci_range notify;                 /* modern: where the doorbells of queues are */
    uint32_t notify_step;                    /* modern: bytes between two doorbells */
    uint16_t ports;                          /* legacy: the first port */
    enum pci_irq irq;
    uint64_t features; /* that both sides have: bit n is feature n */
};

static inline bool virtio_has(const struct virtio_device *device, unsigned feature)
{
    return device->features >> feature & 1;
}

/* Finds the registers of the device, resets it, and agrees on features: those that it offers among
   `wanted`. Connects its interrupt to handler(arg). On failure returns a sentence that says why,
   and the device is not used. */
__must_check const char *virtio_attach(struct virtio_device *device, uint64_t wanted,
                                       void (*handler)(void *arg), void *arg);

/* Lets the device carry out requests. The queues are set up. */
void virtio_start(struct virtio_device *device);

/* Stops the device. Returns true if it has confirmed that: then it does not touch memory any
   more. */
bool virtio_stop(struct virtio_device *device);

/* Quiets the device's line interrupt, if it has one. Called by its handler, first. */
void virtio_quiet(struct virtio_device *device);

/* Reads `size` bytes (1, 2 or 4) of the configuration of the kind of device, or 0 if the device has
   no such byte. */
uint32_t virtio_config(struct virtio_device *device, unsigned offset, unsigned size);

/* The three arrays, which have these layouts on any device that is little-endian, as the CPU is
   (2.7.5, 2.7.6, 2.7.8). */
struct virtq_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags; /* VRING_DESC_F_ */
    uint16_t next;
};

struct virtq_avail {
    uint16_t flags;
    uint16_t idx; /* entries that were put into the ring, modulo 2^16 */
    uint16_t ring[];
};

struct virtq_used {
    uint16_t flags; /* VRING_USED_F_ */
    uint16_t idx;
    struct virtq_used_elem {
        uint32_t id; /* the head of a chain */
        uint32_t len;
    } ring[];
};

/* A chain has this many pieces at most. */
#define VIRTQUEUE_CHAIN 40u

/* A piece of memory for the device. */
struct virtio_piece {
    paddr_t addr;
    uint32_t len;
    bool is_written; /* by the device */
};

/* A queue. Its user has a lock for it. */
struct virtqueue {
    unsigned size;           /* descriptors; a power of two */
    struct virtq_desc *desc; /* the three arrays, in one run of frames */
    struct virtq_avail *avail;
    struct virtq_used *used;
    volatile uint16_t *doorbell; /* modern: the register that tells the device of new chains */
    uint16_t ports;              /* legacy: the first port */
    unsigned number;             /* of the queue in the device */
    uint16_t next_used;          /* chains that were taken from `used`, modulo 2^16 */
    unsigned free_head, nfree;   /* the list of free descriptors, by `links` */
    unsigned nchains;            /* at the device */
    struct virtqueue_link {
        uint16_t next; /* of the chain, or of the free list */
    } * links;
    struct virtqueue_chain {
        void *token;       /* NULL: no chain begins here */
        uint32_t nwritten; /* bytes that the device may write */
        uint16_t length;   /* descriptors */
    } * chains;            /* by their heads */
};

/* Sets up queue `number` of the device. Returns NULL, or a sentence that says why it cannot. At
   boot only. */
__must_check const char *virtqueue_init(struct virtqueue *queue, struct virtio_device *device,
                                        unsigned number);

/* Adds a chain; the device gets it at the next virtqueue_kick. `token` is what the chain is for.
   Returns false if there are too few descriptors. */
__must_check bool virtqueue_add(struct virtqueue *queue, const struct virtio_piece *pieces,
                                unsigned npieces, void *token);

/* Tells the device of the chains that were added, unless it does not need to be told. */
void virtqueue_kick(struct virtqueue *queue);

/* Takes the next chain that the device has carried out. Returns true, and the token (NULL: there
   is none), or false if what the device says is impossible. */
__must_check bool virtqueue_take(struct virtqueue *queue, void **token);

/* ---- Between virtqueue.c and virtio.c ---- */

/* Selects a queue. Returns the most descriptors that it can have; 0: there is no such queue. */
unsigned virtio_queue_size(struct virtio_device *device, unsigned number);

/* Tells the device where the arrays of the selected queue are. Returns false if the queue cannot
   interrupt. */
__must_check bool virtio_queue_enable(struct virtio_device *device, struct virtqueue *queue);
