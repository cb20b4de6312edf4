/* Open files: opening, closing, and transfers that advance the offset.

   If ops->locked is set, a transfer and the change of the offset are one step under the vnode's
   lock. Otherwise two processes that share an open file could write at the same offset and
   overwrite each other. */
#include <linux/errno.h>
#include <linux/fs.h>
#include <arch/atomic.h>
#include <fs/file.h>
#include <fs/filelock.h>
#include <fs/pagecache.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>

/* The flags that only the open itself uses. */
#define OPEN_ONLY_FLAGS (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC)

static bool counts_as_writer(const struct file *file)
{
    return file_may_write(file) && vnode_is_file(file->vnode);
}

struct file *file_alloc(unsigned flags)
{
    struct file *file = heap_alloc_zeroed(sizeof(*file));

    if (file)
        *file = (struct file){.refs = 1, .flags = flags & ~OPEN_ONLY_FLAGS};
    return file;
}

/* Makes the steps of opening that can fail, and undoes them if a later one fails. */
static int file_begin(struct file *file)
{
    int err = 0;

    if (counts_as_writer(file))
        err = vnode_begin_write(file->vnode);
    if (err || !file->ops->open || (file->flags & O_PATH))
        return err;
    err = file->ops->open(file);
    if (err && counts_as_writer(file))
        vnode_end_write(file->vnode);
    return err;
}

int file_open(struct file *file, struct vnode *vnode)
{
    file->vnode = vnode;
    file->ops = vnode->file_ops;
    if (vnode->cache)
        file->errors_seen = pagecache_errors_seen(vnode->cache);
    int err = file_begin(file);
    if (err) {
        file->vnode = NULL;
        vnode_put(vnode);
    }
    return err;
}

static void file_end(struct file *file)
{
    if (atomic_load(&file->forget))
        file->forget(file);
    filelock_drop_file(file);
    if (file->ops->close && !(file->flags & O_PATH))
        file->ops->close(file);
    if (counts_as_writer(file))
        vnode_end_write(file->vnode);
    vnode_put(file->vnode);
}

void file_get(struct file *file)
{
    unsigned refs = atomic_add_fetch(&file->refs, 1);

    assert(refs > 1);
}

void file_put(struct file *file)
{
    unsigned refs = atomic_sub_fetch(&file->refs, 1);

    assert(refs != ~0u);
    if (refs > 0)
        return;
    if (file->vnode)
        file_end(file);
    heap_free(file);
}

/* -EINTR: the thread is to be killed. */
static __must_check int file_lock(struct file *file)
{
    return file->ops->locked ? mutex_lock_killable(&file->vnode->lock) : 0;
}

static void file_unlock(struct file *file)
{
    if (file->ops->locked)
        mutex_unlock(&file->vnode->lock);
}

static int missing_op_error(const struct file *file)
{
    return vnode_is_dir(file->vnode) ? -EISDIR : -EINVAL;
}

static int check_read(const struct file *file)
{
    if (!file_may_read(file))
        return -EBADF;
    return file->ops->read ? 0 : missing_op_error(file);
}

static int check_write(const struct file *file)
{
    if (!file_may_write(file))
        return -EBADF;
    return file->ops->write ? 0 : missing_op_error(file);
}

/* Returns true if [offset, offset + len) fits in off_t. */
static bool offset_fits(uint64_t offset, size_t len)
{
    return offset <= INT64_MAX && len <= INT64_MAX - offset;
}

/* Returns true if the file's offsets are positions in bytes, which fit in off_t. */
static bool has_positions(const struct file *file)
{
    return file->ops->seekable && !file->ops->seek;
}

/* Returns true if [offset, offset + len) fits in off_t, where that is asked for. */
static bool range_ok(const struct file *file, uint64_t offset, size_t len)
{
    return !has_positions(file) || offset_fits(offset, len);
}

/* Returns where a write begins. The end of the file, for O_APPEND, cannot move, because the lock is
   held. */
