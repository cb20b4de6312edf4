/* The harness of the user-level tests: see test.h.

   What the counters show must not contain the reading of them. So all that is read goes through one
   static buffer, with read(2) alone, and each reading is done twice: the first brings in every page
   that it touches (after a fork: copies it), and only the second is kept. */
#include "test.h"

#include <alloca.h>
#include <dirent.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/klog.h>
#include <sys/random.h>
#include <sys/resource.h>

/* Printing: one write(2) a line, so that lines of several processes do not mix. */

struct line {
    char text[512];
    size_t len; /* bytes in use, without the newline for which there is always room */
};

__attribute__((format(printf, 2, 0))) static void line_append(struct line *line, const char *format,
                                                              va_list args)
{
    size_t room = sizeof(line->text) - 1 - line->len;
    int len = vsnprintf(line->text + line->len, room, format, args);

    line->len += (size_t)len < room ? (size_t)len : room - 1;
}

__attribute__((format(printf, 2, 3))) static void line_print(struct line *line, const char *format,
                                                             ...)
{
    va_list args;

    va_start(args, format);
    line_append(line, format, args);
    va_end(args);
}

static void line_write(struct line *line)
{
    line->text[line->len++] = '\n';
    if (write(STDOUT_FILENO, line->text, line->len) < 0)
        _exit(TEST_FAILED); /* there is nobody left to tell */
}

void note(const char *format, ...)
{
    struct line line = {.text = "# ", .len = 2};
    va_list args;

    va_start(args, format);
    line_append(&line, format, args);
    va_end(args);
    line_write(&line);
}

/* Running cases. */

static const char *case_name = "main";
static pid_t case_pid;      /* the process that runs the case; 0 between cases */
static sigjmp_buf case_end; /* where a failed check of that process goes on */
static struct test_tally tally;

void test_begin(const char *name)
{
    case_name = name;
}

static const char *program_name(void)
{
    const char *path = (const char *)getauxval(AT_EXECFN);
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* Prints the line of a case, and adds the case to a counter of the tally. */
static void report(const char *verdict, const char *name, const char *remark, int *counter)
{
    struct line line = {.len = 0};

    line_print(&line, "%s - %s: ", verdict, program_name());
    size_t start = line.len;
    line_print(&line, "%s", name);
    for (char *at = line.text + start; at < line.text + line.len; at++)
        *at = *at == '_' ? ' ' : *at;
    line_print(&line, "%s", remark);
    line_write(&line);
    ++*counter;
    pwrite(STDIN_FILENO, &tally, sizeof(tally), 0); /* it fails if no runner has started us */
}

void test_run_with(const char *name, void (*body)(void *), void *arg)
{
    test_begin(name);
    case_pid = getpid();
    if (sigsetjmp(case_end, 1) == 0) {
        body(arg);
        CHECK_EQ(getpid(), case_pid);
        report("ok", case_name, "", &tally.passed);
    } else {
        report("not ok", case_name, "", &tally.failed);
    }
    case_pid = 0;
    test_begin("main");
}

static void call_body(void *body)
{
    ((void (*)(void))body)();
}

void test_run(const char *name, void (*body)(void))
{
    test_run_with(name, call_body, (void *)(uintptr_t)body);
}

void test_skip(const char *name)
{
    report("ok", name, " # SKIP needs Pagoda", &tally.skipped);
}

int test_end(void)
{
    return tally.failed ? TEST_FAILED : TEST_PASSED;
}

void pagoda_only(void)
{
    if (!on_pagoda())
        _exit(TEST_SKIPPED);
}

void with_ten_page_stack(char **argv)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    if (limit.rlim_cur == TEN_PAGES)
        return;
    limit.rlim_cur = TEN_PAGES;
    CHECK_OK(setrlimit(RLIMIT_STACK, &limit));
    CHECK_OK(execve(self_path(), argv, (char *[]){NULL}));
}

/* Checking. */

void test_fail(const char *file, int line_number, const char *format, ...)
{
    struct line line = {.text = "# ", .len = 2};
    va_list args;

    line_print(&line, "%s: %s:%d: ", case_name, file, line_number);
    va_start(args, format);
    line_append(&line, format, args);
    va_end(args);
    line_write(&line);
    if (getpid() == case_pid)
        siglongjmp(case_end, 1);
    _exit(TEST_FAILED);
}

void check_equal(const char *file, int line, const char *a_text, long a, const char *b_text, long b)
{
    if (a != b)
        test_fail(file, line, "%s is %ld (%#lx), and %s is %ld (%#lx)", a_text, a, a, b_text, b, b);
}

