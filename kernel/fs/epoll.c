/* epoll(7). An epoll has an item for each file that it watches:

       file  --poll_source-->  item  --is ready-->  epoll.ready  --epoll_wait-->  a program
                                                         |
                                                         +--poll_source-->  what watches the epoll

   An event puts the item on the list of those that may be ready, and wakes a thread that waits. The
   thread takes items from this list, and looks at their files: the list may name a file that is not
   ready any more. An item that was reported stays on the list if it is level triggered. So a wait
   costs as much as there are files on the list, however many others are watched.

   An item has no reference on its file, but leaves when the file's last reference goes: the end of
   the file begins with epoll_forget, which waits for the lock of the epoll. So the holder of this
   lock can look at the files of all items.

   An epoll can watch an epoll. Such edges form no circle and no path longer than NEST_MAX, and an
   event passes a limited number of them. So the locks of two epolls are taken in one order, that of
   the watching one first.

   Locks: (v) epoll.vnode.lock (RANK_VNODE, sleeps, nests along the edges); (p) poll_lock; (c)
   constant. A field marked with both is changed under both, and read under either. */
#include <linux/errno.h>
#include <linux/magic.h>
#include <sys/tree.h>
#include <arch/atomic.h>
#include <fs/epoll.h>
#include <lib/panic.h>
#include <mm/heap.h>
#include <vm/usercopy.h>

#define NEST_MAX  4u   /* edges in a row, as on Linux */
#define EDGES_MAX 500u /* that an event may pass, and that are looked at below a new edge */

/* The bits of an item that are no events. */
#define HOW_BITS (EPOLLET | EPOLLONESHOT | EPOLLEXCLUSIVE | EPOLLWAKEUP)

struct epoll {
    struct vnode vnode;
    RB_HEAD(item_tree, epoll_item) items;    /* (v) by file and descriptor */
    TAILQ_HEAD(item_list, epoll_item) ready; /* (p) those that may be ready, the oldest first */
    LIST_HEAD(, epoll_item) edges;           /* (p) those whose file is an epoll */
    struct waitq waiters;                    /* (p) threads in epoll_wait */
    struct poll_source polled;               /* its watches */
};

struct epoll_item {
    struct poll_watch watch;        /* (p) `events` is 0 after the one event of EPOLLONESHOT */
    struct epoll *epoll;            /* (c) */
    struct file *file;              /* (c) no reference */
    int fd;                         /* (c) under which the file was added */
    unsigned how;                   /* (v) HOW_BITS */
    uint64_t data;                  /* (v) the program's */
    bool is_ready;                  /* (p) it stands in epoll.ready, or in the list of a scan */
    RB_ENTRY(epoll_item) node;      /* (v) */
    TAILQ_ENTRY(epoll_item) ready;  /* (p) */
    LIST_ENTRY(epoll_item) edge;    /* (p) */
    LIST_ENTRY(epoll_item) of_file; /* (p) */
};

static struct filesystem anonfs = {.name = "anon_inodefs", .dev = 3, .magic = ANON_INODE_FS_MAGIC};

/* Held while an edge is added, so that no two threads close a circle. */
static struct mutex edge_mutex = {
    .lock = SPINLOCK(RANK_PIPE),
    .rank = RANK_VNODE,
    .waiters = WAITQ(edge_mutex.waiters),
};

static int item_compare(const struct epoll_item *a, const struct epoll_item *b)
{
    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    return (a->fd > b->fd) - (a->fd < b->fd);
}

RB_GENERATE_STATIC(item_tree, epoll_item, node, item_compare)

static const struct file_ops epoll_file_ops;

bool is_epoll(const struct file *file)
{
    return file->ops == &epoll_file_ops;
}

static struct epoll *epoll_of(const struct file *file)
{
    return container_of(file->vnode, struct epoll, vnode);
}

/* ---- Events ---- */

