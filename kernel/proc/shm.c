/* System V shared memory (proc/shm.h).

   A segment has a pager of its own before the pages of its file, because the pager's references and
   regions are counted here. Two counts differ: `refs` keeps the struct, and is also held by a
   thread that waits for a page or at a futex; shm_nattch counts regions, as Linux does, so a region
   that is split counts twice. Regions of a segment are never merged (is_continued in
   kernel/vm/vregion.c).

   Always true: a segment is in the table until it is removed and shm_nattch is 0. The table holds a
   reference, and so does each region. A segment in the table that is not removed and has a key is
   in the tree of keys.

   Lock: shm_lock (RANK_PIPE) guards the table and what is marked (s); (a) atomic; (c) constant. A
   region comes and goes under its vspace's lock, so shm_lock ranks above that. */

#include <linux/errno.h>
#include <sys/tree.h>
#include <arch/atomic.h>
#include <arch/clock.h>
#include <fs/pagecache.h>
#include <fs/shmem.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <mm/heap.h>
#include <proc/process.h>
#include <proc/shm.h>

/* The parts of an id, and the size of the circle in which indices are given away, as on Linux. */
#define INDEX_BITS    15
#define SEQUENCES     (INT32_MAX >> INDEX_BITS)
#define CIRCLE_LEAST  64
#define index_of(id)  ((id) & ((1 << INDEX_BITS) - 1))
#define SHM_MODE_BITS 0777

struct shm_segment {
    RB_ENTRY(shm_segment) by_index; /* (s) */
    RB_ENTRY(shm_segment) by_key;   /* (s) */
    struct pager pager;             /* (c) see there */
    struct vnode *file;             /* (c) its pages; one reference */
    unsigned refs;                  /* (a) */
    int id;                         /* (s) */
    bool is_listed;                 /* (s) in the table */
    struct shmid64_ds status;       /* (s) */
};

RB_HEAD(shm_indices, shm_segment);
RB_HEAD(shm_keys, shm_segment);

static struct {
    struct spinlock lock;
    struct shm_indices indices; /* (s) all */
    struct shm_keys keys;       /* (s) those with a key */
    unsigned count;             /* (s) of all; at most SHM_MAX_SEGMENTS */
    int last_index;             /* (s) that was given away */
    int sequence;               /* (s) of the ids that are given away */
} shm = {.lock = SPINLOCK(RANK_PIPE), .last_index = -1};

static int compare_indices(const struct shm_segment *a, const struct shm_segment *b)
{
    return index_of(a->id) - index_of(b->id);
}

static int compare_keys(const struct shm_segment *a, const struct shm_segment *b)
{
    int one = a->status.shm_perm.key, other = b->status.shm_perm.key;

    return (one > other) - (one < other);
}

RB_GENERATE_STATIC(shm_indices, shm_segment, by_index, compare_indices)
RB_GENERATE_STATIC(shm_keys, shm_segment, by_key, compare_keys)

static int64_t seconds_now(void)
{
    return clock_realtime_ns() / 1000000000;
}

/* Returns the pid of the caller; 0 of a thread of the kernel, which may drop an address space. */
static int caller_pid(void)
{
    const struct task *task = task_current();

    return task ? task->process->pid : 0;
}

/* ---- The pager ----

   The pages are those of the segment's file. Its regions are in the list of the segment's pager,
   where the page cache looks for them. */

static struct shm_segment *segment_of(struct pager *pager)
{
    return container_of(pager, struct shm_segment, pager);
}

static struct pager *file_pager_of(struct pager *pager)
{
    return &segment_of(pager)->file->cache->pager;
}

static int shm_pager_page(struct pager *pager, uint64_t index, enum pager_use use,
                          struct frame **frame)
{
    struct pager *file = file_pager_of(pager);

    return file->ops->page(file, index, use, frame);
}

static int shm_pager_wait(struct pager *pager, uint64_t index, enum pager_use use)
{
    struct pager *file = file_pager_of(pager);

    return file->ops->wait(file, index, use);
}

static bool shm_pager_is_page(struct pager *pager, uint64_t index, enum pager_use use,
                              const struct frame *frame)
{
    struct pager *file = file_pager_of(pager);

    return file->ops->is_page(file, index, use, frame);
}

static bool shm_pager_has(struct pager *pager, uint64_t index)
{
    struct pager *file = file_pager_of(pager);

    return file->ops->has(file, index);
}

