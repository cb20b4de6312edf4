/* What a program says about its use of a file: fadvise64, readahead. Advice changes what is in
   memory, and never what is read. */
#include <linux/errno.h>
#include <linux/fadvise.h>
#include <fs/pagecache.h>
#include <fs/readahead.h>
#include <sys/fileargs.h>
#include <sys/syscall.h>

/* Gives up the whole pages of [start, end). Those that are dirty are written back first. */
static void drop_range(struct pagecache *cache, uint64_t start, uint64_t end)
{
    uint64_t first = page_ceil(start) >> PAGE_SHIFT, behind = end >> PAGE_SHIFT;

    if (end >= atomic_load(&cache->size))
        behind = page_ceil(end) >> PAGE_SHIFT; /* the rest of the last page belongs to nobody */
    if (!cache->store || first >= behind)
        return;
    (void)pagecache_writeback(cache, first, behind); /* fsync(2) tells the error */
    pagecache_drop_clean(cache, first, behind);
}

/* Takes advice on [start, end) of a file. */
static int take_advice(struct file *file, uint64_t start, uint64_t end, int advice)
{
    struct pagecache *cache = file->vnode->cache;

    switch (advice) {
    case POSIX_FADV_NORMAL:
        atomic_store_relaxed(&file->reader.mode, READAHEAD_NORMAL);
        return 0;
    case POSIX_FADV_RANDOM:
        atomic_store_relaxed(&file->reader.mode, READAHEAD_RANDOM);
        return 0;
    case POSIX_FADV_SEQUENTIAL:
        atomic_store_relaxed(&file->reader.mode, READAHEAD_SEQUENTIAL);
        return 0;
    case POSIX_FADV_WILLNEED:
        if (cache)
            pagecache_fetch(cache, start >> PAGE_SHIFT, page_ceil(end) >> PAGE_SHIFT);
        return 0;
    case POSIX_FADV_DONTNEED:
        if (cache)
            drop_range(cache, start, end);
        return 0;
    case POSIX_FADV_NOREUSE:
        return 0;
    default:
        return -EINVAL;
    }
}

/* Returns the end of a range that a program names. A length of 0 means up to the end of the file;
   so does one that goes beyond all offsets. */
static uint64_t range_end(int64_t offset, int64_t len)
{
    int64_t end;

    return len == 0 || __builtin_add_overflow(offset, len, &end) ? INT64_MAX : end;
}

SYSCALL4(sys_fadvise64, int, fd, int64_t, offset, int64_t, len, int, advice)
{
    struct file *file = io_file_from_fd(fd);
    int err;

    if (!file)
        return -EBADF;
    if (S_ISFIFO(file->vnode->mode))
        err = -ESPIPE;
    else if (len < 0)
        err = -EINVAL;
    else
        err = take_advice(file, max(offset, 0), range_end(max(offset, 0), len), advice);
    file_put(file);
    return err;
}

SYSCALL3(sys_readahead, int, fd, int64_t, offset, size_t, count)
{
    struct file *file = io_file_from_fd(fd);
    int err = 0;

    if (!file)
        return -EBADF;
    if (!file_may_read(file))
        err = -EBADF;
    else if (!file->vnode->cache)
        err = -EINVAL;
    else if (offset >= 0 && (int64_t)count > 0)
        err = take_advice(file, offset, range_end(offset, count), POSIX_FADV_WILLNEED);
    file_put(file);
    return err;
}
