/* /proc/PID/maps and smaps: the regions of a process, and the memory in each. */
#include "procfile.h"

#include <stdio.h>

/* maps */

struct maps_check {
    uintptr_t last_end;
    int count;
};

static void check_maps_line(const char *line, void *context)
{
    struct maps_check *check = context;
    struct region region;

    if (!region_parse(line, &region))
        test_fail(__FILE__, __LINE__, "cannot parse \"%s\"", line);
    CHECK_EQ(region.start % PAGE, 0);
    CHECK_EQ(region.end % PAGE, 0);
    CHECK(region.start < region.end);
    CHECK(region.start >= check->last_end); /* sorted, and without overlaps */
    CHECK(region.prot[0] == 'r' || region.prot[0] == '-');
    CHECK(region.prot[1] == 'w' || region.prot[1] == '-');
    CHECK(region.prot[2] == 'x' || region.prot[2] == '-');
    CHECK(region.prot[3] == 'p' || region.prot[3] == 's');
    check->last_end = region.end;
    check->count++;
}

static void maps_can_be_parsed(void)
{
    struct maps_check check = {0};

    proc_lines("/proc/self/maps", check_maps_line, &check);
    CHECK(check.count >= 4);
}

#define STRIPES 400

struct stripes_check {
    uintptr_t area, last_end;
    int count;
};

static void check_stripe(const char *line, struct stripes_check *check)
{
    struct region region;

    CHECK(region_parse(line, &region));
    CHECK(region.start >= check->last_end);
    check->last_end = region.end;
    if (region.start >= check->area && region.end <= check->area + STRIPES * PAGE)
        check->count++;
}

/* A reader finds each region once, though what it has read is unmapped before it reads on. */
static void maps_go_on_where_a_reader_was(void)
{
    static char text[16 * PAGE];
    char *area = map_pages(STRIPES), *next = text;
    struct stripes_check check = {.area = (uintptr_t)area};

    for (int n = 0; n < STRIPES; n += 2)
        CHECK_OK(mprotect(area + n * PAGE, PAGE, PROT_NONE));
    int fd = CHECK_OK(open("/proc/self/maps", O_RDONLY));
    size_t len = CHECK_OK(read(fd, text, PAGE / 2));
    CHECK(len > 0);
    unmap_pages(area, 4);
    len += proc_read_all(fd, text + len, sizeof(text) - len - 1, PAGE);
    text[len] = '\0';
    for (char *end; (end = strchr(next, '\n')); next = end + 1) {
        *end = '\0';
        check_stripe(next, &check);
    }
    CHECK_EQ(check.count, STRIPES);
    /* An earlier place is found again, by all that is there now. */
    CHECK(pread(fd, text, PAGE, 100) > 0);
    CHECK_EQ(CHECK_OK(pread(fd, text, PAGE, 100 * MIB)), 0);
    CHECK_OK(close(fd));
    unmap_pages(area + 4 * PAGE, STRIPES - 4);
}

static void region_is(const void *address, const char *prot, const char *name)
{
    struct region region;

    CHECK(region_find(address, &region));
    if (strcmp(region.prot, prot) != 0 || !strstr(region.name, name))
        test_fail(__FILE__, __LINE__, "the region of %p is %s \"%s\", not %s \"%s\"", address,
                  region.prot, region.name, prot, name);
}

static const char constant = 'c';
static char data = 'd';

static void maps_show_the_parts_of_a_program(void)
{
    char local, *heap = CHECK_OK(pagoda_sbrk(PAGE));
    const char *own_name = strrchr(self_path(), '/');

    region_is((void *)(uintptr_t)region_is, "r-xp", own_name);
    region_is(&constant, "r--p", own_name);
    region_is(&data, "rw-p", own_name);
    region_is(heap, "rw-p", "[heap]");
    region_is(&local, "rw-p", "[stack]");
    CHECK_OK(pagoda_sbrk(-(intptr_t)PAGE));
}