static uint64_t write_offset(const struct file *file, uint64_t offset)
{
    bool appends = atomic_load_relaxed(&file->flags) & O_APPEND;

    return appends && has_positions(file) ? vnode_size(file->vnode) : offset;
}

static ssize_t read_locked(struct file *file, struct uio *uio, uint64_t *offset)
{
    uint64_t from = atomic_load_relaxed(offset);

    if (!range_ok(file, from, uio->left))
        return -EINVAL;
    ssize_t done = file->ops->read(file, uio, from);
    if (done > 0)
        atomic_store_relaxed(offset, from + done);
    return done;
}

/* Shortens a write at `from` to what RLIMIT_FSIZE allows. Only regular files grow. */
static int limit_growth(const struct file *file, struct uio *uio, uint64_t from)
{
    if (!vnode_is_file(file->vnode) || uio->left == 0)
        return 0;
    uio->over_limit = from >= uio->size_limit;
    if (uio->over_limit)
        return -EFBIG;
    uio->left = min(uio->left, uio->size_limit - from);
    return 0;
}

static ssize_t write_locked(struct file *file, struct uio *uio, uint64_t *offset)
{
    uint64_t from = write_offset(file, atomic_load_relaxed(offset));

    if (!range_ok(file, from, uio->left))
        return -EINVAL;
    int err = limit_growth(file, uio, from);
    if (err)
        return err;
    ssize_t done = file->ops->write(file, uio, from);
    if (done > 0)
        atomic_store_relaxed(offset, from + done);
    return done;
}

/* Changes the time of access after a read; devices have none here. */
static void note_access(struct file *file)
{
    bool has_time = vnode_is_file(file->vnode) || vnode_is_dir(file->vnode);

    if (has_time && !(atomic_load_relaxed(&file->flags) & O_NOATIME))
        vnode_accessed(file->vnode);
}

static ssize_t read_at(struct file *file, struct uio *uio, uint64_t *offset)
{
    int err = check_read(file);
    size_t asked = uio->left;

    if (err)
        return err;
    uio->reader = &file->reader;
    err = file_lock(file);
    if (err)
        return err;
    ssize_t done = read_locked(file, uio, offset);
    file_unlock(file);
    if (done >= 0 && asked > 0)
        note_access(file);
    return done;
}

static ssize_t write_at(struct file *file, struct uio *uio, uint64_t *offset)
{
    int err = check_write(file);

    if (err)
        return err;
    err = file_lock(file);
    if (err)
        return err;
    ssize_t done = write_locked(file, uio, offset);
    file_unlock(file);
    return done;
}

ssize_t file_read(struct file *file, struct uio *uio)
{
    return read_at(file, uio, &file->offset);
}

ssize_t file_write(struct file *file, struct uio *uio)
{
    return write_at(file, uio, &file->offset);
}

bool file_has_offset(const struct file *file)
{
    return file->ops->seekable || vnode_is_dir(file->vnode);
}

ssize_t file_pread(struct file *file, struct uio *uio, uint64_t offset)
{
    if (!file_has_offset(file))
        return -ESPIPE;
    return file->ops->seek || offset_fits(offset, uio->left) ? read_at(file, uio, &offset)
                                                             : -EINVAL;
}

ssize_t file_pwrite(struct file *file, struct uio *uio, uint64_t offset)
{
    if (!file_has_offset(file))
        return -ESPIPE;
    return file->ops->seek || offset_fits(offset, uio->left) ? write_at(file, uio, &offset)
                                                             : -EINVAL;
}

/* Returns the offset that an lseek leads to. A file without pages has no bytes. */
static int64_t seek_target(const struct file *file, int64_t offset, unsigned whence)
{
    int64_t base = 0, size = vnode_size(file->vnode), target;

    switch (whence) {
    case SEEK_SET:
        break;
    case SEEK_CUR:
        base = atomic_load_relaxed(&file->offset);
        break;
    case SEEK_END:
        base = size;
        break;
    case SEEK_DATA:
    case SEEK_HOLE:
        if (offset < 0 || offset >= size)
            return -ENXIO;
        return whence == SEEK_DATA ? pagecache_next_data(file->vnode->cache, offset)
                                   : pagecache_next_hole(file->vnode->cache, offset);
    default:
        return -EINVAL;
    }
    if (__builtin_add_overflow(base, offset, &target) || target < 0)
        return -EINVAL;
    return target;
}

