/* The harness: printing, cases and checks. See test.h. */
#include "test.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/auxv.h>
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

const char *test_case_name(void)
{
    return case_name;
}

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
        if (getenv("TEST_STOP"))
            _exit(TEST_FAILED);
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

bool time_is_virtual(void)
{
    return getenv("TEST_VIRTUAL_TIME") != NULL;
}

void stay_on_this_cpu(void)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(CHECK_OK(sched_getcpu()), &cpus);
    CHECK_OK(sched_setaffinity(0, sizeof(cpus), &cpus));
}

void use_all_cpus(void)
{
    cpu_set_t cpus;

    memset(&cpus, 0xff, sizeof(cpus));
    CHECK_OK(sched_setaffinity(0, sizeof(cpus), &cpus));
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

const char *self_path(void)
{
    static char path[512];
    const char *started_as = (const char *)getauxval(AT_EXECFN);

    if (started_as[0] == '/')
        return started_as;
    if (path[0])
        return path;
    CHECK(getcwd(path, sizeof(path) / 2));
    strcat(path, "/");
    CHECK(strlen(path) + strlen(started_as) < sizeof(path));
    return strcat(path, started_as);
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
