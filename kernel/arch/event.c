/* Making events (arch/event.h).

   One lock gives the numbers, so the order of the numbers is the order in which the records are
   made, over all CPUs. A record goes to the ring of its CPU, for /proc/events, gdb and a panic, and
   to the stream, if there is one. If the stream is full, the CPU waits for the reader, which is
   outside of the machine.

   Lock: `event_lock`, with interrupts off, inside all others. It has no rank, because nothing is
   locked inside it. A thread that holds it waits for no CPU. */

#include <arch/atomic.h>
#include <arch/boot.h>
#include <arch/console.h>
#include <arch/cpu.h>
#include <arch/event.h>
#include <arch/page.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <lib/string.h>
#include "acpi.h"
#include "regs.h"
#include "symbol.h"

/* The size of a ring, in events, unless the command line has "events=N", and the largest one. */
#define RING_SIZE     512u
#define RING_SIZE_MAX 65536u

/* Turns of the loop that waits for the reader: minutes. */
#define READER_PATIENCE 20000000000ul

bool events_on;

static uint8_t event_lock;  /* (a) */
static uint64_t event_next; /* (event_lock) events that have been made; the number of the next */

/* The last events of one CPU: number n of the CPU is at n % ring_size. */
static struct {
    struct event *events; /* constant; NULL: none */
    uint64_t made;        /* (event_lock) */
} event_rings[MAX_CPUS];

static unsigned ring_size = RING_SIZE; /* constant after event_init */

static struct recording *stream; /* (event_lock) NULL: none */

/* The number of the event at which the machine stops. gdb sets it (tools/gdb/travel.py). */
static volatile uint64_t event_stop_at = UINT64_MAX;

static bool lock_events(void)
{
    bool irq = irq_save();

    while (atomic_exchange(&event_lock, 1))
        while (atomic_load_relaxed(&event_lock))
            cpu_relax();
    return irq;
}

static void unlock_events(bool irq)
{
    atomic_store(&event_lock, 0);
    irq_restore(irq);
}

/* Waits until the stream has room. A reader that is gone must not stop the machine. */
static bool await_room(void)
{
    for (uint64_t n = 0; stream->made - atomic_load(&stream->read) >= stream->slots; n++) {
        if (n == READER_PATIENCE) {
            stream->lost = 1;
            return false;
        }
        cpu_relax();
    }
    return true;
}

static void stream_add(const struct event *event)
{
    struct event *slots = (struct event *)((char *)stream + RECORDING_HEADER);

    if (!await_room()) {
        stream = NULL;
        return;
    }
    slots[stream->made % stream->slots] = *event;
    atomic_store(&stream->made, stream->made + 1);
}

static void ring_add(const struct event *event)
{
    struct event *events = event_rings[event->cpu].events;

    if (!events)
        return;
    events[event_rings[event->cpu].made % ring_size] = *event;
    atomic_store(&event_rings[event->cpu].made, event_rings[event->cpu].made + 1);
}

/* gdb has a breakpoint here. */
static __noinline void event_stops(void)
{
    asm volatile("");
}

static void event_add(enum event_kind kind, const void *place, const uint64_t words[EVENT_WORDS])
{
    const unsigned *thread = cpu_read(thread_id);
    struct event event = {
        .seq = event_next,
        .place = (uint64_t)place,
        .time = tsc_read(),
        .kind = kind,
        .cpu = cpu_id(),
        .thread = thread ? *thread : 0,
    };

    for (unsigned n = 0; n < EVENT_WORDS; n++)
        event.words[n] = words[n];
    ring_add(&event);
    if (stream)
        stream_add(&event);
    atomic_store(&event_next, event_next + 1);
    if (unlikely(event_next > event_stop_at))
        event_stops();
}

void event_make(enum event_kind kind, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e)
{
    bool irq = lock_events();

    event_add(kind, __builtin_return_address(0), (uint64_t[EVENT_WORDS]){a, b, c, d, e});
    unlock_events(irq);
}

bool event_count_begin(void)
{
    return lock_events();
}

void event_count_end(bool irq, enum event_kind kind, uint64_t count, uint64_t b, uint64_t c,
                     uint64_t d)
{
    event_add(kind, __builtin_return_address(0), (uint64_t[EVENT_WORDS]){count, b, c, d, 0});
    unlock_events(irq);
}

/* ---- The last events ---- */

/* Reads the size of the rings. Anything but a number from 1 on means the usual size. */
static void ring_size_read(const char *text)
{
    unsigned size = 0;

    for (; *text >= '0' && *text <= '9'; text++)
        size = min(size * 10 + (*text - '0'), RING_SIZE_MAX);
    if (*text == '\0' && size > 0)
        ring_size = max(size, RING_SIZE);
}

