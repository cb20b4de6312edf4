/* Physical frames: a buddy allocator for runs, and in front of it a cache of single frames for each
   CPU.

       frame_alloc --> this CPU's cache --(empty: 32 at a time)--> buddy lists, one an order
       frame_free  --> this CPU's cache --(full: 32 at a time)---> merged with its free buddies

   Always true: a free frame is in exactly one buddy list, as part of the run whose first frame is
   listed there (FRAME_FREE), or in one cache (FRAME_FREE_CACHED). Its count is 0. Only the first
   frame of a listed run has `order` set to the run's.

   The last frames of the lists are a reserve, for requests that `reserve.may_take` allows. Only
   what goes through the lists is asked: while the lists hold no more than the reserve, a refill is
   as small as the request, and a freed frame is not kept in a cache. So a cached frame needs no
   question, and no frame of the reserve comes into a cache.

   A DEBUG build fills each frame with FRAME_FREED when it is freed, and with FRAME_FRESH when it is
   allocated without zeroing. So data that was never written, or freed too early, shows at once.

   Locks: buddy_lock (RANK_FRAMES) for the lists; a cache belongs to its CPU, with preemption off.
   Frames are never allocated or freed in interrupt handlers. */

#include <arch/atomic.h>
#include <arch/boot.h>
#include <arch/cpu.h>
#include <arch/history.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/failnth.h>
#include <mm/frame.h>

#define NO_FRAME    UINT32_MAX
#define CACHE_SIZE  64u
#define CACHE_BATCH 32u

/* A CPU's cache of free frames, and its share of the usage counts. Only the sum over the CPUs means
   something, because a frame may be freed on another CPU than the one that allocated it. `pfns`
   holds two stacks: frames with any contents from its start, frames full of zeros from its end. */
struct frame_cache {
    unsigned count;  /* in the first stack */
    unsigned zeroed; /* in the second */
    unsigned limit;  /* atomic; at so many frames, half are given back: CACHE_SIZE; 0 when short */
    uint32_t pfns[CACHE_SIZE];
    int64_t usage[FRAME_KINDS];
} __aligned(64);

struct frame *frames;
uint32_t frame_count;

static struct frame_cache caches[MAX_CPUS];
static struct spinlock buddy_lock = SPINLOCK(RANK_FRAMES);
static uint32_t
    buddy_lists[FRAME_MAX_ORDER + 1]; /* (buddy_lock) pfn of the first run, or NO_FRAME */
static uint32_t listed;               /* (buddy_lock) frames in the lists */

static struct {
    uint32_t size;                      /* (buddy_lock) frames */
    bool (*may_take)(uint32_t nframes); /* (buddy_lock) NULL if size is 0 */
    void (*refused)(void);              /* (buddy_lock) the same */
    bool is_short;                      /* (buddy_lock) the caches' limits are 0 */
} reserve;

static void buddy_push(uint32_t pfn, unsigned order)
{
    struct frame *frame = pfn_to_frame(pfn);

    frame->kind = FRAME_FREE;
    frame->order = order;
    frame->prev = NO_FRAME;
    frame->next = buddy_lists[order];
    if (frame->next != NO_FRAME)
        pfn_to_frame(frame->next)->prev = pfn;
    buddy_lists[order] = pfn;
}

static void buddy_remove(uint32_t pfn)
{
    struct frame *frame = pfn_to_frame(pfn);

    assert_rule(9, frame->prev == NO_FRAME || pfn_to_frame(frame->prev)->next == pfn);
    if (frame->prev != NO_FRAME)
        pfn_to_frame(frame->prev)->next = frame->next;
    else
        buddy_lists[frame->order] = frame->next;
    if (frame->next != NO_FRAME)
        pfn_to_frame(frame->next)->prev = frame->prev;
}

/* Returns true if pfn, the buddy of a run of `order` that is being freed, is itself a listed run of
   that order. It cannot lie inside a larger run, which would hold both. */
static bool buddy_is_listed(uint32_t pfn, unsigned order)
{
    const struct frame *frame = pfn_to_frame(pfn);

    return pfn < frame_count && atomic_load(&frame->kind) == FRAME_FREE && frame->order == order;
}

