/* The words of a command: a range of events, and filters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "message.h"
#include "words.h"

/* Kinds that are often wanted together. */
static const struct {
    const char *name, *kinds;
} groups[] = {
    {"faults", "fault_begin fault_end"},
    {"frames", "frame_alloc frame_free frame_get frame_put frames_added"},
    {"tables", "table_new table_copy entry_set"},
    {"regions", "region_map region_change region_unmap region_object"},
    {"flushes", "tlb_flush tlb_ask tlb_answer"},
    {"spaces", "vspace_new vspace_fork vspace_end"},
    {"processes", "fork exec exit"},
    {"threads", "thread_start thread_end thread_rename switch"},
    {"pages", "page_in page_out"},
};

/* Sets *number if the text is a number. */
static bool number_parse(const char *text, uint64_t *number)
{
    char *end;
    uint64_t value = strtoull(text, &end, 0);

    if (*text < '0' || *text > '9' || *end != '\0')
        return false;
    *number = value;
    return true;
}

/* Reads "N", "N..M", "N.." or "..M". Returns false, without a message or a change, if it is none of
   them. */
static bool range_parse(struct query *query, const char *word)
{
    char text[24];
    const char *dots = strstr(word, "..");
    size_t len = dots ? (size_t)(dots - word) : strlen(word);
    uint64_t first = query->first, last = query->last;

    snprintf(text, sizeof(text), "%.*s", (int)len, word);
    if (len >= sizeof(text) || (len > 0 && !number_parse(text, &first)) ||
        (dots && dots[2] && !number_parse(dots + 2, &last)) || (len == 0 && !(dots && dots[2])))
        return false;
    query->first = first;
    query->last = dots ? last : first;
    query->has_number = len > 0;
    return true;
}

static bool kind_take(struct query *query, const char *word)
{
    enum event_kind kind = kind_find(word);

    query->has_kind = true;
    query->kinds[kind] = true;
    if (kind != EVENT_none)
        return true;
    for (unsigned n = 0; n < sizeof(groups) / sizeof(groups[0]); n++) {
        if (strcmp(groups[n].name, word) != 0)
            continue;
        for (kind = EVENT_none + 1; kind < EVENT_KINDS; kind++) {
            const char *found = strstr(groups[n].kinds, event_name(kind));
            char after = found ? found[strlen(event_name(kind))] : 'x';

            query->kinds[kind] |= found && (after == ' ' || after == '\0');
        }
        return true;
    }
    return complain("'%s' is no number, filter or kind of event. `help` lists them.", word);
}

static bool filter_take(struct query *query, const char *name, const char *value)
{
    uint64_t number = 0;
    bool is_number = number_parse(value, &number);

    if (strcmp(name, "outcome") == 0) {
        query->has_outcome = true;
        query->outcome = outcome_find(value);
        if (query->outcome >= 0)
            return true;
        return complain("'%s' is no outcome of a fault; one is zero_filled. include/vm/vspace.h "
                        "has all.",
                        value);
    }
    if (strcmp(name, "in") == 0) {
        query->function = value;
        return true;
    }
    if (strcmp(name, "page") == 0) {
        query->has_page = true;
        query->page = number & ~(PAGE_SIZE - 1);
    } else if (strcmp(name, "frame") == 0) {
        query->has_frame = true;
        query->frame = number;
    } else if (strcmp(name, "space") == 0) {
        query->has_space = true;
        query->space = number;
    } else if (strcmp(name, "pid") == 0) {
        query->has_pid = true;
        query->pid = number;
    } else if (strcmp(name, "tid") == 0) {
        query->has_tid = true;
        query->tid = number;
    } else if (strcmp(name, "cpu") == 0) {
        query->has_cpu = true;
        query->cpu = number;
    } else {
        return complain("there is no filter '%s='. `help` lists them.", name);
    }
    return is_number || complain("%s=%s: not a number", name, value);
}

static bool range_check(const struct query *query, const struct record *record)
{
    if (query->first >= record->count)
        return complain("there is no event %lu: the last one is %lu.", query->first,
                        record->count - 1);
    return query->first <= query->last ||
           complain("the range %lu..%lu is empty", query->first, query->last);
}

bool query_parse(struct query *query, const struct record *record, char **words)
{
    *query = (struct query){.last = record->count - 1};
    for (; *words; words++) {
        char *value = strchr(*words, '=');

        if (value)
            *value++ = '\0';
        if (value ? !filter_take(query, *words, value)
                  : !range_parse(query, *words) && !kind_take(query, *words))
            return false;
    }
    if (query->last >= record->count)
        query->last = record->count - 1;
    return range_check(query, record);
}

static struct vspace *space_named(const struct query *query, struct moment *moment)
{
    struct vspace *space = space_at(moment, query->space);

    if (!space)
        complain("there is no address space %lu at event %lu", query->space, moment->next - 1);
    return space;
}

struct vspace *query_space(const struct query *query, struct moment *moment)
{
    uint64_t now = moment->next - 1;
    uint32_t pid =
        query->has_pid ? query->pid : pid_of_thread(moment, moment->record->events[now].thread);
    struct vspace *space =
        pid < PIDS ? space_at(moment, moment->machine.processes[pid].vspace) : NULL;

    if (query->has_space)
        return space_named(query, moment);
    if (!pid)
        complain("event %lu is of no process: add pid=NUMBER or space=NUMBER", now);
    else if (!space)
        complain("process %u has no address space at event %lu", pid, now);
    return space;
}
