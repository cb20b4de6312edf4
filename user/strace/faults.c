/* The page faults of the tracees, from /proc/events. Each is two events of its thread:

       ... tid 7 fault_begin vspace=0x9 address=0x604010 access=0x6 ...
       ... tid 7 fault_end vspace=0x9 address=0x604010 outcome=0x1 ...

   and becomes a line

       --- page fault {addr=0x604010, access=write, outcome=zero_filled, region=[heap] rw-p} --- */
#include "faults.h"

#include <inttypes.h>
#include <string.h>

#include "../lib/event.h"
#include "../lib/message.h"
#include "output.h"
#include "tracee.h"

/* The bits of an access, as the CPU has them. */
enum { ACCESS_WRITE = 1 << 1, ACCESS_USER = 1 << 2, ACCESS_EXEC = 1 << 4 };

static FILE *events;
static uint64_t next_number; /* of the next event, if none is lost */
static uint64_t lost;        /* events */

/* Reads the next event. */
static bool read_next(struct machine_event *event)
{
    if (!event_read(events, event))
        return false;
    lost += event->number - next_number;
    next_number = event->number + 1;
    return true;
}

bool faults_open(void)
{
    struct machine_event event;

    events = events_open();
    while (events && read_next(&event))
        ;
    lost = 0;
    return events;
}

void faults_close(void)
{
    if (lost > 0)
        complain("page faults may be missing: %" PRIu64 " events are lost. Start the kernel with "
                 "`events=10000` on its command line, so that it keeps more.",
                 lost);
    fclose(events);
}

/* Prints the region of the address: its name and rights, as /proc/PID/maps has them. */
static void print_region(const struct tracee *tracee, uint64_t address)
{
    char path[40], line[512];

    snprintf(path, sizeof(path), "/proc/%d/maps", tracee->pid);
    FILE *maps = fopen(path, "re");
    while (maps && fgets(line, sizeof(line), maps)) {
        uint64_t start, end;
        char rights[5];
        int name = 0;

        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %*s %*u %n", &start, &end, rights,
                   &name) != 3 ||
            address < start || address >= end)
            continue;
        line[strcspn(line, "\n")] = '\0';
        print(", region=%s %s", name && line[name] ? line + name : "anonymous", rights);
        break;
    }
    if (maps)
        fclose(maps);
}

static void print_fault(const struct tracee *tracee, uint64_t address, const char *outcome)
{
    unsigned access = tracee->fault_access;

    line_begin(tracee);
    print("--- page fault {addr=%#" PRIx64 ", access=%s%s, outcome=%s", address,
          access & ACCESS_EXEC    ? "exec"
          : access & ACCESS_WRITE ? "write"
                                  : "read",
          access & ACCESS_USER ? "" : " in the kernel", outcome);
    print_region(tracee, address);
    print("} ---");
    line_end();
}

void faults_print(void)
{
    struct machine_event event;

    while (read_next(&event)) {
        struct tracee *tracee = tracee_find(event.tid);

        if (!tracee || tracee->is_hidden)
            continue;
        if (strcmp(event.name, "fault_begin") == 0)
            tracee->fault_access = event_word(&event, "access");
        else if (strcmp(event.name, "fault_end") == 0 &&
                 outcome_name(event_word(&event, "outcome")))
            print_fault(tracee, event_word(&event, "address"),
                        outcome_name(event_word(&event, "outcome")));
    }
}