/* Puts a run into the lists, merged with its buddies as far as they are free. */
static void buddy_free(uint32_t pfn, unsigned order)
{
    debug_assert(spin_is_held(&buddy_lock) && !(pfn & ((1u << order) - 1)));
    listed += 1u << order;
    while (order < FRAME_MAX_ORDER) {
        uint32_t buddy = pfn ^ (1u << order);

        if (!buddy_is_listed(buddy, order))
            break;
        buddy_remove(buddy);
        pfn &= ~(1u << order);
        order++;
    }
    buddy_push(pfn, order);
}

/* Takes a run out of the lists, splitting a larger one if need be. Returns NO_FRAME if there is
   none. */
static uint32_t buddy_alloc(unsigned order)
{
    unsigned have = order;

    debug_assert(spin_is_held(&buddy_lock));
    while (have <= FRAME_MAX_ORDER && buddy_lists[have] == NO_FRAME)
        have++;
    if (have > FRAME_MAX_ORDER)
        return NO_FRAME;

    uint32_t pfn = buddy_lists[have];
    buddy_remove(pfn);
    listed -= 1u << order;
    while (have > order) {
        have--;
        buddy_push(pfn + (1u << have), have);
    }
    return pfn;
}

enum frame_contents { CONTENTS_ANY, CONTENTS_ZEROS };

static inline void cache_add(struct frame_cache *cache, uint32_t pfn, enum frame_contents contents)
{
    struct frame *frame = pfn_to_frame(pfn);

    frame->order = 0;
    atomic_store(&frame->kind, FRAME_FREE_CACHED);
    debug_assert(cache->count + cache->zeroed < CACHE_SIZE && frame->refcount == 0);
    if (contents == CONTENTS_ZEROS)
        cache->pfns[CACHE_SIZE - ++cache->zeroed] = pfn;
    else
        cache->pfns[cache->count++] = pfn;
}

/* Takes a frame out of a cache that is not empty, from the stack for `contents` if that has one. Sets
   *contents to the contents of the frame. */
static inline uint32_t cache_take(struct frame_cache *cache, enum frame_contents *contents)
{
    if (likely(cache->count > 0) && !(cache->zeroed > 0 && *contents == CONTENTS_ZEROS)) {
        *contents = CONTENTS_ANY;
        return cache->pfns[--cache->count];
    }
    *contents = CONTENTS_ZEROS;
    return cache->pfns[CACHE_SIZE - cache->zeroed--];
}

/* ---- The reserve ---- */

/* Makes all CPUs stop to keep freed frames while the lists hold the reserve and no more, and begin
   again when they hold two batches more. */
static void limit_caches(void)
{
    debug_assert(spin_is_held(&buddy_lock));
    uint32_t most = reserve.size + (reserve.is_short ? 2 * CACHE_BATCH : 0);
    bool is_short = reserve.size && listed <= most;

    if (is_short == reserve.is_short)
        return;
    reserve.is_short = is_short;
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
        atomic_store_relaxed(&caches[cpu].limit, is_short ? 0u : CACHE_SIZE);
}

/* Releases buddy_lock after a change of the lists. */
static void lists_unlock(void)
{
    limit_caches();
    spin_unlock(&buddy_lock);
}

/* Returns how many frames a request for `most` may take from the lists: as many as lie above the
   reserve. If none do, those that the request needs, `least`, if it may take them; else 0. */
static uint32_t frames_allowed(uint32_t least, uint32_t most)
{
    debug_assert(spin_is_held(&buddy_lock));
    if (listed >= reserve.size + least)
        return min(most, listed - reserve.size);
    return listed >= least && reserve.may_take && reserve.may_take(least) ? least : 0;
}

void frame_set_reserve(uint32_t nframes, bool (*may_take)(uint32_t nframes), void (*refused)(void))
{
    spin_lock(&buddy_lock);
    reserve.size = nframes;
    reserve.may_take = may_take;
    reserve.refused = refused;
    lists_unlock();
}

uint32_t frame_reserve(void)
{
    return atomic_load_relaxed(&reserve.size);
}