int64_t file_seek(struct file *file, int64_t offset, unsigned whence)
{
    if (whence > SEEK_HOLE)
        return -EINVAL;
    if (!file_has_offset(file))
        return -ESPIPE;
    if (file->ops->seek)
        return file->ops->seek(file, offset, whence);
    if (vnode_is_dir(file->vnode) && whence > SEEK_CUR)
        return -EINVAL;
    int err = file_lock(file);
    if (err)
        return err;
    int64_t target = seek_target(file, offset, whence);
    if (target >= 0)
        atomic_store_relaxed(&file->offset, target);
    file_unlock(file);
    return target;
}

/* Makes the entry "." or "..", which every directory has. */
static int dot_entry(struct vnode *dir, uint64_t cookie, struct dir_entry *entry)
{
    struct vnode *parent = vnode_parent(dir);

    strlcpy(entry->name, cookie == 0 ? "." : "..", sizeof(entry->name));
    entry->ino = cookie == 0 ? dir->ino : parent->ino;
    entry->mode = S_IFDIR;
    entry->cookie = cookie;
    vnode_put(parent);
    return 1;
}

static int next_entry(struct vnode *dir, uint64_t cookie, struct dir_entry *entry)
{
    if (cookie < DIR_COOKIE_FIRST)
        return dot_entry(dir, cookie, entry);
    return dir->ops->readdir(dir, cookie, entry);
}

int file_list(struct file *file, int (*emit)(const struct dir_entry *entry, void *arg), void *arg)
{
    struct vnode *dir = file->vnode;
    struct dir_entry entry;
    uint64_t offset;
    int found;

    if (!vnode_is_dir(dir) || !dir->ops->readdir)
        return -ENOTDIR;
    if (atomic_load_relaxed(&dir->nlink) == 0)
        return -ENOENT;
    found = file_lock(file);
    if (found)
        return found;
    offset = atomic_load_relaxed(&file->offset);
    while ((found = next_entry(dir, offset, &entry)) > 0 && !emit(&entry, arg))
        offset = entry.cookie + 1;
    atomic_store_relaxed(&file->offset, offset);
    file_unlock(file);
    note_access(file);
    return min(found, 0);
}

unsigned file_poll(struct file *file)
{
    return file->ops->poll ? file->ops->poll(file) : POLL_READABLE | POLL_WRITABLE;
}

struct poll_source *file_poll_source(struct file *file)
{
    return file->ops->poll ? file->ops->poll_source(file) : NULL;
}

int file_truncate(struct file *file, uint64_t size, uint64_t limit)
{
    struct vnode *vnode = file->vnode;

    if (!file_may_write(file) || !vnode->ops->truncate || !vnode_is_file(vnode))
        return -EINVAL;
    return vnode_set_size(vnode, size, limit);
}

int file_sync(struct file *file, uint64_t start, uint64_t end, enum vnode_sync how)
{
    struct vnode *vnode = file->vnode;

    if (!vnode->cache && !vnode_is_dir(vnode))
        return -EINVAL;
    int err = vnode_sync(vnode, start, end, how);
    int earlier = vnode->cache ? pagecache_take_error(vnode->cache, &file->errors_seen) : 0;
    return err ? err : earlier;
}

int file_pager(struct file *file, struct pager **pager)
{
    if (!file_may_read(file))
        return -EACCES;
    if (!file->vnode->cache && !file->ops->is_zeros)
        return -ENODEV;
    *pager = file->vnode->cache ? &file->vnode->cache->pager : NULL;
    note_access(file); /* a mapping counts as a read */
    return 0;
}