static void segment_put(struct shm_segment *segment)
{
    unsigned refs = atomic_sub_fetch(&segment->refs, 1u);

    assert(refs != UINT32_MAX);
    if (refs)
        return;
    assert(!segment->is_listed && !segment->status.shm_nattch);
    vnode_put(segment->file);
    heap_free(segment);
}

static void shm_pager_get(struct pager *pager, bool writes __unused)
{
    unsigned refs = atomic_add_fetch(&segment_of(pager)->refs, 1u);

    assert(refs > 1);
}

static void shm_pager_put(struct pager *pager, bool writes __unused)
{
    segment_put(segment_of(pager));
}

/* As on Linux, the id stands where other files have their inode number. */
static uint64_t shm_pager_name(struct pager *pager, char *buf, size_t size)
{
    struct pager *file = file_pager_of(pager);

    (void)file->ops->name(file, buf, size);
    return segment_of(pager)->id;
}

/* Takes a segment that is removed and not attached out of the table. The caller has another
   reference than the table's, and holds the lock. */
static void segment_unlist(struct shm_segment *segment)
{
    assert(spin_is_held(&shm.lock));
    if (!segment->is_listed || segment->status.shm_nattch ||
        !(segment->status.shm_perm.mode & SHM_DEST))
        return;
    RB_REMOVE(shm_indices, &shm.indices, segment);
    shm.count--;
    segment->is_listed = false;
    segment_put(segment);
}

/* Counts a region that comes or goes. Lock: taken. The vspace's is held, unless that ends. */
static void shm_pager_mapped(struct pager *pager, int change)
{
    struct shm_segment *segment = segment_of(pager);
    struct shmid64_ds *status = &segment->status;

    spin_lock(&shm.lock);
    assert(change > 0 || status->shm_nattch);
    status->shm_nattch += change;
    status->shm_lpid = caller_pid();
    if (change > 0)
        status->shm_atime = seconds_now();
    else
        status->shm_dtime = seconds_now();
    segment_unlist(segment);
    spin_unlock(&shm.lock);
}

static const struct pager_ops shm_pager_ops = {
    .page = shm_pager_page,
    .wait = shm_pager_wait,
    .has = shm_pager_has,
    .is_page = shm_pager_is_page,
    .get = shm_pager_get,
    .put = shm_pager_put,
    .name = shm_pager_name,
    .mapped = shm_pager_mapped,
};

struct vnode *shm_vnode(struct pager *pager)
{
    return pager->ops == &shm_pager_ops ? segment_of(pager)->file : pagecache_vnode(pager);
}

/* ---- The table ---- */

static struct shm_segment *find_index(int index)
{
    struct shm_segment like = {.id = index_of(index)};

    assert(spin_is_held(&shm.lock));
    return RB_FIND(shm_indices, &shm.indices, &like);
}

/* Returns the segment with the id, or NULL. The lock is held. */
static struct shm_segment *find_id(int id)
{
    struct shm_segment *segment = id < 0 ? NULL : find_index(id);

    return segment && segment->id == id ? segment : NULL;
}

static struct shm_segment *find_key(int key)
{
    struct shm_segment like = {.status.shm_perm.key = key};

    assert(spin_is_held(&shm.lock));
    return key == IPC_PRIVATE ? NULL : RB_FIND(shm_keys, &shm.keys, &like);
}

/* Returns the first free index from `index` on. Looks at as many segments as have indices without a
   gap, at most SHM_MAX_SEGMENTS. */
static int free_index_from(int index)
{
    struct shm_segment like = {.id = index};
    struct shm_segment *segment = RB_NFIND(shm_indices, &shm.indices, &like);

    for (; segment && index_of(segment->id) == index; index++)
        segment = RB_NEXT(shm_indices, NULL, segment);
    return index;
}

/* Returns an id that has not been in use for long: indices are given away in a circle, and each
   turn has the next sequence number. The lock is held. */
static int new_id(void)
{
    int circle = max((int)shm.count * 3 / 2, CIRCLE_LEAST);
    int index = free_index_from(shm.last_index + 1);

    if (index >= circle)
        index = free_index_from(0);
    if (index <= shm.last_index)
        shm.sequence = (shm.sequence + 1) % SEQUENCES;
    shm.last_index = index;
    return shm.sequence << INDEX_BITS | index;
}

/* Adds a segment, with a reference for the table. Returns its id; -ENOSPC. The lock is held. */
static int segment_list(struct shm_segment *segment)
{
    if (shm.count >= SHM_MAX_SEGMENTS)
        return -ENOSPC;
    segment->id = new_id();
    segment->status.shm_perm.seq = segment->id >> INDEX_BITS;
    segment->is_listed = true;
    atomic_add_fetch(&segment->refs, 1u);
    RB_INSERT(shm_indices, &shm.indices, segment);
    if (segment->status.shm_perm.key != IPC_PRIVATE)
        RB_INSERT(shm_keys, &shm.keys, segment);
    shm.count++;
    return segment->id;
}