/* Tells those that wait for the epoll, or watch it, that it may be ready. Returns true if a thread
   was woken in epoll_wait. poll_lock is held. */
static bool epoll_wake(struct epoll *epoll)
{
    bool woken = waitq_wake_one(&epoll->waiters);

    poll_notify_locked(&epoll->polled, POLL_READABLE);
    return woken;
}

/* Puts an item on the list of its epoll, if it is on none. poll_lock is held. */
static void item_queue(struct epoll_item *item)
{
    assert(spin_is_held(&poll_lock));
    if (!item->is_ready)
        TAILQ_INSERT_TAIL(&item->epoll->ready, item, ready);
    item->is_ready = true;
}

/* Takes the event of a file. poll_lock is held. */
static bool item_tell(struct poll_watch *watch)
{
    struct epoll_item *item = container_of(watch, struct epoll_item, watch);

    item_queue(item);
    return epoll_wake(item->epoll);
}

/* Returns the events of the item's file that the program has asked for. The epoll's lock is held,
   and no other thread changes the mask. */
static unsigned item_look(const struct epoll_item *item)
{
    assert(mutex_is_held(&item->epoll->vnode.lock));
    return file_poll(item->file) & item->watch.events;
}

/* Looks at the file of an item whose mask is new. */
static void item_check(struct epoll_item *item)
{
    if (!item_look(item))
        return;
    spin_lock(&poll_lock);
    item_queue(item);
    epoll_wake(item->epoll);
    spin_unlock(&poll_lock);
}

/* ---- Scans of the ready items; the epoll's lock is held ---- */

/* Takes all ready items. Those that become ready meanwhile are left to the next scan. */
static void scan_begin(struct epoll *epoll, struct item_list *scan)
{
    assert(mutex_is_held(&epoll->vnode.lock));
    TAILQ_INIT(scan);
    spin_lock(&poll_lock);
    TAILQ_CONCAT(scan, &epoll->ready, ready);
    spin_unlock(&poll_lock);
}

/* Removes the first item from a scan. An event from now on puts the item on the epoll's list, so
   its file is looked at after that. NULL: there is none. */
static struct epoll_item *scan_next(struct item_list *scan)
{
    spin_lock(&poll_lock);
    struct epoll_item *item = TAILQ_FIRST(scan);
    if (item) {
        TAILQ_REMOVE(scan, item, ready);
        item->is_ready = false;
    }
    spin_unlock(&poll_lock);
    return item;
}

/* Takes an item back, as the first. */
static void scan_return(struct item_list *scan, struct epoll_item *item)
{
    spin_lock(&poll_lock);
    if (!item->is_ready)
        TAILQ_INSERT_HEAD(scan, item, ready);
    item->is_ready = true;
    spin_unlock(&poll_lock);
}

/* Gives back the items that are left, and wakes another waiter for what is ready now. */
static void scan_end(struct epoll *epoll, struct item_list *scan)
{
    spin_lock(&poll_lock);
    TAILQ_CONCAT(scan, &epoll->ready, ready);
    TAILQ_CONCAT(&epoll->ready, scan, ready);
    if (!TAILQ_EMPTY(&epoll->ready))
        waitq_wake_one(&epoll->waiters);
    spin_unlock(&poll_lock);
}

/* Notes that the events of an item are reported. */
static void item_reported(struct epoll_item *item)
{
    spin_lock(&poll_lock);
    if (item->how & EPOLLONESHOT)
        item->watch.events = 0;
    else if (!(item->how & EPOLLET))
        item_queue(item);
    spin_unlock(&poll_lock);
}

/* Stores the events of ready items. Returns how many; -EFAULT. */
static int report_ready(struct epoll *epoll, struct epoll_event __user *events, int max)
{
    struct item_list scan;
    struct epoll_item *item;
    int count = 0, err = 0;

    scan_begin(epoll, &scan);
    while (count < max && !err && (item = scan_next(&scan))) {
        const struct epoll_event event = {.events = item_look(item), .data = item->data};

        if (!event.events)
            continue;
        err = put_user(&events[count], &event);
        if (err) {
            scan_return(&scan, item);
        } else {
            item_reported(item);
            count++;
        }
    }
    scan_end(epoll, &scan);
    return count ? count : err;
}

