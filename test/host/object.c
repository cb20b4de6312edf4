/* Objects with pages (object.h). An object is a file in the kernel's own page cache (kernel/fs). The
   files have a store, whose device is an array here. */

#include <string.h>
#include <linux/errno.h>
#include <fs/pagecache.h>
#include <fs/vnode.h>
#include <lib/panic.h>
#include <vm/vspace.h>
#include "object.h"
#include "platform.h"

/* A page on the device. */
struct disk_page {
    bool is_written; /* else its contents are the initial ones */
    uint64_t words[PAGE_SIZE / sizeof(uint64_t)];
};

struct object {
    struct vnode vnode;
    struct disk_page disk[OBJECT_PAGES];
    bool is_busy[OBJECT_PAGES]; /* the store reads or writes the page */
};

static struct object objects[NOBJECTS];

static struct object *from_vnode(const struct vnode *vnode)
{
    return container_of(vnode, struct object, vnode);
}

unsigned object_of(struct pager *pager)
{
    const struct vnode *vnode = pager ? pagecache_vnode(pager) : NULL;

    return vnode ? from_vnode(vnode) - objects : NOBJECTS;
}

struct pager *object_pager(unsigned object)
{
    return &objects[object].vnode.cache->pager;
}

/* The object itself holds one, and its dirty pages another. */
unsigned object_refs(unsigned object)
{
    const struct vnode *vnode = &objects[object].vnode;

    return vnode->refs - 1 - vnode->cache->holds_vnode;
}

uint64_t object_initial(unsigned object, uint64_t index, unsigned offset)
{
    return object < NFILES ? 0x0101010101010101ul * (object + 1) + (index << 32) + offset : 0;
}

/* ---- The vnode, as far as the page cache needs one ---- */

void vnode_get(struct vnode *vnode)
{
    vnode->refs++;
}

bool vnode_get_unless_zero(struct vnode *vnode)
{
    vnode->refs++;
    return true;
}

void vnode_put(struct vnode *vnode)
{
    check(vnode->refs > 1, "an object has lost more references than it had");
    vnode->refs--;
}

int vnode_allow_write(struct vnode *vnode __unused)
{
    return 0;
}

void vnode_end_write(struct vnode *vnode __unused)
{
}

void vnode_touch(struct vnode *vnode __unused)
{
}

int vnode_path(struct vnode *vnode __unused, char *buf, size_t size __unused)
{
    *buf = '\0';
    return 0;
}

/* Not in every glibc. */
size_t strlcpy(char *to, const char *from, size_t size)
{
    check(strlen(from) < size, "a string is cut off");
    strcpy(to, from);
    return strlen(from);
}

/* ---- The store ---- */

static uint64_t device_word(const struct object *object, uint64_t index, unsigned n)
{
    const struct disk_page *page = &object->disk[index];

    return page->is_written ? page->words[n]
                            : object_initial(object - objects, index, n * sizeof(uint64_t));
}

/* Begins or ends a transfer, which no other one may meet. */
static void set_busy(struct object *object, uint64_t index, bool busy)
{
    check(object->is_busy[index] != busy, "two transfers of one page at once");
    object->is_busy[index] = busy;
}

static void store_read_page(struct object *object, uint64_t index, struct frame *frame)
{
    uint64_t *words = frame_to_virt(frame);

    set_busy(object, index, true);
    for (unsigned n = 0; n < PAGE_SIZE / sizeof(*words); n++)
        words[n] = device_word(object, index, n);
    step();
    set_busy(object, index, false);
}

static int store_read_pages(struct pagecache *cache, uint64_t first, struct frame *const *run,
                            unsigned count)
{
    struct object *object = from_vnode(cache->vnode);

    check(lock_check_none_from(RANK_VSPACE), "a thread reads a page with a lock");
    check(cache->vnode->refs > 1, "a thread reads a page of an object that may go");
    for (unsigned n = 0; n < count; n++) {
        if (first + n == FILE_BAD_PAGE)
            return -EIO;
        store_read_page(object, first + n, run[n]);
    }
    return 0;
}

