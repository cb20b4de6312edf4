/* /proc/PID/mem: the memory of a process, as a file whose offsets are addresses.

   A debugger's view: reads and writes go beyond the rights of the regions (vspace_peek,
   vspace_poke). The file is about the program that ran when it was opened. Once that has ended, or
   the process runs another program, it reads as empty. The file holds no reference on the address
   space, because that would keep the memory of a process that has exited.

   Locks: the tree lock while the process is looked up; none while bytes move, which go through a
   buffer of the kernel. */

#include <linux/errno.h>
#include <linux/fs.h>
#include <fs/file.h>
#include <mm/heap.h>
#include <proc/access.h>
#include "files.h"
#include "visit.h"

/* Returns the number of the vspace that the file is about. */
static uint64_t vspace_number(const struct file *file)
{
    return (uintptr_t)file->data;
}

static int mem_open(struct file *file)
{
    struct vspace *vspace;
    int err = procfs_visit(pseudo_key_of(file->vnode), &vspace, NULL);

    if (err || !vspace) /* a zombie has none */
        return -ESRCH;
    file->data = (void *)(uintptr_t)vspace->number;
    vspace_put(vspace);
    return 0;
}

/* Returns the vspace that the file is about, with a reference, or NULL if it is gone. */
static struct vspace *mem_vspace(const struct file *file)
{
    struct vspace *vspace;

    if (procfs_visit(pseudo_key_of(file->vnode), &vspace, NULL) || !vspace)
        return NULL;
    if (vspace->number == vspace_number(file))
        return vspace;
    vspace_put(vspace);
    return NULL;
}

/* Moves up to `len` bytes, in one page at most, through the buffer. Returns how many were moved;
   -EIO: nothing is mapped there, or it may not be written; -EFAULT. */
typedef ssize_t mem_move_fn(struct vspace *vspace, uaddr_t addr, struct uio *uio, void *page,
                            size_t len);

static ssize_t move_to_uio(struct vspace *vspace, uaddr_t addr, struct uio *uio, void *page,
                           size_t len)
{
    len = vspace_peek(vspace, addr, page, len);
    if (len == 0)
        return -EIO;
    return uio_put(uio, page, len) == len ? (ssize_t)len : -EFAULT;
}

static ssize_t move_from_uio(struct vspace *vspace, uaddr_t addr, struct uio *uio, void *page,
                             size_t len)
{
    if (uio_get(uio, page, len) < len)
        return -EFAULT;
    len = vspace_poke(vspace, addr, page, len);
    return len ? (ssize_t)len : -EIO;
}

/* As on Linux, -EFAULT hides the bytes that were moved before. */
static ssize_t move_all(struct vspace *vspace, uaddr_t addr, struct uio *uio, mem_move_fn *move)
{
    void *page = heap_alloc(PAGE_SIZE);
    size_t done = 0;
    ssize_t moved = page ? 0 : -ENOMEM;

    while (uio->left > 0 && moved >= 0 && !thread_is_killed()) {
        size_t len = min(uio->left, page_rest(addr + done));

        moved = move(vspace, addr + done, uio, page, len);
        done += max(moved, 0l);
    }
    heap_free(page);
    return moved == -EFAULT ? moved : uio_result(done, min(moved, 0l));
}

static ssize_t mem_move(const struct file *file, struct uio *uio, uaddr_t addr, mem_move_fn *move)
{
    struct vspace *vspace = mem_vspace(file);

    if (!vspace)
        return 0;
    ssize_t done = move_all(vspace, addr, uio, move);
    vspace_put(vspace);
    return done;
}

static ssize_t mem_read(struct file *file, struct uio *uio, uint64_t offset)
{
    return mem_move(file, uio, offset, move_to_uio);
}

static ssize_t mem_write(struct file *file, struct uio *uio, uint64_t offset)
{
    return mem_move(file, uio, offset, move_from_uio);
}

/* Every number is an address, so none is refused; there is no end to seek from. */
static int64_t mem_seek(struct file *file, int64_t offset, unsigned whence)
{
    if (whence == SEEK_CUR)
        offset = (uint64_t)offset + atomic_load_relaxed(&file->offset);
    else if (whence != SEEK_SET)
        return -EINVAL;
    atomic_store_relaxed(&file->offset, offset);
    return offset;
}

const struct file_ops procfs_mem_file_ops = {
    .open = mem_open,
    .read = mem_read,
    .write = mem_write,
    .seek = mem_seek,
    .seekable = true,
};
