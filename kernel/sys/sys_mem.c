/* Memory: mmap, munmap, mprotect, mremap, madvise, brk, and Pagoda's own sbrk and audit. */

#include <linux/errno.h>
#include <linux/falloc.h>
#include <linux/mman.h>
#include <linux/resource.h>
#include <arch/atomic.h>
#include <fs/pagecache.h>
#include <fs/seals.h>
#include <fs/shmem.h>
#include <proc/shm.h>
#include <sched/world.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/audit.h>
#include "populate.h"

static struct vspace *current_vspace(void)
{
    return process_current()->vspace;
}

/* The PROT_ bits of mmap(2) are the kernel's own. */
_Static_assert(PROT_READ == PROT_R && PROT_WRITE == PROT_W && PROT_EXEC == PROT_X, "prot bits");
#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)

/* Returns true if a range of whole pages would wrap around the end of the address space. */
static bool wraps(uaddr_t addr, uint64_t len)
{
    return page_ceil(len) < len || addr + page_ceil(len) < addr;
}

/* Computes the end of a page range. Errors: -EINVAL (`addr` is not page aligned), -ENOMEM (not in
   the user's half). */
static int page_range(uaddr_t addr, uint64_t len, uaddr_t *end)
{
    if (addr % PAGE_SIZE)
        return -EINVAL;
    if (addr > USER_END || len > USER_END - addr)
        return -ENOMEM;
    *end = page_ceil(addr + len);
    return 0;
}

/* Lets the request map `file` from `offset` on. Errors: -EACCES, -ENODEV, -EOVERFLOW, -EINVAL (a
   mapping of a file does not grow down). */
static int mmap_set_file(struct map_request *request, struct file *file, uint64_t offset)
{
    if (offset > INT64_MAX - request->len)
        return -EOVERFLOW;
    if (request->shared && (request->prot & PROT_W) && !file_may_write(file))
        return -EACCES;
    request->no_write = request->shared && !file_may_write(file);
    int err = file_pager(file, &request->pager);
    if (!err && request->kind == VREGION_STACK)
        return -EINVAL;
    if (!err && request->pager)
        request->pager_page = offset >> PAGE_SHIFT;
    return err;
}

/* The vnode's lock keeps a seal from coming between the look at the seals and the new region. */
static int map_shared_file(struct map_request *request, struct vnode *vnode, uaddr_t *start)
{
    int err = mutex_lock_killable(&vnode->lock);
    if (err)
        return err;
    bool sealed = !request->no_write && !seals_allow_shared_writes(vnode);
    err = sealed && (request->prot & PROT_W) ? -EPERM : 0;

    request->no_write |= sealed;
    if (!err)
        err = vspace_map(current_vspace(), request, start);
    mutex_unlock(&vnode->lock);
    return err;
}

/* Maps as the request says. A shared region without a file gets an object of its own, as large as
   the region; an mremap that grows the region does not extend it, as on Linux. */
static int map_current(struct map_request *request, struct file *file, uaddr_t *start)
{
    struct vnode *object;

    if (request->shared && request->pager)
        return map_shared_file(request, file->vnode, start);
    if (!request->shared)
        return vspace_map(current_vspace(), request, start);
    int err = shmem_create("/dev/zero", request->len, &object);
    if (err)
        return err;
    request->pager = &object->cache->pager;
    err = vspace_map(current_vspace(), request, start);
    vnode_put(object);
    return err;
}

/* Checks the address of a request that must have it. Errors: -ENOMEM (not in the user's half),
   -EINVAL (not page aligned), -EPERM (the lowest addresses, which no program may map). */
static int mmap_check_fixed(uaddr_t addr, uint64_t len)
{
    if (addr > USER_END - len)
        return -ENOMEM;
    if (addr % PAGE_SIZE)
        return -EINVAL;
    return addr < USER_START ? -EPERM : 0;
}

/* Returns -EEXIST if the range of MAP_FIXED_NOREPLACE is in use. The look is early, because Linux
   reports this error before those of the file; vspace_map looks again under its lock. */
