/* Runs the test programs, one after the other, and reports in TAP.

       runtests [-t SECONDS] [-f MOST] [-d DISK] [NAME...]    these programs, or all in its folder

       TAP version 13
       ok - sbrk: given back pages are gone
       ok - sbrk: the program ends and leaves nothing behind
       ok - lazy_heap # SKIP needs Pagoda
       not ok - pipes: the program ends and leaves nothing behind # leaked 3 AnonPages
       1..4
       2 passed, 1 failed, 1 skipped

   A program reports its cases itself, and counts them in the file that is its standard input
   (struct test_tally). Then the runner adds a line about the program. It is ok if the program ends
   in time, if its exit status agrees with the count, and if it leaves nothing behind. Each program
   runs between two readings of what the kernel uses memory for, which must agree. Afterwards the
   kernel counts all its references again (audit). Both exist on Pagoda only.

   With -f each program runs repeatedly, and meets one failing allocation each time: the first that
   the kernel makes for it or for its children, then the second, and so on until none fails any
   more, or up to number MOST. After the first EACH numbers some are left out, one more for every
   EACH. The program ends at its first failed case, and its reports go to /dev/null. Only what it
   leaves behind is checked.

   With -d the ext2 of a disk is mounted at /tmp while a program runs, so its files are there. The
   disk is unmounted before memory is compared, which fails if a file is still in use.

   A program is a process group of its own, so that all its children can be ended with it. Beside it
   runs the watchdog, a second child that sleeps through the time limit. The runner waits for
   whichever ends first. */
#include "failing.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <time.h>

#include "files.h"
#include "number.h"

enum { STATUS_NO_EXEC = 127 };

static long limit_s = 300; /* only a hang takes so long, even on a slow host */
static long most_failing;  /* with -f */
static const char *disk;   /* with -d */

#define EACH 200

/* What the kernel uses memory for. */

static const struct {
    const char *file, *key;
    long unit; /* what the file's number is divided by */
} resources[] = {
    {"/proc/meminfo", "AnonPages", PAGE / KIB}, {"/proc/meminfo", "PageTables", PAGE / KIB},
    {"/proc/vmstat", "nr_heap_bytes", 1},       {"/proc/vmstat", "nr_kernel_stacks", 1},
    {"/proc/vmstat", "nr_page_cache", 1},
};

struct usage {
    long amount[ARRAY_SIZE(resources)]; /* -1: the kernel does not say */
};

static struct usage usage_now(void)
{
    struct usage usage;

    for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
        long number = number_in(resources[i].file, resources[i].key);
        usage.amount[i] = number < 0 ? -1 : number / resources[i].unit;
    }
    return usage;
}

/* Waits until the usage is as before, because init reaps orphans in its own time. After a minute it
   will not be any more. Returns the usage. */
static struct usage usage_settled(const struct usage *before)
{
    struct timespec pause = {.tv_nsec = 5000000};
    struct usage now = usage_now();

    for (int i = 0; i < 12000 && memcmp(before, &now, sizeof(now)) != 0; i++) {
        nanosleep(&pause, NULL);
        now = usage_now();
    }
    return now;
}

/* The file in which programs count their cases. Its offset, which they share, stays at the end. */

static int tally_fd;

static void tally_write(const struct test_tally *tally)
{
    CHECK_EQ(CHECK_OK(pwrite(tally_fd, tally, sizeof(*tally), 0)), sizeof(*tally));
}

static struct test_tally tally_read(void)
{
    struct test_tally tally;

    CHECK_EQ(CHECK_OK(pread(tally_fd, &tally, sizeof(tally), 0)), sizeof(tally));
    return tally;
}

