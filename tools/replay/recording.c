/* Reads a recording: its header is checked, and its records have to be whole and without a gap. */
#include "recording.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "machine.h"
#include "message.h"

enum event_kind kind_find(const char *name)
{
    for (unsigned kind = EVENT_none + 1; kind < EVENT_KINDS; kind++)
        if (strcmp(event_name(kind), name) == 0)
            return kind;
    return EVENT_none;
}

unsigned word_find(enum event_kind kind, const char *name)
{
    unsigned n = 0;

    while (n < EVENT_WORDS && strcmp(event_word(kind, n), name) != 0)
        n++;
    return n;
}

static bool header_check(const struct record *record, const struct recording *header)
{
    if (memcmp(header->magic, RECORDING_MAGIC, sizeof(header->magic)) != 0)
        return complain("%s is no recording. `make record` makes one.", record->path);
    if (header->version != RECORDING_VERSION || header->event_size != sizeof(struct event))
        return complain("%s has version %u of the format, and this program reads version %u.",
                        record->path, header->version, RECORDING_VERSION);
    return true;
}

static bool events_check(const struct record *record)
{
    for (uint64_t n = 0; n < record->count; n++) {
        if (record->events[n].seq != (uint32_t)n)
            return complain("%s is damaged: event %lu stands at the place of event %lu.",
                            record->path, (unsigned long)record->events[n].seq, n);
        if (record->events[n].kind == EVENT_none || record->events[n].kind >= EVENT_KINDS)
            return complain("%s is damaged: event %lu has an unknown kind, %u.", record->path, n,
                            record->events[n].kind);
    }
    return true;
}

bool record_open(struct record *record, const char *path)
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    record->path = path;
    if (fd < 0 || fstat(fd, &about) < 0)
        return complain_errno(path);
    if (about.st_size < RECORDING_HEADER)
        return complain("%s is no recording: it is too short.", path);
    const char *bytes = mmap(NULL, about.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED)
        return complain_errno(path);
    if (!header_check(record, (const struct recording *)bytes))
        return false;
    record->events = (const struct event *)(bytes + RECORDING_HEADER);
    record->count = (about.st_size - RECORDING_HEADER) / sizeof(struct event);
    record->layout = ((const struct recording *)bytes)->layout;
    if (record->count == 0)
        return complain("%s has no events.", path);
    return events_check(record);
}
