/* File descriptors. The table doubles when it is full. The search for a free descriptor begins at
   the lowest, because POSIX requires the lowest.

   Always true: the table holds one reference on each of its files; a reserved descriptor has no
   file.

   Lock: the table's own (RANK_FILES), over each operation. It is not held while a file is closed,
   because a close may sleep long and take any lock of files. */
#include <linux/errno.h>
#include <arch/atomic.h>
#include <fs/fdtable.h>
#include <fs/filelock.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>

#define FIRST_CAPACITY 16u

struct fd_slot {
    struct file *file; /* one reference; NULL: none */
    unsigned flags;    /* FD_CLOEXEC or 0 */
    bool reserved;     /* its file is still to be opened */
};

struct fdtable {
    unsigned users;        /* atomic: tasks */
    struct mutex lock;     /* RANK_FILES; guards the rest */
    unsigned capacity;     /* number of slots */
    struct fd_slot *slots; /* on the heap */
    uint64_t *taken;       /* on the heap: a bit for each slot that has a file or is reserved */
};

#define WORD_BITS 64u

static size_t words_of(unsigned capacity)
{
    return (capacity + WORD_BITS - 1) / WORD_BITS;
}

static int table_alloc(unsigned capacity, struct fdtable **result)
{
    struct fdtable *table = heap_alloc_zeroed(sizeof(*table));
    struct fd_slot *slots = heap_alloc_zeroed(capacity * sizeof(*slots));
    uint64_t *taken = heap_alloc_zeroed(words_of(capacity) * sizeof(*taken));

    if (!table || !slots || !taken) {
        heap_free(table);
        heap_free(slots);
        heap_free(taken);
        return -ENOMEM;
    }
    mutex_init(&table->lock, RANK_FILES);
    table->users = 1;
    table->capacity = capacity;
    table->slots = slots;
    table->taken = taken;
    *result = table;
    return 0;
}

int fdtable_create(struct fdtable **table)
{
    return table_alloc(FIRST_CAPACITY, table);
}

/* Returns the slot of `fd`, or NULL if it has no file. The lock is held. */
static struct fd_slot *used_slot(struct fdtable *table, int fd)
{
    if (fd < 0 || (unsigned)fd >= table->capacity || !table->slots[fd].file)
        return NULL;
    return &table->slots[fd];
}

/* Grows the table so that it has a slot for `fd`. The lock is held. */
static int make_room(struct fdtable *table, unsigned fd)
{
    unsigned capacity = table->capacity;

    while (capacity <= fd)
        capacity *= 2;
    if (capacity == table->capacity)
        return 0;
    struct fd_slot *slots = heap_alloc_zeroed(capacity * sizeof(*slots));
    uint64_t *taken = heap_alloc_zeroed(words_of(capacity) * sizeof(*taken));
    if (!slots || !taken) {
        heap_free(slots);
        heap_free(taken);
        return -ENOMEM;
    }
    memcpy(slots, table->slots, table->capacity * sizeof(*slots));
    memcpy(taken, table->taken, words_of(table->capacity) * sizeof(*taken));
    heap_free(table->slots);
    heap_free(table->taken);
    table->slots = slots;
    table->taken = taken;
    table->capacity = capacity;
    return 0;
}

/* Sets a slot. The lock is held. */
static void set_slot(struct fdtable *table, unsigned fd, struct fd_slot slot)
{
    uint64_t bit = 1ul << fd % WORD_BITS;

    table->slots[fd] = slot;
    if (slot.file || slot.reserved)
        table->taken[fd / WORD_BITS] |= bit;
    else
        table->taken[fd / WORD_BITS] &= ~bit;
}

static void copy_slots(struct fdtable *to, const struct fdtable *from)
{
    for (unsigned fd = 0; fd < from->capacity; fd++) {
        if (!from->slots[fd].file)
            continue;
        set_slot(to, fd, (struct fd_slot){from->slots[fd].file, from->slots[fd].flags, false});
        file_get(to->slots[fd].file);
    }
}

/* The child's table needs no lock, because no other thread knows it yet. */
int fdtable_fork(struct fdtable *parent, struct fdtable **child)
{
    mutex_lock(&parent->lock);
    int err = table_alloc(parent->capacity, child);
    if (!err)
        copy_slots(*child, parent);
    mutex_unlock(&parent->lock);
    return err;
}

/* Frees a slot and returns its file; NULL if there is none. */
static struct file *take_file(struct fdtable *table, int fd)
{
    struct file *file = NULL;

    mutex_lock(&table->lock);
    struct fd_slot *slot = used_slot(table, fd);
    if (slot) {
        file = slot->file;
        set_slot(table, fd, (struct fd_slot){});
    }
    mutex_unlock(&table->lock);
    return file;
}

/* Closes a file that was taken out of the table. The process loses its record locks on it, even if
   it has other descriptors of the file. */
static void close_taken(struct fdtable *table, struct file *file)
{
    filelock_drop_records(file->vnode, table);
    file_put(file);
}

int fdtable_close(struct fdtable *table, int fd)
{
    struct file *file = take_file(table, fd);

    if (!file)
        return -EBADF;
    close_taken(table, file);
    return 0;
}

/* A descriptor is at most INT32_MAX. */
static int clamp_fd(unsigned fd)
{
    return min(fd, (unsigned)INT32_MAX);
}

void fdtable_close_range(struct fdtable *table, unsigned first, unsigned last)
{
    for (int fd = fdtable_next(table, clamp_fd(first)); fd >= 0 && (unsigned)fd <= last;
         fd = fdtable_next(table, fd + 1))
        (void)fdtable_close(table, fd);
}