bool frame_has_room(uint32_t nframes)
{
    return atomic_load_relaxed(&listed) >= frame_reserve() + nframes;
}

/* ---- A CPU's cache and the lists ---- */

/* The order of the smallest run that is listed, so that large ones stay whole; at most `max`. */
static unsigned smallest_order(unsigned max)
{
    unsigned order = 0;

    while (order < max && buddy_lists[order] == NO_FRAME)
        order++;
    return order;
}

/* Returns the order of the largest run of at most `nframes` frames, which is not 0. */
static unsigned order_within(uint32_t nframes)
{
    return 31 - __builtin_clz(nframes);
}

/* Takes a run at a time, the largest that fits if no smaller one is left. Preemption is off. */
static void cache_refill(struct frame_cache *cache)
{
    spin_lock(&buddy_lock);
    uint32_t count = frames_allowed(1, CACHE_BATCH);
    if (!count && reserve.refused)
        reserve.refused();
    while (cache->count < count) {
        unsigned order = smallest_order(order_within(count - cache->count));
        uint32_t pfn = buddy_alloc(order);

        if (pfn == NO_FRAME)
            break;
        for (uint32_t n = 0; n < 1u << order; n++)
            cache_add(cache, pfn + n, CONTENTS_ANY);
    }
    lists_unlock();
}

/* Shrinks the cache to `keep` frames. Preemption is off. */
static void cache_shrink(struct frame_cache *cache, unsigned keep)
{
    enum frame_contents contents = CONTENTS_ANY;

    spin_lock(&buddy_lock);
    while (cache->count + cache->zeroed > keep)
        buddy_free(cache_take(cache, &contents), 0);
    lists_unlock();
}

static void frame_usage_add(struct frame_cache *cache, enum frame_kind kind, int64_t nframes)
{
    cache->usage[kind] += nframes;
    cache->usage[FRAME_FREE] -= nframes;
}

/* `caller` is the address in the function that asks for the frame. */
static struct frame *frame_start(uint32_t pfn, enum frame_kind kind, unsigned order,
                                 uint64_t caller)
{
    struct frame *frame = pfn_to_frame(pfn);

    assert_rule(4, frame->refcount == 0 && frame->kind <= FRAME_FREE_CACHED);
    history_note(pfn, HISTORY_ALLOCATED);
    EVENT(frame_alloc, pfn, kind, order, caller);
    frame->kind = kind;
    frame->order = order;
    spin_init(&frame->lock, RANK_TABLE);
    atomic_store(&frame->refcount, 1u);
    return frame;
}

/* ---- Patterns ---- */

/* The host tests fill and poison frames themselves. */
#if defined(DEBUG) && !defined(NO_FRAME_FILL)

static void run_fill(struct frame *frame, uint64_t pattern)
{
    uint64_t *word = frame_to_virt(frame);
    size_t count = (PAGE_SIZE / sizeof(*word)) << frame->order;

    asm volatile("rep stosq" : "+D"(word), "+c"(count) : "a"(pattern) : "memory");
}

static void frame_check_zeros(const struct frame *frame)
{
    const uint64_t *words = frame_to_virt(frame);

    for (unsigned n = 0; n < PAGE_SIZE / sizeof(*words); n++)
        if (words[n])
            panic(RULE(5) "frame %#x has to be full of zeros: offset %#lx holds %#lx",
                  frame_to_pfn(frame), n * sizeof(*words), words[n]);
}

/* Checks a frame that was free: a write since then leaves part of the pattern. A frame that was
   never in use has none. */
static void frame_check_freed(const struct frame *frame)
{
    const uint64_t *words = frame_to_virt(frame);

    for (unsigned n = 1; n < PAGE_SIZE / sizeof(*words) && words[0] == FRAME_FREED; n++)
        if (words[n] != FRAME_FREED)
            panic(RULE(5) "frame %#x was written after it was freed: offset %#lx holds %#lx",
                  frame_to_pfn(frame), n * sizeof(*words), words[n]);
}

#else

static void run_fill(struct frame *frame __unused, uint64_t pattern __unused)
{
}

static void frame_check_zeros(const struct frame *frame __unused)
{
}