static void maps_follow_mmap(void)
{
    char *pages = map_pages(3);

    region_is(pages, "rw-p", "");
    CHECK_OK(mprotect(pages + PAGE, PAGE, PROT_READ));
    region_is(pages + PAGE, "r--p", "");
    CHECK_OK(mprotect(pages + PAGE, PAGE, PROT_NONE));
    region_is(pages + PAGE, "---p", "");
    CHECK_EQ(regions_within(pages, 3 * PAGE), 3);
    unmap_pages(pages, 3);
    CHECK_EQ(regions_within(pages, 3 * PAGE), 0);
}

/* No page of a program is both writable and executable, unless it asks for that. */
static void check_no_writable_code(const char *line, void *unused)
{
    struct region region;

    (void)unused;
    CHECK(region_parse(line, &region));
    CHECK(!(region.prot[1] == 'w' && region.prot[2] == 'x'));
}

static void nothing_is_writable_and_executable(void)
{
    proc_lines("/proc/self/maps", check_no_writable_code, NULL);
}

/* smaps */

struct smaps_query {
    uintptr_t address;
    const char *key;
    bool is_here; /* the lines are about the region that holds the address */
    char value[64];
};

static void match_smaps(const char *line, void *context)
{
    struct smaps_query *query = context;
    size_t len = strlen(query->key);
    struct region region;

    if (region_parse(line, &region))
        query->is_here = region.start <= query->address && query->address < region.end;
    else if (query->is_here && strncmp(line, query->key, len) == 0 && line[len] == ':')
        snprintf(query->value, sizeof(query->value), "%.63s", line + len + 1);
}

/* Returns the text that smaps has under `key` for the region at `address`. */
static const char *smaps_text(const void *address, const char *key)
{
    static struct smaps_query query;

    query = (struct smaps_query){.address = (uintptr_t)address, .key = key};
    proc_lines("/proc/self/smaps", match_smaps, &query);
    if (!query.value[0])
        test_fail(__FILE__, __LINE__, "smaps says no %s of %p", key, address);
    return query.value;
}

static long smaps_kb(const void *address, const char *key)
{
    return strtol(smaps_text(address, key), NULL, 10);
}

/* The numbers of a region that must agree. They are read at once, because a read may touch pages of
   the program. */
struct smaps_sums {
    uintptr_t address;
    bool is_here;
    long size, rss, pss, anonymous, referenced;
    long parts; /* Shared_Clean and the other three */
};

static void sum_smaps(const char *line, void *context)
{
    struct smaps_sums *sums = context;
    struct region region;
    char key[64];
    long kb;

    if (region_parse(line, &region))
        sums->is_here = region.start <= sums->address && sums->address < region.end;
    if (!sums->is_here || sscanf(line, "%63[^:]: %ld kB", key, &kb) != 2)
        return;
    if (strcmp(key, "Size") == 0)
        sums->size = kb;
    else if (strcmp(key, "Rss") == 0)
        sums->rss = kb;
    else if (strcmp(key, "Pss") == 0)
        sums->pss = kb;
    else if (strcmp(key, "Anonymous") == 0)
        sums->anonymous = kb;
    else if (strcmp(key, "Referenced") == 0)
        sums->referenced = kb;
    else if (strncmp(key, "Shared_", 7) == 0 || strncmp(key, "Private_", 8) == 0)
        sums->parts += kb;
}

static void smaps_adds_up(const void *address)
{
    struct smaps_sums sums = {.address = (uintptr_t)address};

    proc_lines("/proc/self/smaps", sum_smaps, &sums);
    CHECK(sums.size > 0);
    CHECK_EQ(sums.rss, sums.parts);
    CHECK(sums.rss <= sums.size && sums.pss <= sums.rss);
    CHECK(sums.anonymous <= sums.rss && sums.referenced <= sums.rss);
}

static void smaps_is_about_every_region(void)
{
    char local, *pages = map_pages(1);

    smaps_adds_up((void *)(uintptr_t)smaps_adds_up);
    smaps_adds_up(&local);
    smaps_adds_up(pages);
    CHECK_EQ(smaps_kb(pages, "KernelPageSize"), (long)(PAGE / KIB));
    CHECK(smaps_kb(&local, "Private_Dirty") > 0);
    CHECK_EQ(smaps_kb((void *)(uintptr_t)smaps_adds_up, "Anonymous"), 0);
    unmap_pages(pages, 1);
}

