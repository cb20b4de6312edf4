/* The queues of virtio devices (virtio.h), in the "split" format: one run of frames holds

       descriptors | available ring | rest of the page | used ring

   as a legacy device requires it (2.7.2). A modern device accepts the same places.

   Always true: nfree and the lengths of the chains at the device add up to `size`. What the device
   writes is an index into `used`, and there a head and a length. Each is compared with what can
   be so: no more chains than were given, a head of a chain, and no more bytes than it has room for.

   Lock: that of the queue's user. Source: virtio 1.2, 2.7. */
#include <linux/virtio_pci.h>
#include <arch/atomic.h>
#include <arch/port.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include "virtio.h"

#define QUEUE_WANTED 256u       /* descriptors, where the driver may choose */
#define QUEUE_MAX    (1u << 15) /* 2.7: the largest queue */

/* Bytes up to the end of the available ring and of the used ring, each with the word behind it that
   only the feature EVENT_IDX uses. */
static size_t driver_bytes(unsigned size)
{
    return size * sizeof(struct virtq_desc) + sizeof(uint16_t) * (size + 3);
}

static size_t device_bytes(unsigned size)
{
    return size * sizeof(struct virtq_used_elem) + sizeof(uint16_t) * 3;
}

/* Makes the arrays of a queue. Returns false if memory is out. */
static bool arrays_alloc(struct virtqueue *queue)
{
    size_t used_at = round_up(driver_bytes(queue->size), PAGE_SIZE);
    size_t bytes = page_ceil(used_at + device_bytes(queue->size));
    unsigned order = 0;

    while (PAGE_SIZE << order < bytes)
        order++;
    queue->links = heap_alloc_zeroed(queue->size * sizeof(*queue->links));
    queue->chains = heap_alloc_zeroed(queue->size * sizeof(*queue->chains));
    struct frame *run = frame_alloc_run(FRAME_KERNEL, order);
    if (!queue->links || !queue->chains || !run) {
        heap_free(queue->links);
        heap_free(queue->chains);
        if (run)
            frame_put(run);
        return false;
    }
    char *base = memset(frame_to_virt(run), 0, PAGE_SIZE << order);
    queue->desc = (struct virtq_desc *)base;
    queue->avail = (struct virtq_avail *)(queue->desc + queue->size);
    queue->used = (struct virtq_used *)(base + used_at);
    return true;
}

/* A legacy device chooses the size of the queue; of a modern one it is the largest. */
static const char *choose_size(struct virtqueue *queue, struct virtio_device *device)
{
    unsigned size = virtio_queue_size(device, queue->number);

    if (size == 0 || size > QUEUE_MAX || (size & (size - 1)))
        return "the device has no queue that can be used";
    queue->size = device->is_modern ? min(size, QUEUE_WANTED) : size;
    return NULL;
}

const char *virtqueue_init(struct virtqueue *queue, struct virtio_device *device, unsigned number)
{
    *queue = (struct virtqueue){.number = number};
    const char *problem = choose_size(queue, device);

    if (problem)
        return problem;
    if (!arrays_alloc(queue))
        return "no memory for a queue";
    queue->nfree = queue->size;
    for (unsigned n = 0; n < queue->size; n++)
        queue->links[n].next = n + 1;
    return virtio_queue_enable(device, queue) ? NULL : "the queue cannot interrupt";
}

/* Takes a descriptor out of the free list and fills it in. */
static unsigned piece_add(struct virtqueue *queue, const struct virtio_piece *piece, bool is_last)
{
    unsigned n = queue->free_head;
    uint16_t flags =
        (is_last ? 0 : VRING_DESC_F_NEXT) | (piece->is_written ? VRING_DESC_F_WRITE : 0);

    queue->free_head = queue->links[n].next;
    queue->nfree--;
    /* The next piece takes the head of the free list. */
    queue->desc[n] =
        (struct virtq_desc){piece->addr, piece->len, flags, is_last ? 0 : queue->free_head};
    return n;
}

bool virtqueue_add(struct virtqueue *queue, const struct virtio_piece *pieces, unsigned npieces,
                   void *token)
{
    unsigned head = queue->free_head;
    uint32_t nwritten = 0;

    if (npieces > queue->nfree)
        return false;
    for (unsigned n = 0; n < npieces; n++) {
        piece_add(queue, &pieces[n], n + 1 == npieces);
        nwritten += pieces[n].is_written ? pieces[n].len : 0;
    }
    assert(token && !queue->chains[head].token);
    queue->chains[head] = (struct virtqueue_chain){token, nwritten, npieces};
    queue->nchains++;
    /* The device reads the entry and the chain once it sees the new index. */
    uint16_t index = queue->avail->idx;
    queue->avail->ring[index % queue->size] = head;
    atomic_store(&queue->avail->idx, (uint16_t)(index + 1));
    return true;
}

void virtqueue_kick(struct virtqueue *queue)
{
    /* The device clears the flag and then looks at the index again; we have advanced the index, and
       look at the flag then. So one of us sees what the other has written. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (atomic_load_relaxed(&queue->used->flags) & VRING_USED_F_NO_NOTIFY)
        return;
    if (queue->doorbell)
        *queue->doorbell = queue->number;
    else
        port_write16(queue->ports + VIRTIO_PCI_QUEUE_NOTIFY, queue->number);
}

/* Puts the descriptors of a chain back into the free list. There are `length` of them. */
static void chain_free(struct virtqueue *queue, unsigned head)
{
    struct virtqueue_chain *chain = &queue->chains[head];
    unsigned last = head;

    for (unsigned n = 1; n < chain->length; n++)
        last = queue->links[last].next;
    queue->links[last].next = queue->free_head;
    queue->free_head = head;
    queue->nfree += chain->length;
    queue->nchains--;
    chain->token = NULL;
}

bool virtqueue_take(struct virtqueue *queue, void **token)
{
    uint16_t count = (uint16_t)(atomic_load(&queue->used->idx) - queue->next_used);

    *token = NULL;
    if (count == 0)
        return true;
    /* Each word is read once, because the device could change it between two reads. */
    struct virtq_used_elem *used = &queue->used->ring[queue->next_used % queue->size];
    uint32_t head = atomic_load_relaxed(&used->id), len = atomic_load_relaxed(&used->len);
    if (count > queue->nchains || head >= queue->size || !queue->chains[head].token ||
        len > queue->chains[head].nwritten)
        return false;
    *token = queue->chains[head].token;
    chain_free(queue, head);
    queue->next_used++;
    return true;
}
