/* Objects with pages (object.h). An object is like a file in the page cache: a mutex, and an
   array of frames. */

#include <linux/errno.h>
#include <lib/panic.h>
#include <sched/lock.h>
#include <vm/audit.h>
#include <vm/vspace.h>
#include "object.h"
#include "platform.h"

struct object {
    struct pager pager;
    struct mutex lock;
    unsigned refs;                      /* references of regions */
    uint64_t npages;                    /* (lock) the size */
    struct frame *frames[OBJECT_PAGES]; /* (lock) NULL: the page was not read yet */
    bool is_read[OBJECT_PAGES];         /* (lock) of SLOW_FILE: a wait for the page has ended */
    bool is_dirty[OBJECT_PAGES];        /* (lock) written since it was new */
};

static struct object objects[NOBJECTS];

static struct object *from_pager(const struct pager *pager)
{
    return container_of(pager, struct object, pager);
}

unsigned object_of(const struct pager *pager)
{
    return pager ? from_pager(pager) - objects : NOBJECTS;
}

struct pager *object_pager(unsigned object)
{
    return &objects[object].pager;
}

unsigned object_refs(unsigned object)
{
    return objects[object].refs;
}

uint64_t object_initial(unsigned object, uint64_t index, unsigned offset)
{
    return object < NFILES ? 0x0101010101010101ul * (object + 1) + (index << 32) + offset : 0;
}

static struct frame *read_page(unsigned object, uint64_t index)
{
    struct frame *frame = frame_alloc_zeroed(FRAME_CACHE);

    if (!frame)
        return NULL;
    uint64_t *words = frame_to_virt(frame);
    for (unsigned n = 0; n < PAGE_SIZE / sizeof(*words); n++)
        words[n] = object_initial(object, index, n * sizeof(*words));
    return frame;
}

static int page_locked(struct object *object, uint64_t index, struct frame **frame)
{
    if (index >= object->npages)
        return -ENXIO;
    if (object < &objects[NFILES] && index == FILE_BAD_PAGE)
        return -EIO;
    if (object == &objects[SLOW_FILE] && !object->frames[index] && !object->is_read[index])
        return -EAGAIN;
    object->is_read[index] = false;
    if (!object->frames[index])
        object->frames[index] = read_page(object - objects, index);
    *frame = object->frames[index];
    return *frame ? 0 : -ENOMEM;
}

static int object_page(struct pager *pager, uint64_t index, enum pager_use use,
                       struct frame **frame)
{
    struct object *object = from_pager(pager);

    mutex_lock(&object->lock);
    int err = page_locked(object, index, frame);
    if (!err)
        frame_get(*frame);
    if (!err && use == PAGER_WRITE)
        object->is_dirty[index] = true;
    mutex_unlock(&object->lock);
    return err;
}

/* Reads a page, as a device that has taken its time would. */
static int object_wait(struct pager *pager, uint64_t index, enum pager_use use __unused)
{
    struct object *object = from_pager(pager);

    check(lock_check_none_from(RANK_VSPACE), "a thread waits for a page with a lock");
    check(object->refs > 0, "a thread waits for a page of an object that may go");
    mutex_lock(&object->lock);
    object->is_read[index] = true;
    mutex_unlock(&object->lock);
    return 0;
}

static void object_get(struct pager *pager, bool writes __unused)
{
    from_pager(pager)->refs++;
}

static void object_put(struct pager *pager, bool writes __unused)
{
    check(from_pager(pager)->refs > 0, "an object has lost more references than it had");
    from_pager(pager)->refs--;
}

static uint64_t object_name(struct pager *pager, char *buf __unused, size_t size __unused)
{
    return object_of(pager);
}

static bool object_has(struct pager *pager, uint64_t index)
{
    return index < OBJECT_PAGES && from_pager(pager)->frames[index];
}

static bool object_is_page(struct pager *pager, uint64_t index, enum pager_use use,
                           const struct frame *frame)
{
    const struct object *object = from_pager(pager);

    return index < OBJECT_PAGES && object->frames[index] == frame &&
           (use == PAGER_READ || object->is_dirty[index]);
}

static const struct pager_ops object_ops = {
    .page = object_page,
    .wait = object_wait,
    .has = object_has,
    .is_page = object_is_page,
    .get = object_get,
    .put = object_put,
    .name = object_name,
};

static void visit(void (*hold)(struct frame *frame))
{
    for (unsigned n = 0; n < NOBJECTS; n++)
        for (unsigned index = 0; index < OBJECT_PAGES; index++)
            if (objects[n].frames[index])
                hold(objects[n].frames[index]);
}

void objects_init(void)
{
    static struct audit_owner owner = {.name = "objects", .visit = visit};

    for (unsigned n = 0; n < NOBJECTS; n++) {
        pager_init(&objects[n].pager, &object_ops);
        objects[n].npages = OBJECT_PAGES;
        mutex_init(&objects[n].lock, RANK_CACHE);
    }
    audit_register(&owner);
}

static void drop_from(struct object *object, uint64_t first)
{
    for (uint64_t index = first; index < OBJECT_PAGES; index++) {
        if (object->frames[index])
            frame_put(object->frames[index]);
        object->frames[index] = NULL;
        object->is_dirty[index] = false;
    }
}

static void set_size(struct object *object, uint64_t npages)
{
    mutex_lock(&object->lock);
    object->npages = npages;
    mutex_unlock(&object->lock);
}

/* Truncates in the order of the page cache. First the size changes, so no later fault gets a
   page beyond the end. Then the mappings drop their pages, and last the object does. */
void object_truncate(unsigned number, uint64_t npages)
{
    struct object *object = &objects[number];

    set_size(object, min(npages, object->npages));
    vspace_forget_pages(&object->pager, npages, UINT64_MAX);
    drop_from(object, npages);
}

void object_extend(unsigned number)
{
    set_size(&objects[number], OBJECT_PAGES);
}

void objects_drop(void)
{
    for (unsigned n = 0; n < NOBJECTS; n++) {
        drop_from(&objects[n], 0);
        object_extend(n);
    }
}