static void tally_open(void)
{
    char path[32];

    snprintf(path, sizeof(path), "/tmp/runtests-%d", getpid());
    tally_fd = CHECK_OK(open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    CHECK_OK(unlink(path));
    tally_write(&(struct test_tally){0});
    CHECK_OK(lseek(tally_fd, 0, SEEK_END));
}

/* Running one program. */

/* Turns this process into the test, with its allocation number nth failing if nth is not 0. */
static _Noreturn void become_test(char **argv, unsigned nth)
{

    setpgid(0, 0);
    for (int number = 1; number <= SIGRTMAX; number++)
        signal(number, SIG_DFL); /* whoever started us may have ignored some */
    dup2(tally_fd, STDIN_FILENO);
    if (nth) {
        int null = open("/dev/null", O_RDWR);

        dup2(null, STDOUT_FILENO);
        close(null);
        putenv("TEST_STOP=1"); /* the cases after a failed one may wait for what it has not done */
        fail_nth(fail_nth_open(), nth);
    }
    execv(argv[0], argv);
    note("%s: %s", argv[0], strerror(errno));
    _exit(STATUS_NO_EXEC);
}

/* Starts the test, which may count page tables. It begins when this process rests after the fork:
   it waits for the end of a pipe, whose closing is the last change here. */
static pid_t start_test(char **argv, unsigned nth)
{
    struct gate rest = gate_make();
    pid_t pid = CHECK_OK(fork());
    char byte;

    if (pid == 0) {
        close(rest.fds[1]);
        CHECK_EQ(CHECK_OK(read(rest.fds[0], &byte, 1)), 0);
        close(rest.fds[0]);
        become_test(argv, nth);
    }
    setpgid(pid, pid); /* here too: the group must exist when it is killed, whoever runs first */
    close(rest.fds[0]);
    close(rest.fds[1]);
    return pid;
}

static void sleep_through_limit(void *ready)
{
    struct timespec limit = {0};

    nanosleep(&limit, NULL); /* so that the real one touches no page for the first time */
    limit.tv_sec = limit_s;
    gate_open(ready);
    nanosleep(&limit, NULL);
}

/* Starts the watchdog before the test, which may count frames. The watchdog and this process share
   memory since the fork. Both come to rest here, so neither needs a frame while the test runs. */
static pid_t start_watchdog(void)
{
    struct gate ready = gate_make();
    pid_t pid = start_child(sleep_through_limit, &ready);

    gate_pass(&ready);
    gate_destroy(&ready);
    usage_now();
    return pid;
}

struct outcome {
    int status; /* the wait status of the program */
    bool timed_out;
};

static struct outcome run_program(char **argv, unsigned nth)
{
    pid_t watchdog = start_watchdog();
    pid_t test = start_test(argv, nth);
    struct outcome outcome;
    pid_t first = CHECK_OK(wait(&outcome.status));

    outcome.timed_out = first == watchdog;
    kill(-test, SIGKILL); /* all of it, or what is left; init reaps the test's children */
    kill(watchdog, SIGKILL);
    if (outcome.timed_out)
        outcome.status = wait_child(test);
    else
        wait_child(watchdog);
    return outcome;
}

/* The verdict. */

struct verdict {
    struct test_tally cases;
    bool failed, skipped; /* the program as a whole */
    char why[256];        /* "" or " # this; and that" */
};

__attribute__((format(printf, 2, 3))) static void verdict_fail(struct verdict *verdict,
                                                               const char *format, ...)
{
    size_t len = strlen(verdict->why);
    va_list args;

    verdict->failed = true;
    len += snprintf(verdict->why + len, sizeof(verdict->why) - len, len ? "; " : " # ");
    if (len >= sizeof(verdict->why))
        return;
    va_start(args, format);
    vsnprintf(verdict->why + len, sizeof(verdict->why) - len, format, args);
    va_end(args);
}

static void judge_outcome(struct verdict *verdict, const char *name, struct outcome outcome)
{
    int status = outcome.status;

    if (outcome.timed_out) {
        verdict_fail(verdict, "timed out after %ld s; run it alone: make test T=%s", limit_s, name);
    } else if (WIFSIGNALED(status)) {
        verdict_fail(verdict, "killed by signal %d (%s)", WTERMSIG(status),
                     signal_name(WTERMSIG(status)));
    } else if (WEXITSTATUS(status) == TEST_SKIPPED) {
        verdict->skipped = true;
        strcpy(verdict->why, " # SKIP needs Pagoda");
    } else if (WEXITSTATUS(status) != (verdict->cases.failed ? TEST_FAILED : TEST_PASSED)) {
        verdict_fail(verdict, "exit status %d", WEXITSTATUS(status));
    }
}

static void judge_audit(struct verdict *verdict)
{
    long differences = pagoda_audit();

    if (differences < 0)
        verdict_fail(verdict, "audit: %s", strerror(errno));
    else if (differences > 0)
        verdict_fail(verdict, "audit found %ld differences", differences);
}

static void judge_leaks(struct verdict *verdict, const struct usage *before)
{
    struct usage after = usage_settled(before);

    for (size_t i = 0; i < ARRAY_SIZE(resources); i++) {
        long leaked = after.amount[i] - before->amount[i];

        if (after.amount[i] < 0)
            verdict_fail(verdict, "no %s in %s", resources[i].key, resources[i].file);
        else if (leaked != 0)
            verdict_fail(verdict, "leaked %ld %s", leaked, resources[i].key);
    }
}

static void disk_mount(void)
{
    if (disk)
        CHECK_OK(mount(disk, "/tmp", "ext2", 0, NULL));
}

/* Waits up to a minute, because init reaps orphans in its own time. */
static void disk_unmount(struct verdict *verdict)
{
    struct timespec pause = {.tv_nsec = 5000000};
    int result = disk ? umount("/tmp") : 0;

    for (int i = 0; i < 12000 && result < 0 && errno == EBUSY; i++) {
        nanosleep(&pause, NULL);
        result = umount("/tmp");
    }
    if (result < 0)
        verdict_fail(verdict, "umount: %s", strerror(errno));
}

static struct verdict run_test(char *path, const char *name)
{
    struct usage before = usage_now();
    char *argv[] = {path, NULL};
    struct verdict verdict = {0};

    tally_write(&verdict.cases);
    disk_mount();
    struct outcome outcome = run_program(argv, 0);
    verdict.cases = tally_read();
    judge_outcome(&verdict, name, outcome);
    disk_unmount(&verdict);
    if (on_pagoda()) {
        judge_leaks(&verdict, &before);
        judge_audit(&verdict);
    }
    return verdict;
}

/* Removes the segments of System V shared memory that a program has left behind. */
static void remove_segments(void)
{
    struct shmid_ds status;
    int last = shmctl(0, SHM_INFO, &status);

    for (int index = 0; index <= last; index++) {
        int id = shmctl(index, SHM_STAT, &status);

        if (id >= 0)
            shmctl(id, IPC_RMID, NULL);
    }
}

/* Runs a program with an allocation failing. Returns how many allocations have failed. */
static long run_failing(char **argv, unsigned nth, struct verdict *verdict)
{
    struct usage before = usage_now();
    long failures = failures_made();

    disk_mount();
    struct outcome outcome = run_program(argv, nth);
    kill_orphans();
    failures = failures_made() - failures;
    empty_directory("/tmp");
    empty_directory("/dev/shm");
    remove_segments();
    disk_unmount(verdict);
    if (!outcome.timed_out && WIFSIGNALED(outcome.status) && WTERMSIG(outcome.status) != SIGKILL)
        verdict_fail(verdict, "killed by %s", signal_name(WTERMSIG(outcome.status)));
    judge_leaks(verdict, &before);
    judge_audit(verdict);
    if (verdict->failed)
        verdict_fail(verdict, "with number %u failing", nth);
    return failures;
}

/* Runs a program with each allocation failing. A time-out is no failure, because a test may wait
   for a child that was killed. */
static struct verdict run_each_failing(char *path)
{
    char *argv[] = {path, NULL};
    struct verdict verdict = {0};

    for (long nth = 1; nth <= most_failing && !verdict.failed; nth += 1 + nth / EACH) {
        if (run_failing(argv, nth, &verdict) == 0)
            break;
    }
    return verdict;
}

/* All of them. */

static const char *verdict_text(const struct verdict *verdict)
{
    if (verdict->skipped)
        return "";
    return on_pagoda() ? ": the program ends and leaves nothing behind" : ": the program ends";
}

static void run_one(const char *folder, const char *name, struct test_tally *total)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    struct verdict verdict = most_failing ? run_each_failing(path) : run_test(path, name);
    total->passed += verdict.cases.passed + (!verdict.failed && !verdict.skipped);
    total->failed += verdict.cases.failed + verdict.failed;
    total->skipped += verdict.cases.skipped + (verdict.skipped && !verdict.failed);
    dprintf(STDOUT_FILENO, "%sok - %s%s%s\n", verdict.failed ? "not " : "", name,
            verdict_text(&verdict), verdict.why);
}

