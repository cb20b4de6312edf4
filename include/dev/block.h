/* Block devices: disks, whose sectors are read and written by requests.

   A transfer between a disk and memory is a list of parts. Each part is a run of sectors, and the
   place for it in one frame. Neighbours become one request, of up to BLOCK_SEGMENTS parts. All
   requests of a batch are at the device at the same time, beside those of other threads, and end
   in any order.

       block_transfer       starts the requests of a list, and sleeps until all have ended
       struct block_batch   starts requests of several lists, and waits later, or is told by a call

   A disk that does not answer keeps its requests for ever. A thread that waits for them can be
   killed: it leaves them behind, and they hold the frames until the disk answers. A later write of
   the same sectors waits for them.

   Lock: block_device.lock (RANK_INTERRUPT, interrupts off) guards all requests of a device. */
#pragma once

#include <sys/queue.h>
#include <mm/frame.h>
#include <sched/waitq.h>

#define BLOCK_SECTOR   512ul /* the unit of all sector numbers; a device's blocks may be larger */
#define BLOCK_DEVICES  8u    /* the most disks */
#define BLOCK_REQUESTS 32u   /* of a device, at one time */
#define BLOCK_SEGMENTS 32u   /* of a request */

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_OPS };

/* A run of sectors, and its place in memory. */
struct block_part {
    uint64_t sector;
    struct frame *frame; /* the caller holds it until the transfer has ended */
    uint32_t offset;     /* in the frame */
    uint32_t len;        /* bytes, of whole blocks; within the frame */
};

struct block_device;

/* Requests that are waited for together. The submitter fills in the first two fields; the others
   are the batch's own. */
struct block_batch {
    struct block_device *device; /* (c) */
    /* (c) Called when all requests have ended, possibly by an interrupt handler, with the device's
       lock held: it may wake, but neither sleeps nor allocates nor frees. NULL: block_batch_wait
       is called. */
    void (*done)(struct block_batch *batch);
    unsigned left; /* (lock) requests that have not ended; and 1 until the batch is complete */
    int error;     /* (lock) of the first request that failed, or 0 */
    struct waitq waiters; /* (lock) */
};

struct block_segment {
    paddr_t addr;
    uint32_t len; /* bytes */
};

enum block_state {
    BLOCK_FREE,
    BLOCK_FILLING, /* its submitter adds parts */
    BLOCK_WAITING, /* the device has no room for it */
    BLOCK_AT_DEVICE,
    BLOCK_ENDED, /* left behind, and the frames are not dropped yet */
};

/* One request. Lock: the device's. */
struct block_request {
    TAILQ_ENTRY(block_request) link; /* in `free`, `waiting` or `ended` */
    enum block_state state;
    enum block_op op;
    uint64_t sector;
    uint64_t nsectors;
    unsigned nsegments;
    struct block_segment segments[BLOCK_SEGMENTS];
    struct block_batch *batch; /* NULL: left behind; then it holds the frames of its segments */
};

TAILQ_HEAD(block_requests, block_request);

/* What a driver does. Both are called with the device's lock held. */
struct block_ops {
    /* Gives the request to the device. Returns false if the device has no room: then the request
       waits until block_start_waiting. */
    bool (*start)(struct block_device *device, struct block_request *request);

    /* Tells the device that there are new requests. */
    void (*kick)(struct block_device *device);
};

/* A disk. Fields without a key are constant once it is registered. */
struct block_device {
    char name[4];   /* "vda", ... */
    unsigned index; /* 0 for vda, ... */
    const struct block_ops *ops;
    uint64_t nsectors;
    uint32_t block_size; /* bytes; the least that can be read or written */
    bool is_read_only;
    bool has_flush;                 /* it has a cache, which BLOCK_FLUSH writes to the medium */
    uint64_t max_discard;           /* sectors; 0: BLOCK_DISCARD is not supported */
    unsigned max_segments;          /* of a request, at most BLOCK_SEGMENTS */
    struct spinlock lock;           /* RANK_INTERRUPT */
    bool is_broken;                 /* (lock) given up: all requests fail */
    bool is_late;                   /* (lock) it is known not to answer */
    struct block_request *requests; /* BLOCK_REQUESTS of them */
    struct block_requests free;     /* (lock) */
    struct block_requests waiting;  /* (lock) in the order of their arrival */
    struct block_requests ended;    /* (lock) left behind, with frames to drop */
    struct waitq freed;             /* (lock) waits for a free request */
    struct waitq behind;            /* (lock) waits for the end of requests left behind */

    /* (lock) requests without an error since boot, and their sectors, for each operation */
    struct block_count {
        uint64_t requests, sectors;
    } counts[BLOCK_OPS];
};

/* ---- For users of disks ---- */

/* Returns the n-th disk, or NULL if there are fewer. */
struct block_device *block_device(unsigned n);

/* Returns how much a disk has done of an operation. */
struct block_count block_count(struct block_device *device, enum block_op op);

/* Reads or writes the parts, and waits until all have ended. Takes frames in any order; parts
   whose sectors follow each other should, too. The caller holds locks below RANK_VSPACE only.
   Errors: -EIO; -EROFS; -EINVAL (beyond the end of the disk, or no whole blocks); -EINTR (the
   thread is to be killed; some parts may have been transferred, or still be). */
__must_check int block_transfer(struct block_device *device, enum block_op op,
                                const struct block_part *parts, unsigned nparts);

/* Makes what was written before survive a loss of power. -EIO, -EINTR. */
__must_check int block_flush(struct block_device *device);

/* Tells the disk that the contents of these sectors are no longer needed. -EOPNOTSUPP, and the
   errors of block_transfer. */
__must_check int block_discard(struct block_device *device, uint64_t sector, uint64_t nsectors);

/* Begins an empty batch. */
void block_batch_begin(struct block_batch *batch, struct block_device *device,
                       void (*done)(struct block_batch *batch));

/* Starts the requests of a list. Sleeps while all requests of the device are in use. Errors are
   those of block_transfer, except for -EIO, which the end of the batch tells; some requests may
   have been started. */
__must_check int block_batch_add(struct block_batch *batch, enum block_op op,
                                 const struct block_part *parts, unsigned nparts);

/* Ends a batch that has a `done`: it is called once all requests have ended, which may be now. */
void block_batch_end(struct block_batch *batch);

/* Ends a batch without a `done`, and sleeps until all requests have ended. Returns the error of the
   first that failed. -EINTR: the thread is to be killed, and has left the requests behind. */
__must_check int block_batch_wait(struct block_batch *batch);

/* Calls `hold` for each reference that requests hold on frames, for the audit. */
void block_each_held(void (*hold)(struct frame *frame));

/* ---- For drivers ---- */

/* Adds a disk. The driver has set ops, nsectors, block_size, is_read_only, has_flush, max_discard
   and max_segments. Returns false, with a message, if there are too many, or memory is out. At boot
   only. */
__must_check bool block_register(struct block_device *device);

/* The device has carried out a request: ends it. Lock: the device's. */
void block_request_end(struct block_request *request, int error);

/* Starts requests that wait for room. Lock: the device's. */
void block_start_waiting(struct block_device *device);

/* The device has failed for good. Ends the requests that wait; and those at the device, if
   `is_quiet`, because then it does not touch memory any more. Lock: the device's. */
void block_give_up(struct block_device *device, bool is_quiet);