static int check_no_replace(const struct map_request *request)
{
    struct vspace *vspace = current_vspace();

    if (!request->no_replace)
        return 0;
    rwlock_read_lock(&vspace->lock);
    bool in_use = vregion_overlaps(&vspace->regions, request->start, request->start + request->len);
    rwlock_read_unlock(&vspace->lock);
    return in_use ? -EEXIST : 0;
}

/* The flags that MAP_SHARED_VALIDATE knows, which are those of Linux 4.14. MAP_SHARED and
   MAP_PRIVATE ignore others. */
#define MAP_KNOWN                                                                            \
    (MAP_TYPE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE | MAP_GROWSDOWN | \
     MAP_HUGETLB | MAP_32BIT | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE | MAP_NONBLOCK |    \
     MAP_STACK | MAP_HUGE_2MB | MAP_HUGE_1GB)

/* Errors: -EINVAL, -EOPNOTSUPP. */
static int mmap_set_type(struct map_request *request, unsigned flags, const struct file *file)
{
    switch (flags & MAP_TYPE) {
    case MAP_SHARED_VALIDATE:
        if (!file)
            return -EINVAL;
        if (flags & ~MAP_KNOWN)
            return -EOPNOTSUPP;
        break;
    case MAP_SHARED:
        break;
    case MAP_PRIVATE:
        return 0;
    default:
        return -EINVAL;
    }
    request->shared = true;
    return flags & MAP_GROWSDOWN && !file ? -EINVAL : 0;
}

/* Maps `file`, or anonymous memory if it is NULL, into the current vspace. Returns the address.
   The order of the checks is Linux's. */
static long mmap_current(uaddr_t addr, uint64_t len, unsigned prot, unsigned flags,
                         struct file *file, uint64_t offset)
{
    struct map_request request = {
        .start = page_floor(addr),
        .len = page_ceil(len),
        .prot = prot & PROT_ALL,
        .kind = flags & MAP_GROWSDOWN ? VREGION_STACK : VREGION_MAP,
        .flags = flags & MAP_LOCKED ? VREGION_LOCKED : 0,
        .fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE),
        .no_replace = flags & MAP_FIXED_NOREPLACE,
        .low = flags & MAP_32BIT,
    };
    uaddr_t start;
    int err = 0;

    if (len == 0)
        return -EINVAL;
    if (request.len == 0 || request.len > USER_END)
        return -ENOMEM;
    if (request.fixed)
        err = mmap_check_fixed(addr, request.len);
    if (!err)
        err = check_no_replace(&request);
    if (!err)
        err = mmap_set_type(&request, flags, file);
    if (!err && flags & MAP_HUGETLB)
        err = file ? -EINVAL : -ENOMEM; /* as where the pool of huge pages is empty */
    if (!err && file)
        err = mmap_set_file(&request, file, offset);
    if (!err && flags & MAP_LOCKED && !process_limit(process_current(), RLIMIT_MEMLOCK))
        err = -EPERM;
    if (!err)
        err = map_current(&request, file, &start);
    if (err)
        return err;
    if ((flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE)
        (void)populate_range(start, start + request.len, POPULATE_MAPPED, SKIP_ERRORS);
    populate_locked_parts(start, request.len);
    return (long)start;
}

SYSCALL6(sys_mmap, uaddr_t, addr, uint64_t, len, unsigned, prot, unsigned, flags, int, fd, uint64_t,
         offset)
{
    if (offset % PAGE_SIZE)
        return -EINVAL;
    if (flags & MAP_ANONYMOUS)
        return mmap_current(addr, len, prot, flags, NULL, 0);

    struct file *file = io_file_from_fd(fd);
    if (!file)
        return -EBADF;
    long result = mmap_current(addr, len, prot, flags, file, offset);
    file_put(file);
    return result;
}

SYSCALL2(sys_munmap, uaddr_t, addr, uint64_t, len)
{
    uaddr_t end;
    int err = page_range(addr, len, &end);

    if (err || len == 0)
        return -EINVAL;
    return vspace_unmap(current_vspace(), addr, end);
}

