/* See failing.h. The worker is the process that makes an attempt. The judge is the process that
   waits for it. Both touch all of their own memory first, which is static. */
#include "failing.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "number.h"

/* More allocations than any scenario makes. A scenario that reaches this number does not end. */
#define MOST 2000

int fail_nth_open(void)
{
    return CHECK_OK(open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC));
}

void fail_nth(int fd, unsigned nth)
{
    char digits[16];
    int len = snprintf(digits, sizeof(digits), "%u\n", nth);

    CHECK_EQ(CHECK_OK(pwrite(fd, digits, len, 0)), len);
}

long failures_made(void)
{
    return number_in("/proc/vmstat", "allocs_made_to_fail");
}

static bool kill_orphan(const char *name, void *unused)
{
    long pid;
    char path[64];

    (void)unused;
    if (!number_parse(name, getpid() + 1, INT_MAX, &pid))
        return true;
    snprintf(path, sizeof(path), "/proc/%s/status", name);
    return number_in(path, "PPid") != 1 || kill(pid, SIGKILL) != 0;
}

void kill_orphans(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};

    for (int i = 0; i < 60000 && !each_entry("/proc", kill_orphan, NULL); i++)
        nanosleep(&moment, NULL);
}

/* The visible state of a process and of its directory, as text. */

struct snapshot {
    char text[12 * KIB];
    size_t len;
};

__attribute__((format(printf, 2, 3))) static void snapshot_add(struct snapshot *snapshot,
                                                               const char *format, ...)
{
    size_t room = sizeof(snapshot->text) - snapshot->len;
    va_list args;

    va_start(args, format);
    int len = vsnprintf(snapshot->text + snapshot->len, room, format, args);
    va_end(args);
    CHECK((size_t)len < room);
    snapshot->len += len;
}

static void add_region(const char *line, void *snapshot)
{
    snapshot_add(snapshot, "region %s\n", line);
}

static void add_files(struct snapshot *snapshot)
{
    for (int fd = 0; fd < 64; fd++) {
        int flags = fcntl(fd, F_GETFL);

        if (flags >= 0)
            snapshot_add(snapshot, "file %d: %#x %#x at %ld\n", fd, flags, fcntl(fd, F_GETFD),
                         lseek(fd, 0, SEEK_CUR));
    }
}

static bool add_entry(const char *name, void *snapshot)
{
    struct stat status;

    CHECK_OK(lstat(name, &status));
    snapshot_add(snapshot, "%s: inode %lu, mode %o, %lu links, %ld bytes, %ld.%ld\n", name,
                 status.st_ino, status.st_mode, status.st_nlink, status.st_size,
                 status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    return true;
}

static void snapshot_take(struct snapshot *snapshot)
{
    static char cwd[512];
    sigset_t blocked;

    snapshot->len = 0;
    CHECK(each_line("/proc/self/maps", add_region, snapshot));
    add_files(snapshot);
    add_entry(".", snapshot);
    each_entry(".", add_entry, snapshot);
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &blocked));
    CHECK(getcwd(cwd, sizeof(cwd)));
    snapshot_add(snapshot, "in %s, break %p, blocked %lx\n", cwd, pagoda_sbrk(0),
                 *(unsigned long *)&blocked);
}

/* Prints the first line that differs, from both texts. */
static void note_difference(const struct snapshot *before, const struct snapshot *after)
{
    size_t at = 0;

    while (before->text[at] == after->text[at])
        at++;
    while (at > 0 && before->text[at - 1] != '\n')
        at--;
    note("before: %.*s", (int)strcspn(before->text + at, "\n"), before->text + at);
    note("after:  %.*s", (int)strcspn(after->text + at, "\n"), after->text + at);
}

/* The worker. */

static void check_nothing_changed(const struct snapshot *before)
{
    static struct snapshot after;

    snapshot_take(&after);
    if (strcmp(before->text, after.text) == 0)
        return;
    note_difference(before, &after);
    test_fail(__FILE__, __LINE__, "a call that failed has changed something");
}

static void check_again(const struct scenario *scenario)
{
    int error = scenario->attempt();

    if (error)
        test_fail(__FILE__, __LINE__, "tried again, after it has failed: %s", strerror(error));
}

struct work {
    const struct scenario *scenario;
    unsigned nth;
};