/* Sleeps until an item may be ready. -EINTR, -ETIMEDOUT. */
static int wait_for_item(struct epoll *epoll, uint64_t deadline_ns)
{
    int err = 0;

    spin_lock(&poll_lock);
    while (TAILQ_EMPTY(&epoll->ready) && !err)
        err = waitq_sleep_until(&epoll->waiters, &poll_lock, deadline_ns);
    spin_unlock(&poll_lock);
    return err;
}

int epoll_wait(struct file *file, struct epoll_event __user *events, int max, uint64_t deadline_ns)
{
    struct epoll *epoll = epoll_of(file);
    int count, err = 0;

    do {
        mutex_lock(&epoll->vnode.lock);
        count = report_ready(epoll, events, max);
        mutex_unlock(&epoll->vnode.lock);
        if (!count)
            err = deadline_ns ? wait_for_item(epoll, deadline_ns) : -ETIMEDOUT;
    } while (!count && !err);
    return err && err != -ETIMEDOUT ? err : count;
}

/* ---- Items; the epoll's lock is held ---- */

static struct epoll_item *find_item(struct epoll *epoll, struct file *file, int fd)
{
    struct epoll_item key = {.file = file, .fd = fd};

    assert(mutex_is_held(&epoll->vnode.lock));
    return RB_FIND(item_tree, &epoll->items, &key);
}

static void item_set(struct epoll_item *item, const struct epoll_event *event)
{
    item->how = event->events & HOW_BITS;
    item->data = event->data;
    item->watch.events = (event->events & ~HOW_BITS) | EPOLLERR | EPOLLHUP;
}

/* Makes the item watch its file. poll_lock is held. */
static void item_link(struct epoll_item *item)
{
    LIST_INSERT_HEAD(&item->file->epoll_items, item, of_file);
    poll_watch(&item->watch, file_poll_source(item->file));
    if (is_epoll(item->file))
        LIST_INSERT_HEAD(&item->epoll->edges, item, edge);
}

static void item_unlink(struct epoll_item *item)
{
    assert(spin_is_held(&poll_lock));
    poll_unwatch(&item->watch);
    LIST_REMOVE(item, of_file);
    if (item->is_ready)
        TAILQ_REMOVE(&item->epoll->ready, item, ready);
    if (is_epoll(item->file))
        LIST_REMOVE(item, edge);
}

static void item_remove(struct epoll_item *item)
{
    assert(mutex_is_held(&item->epoll->vnode.lock));
    spin_lock(&poll_lock);
    item_unlink(item);
    spin_unlock(&poll_lock);
    RB_REMOVE(item_tree, &item->epoll->items, item);
    heap_free(item);
}

/* Removes the items of all epolls that watch a file without references. The epoll of an item that
   is linked has a reference on its vnode, because its end removes its items. */
static void epoll_forget(struct file *file)
{
    for (;;) {
        spin_lock(&poll_lock);
        struct epoll_item *item = LIST_FIRST(&file->epoll_items);
        struct epoll *epoll = item ? item->epoll : NULL;
        if (epoll)
            vnode_get(&epoll->vnode);
        spin_unlock(&poll_lock);
        if (!epoll)
            return;

        mutex_lock(&epoll->vnode.lock);
        spin_lock(&poll_lock);
        item = LIST_FIRST(&file->epoll_items); /* the epoll may have removed it meanwhile */
        bool is_same = item && item->epoll == epoll;
        spin_unlock(&poll_lock);
        if (is_same)
            item_remove(item);
        mutex_unlock(&epoll->vnode.lock);
        vnode_put(&epoll->vnode);
    }
}