void fdtable_share(struct fdtable *table)
{
    atomic_add_fetch(&table->users, 1u);
}

bool fdtable_is_shared(const struct fdtable *table)
{
    return atomic_load(&table->users) > 1;
}

void fdtable_put(struct fdtable *table)
{
    if (atomic_sub_fetch(&table->users, 1u) > 0)
        return;
    fdtable_close_range(table, 0, INT32_MAX);
    heap_free(table->slots);
    heap_free(table->taken);
    heap_free(table);
}

void fdtable_close_on_exec(struct fdtable *table)
{
    for (int fd = fdtable_next(table, 0); fd >= 0; fd = fdtable_next(table, fd + 1)) {
        if (fdtable_get_flags(table, fd) > 0)
            (void)fdtable_close(table, fd);
    }
}

struct file *fdtable_get(struct fdtable *table, int fd)
{
    mutex_lock(&table->lock);
    struct fd_slot *slot = used_slot(table, fd);
    struct file *file = slot ? slot->file : NULL;
    if (file)
        file_get(file);
    mutex_unlock(&table->lock);
    return file;
}

static bool is_reserved(const struct fdtable *table, unsigned fd)
{
    return fd < table->capacity && table->slots[fd].reserved;
}

/* Looks at a word of 64 slots at a time. A number at or above the capacity is free. */
static unsigned lowest_free(const struct fdtable *table, unsigned fd)
{
    unsigned skipped = fd % WORD_BITS;

    for (unsigned word = fd / WORD_BITS; word < words_of(table->capacity); word++) {
        uint64_t unused = ~table->taken[word] >> skipped << skipped;

        if (unused)
            return word * WORD_BITS + __builtin_ctzl(unused);
        skipped = 0;
    }
    return max(fd, table->capacity);
}

static int reserve_locked(struct fdtable *table, int min_fd, uint64_t limit)
{
    unsigned fd = lowest_free(table, min_fd);

    if (fd >= limit)
        return -EMFILE;
    int err = make_room(table, fd);
    if (err)
        return err;
    set_slot(table, fd, (struct fd_slot){.reserved = true});
    return fd;
}

int fdtable_reserve(struct fdtable *table, int min_fd, uint64_t limit)
{
    if (min_fd < 0 || (uint64_t)min_fd >= limit)
        return min_fd == 0 ? -EMFILE : -EINVAL;
    mutex_lock(&table->lock);
    int fd = reserve_locked(table, min_fd, limit);
    mutex_unlock(&table->lock);
    return fd;
}

void fdtable_fill(struct fdtable *table, int fd, struct file *file, unsigned flags)
{
    mutex_lock(&table->lock);
    assert(is_reserved(table, fd));
    set_slot(table, fd, (struct fd_slot){.file = file, .flags = flags});
    mutex_unlock(&table->lock);
}

int fdtable_install(struct fdtable *table, struct file *file, int min_fd, unsigned flags,
                    uint64_t limit)
{
    int fd = fdtable_reserve(table, min_fd, limit);

    if (fd >= 0)
        fdtable_fill(table, fd, file, flags);
    return fd;
}

/* Gives `to` the file of `from`, with a reference of its own, and stores the earlier file of `to`
   in `old`. The lock is held. */
static int dup2_locked(struct fdtable *table, int from, int to, unsigned flags, struct file **old)
{
    if (!used_slot(table, from))
        return -EBADF;
    int err = make_room(table, to);
    if (err)
        return err;
    if (is_reserved(table, to))
        return -EBUSY;
    *old = table->slots[to].file;
    set_slot(table, to, (struct fd_slot){.file = table->slots[from].file, .flags = flags});
    file_get(table->slots[to].file);
    return to;
}

int fdtable_dup2(struct fdtable *table, int from, int to, unsigned flags, uint64_t limit)
{
    struct file *old = NULL;

    if (to < 0 || (uint64_t)to >= limit)
        return -EBADF;
    if (from == to)
        return fdtable_get_flags(table, from) < 0 ? -EBADF : to;
    mutex_lock(&table->lock);
    int fd = dup2_locked(table, from, to, flags, &old);
    mutex_unlock(&table->lock);
    if (old)
        close_taken(table, old);
    return fd;
}

int fdtable_get_flags(struct fdtable *table, int fd)
{
    mutex_lock(&table->lock);
    struct fd_slot *slot = used_slot(table, fd);
    int flags = slot ? (int)slot->flags : -EBADF;
    mutex_unlock(&table->lock);
    return flags;
}

int fdtable_set_flags(struct fdtable *table, int fd, unsigned flags)
{
    mutex_lock(&table->lock);
    struct fd_slot *slot = used_slot(table, fd);
    if (slot)
        slot->flags = flags;
    mutex_unlock(&table->lock);
    return slot ? 0 : -EBADF;
}

void fdtable_set_cloexec_range(struct fdtable *table, unsigned first, unsigned last)
{
    for (int fd = fdtable_next(table, clamp_fd(first)); fd >= 0 && (unsigned)fd <= last;
         fd = fdtable_next(table, fd + 1))
        (void)fdtable_set_flags(table, fd, FD_CLOEXEC);
}

unsigned fdtable_end(struct fdtable *table)
{
    mutex_lock(&table->lock);
    unsigned end = table->capacity;
    mutex_unlock(&table->lock);
    return end;
}

int fdtable_next(struct fdtable *table, int fd)
{
    mutex_lock(&table->lock);
    while ((unsigned)fd < table->capacity && !used_slot(table, fd))
        fd++;
    int found = used_slot(table, fd) ? fd : -1;
    mutex_unlock(&table->lock);
    return found;
}