static int store_write_pages(struct pagecache *cache, uint64_t first, struct frame *const *run,
                             unsigned count)
{
    struct object *object = from_vnode(cache->vnode);

    check(lock_check_none_from(RANK_VSPACE), "a thread writes a page with a lock");
    for (unsigned n = 0; n < count; n++) {
        struct disk_page *page = &object->disk[first + n];

        set_busy(object, first + n, true);
        memcpy(page->words, frame_to_virt(run[n]), PAGE_SIZE);
        page->is_written = true;
        step();
        set_busy(object, first + n, false);
    }
    return 0;
}

static const struct pagecache_store store = {
    .read_pages = store_read_pages,
    .write_pages = store_write_pages,
};

/* ---- The objects ---- */

/* Gives the object its full size. What was cut off is as on a new device. */
static void set_size(struct object *object, uint64_t npages)
{
    struct pagecache *cache = object->vnode.cache;

    mutex_lock(&object->vnode.lock);
    int err = pagecache_truncate(cache, npages * PAGE_SIZE);
    check(!err, "a truncation has failed: %d", err);
    for (uint64_t index = npages; index < OBJECT_PAGES; index++)
        object->disk[index].is_written = false;
    mutex_unlock(&object->vnode.lock);
}

void object_truncate(unsigned number, uint64_t npages)
{
    uint64_t now = objects[number].vnode.cache->size >> PAGE_SHIFT;

    set_size(&objects[number], min(npages, now));
}

void object_extend(unsigned number)
{
    set_size(&objects[number], OBJECT_PAGES);
}

void object_punch(unsigned number, uint64_t first, uint64_t end)
{
    struct object *object = &objects[number];

    mutex_lock(&object->vnode.lock);
    int err = pagecache_punch(object->vnode.cache, first * PAGE_SIZE, end * PAGE_SIZE);
    check(err == (number < NFILES ? -EOPNOTSUPP : 0), "a hole cannot be punched: %d", err);
    mutex_unlock(&object->vnode.lock);
}

void object_writeback(unsigned number, uint64_t first, uint64_t end)
{
    int err = pagecache_writeback(objects[number].vnode.cache, first, end);

    check(!err, "a write-back has failed: %d", err);
}

bool object_is_dirty(unsigned number)
{
    return radix_has(&objects[number].vnode.cache->pages, OBJECT_DIRTY);
}

/* Checks that what the page cache takes for clean is on the device. */
static void check_page(uint64_t index, void *frame, unsigned tags, void *arg)
{
    const struct object *object = arg;
    const uint64_t *words = frame_to_virt(frame);

    if (tags & OBJECT_DIRTY)
        return;
    for (unsigned n = 0; n < PAGE_SIZE / sizeof(*words); n++)
        check(words[n] == device_word(object, index, n),
              "page %lu of object %ld is clean, and holds %#lx, where the device has %#lx", index,
              object - objects, words[n], device_word(object, index, n));
}

void objects_check(void)
{
    for (unsigned n = 0; n < NFILES; n++)
        radix_for_each(&objects[n].vnode.cache->pages, check_page, &objects[n]);
}

void objects_init(void)
{
    pagecache_init();
    for (unsigned n = 0; n < NOBJECTS; n++) {
        struct vnode *vnode = &objects[n].vnode;

        vnode->refs = 1;
        mutex_init(&vnode->lock, RANK_VNODE);
        vnode->cache = pagecache_create(vnode, n < NFILES ? &store : NULL);
        check(vnode->cache, "no memory for an object");
        pagecache_set_size(vnode->cache, OBJECT_PAGES * PAGE_SIZE);
    }
}

void objects_drop(void)
{
    for (unsigned n = 0; n < NOBJECTS; n++) {
        memset(objects[n].is_busy, 0, sizeof(objects[n].is_busy));
        set_size(&objects[n], 0);
        object_extend(n);
    }
}
