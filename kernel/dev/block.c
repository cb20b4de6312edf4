/* Block devices (dev/block.h): the requests of each disk.

       FREE -> FILLING -> WAITING <-> AT_DEVICE -> FREE
                                          |
                                          +-> ENDED -> FREE   if it was left behind

   A thread that is killed leaves its requests behind. Those that the device has not got yet are
   withdrawn. The others take references on their frames, because the device may still read or
   write them. An interrupt handler frees no frames, so such a request stays ENDED until the next
   thread that needs a request drops the references.

   A write that was left behind may change its sectors at any time. Without more, this could happen:

       thread 1 is killed, its write is late   the page is written again, or its block is freed
                                               and written by another file
       the late write puts the old bytes over the new ones

   So a write of these sectors waits until the late one has ended (await_left_behind).

   Lock: device->lock (RANK_INTERRUPT, interrupts off). The table of disks is constant after
   boot. */
#include <linux/errno.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <dev/block.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <sched/thread.h>

/* The time after which a message says that a disk does not answer. */
#define PATIENCE_NS 30000000000ul

/* Returns how long the current thread waits for a disk. A thread of a process can be killed. A
   thread of the kernel cannot, and works for others, too: it leaves its requests behind after a
   time, as a thread does that is killed, and at once if the disk is known not to answer. Lock: the
   device's. */
static uint64_t patience_end_ns(const struct block_device *device)
{
    if (thread_current()->task)
        return UINT64_MAX;
    return clock_monotonic_ns() + (device->is_late ? 0 : PATIENCE_NS);
}

static struct block_device *disks[BLOCK_DEVICES];
static unsigned ndisks;

struct block_device *block_device(unsigned n)
{
    return n < ndisks ? disks[n] : NULL;
}

struct block_count block_count(struct block_device *device, enum block_op op)
{
    bool irq = spin_lock_irq(&device->lock);
    struct block_count count = device->counts[op];

    spin_unlock_irq(&device->lock, irq);
    return count;
}

/* ---- References on frames ---- */

/* The segments of a request that was left behind. There are at most BLOCK_SEGMENTS. */
static void each_frame(const struct block_request *request, void (*visit)(struct frame *frame))
{
    for (unsigned n = 0; n < request->nsegments; n++)
        visit(phys_to_frame(request->segments[n].addr));
}

static bool holds_frames(const struct block_request *request)
{
    enum block_state state = atomic_load_relaxed(&request->state);

    return state == BLOCK_ENDED || (state == BLOCK_AT_DEVICE && !request->batch);
}

/* Takes no locks: the world is stopped, so no request becomes one that holds frames, and a handler
   at most moves one from the device to those that have ended. */
void block_each_held(void (*hold)(struct frame *frame))
{
    for (unsigned n = 0; n < ndisks; n++)
        for (unsigned i = 0; i < BLOCK_REQUESTS; i++)
            if (holds_frames(&disks[n]->requests[i]))
                each_frame(&disks[n]->requests[i], hold);
}

/* ---- Batches ---- */

void block_batch_begin(struct block_batch *batch, struct block_device *device,
                       void (*done)(struct block_batch *batch))
{
    *batch = (struct block_batch){.device = device, .done = done, .left = 1};
    waitq_init(&batch->waiters);
}

/* Counts a request, or the submitter's own share, as ended. Lock: the device's. */
static void batch_count_down(struct block_batch *batch, int error)
{
    assert(spin_is_held(&batch->device->lock) && batch->left > 0);
    if (error && !batch->error)
        batch->error = error;
    if (--batch->left > 0)
        return;
    if (batch->done)
        batch->done(batch);
    else
        waitq_wake_all(&batch->waiters);
}

static void batch_fail(struct block_batch *batch, int error)
{
    bool irq = spin_lock_irq(&batch->device->lock);

    if (!batch->error)
        batch->error = error;
    spin_unlock_irq(&batch->device->lock, irq);
}

void block_batch_end(struct block_batch *batch)
{
    bool irq = spin_lock_irq(&batch->device->lock);

    batch_count_down(batch, 0);
    spin_unlock_irq(&batch->device->lock, irq);
}

/* ---- Requests ---- */

/* Lock: the device's. */
static void request_free(struct block_request *request, struct block_device *device)
{
    request->state = BLOCK_FREE;
    request->batch = NULL;
    TAILQ_INSERT_TAIL(&device->free, request, link);
    waitq_wake_one(&device->freed);
}

/* Takes a request out of those that are free or have ended, or returns NULL. Lock: the
   device's. */