SYSCALL3(sys_mprotect, uaddr_t, addr, uint64_t, len, unsigned, prot)
{
    uaddr_t end;

    if (addr % PAGE_SIZE)
        return -EINVAL;
    if (len == 0)
        return 0;
    if (wraps(addr, len))
        return -ENOMEM;
    if (prot & ~(PROT_ALL | PROT_SEM))
        return -EINVAL;
    int err = page_range(addr, len, &end);
    return err ? err : vspace_protect(current_vspace(), addr, end, prot & PROT_ALL);
}

/* Checks the flags and the ranges of mremap, in Linux's order. -EINVAL. */
static int check_remap(const struct remap_request *request, unsigned flags)
{
    uaddr_t from = request->from, to = request->to;

    if (flags & ~(MREMAP_FIXED | MREMAP_MAYMOVE | MREMAP_DONTUNMAP) || from % PAGE_SIZE)
        return -EINVAL;
    if (!request->new_len || request->new_len > USER_END)
        return -EINVAL;
    if (!request->fixed && !request->keep)
        return 0;
    if (to > USER_END - request->new_len || to % PAGE_SIZE || !request->may_move)
        return -EINVAL;
    if (request->keep && request->old_len != request->new_len)
        return -EINVAL;
    return from + request->old_len > to && to + request->new_len > from ? -EINVAL : 0;
}

SYSCALL5(sys_mremap, uaddr_t, addr, uint64_t, old_len, uint64_t, new_len, unsigned, flags, uaddr_t,
         new_addr)
{
    const struct remap_request request = {
        .from = addr,
        .old_len = page_ceil(old_len),
        .new_len = page_ceil(new_len),
        .to = flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) ? new_addr : 0,
        .may_move = flags & MREMAP_MAYMOVE,
        .fixed = flags & MREMAP_FIXED,
        .keep = flags & MREMAP_DONTUNMAP,
    };
    uaddr_t start;
    int err = check_remap(&request, flags);

    if (!err)
        err = vspace_remap(current_vspace(), &request, &start);
    if (err)
        return err;
    if (request.new_len > request.old_len)
        populate_locked_parts(start, request.new_len);
    return (long)start;
}

/* What the kernel does for an advice. */
static const struct advice {
    enum { UNKNOWN, HINT, DISCARD, POPULATE, FLAGS, REMOVE } act;
    unsigned forbidden;         /* features of regions for which it is -EINVAL */
    struct flags_change change; /* FLAGS */
    enum populate how;          /* POPULATE */
} advices[] = {
    [MADV_NORMAL] = {FLAGS, .change.clear = VREGION_RANDOM | VREGION_SEQUENTIAL},
    [MADV_RANDOM] = {FLAGS, .change = {.clear = VREGION_SEQUENTIAL, .set = VREGION_RANDOM}},
    [MADV_SEQUENTIAL] = {FLAGS, .change = {.clear = VREGION_RANDOM, .set = VREGION_SEQUENTIAL}},
    [MADV_WILLNEED] = {HINT},
    [MADV_HUGEPAGE] = {HINT},
    [MADV_NOHUGEPAGE] = {HINT},
    [MADV_DONTDUMP] = {FLAGS, .change.set = VREGION_DONTDUMP},
    [MADV_DODUMP] = {FLAGS, .change.clear = VREGION_DONTDUMP},
    [MADV_COLD] = {HINT, VREGION_LOCKED},
    [MADV_PAGEOUT] = {HINT, VREGION_LOCKED},
    [MADV_DONTNEED] = {DISCARD, VREGION_LOCKED},
    [MADV_DONTNEED_LOCKED] = {DISCARD, 0},
    /* Linux drops the pages when it needs memory. Here that is at once, as nothing else would. */
    [MADV_FREE] = {DISCARD, VREGION_LOCKED | VREGION_FILE},
    [MADV_DONTFORK] = {FLAGS, .change.set = VREGION_DONTFORK},
    [MADV_DOFORK] = {FLAGS, .change.clear = VREGION_DONTFORK},
    [MADV_WIPEONFORK] = {FLAGS, .change = {.set = VREGION_WIPEONFORK, .forbidden = VREGION_FILE}},
    [MADV_KEEPONFORK] = {FLAGS, .change.clear = VREGION_WIPEONFORK},
    [MADV_POPULATE_READ] = {POPULATE, .how = POPULATE_READ},
    [MADV_POPULATE_WRITE] = {POPULATE, .how = POPULATE_WRITE},
    [MADV_REMOVE] = {REMOVE},
};