/* ---- Edges: epolls that watch epolls; poll_lock is held ---- */

/* Stores in *longest how many edges in a row an event at `epoll` can pass. Counts the edges in
   *left. -EINVAL: too many. -ELOOP: too long a path, or a circle. */
static int measure_above(const struct epoll *epoll, unsigned length, unsigned *longest,
                         unsigned *left)
{
    const struct poll_watch *watch;
    int err = 0;

    *longest = max(*longest, length);
    if (length > NEST_MAX)
        return -ELOOP;
    TAILQ_FOREACH (watch, &epoll->polled.watches, link) {
        if (watch->tell != item_tell)
            continue; /* a poller */
        if ((*left)-- == 0)
            return -EINVAL;
        const struct epoll_item *item = container_of(watch, struct epoll_item, watch);
        err = measure_above(item->epoll, length + 1, longest, left);
        if (err)
            break;
    }
    return err;
}

/* Checks the paths of all epolls at and below `epoll`, to which a new edge leads. Counts the edges
   below in *left. Errors: those of measure_above. */
static int check_below(const struct epoll *epoll, unsigned *left)
{
    unsigned longest = 0, above = EDGES_MAX;
    const struct epoll_item *item;
    int err = measure_above(epoll, 0, &longest, &above);

    if (err)
        return err;
    LIST_FOREACH (item, &epoll->edges, edge) {
        if ((*left)-- == 0)
            return -EINVAL;
        err = check_below(epoll_of(item->file), left);
        if (err)
            break;
    }
    return err;
}

/* Links the item of a file. If that is an epoll and the edge is refused, all is as before. */
static int link_checked(struct epoll_item *item)
{
    unsigned left = EDGES_MAX;
    int err = 0;

    spin_lock(&poll_lock);
    item_link(item);
    if (is_epoll(item->file))
        err = check_below(epoll_of(item->file), &left);
    if (err)
        item_unlink(item);
    spin_unlock(&poll_lock);
    return err;
}

/* ---- epoll_ctl ---- */

static int add_item(struct epoll *epoll, int fd, struct file *target,
                    const struct epoll_event *event)
{
    struct epoll_item *item = heap_alloc_zeroed(sizeof(*item));

    if (!item)
        return -ENOMEM;
    item->epoll = epoll;
    item->file = target;
    item->fd = fd;
    item->watch.tell = item_tell;
    item->watch.is_exclusive = event->events & EPOLLEXCLUSIVE;
    item_set(item, event);
    atomic_store(&target->forget, epoll_forget);
    int err = link_checked(item);
    if (err) {
        heap_free(item);
        return err;
    }
    RB_INSERT(item_tree, &epoll->items, item);
    item_check(item);
    return 0;
}

static int change_item(struct epoll_item *item, const struct epoll_event *event)
{
    if (item->watch.is_exclusive)
        return -EINVAL;
    spin_lock(&poll_lock);
    item_set(item, event);
    spin_unlock(&poll_lock);
    item_check(item);
    return 0;
}

static int control_locked(struct epoll *epoll, int op, int fd, struct file *target,
                          const struct epoll_event *event)
{
    struct epoll_item *item = find_item(epoll, target, fd);

    switch (op) {
    case EPOLL_CTL_ADD:
        return item ? -EEXIST : add_item(epoll, fd, target, event);
    case EPOLL_CTL_MOD:
        return item ? change_item(item, event) : -ENOENT;
    case EPOLL_CTL_DEL:
        if (!item)
            return -ENOENT;
        item_remove(item);
        return 0;
    default:
        return -EINVAL;
    }
}

/* Returns true if EPOLLEXCLUSIVE is set where it may not be. */
static bool is_exclusive_wrongly(int op, const struct file *target, unsigned events)
{
    const unsigned allowed =
        EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE;

    if (op == EPOLL_CTL_DEL || !(events & EPOLLEXCLUSIVE))
        return false;
    return op == EPOLL_CTL_MOD || is_epoll(target) || (events & ~allowed);
}

