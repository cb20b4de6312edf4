/* /proc/events: the last events of each CPU, in their order, one a line:

       12345 987654321 cpu 0 tid 7 frame_put count=0x1 frame=0x7e42 caller=0xffffffff80123456

   The number of the event, and its time by the TSC, come first. A DEBUG build makes events, and so
   does a kernel with "events" on its command line; otherwise the file is empty. A place in the
   text is the number of an event. */

#include <arch/event.h>
#include "files.h"

/* The text of one event is shorter. */
#define LINE_SIZE 256

int procfs_events(struct text_sink *sink, uint64_t key __unused, uint64_t *place)
{
    char text[LINE_SIZE];
    struct event event;

    if (!event_find(place, &event))
        return 0;
    event_print(&event, text, sizeof(text));
    sink_printf(sink, "%lu %lu cpu %u tid %u %s\n", *place, event.time, event.cpu, event.thread,
                text);
    ++*place;
    return 0;
}