/* Returns the id of the segment with the key. If there is none, `made` becomes it; NULL: -ENOENT.
   Other errors are those of shm_get. */
static int find_or_list(int key, uint64_t size, unsigned flags, struct shm_segment *made)
{
    int result;

    spin_lock(&shm.lock);
    const struct shm_segment *found = find_key(key);
    if (!found)
        result = made ? segment_list(made) : -ENOENT;
    else if ((flags & IPC_CREAT) && (flags & IPC_EXCL))
        result = -EEXIST;
    else
        result = size > found->status.shm_segsz ? -EINVAL : found->id;
    spin_unlock(&shm.lock);
    return result;
}

/* Makes a segment that is not in the table, with one reference. -EINVAL, -ENOMEM. */
static int segment_make(int key, uint64_t size, unsigned flags, struct shm_segment **result)
{
    char name[sizeof("/SYSV12345678")];

    if (size < SHM_MIN_BYTES || size > min(SHM_MAX_BYTES, (uint64_t)PAGECACHE_MAX_SIZE))
        return -EINVAL;
    if (flags & SHM_HUGETLB)
        return -ENOMEM; /* as where the pool of huge pages is empty */
    struct shm_segment *segment = heap_alloc_zeroed(sizeof(*segment));
    if (!segment)
        return -ENOMEM;
    snprintf(name, sizeof(name), "/SYSV%08x", key);
    int err = shmem_create(name, size, &segment->file);
    if (err) {
        heap_free(segment);
        return err;
    }
    pager_init(&segment->pager, &shm_pager_ops);
    segment->file->cache->mapped = &segment->pager;
    segment->refs = 1;
    segment->status = (struct shmid64_ds){
        .shm_perm = {.key = key, .mode = flags & SHM_MODE_BITS},
        .shm_segsz = size,
        .shm_ctime = seconds_now(),
        .shm_cpid = caller_pid(),
    };
    *result = segment;
    return 0;
}

/* Two threads may both find no segment with the key, and make one each. The second one to lock the
   table finds that of the first, and drops its own. */
int shm_get(int key, uint64_t size, unsigned flags)
{
    struct shm_segment *made;
    int result = find_or_list(key, size, flags, NULL);

    if (result != -ENOENT || (key != IPC_PRIVATE && !(flags & IPC_CREAT)))
        return result;
    int err = segment_make(key, size, flags, &made);
    if (err)
        return err;
    result = find_or_list(key, size, flags, made);
    segment_put(made);
    return result;
}

/* ---- Attaching ---- */

/* Finds a segment to attach. It counts as attached meanwhile, so that it stays in the table. */
static struct shm_segment *attach_begin(int id)
{
    spin_lock(&shm.lock);
    struct shm_segment *segment = find_id(id);
    if (segment) {
        atomic_add_fetch(&segment->refs, 1u);
        segment->status.shm_nattch++;
    }
    spin_unlock(&shm.lock);
    return segment;
}

static void attach_end(struct shm_segment *segment)
{
    spin_lock(&shm.lock);
    segment->status.shm_nattch--;
    segment_unlist(segment);
    spin_unlock(&shm.lock);
    segment_put(segment);
}

int shm_attach(int id, struct map_request *request, uaddr_t *start)
{
    struct shm_segment *segment = attach_begin(id);

    if (!segment)
        return -EINVAL;
    request->shared = true;
    request->kind = VREGION_MAP;
    request->len = page_ceil(segment->status.shm_segsz);
    request->pager = &segment->pager;
    int err = -EINVAL;
    if (!request->no_replace || request->start + request->len > request->start)
        err = vspace_map(process_current()->vspace, request, start);
    attach_end(segment);
    return err == -EEXIST ? -EINVAL : err;
}

/* Returns true if the region shows a part of a segment that was attached at `addr`. */
static bool is_attached_at(const struct vregion *region, uaddr_t addr)
{
    return region->pager && region->pager->ops == &shm_pager_ops && region->start >= addr &&
           region->start - addr == region->pager_page << PAGE_SHIFT;
}

/* Looks at the regions from `addr` on, until the first that fits: at most all of the process. */
static const struct vregion *find_attached(struct vspace *vspace, uaddr_t addr)
{
    struct vregion *region = vregion_find_from(&vspace->regions, addr);

    while (region && !is_attached_at(region, addr))
        region = vregion_next(region);
    return region;
}