static void work(void *arg)
{
    static struct snapshot before;
    const struct work *work = arg;
    const struct scenario *scenario = work->scenario;

    if (scenario->prepare)
        scenario->prepare();
    int fd = fail_nth_open();
    fail_nth(fd, 0);
    snapshot_take(&before);
    fail_nth(fd, work->nth);
    int error = scenario->attempt();
    fail_nth(fd, 0);
    if (error && !(scenario->flags & MAY_BE_PARTIAL))
        check_nothing_changed(&before);
    if (error && !(scenario->flags & ONCE))
        check_again(scenario);
    _exit(error);
}

/* The judge. */

static bool is_acceptable(pid_t pid, int status)
{
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGKILL && strstr(kernel_message(pid), "out of memory");
    switch (WEXITSTATUS(status)) {
    case 0:
    case ENOMEM:
    case EAGAIN:
    case ENOLCK:
    case ENOSPC:
        return true;
    default:
        return false;
    }
}

/* Makes an attempt with allocation number `nth` failing. Returns how many allocations failed. */
static long attempt(const struct scenario *scenario, unsigned nth)
{
    struct work todo = {scenario, nth};
    long before = failures_made();
    pid_t pid = start_child(work, &todo);
    int status = wait_child(pid);
    long failures = failures_made() - before;

    kill_orphans();
    empty_directory(".");
    if (!is_acceptable(pid, status))
        test_fail(__FILE__, __LINE__, "number %u failing: wait status %#x; the kernel says \"%s\"",
                  nth, status, kernel_message(pid));
    if (status == 0 && failures && !(scenario->flags & (MAY_SUCCEED | ONCE)))
        test_fail(__FILE__, __LINE__, "number %u failing, it has succeeded", nth);
    if (status != 0 && !failures)
        test_fail(__FILE__, __LINE__,
                  "number %u failing: it ended with %#x, and nothing had failed", nth, status);
    CHECK_EQ(pagoda_audit(), 0);
    return failures;
}

/* Memory in use. The judge itself needs none beyond what it had before. */
struct usage {
    long anon_pages, page_tables, cached_pages, used_pages, heap_bytes;
};

static struct usage usage_now(void)
{
    struct counters counters = counters_now();

    return (struct usage){
        .anon_pages = counters.anon_pages,
        .page_tables = counters.page_tables,
        .cached_pages = number_in("/proc/vmstat", "nr_page_cache"),
        .used_pages = -counters.mem_free,
        .heap_bytes = number_in("/proc/vmstat", "nr_heap_bytes"),
    };
}

static struct usage usage_since(const struct usage *before)
{
    struct usage now = usage_now();

    return (struct usage){
        .anon_pages = now.anon_pages - before->anon_pages,
        .page_tables = now.page_tables - before->page_tables,
        .cached_pages = now.cached_pages - before->cached_pages,
        .used_pages = now.used_pages - before->used_pages,
        .heap_bytes = now.heap_bytes - before->heap_bytes,
    };
}

static void check_usage(const struct usage *before, unsigned nth)
{
    static const struct usage nothing;
    struct usage left = usage_since(before);

    if (memcmp(&left, &nothing, sizeof(left)) != 0)
        test_fail(__FILE__, __LINE__,
                  "number %u failing, lost: %ld pages, among them %ld anonymous, %ld tables, "
                  "%ld cached; %ld bytes of heap",
                  nth, left.used_pages, left.anon_pages, left.page_tables, left.cached_pages,
                  left.heap_bytes);
}

static void check_scenario(void *arg)
{
    const struct scenario *scenario = arg;
    unsigned nth = 0;
    struct usage before;

    attempt(scenario, 0);
    attempt(scenario, MOST); /* from now on the judge has all that it needs */
    usage_now();
    before = usage_now();
    do {
        CHECK(nth < MOST);
    } while (attempt(scenario, ++nth) && (check_usage(&before, nth), true));
    if ((nth > 1) != !(scenario->flags & NO_MEMORY))
        test_fail(__FILE__, __LINE__, "%u allocations", nth - 1);
}

void check_scenarios(const struct scenario *scenarios, size_t count)
{
    self_path();
    temp_dir_enter();
    kernel_message(0); /* its buffer is not to be counted */
    for (size_t i = 0; i < count; i++)
        test_run_with(scenarios[i].name, check_scenario, (void *)&scenarios[i]);
    temp_dir_leave();
}
