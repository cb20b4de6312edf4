/* Memory, the console, panic, and failing allocations.

   Physical memory is one array. Its first pages belong to the kernel for ever: page 0 is
   reserved, and the frame descriptors and the kernel's root table follow. mm/frame.c manages the
   rest.

   The functions of the allocators are wrapped (ld --wrap). Memory that is not asked to be zero
   is filled with junk, so that no code relies on zeros. Freed memory is poisoned for the address
   sanitizer, so that a use after free is a finding. Always true: a frame is poisoned if and only
   if it is free. */

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sanitizer/asan_interface.h>
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/paging.h>
#include <arch/power.h>
#include <arch/report.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/heap.h>
#include "platform.h"
#include "record.h"

#define JUNK 0xa5

char memory[MEMORY_SIZE] __aligned(PAGE_SIZE);
char host_thread[PAGE_SIZE] __aligned(16);
struct boot_info boot_info = {.loader = "host", .max_addr = MEMORY_SIZE};
unsigned this_cpu_id;
unsigned preempt_disabled[MAX_CPUS];
bool irq_disabled[MAX_CPUS];
void (*step_hook)(void);
void (*finding_hook)(void);
void (*relax_hook)(void);
void (*freed_hook)(const struct frame *frame);
bool platform_quiet;
bool finding_aborts;

static paddr_t boot_next = PAGE_SIZE; /* the first page that boot_alloc has not given out */
static paddr_t root;

/* ---- Findings ---- */

static jmp_buf *escape; /* where to continue after a finding; NULL: exit */
static char last_finding[512];
static unsigned last_rule;

void report_broken(const char *fmt, const char *text)
{
    last_rule = rule_broken(fmt, text);
    if (last_rule && !escape)
        printk("rule %u of docs/design.md: %s\n", last_rule, rule_sentence(last_rule));
}

static __noreturn void end(const char *what, const char *fmt, va_list args)
{
    vsnprintf(last_finding, sizeof(last_finding), rule_text(fmt), args);
    if (escape)
        report_broken(fmt, last_finding);
    if (escape)
        longjmp(*escape, 1);
    if (!platform_quiet) {
        fprintf(stderr, "%s: %s\n", what, last_finding);
        report_broken(fmt, last_finding);
        if (finding_hook)
            finding_hook();
    }
    if (finding_aborts)
        abort();
    _exit(EXIT_FINDING);
}

bool finds_nothing(void (*checks)(void *arg), void *arg)
{
    jmp_buf here;

    escape = &here;
    bool nothing = setjmp(here) == 0;
    if (nothing)
        checks(arg);
    escape = NULL;
    return nothing;
}

const char *finding_text(void)
{
    return last_finding;
}

unsigned finding_rule(void)
{
    return last_rule;
}

void finding(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    end("finding", fmt, args);
}

void panic(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    end("panic", fmt, args);
}

void memory_missed(paddr_t addr)
{
    finding("%#lx is no address of physical memory", addr);
}

void vprintk(const char *fmt, va_list args)
{
    char text[512];

    vsnprintf(text, sizeof(text), fmt, args);
    if (!platform_quiet)
        fputs(text, stderr);
}

void printk(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vprintk(fmt, args);
    va_end(args);
}

/* Prints nothing: the tests look at the panic that follows. */
void walk_print_from(paddr_t from __unused, uint64_t addr __unused)
{
}

/* ---- Booting ---- */

paddr_t boot_alloc(size_t npages)
{
    paddr_t start = boot_next;

    boot_next += npages * PAGE_SIZE;
    check(boot_next <= MEMORY_SIZE, "no memory to boot in");
    return start;
}

void boot_free_ranges(void (*each)(paddr_t start, paddr_t end))
{
    each(boot_next, MEMORY_SIZE);
}

paddr_t kernel_root(void)
{
    return root;
}

/* Returns 0, because the host has no kernel half. Its stand-in only has to be copied into every
   root. */
unsigned paging_check_wx(void)
{
    return 0;
}

static void make_kernel_root(void)
{
    root = boot_alloc(1);
    pte_t *entries = phys_to_virt(root);
    for (unsigned n = TABLE_ENTRIES / 2; n < TABLE_ENTRIES; n++)
        entries[n] = (n * PAGE_SIZE % MEMORY_SIZE) | PTE_PRESENT | PTE_WRITE | PTE_GLOBAL;
}

/* Poisons a free frame. Without the sanitizer, a use after free reads junk, whose entries lead
   nowhere. */
static void poison_frame(const struct frame *frame, unsigned order)
{
    ASAN_UNPOISON_MEMORY_REGION(frame_to_virt(frame), PAGE_SIZE << order);
    memset(frame_to_virt(frame), JUNK, PAGE_SIZE << order);
    ASAN_POISON_MEMORY_REGION(frame_to_virt(frame), PAGE_SIZE << order);
}

static void unpoison_frame(const struct frame *frame)
{
    ASAN_UNPOISON_MEMORY_REGION(frame_to_virt(frame), PAGE_SIZE << frame->order);
}

void platform_init(void)
{
    make_kernel_root();
    record_init();
    frame_init();
    for (uint32_t pfn = 0; pfn < frame_count; pfn++)
        if (frame_is_free(pfn_to_frame(pfn)))
            poison_frame(pfn_to_frame(pfn), 0);
}

/* ---- Shortage ---- */

static unsigned requests_left; /* requests up to the one that fails; 0: none fails */
static bool shortage;

void shortage_at(unsigned nth)
{
    requests_left = nth;
}

bool shortage_ahead(void)
{
    return requests_left > 0;
}

void shortage_forget(void)
{
    shortage = false;
}

bool shortage_seen(void)
{
    return shortage;
}

