/* maps [PID]: shows the regions of a process, how much of each is present (/proc/PID/smaps), and
   how its page faults have ended (/proc/PID/faults, which Linux lacks). Without PID, it shows
   itself.

       ADDRESSES                 RIGHTS    SIZE PRESENT    ANON  WHAT
       00400000-00401000         r--p         4       4       0  /bin/maps */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/message.h"
#include "lib/number.h"

enum { NAME_WIDTH = 22 };

/* Sizes in kB. */
struct sizes {
    unsigned long all, present, anonymous;
};

struct region {
    char addresses[40], rights[8];
    const char *name; /* in the line of text; "" for memory without a file */
    struct sizes sizes;
};

/* ---- Regions ---- */

static void sizes_print(const struct sizes *sizes)
{
    printf(" %9lu %7lu %7lu", sizes->all, sizes->present, sizes->anonymous);
}

/* Prints a region. Of a long name, the end is shown. */
static void region_print(const struct region *region)
{
    size_t len = strlen(region->name);
    bool is_long = len > NAME_WIDTH;

    printf("%-25s %-4s", region->addresses, region->rights);
    sizes_print(&region->sizes);
    if (len > 0)
        printf("  %s%s", is_long ? "..." : "",
               is_long ? region->name + len - (NAME_WIDTH - 3) : region->name);
    putchar('\n');
}

/* Takes the first line of a region, as in /proc/PID/maps. Returns false if it is none. */
static bool heading_parse(char *line, struct region *region)
{
    int end = 0;

    *region = (struct region){0};
    if (sscanf(line, "%39[0-9a-f-] %7s %*s %*s %*s %n", region->addresses, region->rights, &end) <
            2 ||
        end == 0)
        return false;
    line[strcspn(line, "\n")] = '\0';
    region->name = line + end;
    return true;
}

/* Takes a line "Key:  number kB" about a region. */
static void size_parse(const char *line, struct sizes *sizes)
{
    unsigned long kb;

    if (sscanf(line, "Size: %lu", &kb) == 1)
        sizes->all = kb;
    else if (sscanf(line, "Rss: %lu", &kb) == 1)
        sizes->present = kb;
    else if (sscanf(line, "Anonymous: %lu", &kb) == 1)
        sizes->anonymous = kb;
}

static void sizes_add(struct sizes *sum, const struct sizes *sizes)
{
    sum->all += sizes->all;
    sum->present += sizes->present;
    sum->anonymous += sizes->anonymous;
}

/* Prints the regions of a process. The last line of each is VmFlags. */
static bool regions_print(const char *path)
{
    struct region region = {.name = ""};
    struct sizes sum = {0};
    char *line = NULL, *heading = NULL;
    size_t capacity = 0, heading_capacity = 0;
    FILE *file = fopen(path, "r");

    if (!file)
        return path_failed(path);
    printf("%-25s %-6s %7s %7s %7s  %s\n", "ADDRESSES", "RIGHTS", "SIZE", "PRESENT", "ANON",
           "WHAT");
    while (getline(&heading, &heading_capacity, file) > 0 && heading_parse(heading, &region)) {
        while (getline(&line, &capacity, file) > 0 && strncmp(line, "VmFlags:", 8) != 0)
            size_parse(line, &region.sizes);
        region_print(&region);
        sizes_add(&sum, &region.sizes);
    }
    bool is_read = !ferror(file) || path_failed(path);
    free(line);
    free(heading);
    fclose(file);
    printf("%-30s", "all");
    sizes_print(&sum);
    puts("\n\n"
         "RIGHTS   r read, w write, x execute; p private: copied on write, s shared\n"
         "SIZE     kB that the region may have: a promise\n"
         "PRESENT  kB of it that have a page now: what has been touched\n"
         "ANON     kB of these that are no pages of a file, but new memory, or copies");
    return is_read;
}

/* ---- Faults ---- */

static const char *meaning_of(const char *outcome)
{
    static const struct {
        const char *outcome, *meaning;
    } meanings[] = {
        {"zero_mapped", "read of new memory: the page of zeros, shared"},
        {"zero_filled", "write to new memory: a page of its own, full of zeros"},
        {"file_mapped", "read of a file: the page of the page cache, shared"},
        {"file_copied", "write to a private file page: a copy"},
        {"shared_mapped", "access to shared memory: its page"},
        {"shared_dirtied", "first write to a page of shared memory"},
        {"reused", "write to a page that was shared, by its last owner: no copy"},
        {"copied", "write to a page that is shared: a copy"},
        {"spurious", "nothing to do: another thread was first, or the TLB was behind"},
        {"not_mapped", "failure: no region there"},
        {"not_allowed", "failure: the region does not allow it"},
        {"no_page", "failure: the file has no such page"},
        {"no_memory", "failure: no memory left"},
    };

    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (strcmp(outcome, meanings[i].outcome) == 0)
            return meanings[i].meaning;
    }
    return "";
}

/* Prints the outcomes that were met. */
static bool faults_print(const char *path)
{
    FILE *file = fopen(path, "r");
    char outcome[32];
    unsigned long count;

    if (!file)
        return true; /* Linux does not count outcomes */
    puts("\nPAGE FAULTS");
    while (fscanf(file, "%31s %lu", outcome, &count) == 2) {
        if (count > 0)
            printf("%7lu  %-14s %s\n", count, outcome, meaning_of(outcome));
    }
    bool is_read = !ferror(file) || path_failed(path);
    fclose(file);
    return is_read;
}

int main(int argc, char **argv)
{
    const char *pid = argc > 1 ? argv[1] : "self";
    char path[64];
    long number;

    if (argc > 2 || (argc == 2 && !number_parse(pid, 1, INT_MAX, &number)))
        usage("[PID]");
    snprintf(path, sizeof(path), "/proc/%s/smaps", pid);
    bool is_ok = regions_print(path);
    snprintf(path, sizeof(path), "/proc/%s/faults", pid);
    if (is_ok)
        is_ok = faults_print(path);
    return finish(!is_ok);
}