void event_init(void)
{
    char value[8];

    if (boot_option("events", value, sizeof(value)))
        ring_size_read(value);
    else if (!IS_DEBUG)
        return;
    for (unsigned cpu = 0; cpu < acpi.ncpus && cpu < MAX_CPUS; cpu++)
        event_rings[cpu].events =
            phys_to_virt(boot_alloc(page_ceil(ring_size * sizeof(struct event)) >> PAGE_SHIFT));
    events_on = true;
}

uint64_t event_count(void)
{
    return atomic_load_relaxed(&event_next);
}

/* Returns the whole number of an event, of which at least 2^32 have not been made since. */
static uint64_t whole_number(const struct event *event)
{
    uint64_t next = event_count();

    return next - (uint32_t)(next - event->seq);
}

/* Copies event `n` of a CPU. Returns false if it is overwritten meanwhile. */
static bool ring_get(unsigned cpu, uint64_t n, struct event *event)
{
    *event = event_rings[cpu].events[n % ring_size];
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return atomic_load(&event_rings[cpu].made) - n <= ring_size - 1;
}

/* Finds the first event of a CPU from number `seq` on, by bisection. */
static bool ring_find(unsigned cpu, uint64_t seq, struct event *event)
{
    uint64_t end = atomic_load(&event_rings[cpu].made), top = end;
    uint64_t low = end > ring_size - 2 ? end - (ring_size - 2) : 0;

    while (low < top) {
        uint64_t middle = low + (top - low) / 2;

        if (!ring_get(cpu, middle, event) || whole_number(event) < seq)
            low = middle + 1;
        else
            top = middle;
    }
    return low < end && ring_get(cpu, low, event);
}

bool event_find(uint64_t *seq, struct event *found)
{
    /* One CPU makes event n when this loop has passed its ring, then another makes n + 1, which the
       loop finds. So events that are newer than the loop do not count. */
    uint64_t end = atomic_load(&event_next), first = end;
    struct event event;

    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
        if (!event_rings[cpu].events || !ring_find(cpu, *seq, &event) ||
            whole_number(&event) >= first)
            continue;
        first = whole_number(&event);
        *found = event;
    }
    if (first == end)
        return false;
    *seq = first;
    return true;
}

#define EVENT_AS_NAMES(name, ...) {#name, {__VA_ARGS__}},
static const struct {
    const char *name, *words[EVENT_WORDS];
} event_names[EVENT_KINDS - 1] = {EVENTS(EVENT_AS_NAMES)};

const char *event_word_name(const struct event *event, unsigned word)
{
    bool is_known = event->kind != EVENT_none && event->kind < EVENT_KINDS;

    return is_known ? event_names[event->kind - 1].words[word] : "";
}

static size_t print_place(char *buf, size_t size, const char *word, uint64_t place)
{
    uint64_t offset;
    const char *function = symbol_find(place - 1, &offset);

    if (!function)
        return snprintf(buf, size, " %s=%#lx", word, place);
    return snprintf(buf, size, " %s=%s+%#lx", word, function, offset + 1);
}

void event_print(const struct event *event, char *buf, size_t size)
{
    if (event->kind == EVENT_none || event->kind >= EVENT_KINDS) {
        snprintf(buf, size, "?");
        return;
    }
    size_t len = snprintf(buf, size, "%s", event_names[event->kind - 1].name);
    for (unsigned n = 0; n < EVENT_WORDS && len < size; n++) {
        const char *word = event_names[event->kind - 1].words[n];
        if (!strcmp(word, "caller")) {
            len += print_place(buf + len, size - len, word, event->words[n]);
        } else if (*word) {
            len += snprintf(buf + len, size - len, " %s=%#lx", word, event->words[n]);
        }
    }
    if (len < size)
        print_place(buf + len, size - len, "at", KERNEL_BASE | event->place);
}

/* ---- The whole stream ---- */

void event_stream_start(struct recording *recording)
{
    bool irq = lock_events();

    stream = recording;
    unlock_events(irq);
    events_on = true;
}

/* The lock is kept. A panic may have stopped the CPU that holds it, so the wait has an end. */
void event_stop(unsigned status)
{
    if (!events_on)
        return;
    (void)irq_save();
    for (unsigned n = 0; atomic_exchange(&event_lock, 1) && n < 100000000; n++)
        cpu_relax();
    event_add(EVENT_end, __builtin_return_address(0), (uint64_t[EVENT_WORDS]){status});
}