static void frame_check_freed(const struct frame *frame __unused)
{
}

#endif

/* ---- Allocating and freeing ---- */

/* Returns a frame whose contents are left over from its last use; rather one with `contents`, if this
   CPU has one. Sets *contents to what is known of the frame. */
static inline struct frame *frame_take(enum frame_kind kind, enum frame_contents *contents,
                                       uint64_t caller)
{
    struct frame *frame = NULL;

    debug_assert(kind > FRAME_FREE_CACHED && kind < FRAME_KINDS);
    if (failnth_is_armed() && failnth_is_due(kind != FRAME_HEAP))
        return NULL;
    preempt_disable();
    struct frame_cache *cache = &caches[cpu_id()];
    if (unlikely(cache->count + cache->zeroed == 0))
        cache_refill(cache);
    if (likely(cache->count + cache->zeroed > 0)) {
        frame = frame_start(cache_take(cache, contents), kind, 0, caller);
        frame_usage_add(cache, kind, 1);
    }
    preempt_enable();
    if (frame)
        frame_check_freed(frame);
    return frame;
}

struct frame *frame_alloc(enum frame_kind kind)
{
    enum frame_contents contents = CONTENTS_ANY;
    struct frame *frame = frame_take(kind, &contents, EVENT_CALLER);

    if (frame)
        run_fill(frame, FRAME_FRESH);
    return frame;
}

struct frame *frame_alloc_zeroed(enum frame_kind kind)
{
    enum frame_contents contents = CONTENTS_ZEROS;
    struct frame *frame = frame_take(kind, &contents, EVENT_CALLER);

    if (frame && contents == CONTENTS_ZEROS)
        frame_check_zeros(frame);
    else if (frame)
        page_zero(frame_to_virt(frame));
    return frame;
}

static struct frame *run_alloc(enum frame_kind kind, unsigned order, uint64_t caller)
{
    struct frame *frame = NULL;

    spin_lock(&buddy_lock);
    uint32_t pfn = frames_allowed(1u << order, 1u << order) ? buddy_alloc(order) : NO_FRAME;
    if (pfn != NO_FRAME) {
        frame = frame_start(pfn, kind, order, caller);
        frame_usage_add(&caches[cpu_id()], kind, 1l << order);
    } else if (reserve.refused) {
        reserve.refused();
    }
    lists_unlock();
    return frame;
}

void frame_cache_drain(void)
{
    preempt_disable();
    cache_shrink(&caches[cpu_id()], 0);
    preempt_enable();
}

/* If the lists have no such run, it may form from the frames in this CPU's cache, so that is
   drained. Other CPUs' caches stay as they are, because only their CPU may touch them, without a
   lock, which makes frame_alloc cheap. So a run can be refused although each other CPU caches up
   to CACHE_SIZE frames; callers are prepared for NULL. */
struct frame *frame_alloc_run(enum frame_kind kind, unsigned order)
{
    if (order > FRAME_MAX_ORDER || (failnth_is_armed() && failnth_is_due(1)))
        return NULL;
    struct frame *frame = run_alloc(kind, order, EVENT_CALLER);
    if (!frame) {
        frame_cache_drain();
        frame = run_alloc(kind, order, EVENT_CALLER);
    }
    if (frame)
        run_fill(frame, FRAME_FRESH);
    return frame;
}

static inline void frame_release(struct frame *frame, enum frame_contents contents, uint64_t caller)
{
    uint32_t pfn = frame_to_pfn(frame);

    history_note(pfn, HISTORY_FREED);
    EVENT(frame_free, pfn, frame->kind, frame->order, caller);
    preempt_disable();
    struct frame_cache *cache = &caches[cpu_id()];
    frame_usage_add(cache, frame->kind, -(1l << frame->order));
    if (unlikely(frame->order > 0)) {
        spin_lock(&buddy_lock);
        buddy_free(pfn, frame->order);
        lists_unlock();
    } else {
        cache_add(cache, pfn, contents);
        unsigned limit = atomic_load_relaxed(&cache->limit);
        if (unlikely(cache->count + cache->zeroed >= limit))
            cache_shrink(cache, limit / 2);
    }
    preempt_enable();
}