/* A part of an object that a region shows. */
struct part {
    struct pager *pager; /* with a reference */
    uint64_t start, end; /* bytes of the object */
};

/* Finds what MADV_REMOVE takes out of an object: the pages of the region at *at, up to `end`; moves
   `at` behind them. -ENOMEM: there is no region at *at, and `at` is moved to the next one, or to
   `end`. -EINVAL, -EACCES: the region may not lose pages. */
static int removed_part(struct vspace *vspace, uaddr_t *at, uaddr_t end, struct part *part)
{
    const struct vregion *region = vregion_find_from(&vspace->regions, *at);

    if (!region || region->start > *at) {
        *at = region ? min(end, region->start) : end;
        return -ENOMEM;
    }
    if (!region->pager || (region->flags & VREGION_LOCKED))
        return -EINVAL;
    if (!vregion_writes_object(region))
        return -EACCES;
    uint64_t start = vregion_pager_page(region, *at) << PAGE_SHIFT;
    uaddr_t stop = min(end, region->end);
    *part = (struct part){region->pager, start, start + (stop - *at)};
    region->pager->ops->get(region->pager, false);
    *at = stop;
    return 0;
}

/* Makes holes in the objects that the regions of [start, end) share. As Linux, goes on behind a
   part without a region, and stops at any other error. */
static int remove_pages(struct vspace *vspace, uaddr_t start, uaddr_t end)
{
    int err = 0, unmapped = 0;
    struct part part;

    while (start < end && !err) {
        rwlock_read_lock(&vspace->lock);
        err = removed_part(vspace, &start, end, &part);
        rwlock_read_unlock(&vspace->lock);
        if (err == -ENOMEM) {
            unmapped = err;
            err = 0;
            continue;
        }
        if (err)
            break;
        struct vnode *vnode = shm_vnode(part.pager);
        err = vnode ? vnode_allocate(vnode, part.start, part.end,
                                     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, UINT64_MAX)
                    : -EOPNOTSUPP;
        part.pager->ops->put(part.pager, false);
    }
    return err ? err : unmapped;
}

static int advise(const struct advice *advice, uaddr_t start, uaddr_t end)
{
    struct vspace *vspace = current_vspace();

    switch (advice->act) {
    case DISCARD:
        return vspace_discard(vspace, start, end, advice->forbidden);
    case POPULATE:
        return populate_range(start, end, advice->how, STOP_ON_ERROR);
    case FLAGS:
        return vspace_change_flags(vspace, start, end, &advice->change);
    case REMOVE:
        return remove_pages(vspace, start, end);
    default:
        return vspace_check_mapped(vspace, start, end, advice->forbidden);
    }
}

SYSCALL3(sys_madvise, uaddr_t, addr, uint64_t, len, unsigned, number)
{
    uaddr_t end;

    if (number >= ARRAY_SIZE(advices) || advices[number].act == UNKNOWN)
        return -EINVAL;
    if (addr % PAGE_SIZE || wraps(addr, len))
        return -EINVAL;
    if (len == 0)
        return 0;
    int err = page_range(addr, len, &end);
    return err ? err : advise(&advices[number], addr, end);
}

SYSCALL1(sys_brk, uaddr_t, brk)
{
    struct vspace *vspace = current_vspace();
    uaddr_t before = atomic_load_relaxed(&vspace->account.brk), after = vspace_brk(vspace, brk);

    if (after > before)
        populate_locked_parts(before, after - before);
    return after;
}

SYSCALL1(sys_sbrk, int64_t, delta)
{
    uaddr_t old;
    int err = vspace_sbrk(current_vspace(), delta, &old);

    return err ? err : (long)old;
}

/* Returns the number of differences. The console shows the first. */
SYSCALL0(sys_audit)
{
    int err = world_stop();

    if (err)
        return err;
    unsigned differences = audit_run();
    world_resume();
    return differences;
}
