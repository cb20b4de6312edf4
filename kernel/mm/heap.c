/* The kernel heap.

   Small objects come in size classes. A slab is one frame of objects of one class: a header, then
   the objects. The first `fresh` objects have been handed out at least once; those that were freed
   are chained through themselves. A slab with room is in the list of its class, a full one in none.
   An empty one is freed at once, so the heap holds no more frames than its objects need. The
   frame's descriptor knows the class.

   Large objects are runs of frames. Locks: one a class (RANK_HEAP). */

#include <sys/queue.h>
#include <arch/atomic.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/failnth.h>
#include <mm/frame.h>
#include <mm/heap.h>

struct slab {
    LIST_ENTRY(slab) link;
    void
        *returned; /* the first of the objects that came back; each holds the address of the next */
    uint16_t used; /* objects that callers hold */
    uint16_t fresh; /* objects from here on have never been given out */
} __aligned(16);

struct size_class {
    struct spinlock lock;
    uint16_t size;           /* of an object, bytes; a multiple of 16 */
    uint16_t capacity;       /* objects in a slab */
    LIST_HEAD(, slab) slabs; /* (lock) those with room */
    uint64_t used;           /* (lock) objects that callers hold */
};

#define CLASS(n)                                            \
    {                                                       \
        .lock = SPINLOCK(RANK_HEAP), .size = (n),           \
        .capacity = (PAGE_SIZE - sizeof(struct slab)) / (n) \
    }

static struct size_class classes[] = {
    CLASS(32),  CLASS(48),  CLASS(64),  CLASS(96),  CLASS(128),  CLASS(192),  CLASS(256),
    CLASS(336), CLASS(448), CLASS(576), CLASS(800), CLASS(1008), CLASS(1344), CLASS(2016),
};

#define LARGEST     2016u
#define CLASS_LARGE UINT32_MAX /* frame.owner of a run */

static uint64_t large_bytes; /* atomic */

static struct size_class *class_for(size_t size)
{
    struct size_class *class = classes;

    while (class->size < size)
        class ++;
    return class;
}

static struct slab *slab_create(struct size_class *class)
{
    struct frame *frame = frame_alloc(FRAME_HEAP);

    if (!frame)
        return NULL;
    frame->owner = class - classes;
    struct slab *slab = frame_to_virt(frame);
    *slab = (struct slab){0};
    return slab;
}

/* An object out of a slab that has room. The class's lock is held. */
static void *slab_take(struct size_class *class, struct slab *slab)
{
    void *object = slab->returned;

    debug_assert(spin_is_held(&class->lock) && slab->used < class->capacity);

    if (object)
        slab->returned = *(void **)object;
    else
        object = (char *)(slab + 1) + slab->fresh++ * class->size;
    class->used++;
    if (++slab->used == class->capacity)
        LIST_REMOVE(slab, link);
    return object;
}

static void *small_alloc(struct size_class *class)
{
    if (failnth_is_armed() && failnth_is_due(1))
        return NULL;
    spin_lock(&class->lock);
    struct slab *slab = LIST_FIRST(&class->slabs);
    if (unlikely(!slab)) {
        slab = slab_create(class);
        if (slab)
            LIST_INSERT_HEAD(&class->slabs, slab, link);
    }
    void *object = slab ? slab_take(class, slab) : NULL;
    spin_unlock(&class->lock);
    return object;
}

static void small_free(struct size_class *class, struct slab *slab, void *object)
{
    spin_lock(&class->lock);
    assert(slab->used > 0);
    *(void **)object = slab->returned;
    slab->returned = object;
    class->used--;
    if (slab->used-- == class->capacity)
        LIST_INSERT_HEAD(&class->slabs, slab, link);
    bool empty = slab->used == 0;
    if (empty)
        LIST_REMOVE(slab, link);
    spin_unlock(&class->lock);
    if (empty)
        frame_put(virt_to_frame(slab));
}

static void *large_alloc(size_t size)
{
    unsigned order = 0;

    while ((PAGE_SIZE << order) < size)
        order++;
    struct frame *run = frame_alloc_run(FRAME_HEAP, order);
    if (!run)
        return NULL;
    run->owner = CLASS_LARGE;
    atomic_add_fetch(&large_bytes, PAGE_SIZE << order);
    return frame_to_virt(run);
}

void *heap_alloc(size_t size)
{
    if (unlikely(size == 0 || size > PAGE_SIZE << FRAME_MAX_ORDER))
        return NULL;
    if (likely(size <= LARGEST))
        return small_alloc(class_for(size));
    return large_alloc(size);
}

void *heap_alloc_zeroed(size_t size)
{
    void *object = heap_alloc(size);

    if (object)
        memset(object, 0, size);
    return object;
}

void heap_free(void *object)
{
    if (!object)
        return;
    struct frame *frame = virt_to_frame(object);
    assert(frame->kind == FRAME_HEAP);
    if (frame->owner != CLASS_LARGE) {
        small_free(&classes[frame->owner], (struct slab *)page_floor((uint64_t)object), object);
        return;
    }
    assert(frame_to_virt(frame) == object);
    atomic_sub_fetch(&large_bytes, PAGE_SIZE << frame->order);
    frame_put(frame);
}

uint64_t heap_usage(void)
{
    uint64_t bytes = atomic_load(&large_bytes);

    for (unsigned n = 0; n < ARRAY_SIZE(classes); n++)
        bytes += atomic_load(&classes[n].used) * classes[n].size;
    return bytes;
}