void check_error(const char *file, int line, const char *call, long result, const char *error_name,
                 int error)
{
    if (result != -1)
        test_fail(file, line, "%s: returned %ld (%#lx) instead of %s", call, result, result,
                  error_name);
    if (errno != error)
        test_fail(file, line, "%s: failed with \"%s\" (%d) instead of %s", call, strerror(errno),
                  errno, error_name);
}

/* Children. */

pid_t start_child(void (*body)(void *), void *arg)
{
    pid_t pid = CHECK_OK(fork());

    if (pid == 0) {
        body(arg);
        _exit(0);
    }
    return pid;
}

int wait_child(pid_t pid)
{
    int status = 0;

    CHECK_EQ(CHECK_OK(waitpid(pid, &status, 0)), pid);
    return status;
}

int in_child(void (*body)(void *), void *arg)
{
    return wait_child(start_child(body, arg));
}

const char *signal_name(int signal)
{
    static const char *const names[] = {
        [SIGHUP] = "SIGHUP",   [SIGINT] = "SIGINT",   [SIGQUIT] = "SIGQUIT", [SIGILL] = "SIGILL",
        [SIGTRAP] = "SIGTRAP", [SIGABRT] = "SIGABRT", [SIGBUS] = "SIGBUS",   [SIGFPE] = "SIGFPE",
        [SIGKILL] = "SIGKILL", [SIGUSR1] = "SIGUSR1", [SIGSEGV] = "SIGSEGV", [SIGUSR2] = "SIGUSR2",
        [SIGPIPE] = "SIGPIPE", [SIGALRM] = "SIGALRM", [SIGTERM] = "SIGTERM",
    };
    bool is_known = signal > 0 && signal < (int)ARRAY_SIZE(names) && names[signal];

    return is_known ? names[signal] : "another signal";
}

static void note_status(const char *expected, int value, int status)
{
    if (WIFEXITED(status))
        note("%s: expected %s %d, and it exited with %d", case_name, expected, value,
             WEXITSTATUS(status));
    else
        note("%s: expected %s %d, and it was killed by %d (%s)", case_name, expected, value,
             WTERMSIG(status), signal_name(WTERMSIG(status)));
}

bool exited_with(int status, int code)
{
    bool is_so = WIFEXITED(status) && WEXITSTATUS(status) == code;

    if (!is_so)
        note_status("exit status", code, status);
    return is_so;
}

bool killed_by(int status, int signal)
{
    bool is_so = WIFSIGNALED(status) && WTERMSIG(status) == signal;

    if (!is_so)
        note_status("death by signal", signal, status);
    return is_so;
}

bool exits_with(int code, void (*body)(void *), void *arg)
{
    return exited_with(in_child(body, arg), code);
}

bool dies_by(int signal, void (*body)(void *), void *arg)
{
    return killed_by(in_child(body, arg), signal);
}

void read_byte(void *address)
{
    peek(address);
}

void write_byte(void *address)
{
    poke(address, 1);
}

void call_code(void *code)
{
    ((void (*)(void))(uintptr_t)code)();
}

void wait_for_ever(void *unused)
{
    struct gate never_opened = gate_make();

    (void)unused;
    gate_pass(&never_opened);
}

const char *self_path(void)
{
    static char path[512];
    const char *started_as = (const char *)getauxval(AT_EXECFN);

    if (path[0])
        return path;
    if (started_as[0] != '/') {
        CHECK(getcwd(path, sizeof(path) / 2));
        strcat(path, "/");
    }
    CHECK(strlen(path) + strlen(started_as) < sizeof(path));
    return strcat(path, started_as);
}

/* Writes a number so that it ends before `end`. => its first digit. printf would take new pages of the stack. */
static char *digits_before(char *end, unsigned number)
{
    do
        *--end = '0' + number % 10;
    while (number /= 10);
    return end;
}

char process_state(pid_t pid)
{
    static char text[512];
    char path[32] = "/proc/", number[12] = {0};

    strcat(strcat(path, digits_before(number + sizeof(number) - 1, pid)), "/stat");
    int fd = CHECK_OK(open(path, O_RDONLY));
    ssize_t len = CHECK_OK(read(fd, text, sizeof(text) - 1));
    CHECK_OK(close(fd));
    text[len] = '\0';
    return strrchr(text, ')')[2];
}

void await_state(pid_t pid, char state)
{
    while (process_state(pid) != state)
        sched_yield();
}

struct gate gate_make(void)
{
    struct gate gate;

    make_pipe(gate.fds);
    return gate;
}

void gate_open(const struct gate *gate)
{
    CHECK_EQ(CHECK_OK(write(gate->fds[1], "", 1)), 1);
}