static _Noreturn void run_all(const char *folder, char **names, int count)
{
    struct test_tally total = {0};

    dprintf(STDOUT_FILENO, "TAP version 13\n");
    for (int i = 0; i < count; i++)
        run_one(folder, names[i], &total);
    dprintf(STDOUT_FILENO, "1..%d\n%d passed, %d failed",
            total.passed + total.failed + total.skipped, total.passed, total.failed);
    dprintf(STDOUT_FILENO, total.skipped ? ", %d skipped\n" : "\n", total.skipped);
    exit(total.failed ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Splits the path of this program into its folder and its name. */
static const char *split_path(char *path, const char **name)
{
    char *slash = strrchr(path, '/');

    *name = slash ? slash + 1 : path;
    if (!slash)
        return "/test";
    *slash = '\0';
    return path;
}

/* All programs in the folder but this one. */
static struct dir_names find_tests(const char *folder, const char *own_name)
{
    struct dir_names names;
    size_t kept = 0;

    if (!dir_read(folder, &names)) {
        note("%s: %s", folder, strerror(errno));
        exit(EXIT_FAILURE);
    }
    for (size_t i = 0; i < names.count; i++) {
        if (strcmp(names.name[i], own_name) != 0)
            names.name[kept++] = names.name[i];
    }
    names.count = kept;
    return names;
}

/* Runs runtests -n, which does nothing, as a test is run. Afterwards the caches of the runner and
   of the kernel are filled, and do not look like a leak of the first test. */
static void warm_up(const char *path)
{
    char *argv[] = {(char *)path, "-n", NULL};

    run_program(argv, 0);
    usage_now();
    touch_stack(32 * KIB); /* as much as the removal of deep directories can need */
}

static void parse_options(int argc, char **argv)
{
    long number;
    int option;

    while ((option = getopt(argc, argv, "nd:f:t:")) != -1) {
        if (option == 'n')
            exit(EXIT_SUCCESS);
        if (option == 'd') {
            disk = optarg;
            continue;
        }
        if (option == '?' || !number_parse(optarg, 1, INT_MAX, &number))
            exit(2);
        *(option == 'f' ? &most_failing : &limit_s) = number;
    }
}

int main(int argc, char **argv)
{
    const char *own_name;

    parse_options(argc, argv);
    tally_open();
    warm_up(self_path());
    const char *folder = split_path(argv[0], &own_name);
    if (optind < argc)
        run_all(folder, argv + optind, argc - optind);
    struct dir_names tests = find_tests(folder, own_name);
    run_all(folder, tests.name, tests.count);
}