int epoll_control(struct file *file, int op, int fd, struct file *target,
                  const struct epoll_event *event)
{
    if (!target->ops->poll)
        return -EPERM;
    if (!is_epoll(file) || file == target || is_exclusive_wrongly(op, target, event->events))
        return -EINVAL;
    struct epoll *epoll = epoll_of(file);
    bool adds_edge = op == EPOLL_CTL_ADD && is_epoll(target);
    if (adds_edge)
        mutex_lock(&edge_mutex);
    mutex_lock(&epoll->vnode.lock);
    int err = control_locked(epoll, op, fd, target, event);
    mutex_unlock(&epoll->vnode.lock);
    if (adds_edge)
        mutex_unlock(&edge_mutex);
    return err;
}

/* ---- The file ---- */

/* Returns POLL_READABLE if epoll_wait would return at once. Items that are not ready leave the
   list. */
static unsigned epoll_poll(struct file *file)
{
    struct epoll *epoll = epoll_of(file);
    struct item_list scan;
    struct epoll_item *item;
    unsigned events = 0;

    mutex_lock(&epoll->vnode.lock);
    scan_begin(epoll, &scan);
    while (!events && (item = scan_next(&scan))) {
        if (!item_look(item))
            continue;
        scan_return(&scan, item);
        events = POLL_READABLE;
    }
    scan_end(epoll, &scan);
    mutex_unlock(&epoll->vnode.lock);
    return events;
}

static struct poll_source *epoll_poll_source(struct file *file)
{
    return &epoll_of(file)->polled;
}

static void epoll_close(struct file *file)
{
    struct epoll *epoll = epoll_of(file);
    struct epoll_item *item;

    mutex_lock(&epoll->vnode.lock);
    while ((item = RB_ROOT(&epoll->items)))
        item_remove(item);
    mutex_unlock(&epoll->vnode.lock);
}

static const struct file_ops epoll_file_ops = {
    .close = epoll_close,
    .poll = epoll_poll,
    .poll_source = epoll_poll_source,
};

static void epoll_free(struct vnode *vnode)
{
    struct epoll *epoll = container_of(vnode, struct epoll, vnode);

    assert(RB_EMPTY(&epoll->items) && TAILQ_EMPTY(&epoll->polled.watches));
    heap_free(epoll);
}

static const struct vnode_ops epoll_ops = {.free = epoll_free};

/* Makes a vnode of an epoll. Returns NULL if memory is out. */
static struct vnode *epoll_vnode_create(void)
{
    struct epoll *epoll = heap_alloc_zeroed(sizeof(*epoll));

    if (!epoll)
        return NULL;
    vnode_init(&epoll->vnode, &anonfs, 0600); /* of no type, as on Linux */
    epoll->vnode.ops = &epoll_ops;
    epoll->vnode.file_ops = &epoll_file_ops;
    epoll->vnode.ino = atomic_add_fetch(&anonfs.next_ino, 1);
    RB_INIT(&epoll->items);
    TAILQ_INIT(&epoll->ready);
    LIST_INIT(&epoll->edges);
    waitq_init(&epoll->waiters);
    poll_source_init(&epoll->polled);
    if (vnode_place(&epoll->vnode, NULL, "anon_inode:[eventpoll]")) {
        vnode_put(&epoll->vnode);
        return NULL;
    }
    return &epoll->vnode;
}

int epoll_create(struct file **file)
{
    struct vnode *vnode = epoll_vnode_create();

    if (!vnode)
        return -ENOMEM;
    *file = file_alloc(O_RDWR);
    if (!*file) {
        vnode_put(vnode);
        return -ENOMEM;
    }
    int err = file_open(*file, vnode);
    if (err)
        file_put(*file);
    return err;
}