static struct block_request *request_remove(struct block_device *device)
{
    struct block_request *request = TAILQ_FIRST(&device->ended);

    if (request) {
        TAILQ_REMOVE(&device->ended, request, link);
        return request;
    }
    request = TAILQ_FIRST(&device->free);
    if (request)
        TAILQ_REMOVE(&device->free, request, link);
    return request;
}

/* Finds a request that can be filled; sleeps while there is none. */
static int request_take(struct block_device *device, struct block_request **result)
{
    struct block_request *request;
    int err = 0;
    bool irq = spin_lock_irq(&device->lock);

    uint64_t deadline_ns = patience_end_ns(device);
    while (!(request = request_remove(device)) && !err)
        err = waitq_sleep_holding(&device->freed, &device->lock, deadline_ns);
    bool holds = request && request->state == BLOCK_ENDED;
    if (request)
        request->state = BLOCK_FILLING;
    spin_unlock_irq(&device->lock, irq);
    if (!request)
        return -EINTR;
    if (holds)
        each_frame(request, frame_put);
    *result = request;
    return 0;
}

void block_start_waiting(struct block_device *device)
{
    struct block_request *request;
    bool started = false;

    assert(spin_is_held(&device->lock));
    while ((request = TAILQ_FIRST(&device->waiting)) && device->ops->start(device, request)) {
        TAILQ_REMOVE(&device->waiting, request, link);
        request->state = BLOCK_AT_DEVICE;
        started = true;
    }
    if (started)
        device->ops->kick(device);
}

/* Gives a filled request to its device, behind those that wait. Lock: the device's. */
static void request_submit(struct block_request *request, struct block_batch *batch)
{
    struct block_device *device = batch->device;

    request->batch = batch;
    batch->left++;
    request->state = BLOCK_WAITING;
    TAILQ_INSERT_TAIL(&device->waiting, request, link);
    if (device->is_broken)
        block_give_up(device, false);
    else
        block_start_waiting(device);
}

/* Ends a request that is in no list. Lock: the device's. */
static void request_finish(struct block_request *request, struct block_device *device, int error)
{
    struct block_batch *batch = request->batch;

    if (!error) {
        device->counts[request->op].requests++;
        device->counts[request->op].sectors += request->nsectors;
    }
    if (!batch) {
        request->state = BLOCK_ENDED;
        TAILQ_INSERT_TAIL(&device->ended, request, link);
        waitq_wake_one(&device->freed);
        waitq_wake_all(&device->behind);
        return;
    }
    request_free(request, device);
    batch_count_down(batch, error);
}

static struct block_device *device_of(const struct block_request *request)
{
    for (unsigned n = 0; n < ndisks; n++)
        if (request >= disks[n]->requests && request < disks[n]->requests + BLOCK_REQUESTS)
            return disks[n];
    panic("a request of no disk");
}

void block_request_end(struct block_request *request, int error)
{
    struct block_device *device = device_of(request);

    assert(spin_is_held(&device->lock) && request->state == BLOCK_AT_DEVICE);
    if (device->is_late)
        printk("%s: the disk answers again\n", device->name);
    device->is_late = false;
    request_finish(request, device, error);
}

void block_give_up(struct block_device *device, bool is_quiet)
{
    struct block_request *request;

    assert(spin_is_held(&device->lock));
    device->is_broken = true;
    waitq_wake_all(&device->behind);
    while ((request = TAILQ_FIRST(&device->waiting))) {
        TAILQ_REMOVE(&device->waiting, request, link);
        request_finish(request, device, -EIO);
    }
    for (unsigned n = 0; is_quiet && n < BLOCK_REQUESTS; n++)
        if (device->requests[n].state == BLOCK_AT_DEVICE)
            request_finish(&device->requests[n], device, -EIO);
}

/* ---- Leaving requests behind ---- */

/* The thread that waits for the batch is about to end: its requests must not use the batch any
   more. Lock: the device's. */
static void batch_leave(struct block_batch *batch)
{
    struct block_device *device = batch->device;

    for (unsigned n = 0; n < BLOCK_REQUESTS; n++) {
        struct block_request *request = &device->requests[n];

        if (request->batch != batch)
            continue;
        if (request->state == BLOCK_WAITING) {
            TAILQ_REMOVE(&device->waiting, request, link);
            request_free(request, device);
        } else {
            assert(request->state == BLOCK_AT_DEVICE);
            each_frame(request, frame_get);
            request->batch = NULL;
        }
    }
}