/* Panics unless the frame is in use and has lost its last reference. */
static void check_is_over(const struct frame *frame)
{
    if (frame->refcount || frame_is_free(frame))
        frame_panic(frame, frame->refcount ? "is freed and has references" : "is freed twice");
}

void frame_free(struct frame *frame)
{
    check_is_over(frame);
    run_fill(frame, FRAME_FREED);
    frame_release(frame, CONTENTS_ANY, EVENT_CALLER);
}

void frame_free_zeroed(struct frame *frame)
{
    check_is_over(frame);
    assert(!frame->order);
    frame_check_zeros(frame);
    frame_release(frame, CONTENTS_ZEROS, EVENT_CALLER);
}

const char *frame_kind_name(enum frame_kind kind)
{
    static const char *const names[FRAME_KINDS] = {
        [FRAME_RESERVED] = "reserved",
        [FRAME_FREE] = "free",
        [FRAME_FREE_CACHED] = "free, cached",
        [FRAME_ANON] = "anon",
        [FRAME_TABLE] = "table",
        [FRAME_CACHE] = "cache",
        [FRAME_HEAP] = "heap",
        [FRAME_KSTACK] = "kstack",
        [FRAME_KERNEL] = "kernel",
        [FRAME_ZERO] = "zero page",
    };

    return kind < FRAME_KINDS ? names[kind] : "?";
}

void frame_panic(const struct frame *frame, const char *what)
{
    panic(RULE(4) "assertion failed: frame %#x (%s) %s", frame_to_pfn(frame),
          frame_kind_name(frame->kind), what);
}

void frame_put(struct frame *frame)
{
    if (frame_put_testzero(frame))
        frame_free(frame);
}

uint32_t frame_refs(const struct frame *frame)
{
    return atomic_load(&frame->refcount);
}

uint64_t frame_usage(enum frame_kind kind)
{
    int64_t sum = 0;

    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
        sum += atomic_load_relaxed(&caches[cpu].usage[kind]);
    return sum;
}

/* Gives the lists runs as large as their alignment allows. */
void frame_add_range(paddr_t start, paddr_t end)
{
    uint32_t pfn = start >> PAGE_SHIFT, end_pfn = end >> PAGE_SHIFT;

    EVENT(frames_added, pfn, end_pfn);
    preempt_disable();
    frame_usage_add(&caches[cpu_id()], FRAME_RESERVED, -(int64_t)(end_pfn - pfn));
    spin_lock(&buddy_lock);
    while (pfn < end_pfn) {
        unsigned order = 0;

        while (order < FRAME_MAX_ORDER && !(pfn & (1u << order)) && pfn + (2u << order) <= end_pfn)
            order++;
        for (uint32_t n = 0; n < (1u << order); n++)
            pfn_to_frame(pfn + n)->kind = FRAME_FREE;
        buddy_free(pfn, order);
        pfn += 1u << order;
    }
    lists_unlock();
    preempt_enable();
}

void frame_init(void)
{
    frame_count = boot_info.max_addr >> PAGE_SHIFT;
    history_init(frame_count);
    paddr_t table = boot_alloc(page_ceil(frame_count * sizeof(struct frame)) >> PAGE_SHIFT);
    frames = phys_to_virt(table); /* zeroed: all FRAME_RESERVED, no references */

    EVENT(memory, table, frame_count, KERNEL_BASE, (uint64_t)phys_to_virt(0));
    for (unsigned order = 0; order <= FRAME_MAX_ORDER; order++)
        buddy_lists[order] = NO_FRAME;
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++)
        caches[cpu].limit = CACHE_SIZE;
    caches[0].usage[FRAME_RESERVED] = frame_count;
    boot_free_ranges(frame_add_range);
}

void page_zero(void *page)
{
    uint64_t *word = page;
    size_t count = PAGE_SIZE / sizeof(*word);

    asm volatile("rep stosq" : "+D"(word), "+c"(count) : "a"(0) : "memory");
}

void page_copy(void *to, const void *from)
{
    size_t count = PAGE_SIZE / sizeof(uint64_t);

    asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
}