/* Counts a request for memory. Returns true if this request must fail. */
static bool request_fails(void)
{
    if (requests_left == 0 || --requests_left > 0)
        return false;
    shortage = true;
    return true;
}

/* ---- Wrapped functions ---- */

struct frame *__real_frame_alloc(enum frame_kind kind);
struct frame *__real_frame_alloc_zeroed(enum frame_kind kind);
struct frame *__real_frame_alloc_run(enum frame_kind kind, unsigned order);
void __real_frame_put(struct frame *frame);
void __real_frame_free(struct frame *frame);
void __real_frame_free_zeroed(struct frame *frame);
void *__real_heap_alloc(size_t size);
void *__real_heap_alloc_zeroed(size_t size);
void __real_heap_free(void *object);
void __real_page_zero(void *page);
void __real_page_copy(void *to, const void *from);

/* Prepares a run of frames for its caller, and fills it with junk on request. Returns NULL, and
   notes the shortage, if there is no frame. */
static struct frame *hand_out(struct frame *frame, bool junk)
{
    if (!frame) {
        shortage = true;
        return NULL;
    }
    unpoison_frame(frame);
    if (junk)
        memset(frame_to_virt(frame), JUNK, PAGE_SIZE << frame->order);
    return frame;
}

struct frame *__wrap_frame_alloc(enum frame_kind kind)
{
    return request_fails() ? NULL : hand_out(__real_frame_alloc(kind), true);
}

struct frame *__wrap_frame_alloc_zeroed(enum frame_kind kind)
{
    struct frame *frame = request_fails() ? NULL : hand_out(__real_frame_alloc_zeroed(kind), false);
    static const char zeros[PAGE_SIZE];

    check(!frame || memcmp(frame_to_virt(frame), zeros, PAGE_SIZE) == 0,
          "frame %#x is not full of zeros", frame_to_pfn(frame));
    return frame;
}

struct frame *__wrap_frame_alloc_run(enum frame_kind kind, unsigned order)
{
    return request_fails() ? NULL : hand_out(__real_frame_alloc_run(kind, order), true);
}

/* The frames that were freed last. */
static const struct frame *freed[256];
static unsigned nfreed; /* so far; modulo the size, the next place */

/* Poisons the frame if it is free. After a put, another CPU may have allocated the frame again. */
static void poison_if_free(const struct frame *frame, unsigned order)
{
    if (!frame_is_free(frame))
        return;
    if (freed_hook)
        freed_hook(frame);
    poison_frame(frame, order);
    freed[nfreed++ % ARRAY_SIZE(freed)] = frame;
}

#if __has_feature(address_sanitizer)

void check_freed_frames(void)
{
}

#else

void check_freed_frames(void)
{
    static char junk[PAGE_SIZE];

    memset(junk, JUNK, sizeof(junk));
    for (unsigned n = min(nfreed, (unsigned)ARRAY_SIZE(freed)); n > 0; n--)
        check(!freed[n - 1] || !frame_is_free(freed[n - 1]) ||
                  memcmp(frame_to_virt(freed[n - 1]), junk, PAGE_SIZE) == 0,
              "frame %#x was written after it was freed", frame_to_pfn(freed[n - 1]));
    nfreed = 0;
}

#endif

void __wrap_frame_put(struct frame *frame)
{
    unsigned order = frame->order;

    __real_frame_put(frame);
    poison_if_free(frame, order);
}

void __wrap_frame_free(struct frame *frame)
{
    unsigned order = frame->order;

    __real_frame_free(frame);
    poison_if_free(frame, order);
}

/* The frame keeps its zeros, so only the sanitizer poisons it. */
void __wrap_frame_free_zeroed(struct frame *frame)
{
    __real_frame_free_zeroed(frame);
    if (!frame_is_free(frame))
        return;
    if (freed_hook)
        freed_hook(frame);
    for (unsigned n = 0; n < ARRAY_SIZE(freed); n++)
        if (freed[n] == frame)
            freed[n] = NULL;
    ASAN_POISON_MEMORY_REGION(frame_to_virt(frame), PAGE_SIZE);
}

/* A free object holds a link in its first word. The rest of the smallest object is unused, and
   so poisoned. */
#define OBJECT_LINK     sizeof(void *)
#define OBJECT_SMALLEST 32

void *__wrap_heap_alloc(size_t size)
{
    void *object = request_fails() ? NULL : __real_heap_alloc(size);

    if (!object) {
        shortage = true;
        return NULL;
    }
    ASAN_UNPOISON_MEMORY_REGION(object, max(size, (size_t)OBJECT_SMALLEST));
    return memset(object, JUNK, size);
}

void *__wrap_heap_alloc_zeroed(size_t size)
{
    void *object = __wrap_heap_alloc(size);

    return object ? memset(object, 0, size) : NULL;
}

void __wrap_heap_free(void *object)
{
    __real_heap_free(object);
    if (object && virt_to_frame(object)->kind == FRAME_HEAP)
        ASAN_POISON_MEMORY_REGION((char *)object + OBJECT_LINK, OBJECT_SMALLEST - OBJECT_LINK);
}

/* Checks that no spinlock is held while a page is zeroed or copied (docs/design.md, section 4).
   Such work is long, so other CPUs can run meanwhile. */
static void page_work(const void *page)
{
    check(preempt_disabled[cpu_id()] == 0, "a page is zeroed or copied under a spinlock");
    step();
    check(!frame_is_free(virt_to_frame(page)), "a page is zeroed or copied after it was freed");
}

void __wrap_page_zero(void *page)
{
    page_work(page);
    __real_page_zero(page);
}

void __wrap_page_copy(void *to, const void *from)
{
    page_work(from);
    __real_page_copy(to, from);
    page_work(from);
}