/* Sleeps until the batch has ended; once for a limited time, after which a message tells of the
   delay. Lock: the device's. */
static int batch_sleep(struct block_batch *batch)
{
    struct block_device *device = batch->device;
    uint64_t end_ns = patience_end_ns(device);
    uint64_t deadline_ns = min(end_ns, clock_monotonic_ns() + PATIENCE_NS);
    int err = 0;

    while (batch->left > 0 && err != -EINTR) {
        err = waitq_sleep_holding(&batch->waiters, &device->lock, deadline_ns);
        if (err != -ETIMEDOUT)
            continue;
        if (deadline_ns == end_ns)
            err = -EINTR;
        deadline_ns = UINT64_MAX;
        if (!device->is_late)
            printk("%s: the disk has not answered for %lu seconds\n", device->name,
                   PATIENCE_NS / 1000000000);
        device->is_late = true;
    }
    return batch->left > 0 ? -EINTR : 0;
}

int block_batch_wait(struct block_batch *batch)
{
    struct block_device *device = batch->device;
    bool irq = spin_lock_irq(&device->lock);

    assert(!batch->done);
    batch_count_down(batch, 0);
    int err = batch_sleep(batch);
    if (err)
        batch_leave(batch);
    else
        err = batch->error;
    spin_unlock_irq(&device->lock, irq);
    return err;
}

/* ---- Filling requests ---- */

/* Returns true if a test wants this request of the current thread to fail: it counts down what was
   written to /proc/PID/fail-io. */
static bool is_to_fail(void)
{
    unsigned *left = &thread_current()->fail_io, n = atomic_load_relaxed(left);

    if (n)
        atomic_store_relaxed(left, n - 1);
    return n == 1;
}

static bool changes_sectors(const struct block_request *request)
{
    return request->op == BLOCK_WRITE || request->op == BLOCK_DISCARD;
}

/* Returns true if a request that was left behind may still change some of the same sectors. There
   are at most BLOCK_REQUESTS. Lock: the device's. */
static bool is_behind(const struct block_request *request, const struct block_device *device)
{
    for (unsigned n = 0; n < BLOCK_REQUESTS; n++) {
        const struct block_request *other = &device->requests[n];

        if (other->state == BLOCK_AT_DEVICE && !other->batch && changes_sectors(other) &&
            request->sector < other->sector + other->nsectors &&
            other->sector < request->sector + request->nsectors)
            return true;
    }
    return false;
}

/* Sleeps while a request would overtake one that was left behind. Lock: the device's. */
static int await_left_behind(const struct block_request *request, struct block_device *device)
{
    uint64_t deadline_ns = patience_end_ns(device);
    int err = 0;

    if (!changes_sectors(request))
        return 0;
    while (!device->is_broken && is_behind(request, device) && !err)
        err = waitq_sleep_holding(&device->behind, &device->lock, deadline_ns);
    return err ? -EINTR : 0;
}

/* Lets the device carry out a filled request, or fails it as a test asks. -EINTR. */
static int request_go(struct block_request *request, struct block_batch *batch)
{
    struct block_device *device = batch->device;
    bool fails = is_to_fail();
    bool irq = spin_lock_irq(&device->lock);
    int err = fails ? 0 : await_left_behind(request, device);

    if (fails || err)
        request_free(request, device);
    else
        request_submit(request, batch);
    spin_unlock_irq(&device->lock, irq);
    if (fails)
        batch_fail(batch, -EIO);
    return err;
}

static int check_sectors(const struct block_device *device, enum block_op op, uint64_t sector,
                         uint64_t nsectors)
{
    uint64_t unit = device->block_size / BLOCK_SECTOR;

    if (op != BLOCK_READ && device->is_read_only)
        return -EROFS;
    if (nsectors == 0 || sector > device->nsectors || nsectors > device->nsectors - sector)
        return -EINVAL;
    return sector % unit || nsectors % unit ? -EINVAL : 0;
}

static int check_part(const struct block_device *device, enum block_op op,
                      const struct block_part *part)
{
    assert(part->offset + (uint64_t)part->len <= PAGE_SIZE);
    if (part->len % BLOCK_SECTOR)
        return -EINVAL;
    return check_sectors(device, op, part->sector, part->len / BLOCK_SECTOR);
}

static void request_add(struct block_request *request, const struct block_part *part)
{
    paddr_t addr = frame_to_phys(part->frame) + part->offset;

    request->segments[request->nsegments++] = (struct block_segment){addr, part->len};
    request->nsectors += part->len / BLOCK_SECTOR;
}