void gate_pass(const struct gate *gate)
{
    char byte;

    CHECK_EQ(CHECK_OK(read(gate->fds[0], &byte, 1)), 1);
}

void gate_destroy(const struct gate *gate)
{
    CHECK_OK(close(gate->fds[0]));
    CHECK_OK(close(gate->fds[1]));
}

void hold_child(struct held_child *child, void (*body)(void *), void *arg)
{
    child->arrived = gate_make();
    child->released = gate_make();
    child->pid = CHECK_OK(fork());
    if (child->pid == 0) {
        gate_open(&child->arrived);
        gate_pass(&child->released);
        body(arg);
        _exit(0);
    }
    gate_pass(&child->arrived);
    await_state(child->pid, 'S');
}

int release_child(struct held_child *child)
{
    gate_open(&child->released);
    int status = wait_child(child->pid);
    gate_destroy(&child->arrived);
    gate_destroy(&child->released);
    return status;
}

/* Memory. */

char *map_pages(size_t npages)
{
    return CHECK_OK(
        mmap(NULL, npages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

char *map_border(void)
{
    uintptr_t start = (uintptr_t)map_pages(3 * TABLE_BYTES / PAGE);
    uintptr_t second = (start + 2 * TABLE_BYTES - 1) & ~(TABLE_BYTES - 1);

    return memset((char *)second - PAGE, 1, 2 * PAGE);
}

char *map_hole(size_t npages)
{
    char *hole = map_pages(npages);

    unmap_pages(hole, npages);
    return hole;
}

void unmap_pages(void *start, size_t npages)
{
    CHECK_OK(munmap(start, npages * PAGE));
}

bool is_zero(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

void touch_stack(size_t len)
{
    char *room = alloca(len);

    for (size_t at = 0; at < len; at += PAGE)
        poke(room + at, 0);
}

/* Files. */

static char temp_dir[64];

void temp_dir_enter(void)
{
    self_path(); /* while the directory that it may be relative to is still the current one */
    snprintf(temp_dir, sizeof(temp_dir), "/tmp/test-%d", getpid());
    CHECK_OK(mkdir(temp_dir, 0755));
    CHECK_OK(chdir(temp_dir));
}

void temp_dir_leave(void)
{
    if (tally.failed)
        empty_directory(temp_dir);
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(temp_dir));
}

bool each_entry(const char *path, bool (*visit)(const char *name, void *context), void *context)
{
    _Alignas(struct dirent) char bytes[KIB];
    int fd = CHECK_OK(open(path, O_RDONLY | O_DIRECTORY));
    bool goes_on = true;
    ssize_t len;

    while (goes_on && (len = CHECK_OK(getdents(fd, (struct dirent *)bytes, sizeof(bytes)))) > 0) {
        const struct dirent *entry;

        for (ssize_t at = 0; at < len && goes_on; at += entry->d_reclen) {
            entry = (const struct dirent *)(bytes + at);
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
                goes_on = visit(entry->d_name, context);
        }
    }
    CHECK_OK(close(fd));
    return goes_on;
}

static bool remove_entry(const char *name, void *directory)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", (const char *)directory, name);
    if (unlink(path) != 0) {
        CHECK_EQ(errno, EISDIR);
        empty_directory(path);
        CHECK_OK(rmdir(path));
    }
    return false; /* what the rest of the listing is worth now, nobody knows */
}

void empty_directory(const char *path)
{
    while (!each_entry(path, remove_entry, (void *)path)) {
    }
}

int create_file(const char *name, const void *bytes, size_t len)
{
    int fd = CHECK_OK(open(name, O_RDWR | O_CREAT | O_EXCL, 0644));

    CHECK_EQ(CHECK_OK(write(fd, bytes, len)), len);
    return fd;
}

void make_pipe(int fds[2])
{
    CHECK_OK(pipe(fds));
}

/* What the kernel says. */

/* Visits the complete lines among the first len bytes. => how many bytes of an incomplete line are
   left, at the start */
static size_t visit_lines(char *bytes, size_t len, void (*visit)(const char *, void *),
                          void *context)
{
    char *line = bytes;
    char *newline;

    while ((newline = memchr(line, '\n', bytes + len - line))) {
        *newline = '\0';
        visit(line, context);
        line = newline + 1;
    }
    size_t left = bytes + len - line;
    memmove(bytes, line, left);
    return left;
}

bool each_line(const char *path, void (*visit)(const char *line, void *context), void *context)
{
    static char bytes[PAGE];
    int fd = open(path, O_RDONLY);
    size_t left = 0;
    ssize_t len;

    if (fd < 0)
        return false;
    while ((len = read(fd, bytes + left, sizeof(bytes) - left)) > 0)
        left = visit_lines(bytes, left + len, visit, context);
    CHECK_OK(close(fd));
    return len == 0;
}

struct number_query {
    const char *key;
    long value; /* -1 until the key was found */
};

static void match_number(const char *line, void *context)
{
    struct number_query *query = context;
    size_t len = strlen(query->key);

    if (strncmp(line, query->key, len) == 0 && (line[len] == ':' || line[len] == ' '))
        query->value = strtol(line + len + 1, NULL, 10);
}

long number_in(const char *path, const char *key)
{
    struct number_query query = {.key = key, .value = -1};

    each_line(path, match_number, &query);
    return query.value;
}

static long meminfo_pages(const char *key)
{
    long kib = number_in("/proc/meminfo", key);

    if (kib < 0)
        test_fail(__FILE__, __LINE__, "no %s in /proc/meminfo", key);
    return kib * (long)KIB / (long)PAGE;
}

static void add_outcome(const char *line, void *total)
{
    const char *count = strrchr(line, ' ');

    if (count)
        *(long *)total += strtol(count, NULL, 10);
}

static void counters_read(struct counters *counters)
{
    struct rusage usage;

    CHECK_OK(getrusage(RUSAGE_SELF, &usage));
    counters->outcomes = 0;
    each_line("/proc/self/faults", add_outcome, &counters->outcomes);
    counters->minor_fault = usage.ru_minflt;
    counters->mem_free = meminfo_pages("MemFree");
    counters->anon_pages = meminfo_pages("AnonPages");
    counters->page_tables = meminfo_pages("PageTables");
}

struct counters counters_now(void)
{
    struct counters counters;

    counters_read(&counters);
    counters_read(&counters);
    return counters;
}

struct counters counters_since(const struct counters *before)
{
    struct counters now = counters_now();

    return (struct counters){
        .mem_free = now.mem_free - before->mem_free,
        .anon_pages = now.anon_pages - before->anon_pages,
        .page_tables = now.page_tables - before->page_tables,
        .minor_fault = now.minor_fault - before->minor_fault,
        .outcomes = now.outcomes - before->outcomes,
    };
}

const char *kernel_message(pid_t pid)
{
    enum { READ_ALL = 3 }; /* see syslog(2) */
    static char messages[16 * KIB + 1];
    const char *found = NULL;
    char key[24];

    memset(messages, 0, sizeof(messages)); /* all of it is used from the first time on */
    messages[CHECK_OK(klogctl(READ_ALL, messages, sizeof(messages) - 1))] = '\0';
    size_t len = snprintf(key, sizeof(key), "pid %d ", pid);
    for (char *line = strtok(messages, "\n"); line; line = strtok(NULL, "\n")) {
        if (strncmp(line, key, len) == 0)
            found = line;
    }
    return found ? found : "";
}

bool region_parse(const char *line, struct region *region)
{
    *region = (struct region){0};
    return sscanf(line, "%lx-%lx %4[-rwxsp] %*x %*x:%*x %*u %63[^\n]", &region->start, &region->end,
                  region->prot, region->name) >= 3;
}

struct region_query {
    uintptr_t start, end; /* which addresses */
    int count;            /* regions found there */
    struct region last;   /* the last of them */
};

static void match_region(const char *line, void *context)
{
    struct region_query *query = context;
    struct region region;

    if (!region_parse(line, &region))
        test_fail(__FILE__, __LINE__, "a line of /proc/self/maps reads \"%s\"", line);
    if (region.start < query->end && query->start < region.end) {
        query->count++;
        query->last = region;
    }
}

static struct region_query regions_query(const void *start, size_t len)
{
    struct region_query query = {.start = (uintptr_t)start, .end = (uintptr_t)start + len};

    CHECK(each_line("/proc/self/maps", match_region, &query));
    return query;
}

bool region_find(const void *address, struct region *region)
{
    struct region_query query = regions_query(address, 1);

    *region = query.last;
    return query.count == 1;
}

int regions_within(const void *start, size_t len)
{
    return regions_query(start, len).count;
}

/* Random tests. */

uint64_t random_seed(void)
{
    const char *chosen = getenv("TEST_SEED");
    uint32_t seed;

    if (chosen)
        seed = strtoul(chosen, NULL, 0);
    else
        CHECK_EQ(CHECK_OK(getrandom(&seed, sizeof(seed), 0)), sizeof(seed));
    note("%s: TEST_SEED=%u", case_name, seed);
    return seed;
}

/* splitmix64 */
uint32_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z >> 32;
}

uint32_t random_below(uint64_t *state, uint32_t limit)
{
    return random_next(state) % limit;
}
