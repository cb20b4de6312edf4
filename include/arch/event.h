/* Events: what the memory system tells of itself, as it happens (docs/recording.md).

       EVENT(entry_set, table, index, old, new)

   makes a record. The words are those of the list in pagoda/event.h, and are computed only if
   somebody listens.

   The order of the records is the order of what they tell:
     - EVENT comes before the change, under the lock that orders the changes of this thing. So if a
       record is there, its change is done as soon as the thread makes its next record.
     - EVENT_COUNT makes the change of a counter and its record one step, because no other lock
       orders these.

   Events may be made anywhere but in an NMI handler. They take no memory. */
#pragma once

#include <lib/base.h>
#include <pagoda/event.h>

/* A function that leaves the registers of its caller as they are. So where no event is made, the
   code around it is as if the call were not there. */
#if __STDC_HOSTED__
#define EVENT_CALL
#else
#define EVENT_CALL __attribute__((no_caller_saved_registers, cold))
#endif

/* Events are made. Changes at boot only. */
extern bool events_on;

EVENT_CALL void event_make(enum event_kind kind, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                           uint64_t e);

/* Begin and end a change that no event of another CPU may come between. Interrupts are off, and
   nothing else is locked meanwhile. */
EVENT_CALL __must_check bool event_count_begin(void);
EVENT_CALL void event_count_end(bool irq, enum event_kind kind, uint64_t count, uint64_t b,
                                uint64_t c, uint64_t d);

#define EVENT_MAKE(kind, a, b, c, d, e, ...) event_make(kind, a, b, c, d, e)
#define EVENT(name, ...)                                          \
    do {                                                          \
        if (unlikely(events_on))                                  \
            EVENT_MAKE(EVENT_##name, __VA_ARGS__, 0, 0, 0, 0, 0); \
    } while (0)

/* Carries out `change`, an expression whose value is the counter's new value, which it returns.
   That is the first word of the event, and others follow. */
#define EVENT_COUNT_END(irq, kind, count, b, c, d, ...) event_count_end(irq, kind, count, b, c, d)
#define EVENT_COUNT(name, change, ...)                                         \
    ({                                                                         \
        __typeof__(change) count_;                                             \
        if (unlikely(events_on)) {                                             \
            bool irq_ = event_count_begin();                                   \
            count_ = (change);                                                 \
            EVENT_COUNT_END(irq_, EVENT_##name, count_, __VA_ARGS__, 0, 0, 0); \
        } else {                                                               \
            count_ = (change);                                                 \
        }                                                                      \
        count_;                                                                \
    })

/* The address to which the current function returns, as a word of an event. */
#define EVENT_CALLER ((uint64_t)__builtin_return_address(0))

/* ---- The last events ---- */

/* Makes a ring of the last events for each CPU, in a DEBUG build or if "events" or "events=N" is on
   the command line. It has room for 512 events, or N. Before frame_init. */
void event_init(void);

/* Finds the first event that a ring still has with a number from *seq on, and stores its number in
   *seq. Returns false, and leaves *seq, if there is none. Takes no lock. */
bool event_find(uint64_t *seq, struct event *event);

/* Returns the number of events so far. */
uint64_t event_count(void);

/* Returns the name of an event's word, "" if it has no such word. */
const char *event_word_name(const struct event *event, unsigned word);

/* Writes an event into `buf`, for a person: "table_new table=0x7d1e level=0x1 at=table_alloc+0x32".
   The last word is the place of the event. */
void event_print(const struct event *event, char *buf, size_t size);

/* ---- The whole stream ---- */

/* Hands all events from now on to the ring at `recording`, of which the reader has filled the first
   fields. */
void event_stream_start(struct recording *recording);

/* Makes the last event. Changes on other CPUs stop at their next event. */
void event_stop(unsigned status);
