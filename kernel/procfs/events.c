/* /proc/events: the last events of each CPU, in their order, one a line:

       12345 987654321 cpu 0 tid 7 table_new table=0x7e42 level=0x1 at=table_alloc+0x41

   The number of the event, and its time by the TSC, come first. A DEBUG build makes events, and so
   does a kernel with "events" on its command line; otherwise the file is empty. A place in the
   text is the number of an event. A reader at the end of the file can read on later, and gets the
   events that have come meanwhile. */

#include <arch/event.h>
#include "files.h"

/* The text of one event is shorter. */
#define LINE_SIZE 256

/* Events in a part of the text. */
#define PART_EVENTS 16

int procfs_events(struct text_sink *sink, uint64_t key __unused, uint64_t *place)
{
    char text[LINE_SIZE];
    struct event event;

    for (unsigned n = 0; n < PART_EVENTS && event_find(place, &event); n++) {
        event_print(&event, text, sizeof(text));
        sink_printf(sink, "%lu %lu cpu %u tid %u %s\n", *place, event.time, event.cpu, event.thread,
                    text);
        ++*place;
    }
    return 0;
}
