/* Write-back on request: fsync, fdatasync, sync_file_range, sync, syncfs, msync. */
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/mman.h>
#include <fs/flusher.h>
#include <fs/pagecache.h>
#include <proc/shm.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>
#include <vm/vspace.h>

static long sync_file(int fd, enum vnode_sync how)
{
    struct file *file = io_file_from_fd(fd);

    if (!file)
        return -EBADF;
    int err = file_sync(file, 0, UINT64_MAX, how);
    file_put(file);
    return err;
}

SYSCALL1(sys_fsync, int, fd)
{
    return sync_file(fd, SYNC_ALL);
}

SYSCALL1(sys_fdatasync, int, fd)
{
    return sync_file(fd, SYNC_DATA);
}

/* Writes pages back, and no more. Without a flag, Linux does nothing. */
static int sync_range(struct file *file, uint64_t start, uint64_t end, unsigned flags)
{
    struct pagecache *cache = file->vnode->cache;

    if (!cache)
        return vnode_is_dir(file->vnode) || vnode_is_link(file->vnode) ? 0 : -ESPIPE;
    int err = flags ? pagecache_writeback(cache, page_floor(start) >> PAGE_SHIFT,
                                          page_ceil(end) >> PAGE_SHIFT)
                    : 0;
    int earlier = pagecache_take_error(cache, &file->errors_seen);
    return err ? err : earlier;
}

#define SYNC_RANGE_FLAGS \
    (SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER)

SYSCALL4(sys_sync_file_range, int, fd, int64_t, offset, int64_t, len, unsigned, flags)
{
    int64_t end;
    struct file *file = io_file_from_fd(fd);

    if (!file)
        return -EBADF;
    int err = -EINVAL;
    if (!(flags & ~SYNC_RANGE_FLAGS) && offset >= 0 && !__builtin_add_overflow(offset, len, &end) &&
        end >= offset)
        err = sync_range(file, offset, len ? end : INT64_MAX, flags);
    file_put(file);
    return err;
}

SYSCALL0(sys_sync)
{
    (void)!flusher_sync(); /* a thread that is to be killed sees no result */
    return 0;
}

SYSCALL1(sys_syncfs, int, fd)
{
    struct file *file = io_file_from_fd(fd);

    if (!file)
        return -EBADF;
    struct filesystem *fs = file->vnode->fs;
    int err = pagecache_writeback_device(fs->dev);
    int failed = fs->ops && fs->ops->sync ? fs->ops->sync(fs) : 0;
    file_put(file);
    return err ? err : failed;
}

/* A part of an object that a region shows. */
struct shown {
    struct pager *pager; /* with a reference; NULL: none */
    uint64_t start, end; /* bytes of the object */
};

/* Finds the first MAP_SHARED region in [*addr, end), and moves `addr` behind it. */
static struct shown next_shown(struct vspace *vspace, uaddr_t *addr, uaddr_t end)
{
    struct shown shown = {0};
    const struct vregion *region;

    rwlock_read_lock(&vspace->lock);
    while ((region = vregion_find_from(&vspace->regions, *addr)) && region->start < end &&
           !region->shared)
        *addr = region->end;
    if (region && region->start < end) {
        uaddr_t from = max(*addr, region->start);

        *addr = min(end, region->end);
        shown.pager = region->pager;
        shown.pager->ops->get(shown.pager, false);
        shown.start = vregion_pager_page(region, from) << PAGE_SHIFT;
        shown.end = shown.start + (*addr - from);
    } else {
        *addr = end;
    }
    rwlock_read_unlock(&vspace->lock);
    return shown;
}

/* Writes back what the regions of [addr, end) share with files. */
static int sync_regions(struct vspace *vspace, uaddr_t addr, uaddr_t end)
{
    struct shown shown;
    int err = 0;

    while (addr < end && !err && (shown = next_shown(vspace, &addr, end)).pager) {
        struct vnode *vnode = shm_vnode(shown.pager);

        if (vnode)
            err = vnode_sync(vnode, shown.start, shown.end, SYNC_DATA);
        shown.pager->ops->put(shown.pager, false);
    }
    return err;
}

/* MS_ASYNC does nothing, as on Linux: dirty pages are written back after a time. */
SYSCALL3(sys_msync, uaddr_t, addr, uint64_t, len, unsigned, flags)
{
    struct vspace *vspace = process_current()->vspace;

    if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || addr % PAGE_SIZE)
        return -EINVAL;
    if ((flags & MS_ASYNC) && (flags & MS_SYNC))
        return -EINVAL;
    len = page_ceil(len); /* 0 for the longest, as on Linux */
    if (addr + len < addr)
        return -ENOMEM;
    if (len == 0)
        return 0;
    uaddr_t end = min(addr + len, USER_END);
    int err = addr + len > USER_END ? -ENOMEM : 0;
    int unmapped = addr < end ? vspace_check_mapped(vspace, addr, end,
                                                    flags & MS_INVALIDATE ? VREGION_LOCKED : 0)
                              : -ENOMEM;
    if (unmapped == -EINVAL)
        return -EBUSY;
    /* Where there are holes, Linux syncs the rest. */
    if ((flags & MS_SYNC) && addr < end) {
        int failed = sync_regions(vspace, addr, end);

        if (failed)
            return failed;
    }
    return unmapped ? unmapped : err;
}