/* Begins a request with nothing in it. */
static int request_begin(struct block_device *device, enum block_op op, uint64_t sector,
                         struct block_request **request)
{
    int err = request_take(device, request);

    if (err)
        return err;
    (*request)->op = op;
    (*request)->sector = sector;
    (*request)->nsectors = 0;
    (*request)->nsegments = 0;
    return 0;
}

/* Makes one request of as many of the first parts as belong together. Returns their number, at
   least 1, or -errno. */
static int request_of_first(struct block_batch *batch, enum block_op op,
                            const struct block_part *parts, unsigned nparts)
{
    struct block_request *request;
    unsigned n = 0;
    int err = request_begin(batch->device, op, parts[0].sector, &request);

    if (err)
        return err;
    do
        request_add(request, &parts[n++]);
    while (n < nparts && request->nsegments < batch->device->max_segments &&
           parts[n].sector == request->sector + request->nsectors);
    err = request_go(request, batch);
    return err ? err : (int)n;
}

int block_batch_add(struct block_batch *batch, enum block_op op, const struct block_part *parts,
                    unsigned nparts)
{
    for (unsigned n = 0; n < nparts; n++) {
        int err = check_part(batch->device, op, &parts[n]);
        if (err)
            return err;
    }
    while (nparts > 0) {
        int added = request_of_first(batch, op, parts, nparts);
        if (added < 0)
            return added;
        parts += added;
        nparts -= added;
    }
    return 0;
}

int block_transfer(struct block_device *device, enum block_op op, const struct block_part *parts,
                   unsigned nparts)
{
    struct block_batch batch;

    block_batch_begin(&batch, device, NULL);
    int err = block_batch_add(&batch, op, parts, nparts);
    int end = block_batch_wait(&batch);
    return err ? err : end;
}

/* Carries out a request without memory. */
static int transfer_nothing(struct block_device *device, enum block_op op, uint64_t sector,
                            uint64_t nsectors)
{
    struct block_request *request;
    struct block_batch batch;
    int err = request_begin(device, op, sector, &request);

    if (err)
        return err;
    request->nsectors = nsectors;
    block_batch_begin(&batch, device, NULL);
    err = request_go(request, &batch);
    int end = block_batch_wait(&batch);
    return err ? err : end;
}

/* A disk without a cache has written everything when a request ends. */
int block_flush(struct block_device *device)
{
    return device->has_flush ? transfer_nothing(device, BLOCK_FLUSH, 0, 0) : 0;
}

int block_discard(struct block_device *device, uint64_t sector, uint64_t nsectors)
{
    int err =
        device->max_discard ? check_sectors(device, BLOCK_DISCARD, sector, nsectors) : -EOPNOTSUPP;

    while (!err && nsectors > 0) {
        uint64_t n = min(nsectors, device->max_discard);
        err = transfer_nothing(device, BLOCK_DISCARD, sector, n);
        sector += n;
        nsectors -= n;
    }
    return err;
}

/* ---- Registering ---- */

static bool has_sane_size(const struct block_device *device)
{
    uint32_t size = device->block_size;

    return size >= BLOCK_SECTOR && size <= PAGE_SIZE && !(size & (size - 1)) &&
           device->nsectors <= INT64_MAX / BLOCK_SECTOR;
}

bool block_register(struct block_device *device)
{
    if (ndisks == BLOCK_DEVICES) {
        printk("disks: more than %u, the rest is ignored\n", BLOCK_DEVICES);
        return false;
    }
    device->index = ndisks;
    memcpy(device->name, "vda", sizeof("vda"));
    device->name[2] += ndisks;
    if (!has_sane_size(device)) {
        printk("%s: %lu sectors in blocks of %u bytes are not supported\n", device->name,
               device->nsectors, device->block_size);
        return false;
    }
    device->requests = heap_alloc_zeroed(BLOCK_REQUESTS * sizeof(struct block_request));
    if (!device->requests) {
        printk("%s: no memory for requests\n", device->name);
        return false;
    }
    device->nsectors -= device->nsectors % (device->block_size / BLOCK_SECTOR);
    spin_init(&device->lock, RANK_INTERRUPT);
    TAILQ_INIT(&device->free);
    TAILQ_INIT(&device->waiting);
    TAILQ_INIT(&device->ended);
    waitq_init(&device->freed);
    waitq_init(&device->behind);
    for (unsigned n = 0; n < BLOCK_REQUESTS; n++)
        TAILQ_INSERT_TAIL(&device->free, &device->requests[n], link);
    disks[ndisks++] = device;
    return true;
}