/* The shared page of zeros counts for no process. */
static void smaps_counts_what_is_touched(void)
{
    char *pages = map_pages(16);

    CHECK_EQ(smaps_kb(pages, "Size"), 64);
    CHECK_EQ(smaps_kb(pages, "Rss"), 0);
    memset(pages, 1, 4 * PAGE);
    for (int i = 4; i < 8; i++)
        CHECK_EQ(peek(pages + i * PAGE), 0);
    CHECK_EQ(smaps_kb(pages, "Rss"), 16);
    CHECK_EQ(smaps_kb(pages, "Pss"), 16);
    CHECK_EQ(smaps_kb(pages, "Private_Dirty"), 16);
    CHECK_EQ(smaps_kb(pages, "Anonymous"), 16);
    CHECK_EQ(smaps_kb(pages, "Referenced"), 16);
    unmap_pages(pages, 16);
}

/* A child shares everything with its parent, page tables too, and later less. */
static void smaps_divides_what_is_shared(void)
{
    char *pages = map_pages(8);
    struct held_child child;

    memset(pages, 1, 8 * PAGE);
    hold_child(&child, wait_for_ever, NULL);
    CHECK_EQ(smaps_kb(pages, "Rss"), 32);
    CHECK_EQ(smaps_kb(pages, "Shared_Dirty"), 32);
    CHECK_EQ(smaps_kb(pages, "Private_Dirty"), 0);
    CHECK_EQ(smaps_kb(pages, "Pss"), 16);
    memset(pages, 2, 2 * PAGE);
    CHECK_EQ(smaps_kb(pages, "Rss"), 32);
    CHECK_EQ(smaps_kb(pages, "Private_Dirty"), 8);
    CHECK_EQ(smaps_kb(pages, "Shared_Dirty"), 24);
    CHECK_EQ(smaps_kb(pages, "Pss"), 20);
    CHECK_OK(kill(child.pid, SIGKILL));
    CHECK(killed_by(release_child(&child), SIGKILL));
    CHECK_EQ(smaps_kb(pages, "Private_Dirty"), 32);
    CHECK_EQ(smaps_kb(pages, "Pss"), 32);
    unmap_pages(pages, 8);
}

static void smaps_tells_files_from_memory(void)
{
    static const char text[PAGE] = "text";

    temp_dir_enter();
    int fd = create_file("file", text, PAGE);
    char *page = CHECK_OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));

    CHECK_EQ(peek(page), 't');
    CHECK_EQ(smaps_kb(page, "Anonymous"), 0);
    CHECK_EQ(smaps_kb(page, "Rss"), 4);
    CHECK_EQ(smaps_kb(page, "Pss"), 4); /* the cache is no process */
    poke(page, 'T');
    CHECK_EQ(smaps_kb(page, "Rss"), 4);
    CHECK_EQ(smaps_kb(page, "Anonymous"), 4);
    CHECK_EQ(smaps_kb(page, "Private_Dirty"), 4);
    unmap_pages(page, 1);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
    temp_dir_leave();
}

static void smaps_names_the_rights(void)
{
    char *page = map_pages(1);

    CHECK(strstr(smaps_text(page, "VmFlags"), " rd wr mr mw me"));
    CHECK_OK(mprotect(page, PAGE, PROT_READ));
    CHECK(strstr(smaps_text(page, "VmFlags"), " rd mr mw me"));
    CHECK_OK(mprotect(page, PAGE, PROT_NONE));
    CHECK(strstr(smaps_text(page, "VmFlags"), " mr mw me"));
    unmap_pages(page, 1);
}

int main(void)
{
    RUN(maps_can_be_parsed);
    RUN(maps_go_on_where_a_reader_was);
    RUN(maps_show_the_parts_of_a_program);
    RUN(maps_follow_mmap);
    RUN(nothing_is_writable_and_executable);
    RUN(smaps_is_about_every_region);
    RUN(smaps_counts_what_is_touched);
    RUN(smaps_divides_what_is_shared);
    RUN(smaps_tells_files_from_memory);
    RUN(smaps_names_the_rights);
    return test_end();
}
