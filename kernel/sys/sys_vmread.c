/* Reading the memory of another process: process_vm_readv.

   A process that holds another's vspace runs nothing there. The bytes go through a buffer of the
   kernel, so no lock of one vspace is held while memory of the other is accessed. */

#include <linux/errno.h>
#include <mm/heap.h>
#include <proc/access.h>
#include <proc/process.h>
#include <sys/iov.h>
#include <sys/syscall.h>

/* Returns false for a page that others may not read. As on Linux, they need PROT_READ, although the
   program itself can read every page that it may write or run, because of the CPU. */
static bool others_may_read(struct vspace *vspace, uaddr_t addr)
{
    rwlock_read_lock(&vspace->lock);
    const struct vregion *region = vregion_find(&vspace->regions, addr);
    bool refused = region && !(region->prot & PROT_R);
    rwlock_read_unlock(&vspace->lock);
    return !refused;
}

/* Reads one segment through `page`, as far as `to` has room. Returns true if all of it was
   moved. */
static bool read_segment(struct vspace *vspace, const struct iovec *segment, struct uio *to,
                         void *page)
{
    uaddr_t from = (uaddr_t)segment->iov_base;
    size_t left = min(segment->iov_len, to->left);

    while (left > 0) {
        size_t part = min(left, page_rest(from));
        size_t len = others_may_read(vspace, from) ? vspace_read(vspace, from, page, part) : 0;

        if (uio_put(to, page, len) < part || thread_is_killed())
            return false;
        from += part;
        left -= part;
    }
    return true;
}

static ssize_t read_segments(struct vspace *vspace, const struct iovec *iov, size_t count,
                             struct uio *to)
{
    size_t wanted = to->left;
    void *page = heap_alloc(PAGE_SIZE);
    bool ok = page;

    for (size_t n = 0; n < count && ok; n++)
        ok = read_segment(vspace, &iov[n], to, page);
    heap_free(page);
    return uio_result(wanted - to->left, page ? ok ? 0 : -EFAULT : -ENOMEM);
}

static ssize_t read_process(int pid, const struct iovec *iov, size_t count, struct uio *to)
{
    struct vspace *vspace = process_get_vspace(pid);

    if (!vspace)
        return -ESRCH;
    ssize_t done = read_segments(vspace, iov, count, to);
    vspace_put(vspace);
    return done;
}

SYSCALL6(sys_process_vm_readv, int, pid, const struct iovec __user *, local, size_t, local_count,
         const struct iovec __user *, remote, size_t, remote_count, uint64_t, flags)
{
    struct iovec *to = NULL, *from = NULL;
    struct uio uio;

    if (flags)
        return -EINVAL;
    ssize_t done = iov_fetch(local, local_count, &to);
    if (!done)
        done = iov_total(to, local_count);
    if (done > 0) {
        uio_init_iov(&uio, to, done);
        done = iov_fetch(remote, remote_count, &from);
        if (!done)
            done = read_process(pid, from, remote_count, &uio);
    }
    heap_free(from);
    heap_free(to);
    return done;
}