int shm_detach(uaddr_t addr)
{
    struct vspace *vspace = process_current()->vspace;
    int err = 0;

    rwlock_write_lock(&vspace->lock);
    const struct vregion *region = find_attached(vspace, addr);
    if (!region)
        err = -EINVAL;
    const struct pager *pager = region ? region->pager : NULL;
    uaddr_t end = region ? addr + page_ceil(segment_of(region->pager)->status.shm_segsz) : 0;
    while (region && region->end <= end && !err) {
        uaddr_t start = region->start, next = region->end;

        if (region->pager == pager && is_attached_at(region, addr))
            err = vspace_unmap_locked(vspace, start, next);
        region = vregion_find_from(&vspace->regions, next);
    }
    rwlock_write_unlock(&vspace->lock);
    return err;
}

/* ---- Looking and changing ---- */

static void copy_status(const struct shm_segment *segment, struct shm_status *status)
{
    assert(spin_is_held(&shm.lock));
    status->id = segment->id;
    status->resident = atomic_load_relaxed(&segment->file->cache->npages);
    status->segment = segment->status;
}

int shm_stat(int id, struct shm_status *status)
{
    spin_lock(&shm.lock);
    const struct shm_segment *segment = find_id(id);
    if (segment)
        copy_status(segment, status);
    spin_unlock(&shm.lock);
    return segment ? 0 : -EINVAL;
}

int shm_stat_index(int index, struct shm_status *status)
{
    spin_lock(&shm.lock);
    const struct shm_segment *segment = index < 0 ? NULL : find_index(index);
    if (segment)
        copy_status(segment, status);
    spin_unlock(&shm.lock);
    return segment ? 0 : -EINVAL;
}

int shm_stat_from(int index, struct shm_status *status)
{
    struct shm_segment like = {.id = index};

    spin_lock(&shm.lock);
    const struct shm_segment *segment = RB_NFIND(shm_indices, &shm.indices, &like);
    if (segment)
        copy_status(segment, status);
    spin_unlock(&shm.lock);
    return segment ? index_of(status->id) : -1;
}

int shm_set_owner(int id, const struct ipc64_perm *like)
{
    if (like->uid == UINT32_MAX || like->gid == UINT32_MAX)
        return -EINVAL;
    spin_lock(&shm.lock);
    struct shm_segment *segment = find_id(id);
    if (segment) {
        struct ipc64_perm *perm = &segment->status.shm_perm;

        perm->uid = like->uid;
        perm->gid = like->gid;
        perm->mode = (perm->mode & ~SHM_MODE_BITS) | (like->mode & SHM_MODE_BITS);
        segment->status.shm_ctime = seconds_now();
    }
    spin_unlock(&shm.lock);
    return segment ? 0 : -EINVAL;
}

int shm_set_locked(int id, bool locked)
{
    spin_lock(&shm.lock);
    struct shm_segment *segment = find_id(id);
    if (segment && locked)
        segment->status.shm_perm.mode |= SHM_LOCKED;
    else if (segment)
        segment->status.shm_perm.mode &= ~SHM_LOCKED;
    spin_unlock(&shm.lock);
    return segment ? 0 : -EINVAL;
}

/* The pages are dropped without the lock, by the last reference. */
int shm_remove(int id)
{
    spin_lock(&shm.lock);
    struct shm_segment *segment = find_id(id);
    if (segment) {
        struct ipc64_perm *perm = &segment->status.shm_perm;

        atomic_add_fetch(&segment->refs, 1u);
        if (perm->key != IPC_PRIVATE)
            RB_REMOVE(shm_keys, &shm.keys, segment);
        perm->key = IPC_PRIVATE;
        perm->mode |= SHM_DEST;
        segment_unlist(segment);
    }
    spin_unlock(&shm.lock);
    if (!segment)
        return -EINVAL;
    segment_put(segment);
    return 0;
}

/* Goes over all segments. */
struct shm_sum shm_sum(void)
{
    struct shm_sum sum = {};
    struct shm_segment *segment;

    spin_lock(&shm.lock);
    sum.segments = shm.count;
    RB_FOREACH (segment, shm_indices, &shm.indices) {
        sum.last_index = index_of(segment->id);
        sum.pages += page_ceil(segment->status.shm_segsz) >> PAGE_SHIFT;
        sum.resident += atomic_load_relaxed(&segment->file->cache->npages);
    }
    spin_unlock(&shm.lock);
    return sum;
}
