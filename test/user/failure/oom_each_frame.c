/* Out of memory at every point: each operation that takes frames is tried with one free frame, with
   two, and so on, until it has enough. Each attempt succeeds, or fails with ENOMEM, or the kernel
   kills the process and says so. Then every frame comes back.

   Three processes take part, and a second hog, which holds most of memory all the time. The hog
   takes all memory except as many frames as the judge orders. The worker makes one attempt. If
   memory is out, the worker is killed, because oom_score_adj says so, and the hogs are last. The
   judge is this program. While memory is short it needs none, because it has written before to all
   that it will write to. */
#include "test.h"

#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#define ROOMY 400 /* free frames with which everything works */
#define MOST  200 /* more than the largest operation needs */

static long reserve; /* free frames that these processes cannot have */

static long free_frames(void)
{
    static struct sysinfo info;

    CHECK_OK(sysinfo(&info));
    return (long)(info.freeram * info.mem_unit / PAGE) - reserve;
}

static void reserve_learn(void)
{
    long free = counters_now().mem_free * (long)PAGE / (long)KIB;
    long available = number_in("/proc/meminfo", "MemAvailable");

    CHECK(available > 0 && free >= available);
    reserve = (free - available) * (long)KIB / (long)PAGE;
}

/* Sets how soon a process and its later children are killed when memory is out. */
static void set_oom_score_adj(pid_t pid, const char *value)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", pid);
    int fd = CHECK_OK(open(path, O_WRONLY));

    CHECK_OK(write(fd, value, strlen(value)));
    CHECK_OK(close(fd));
}

/* The hog. */

struct hog {
    int orders[2]; /* a pipe */
    pid_t pid;
};

/* The last step may take two frames, one of them for a page table. */
static bool is_left(long frames)
{
    long free = free_frames();

    return free == frames || free == frames - 1;
}

/* The heap ends at a page boundary, so each step is one page. */
static void hog_leave(long frames)
{
    while (free_frames() < frames - 1)
        CHECK_OK(pagoda_sbrk(-(intptr_t)PAGE));
    while (free_frames() > frames)
        poke(CHECK_OK(pagoda_sbrk(PAGE)), 1);
}

/* Other processes may still take or free a frame afterwards, so the hog continues until it is
   stopped. */
static void hog_run(void *arg)
{
    struct hog *hog = arg;
    long frames;

    set_oom_score_adj(getpid(), "-1000");
    CHECK_OK(pagoda_sbrk(page_round_up(pagoda_sbrk(0)) - (char *)pagoda_sbrk(0)));
    CHECK_OK(close(hog->orders[1]));
    CHECK_EQ(CHECK_OK(read(hog->orders[0], &frames, sizeof(frames))), sizeof(frames));
    CHECK_OK(fcntl(hog->orders[0], F_SETFL, O_NONBLOCK));
    do {
        hog_leave(frames);
        sched_yield();
    } while (read(hog->orders[0], &frames, sizeof(frames)) != 0);
}

/* Returns when `frames` frames are free and the hog is stopped. An answer of the hog would take a
   frame. */
static void hog_order(struct hog *hog, long frames)
{
    int status;

    CHECK_OK(write(hog->orders[1], &frames, sizeof(frames)));
    do {
        CHECK_OK(kill(hog->pid, SIGCONT));
        while (!is_left(frames))
            sched_yield();
        CHECK_OK(kill(hog->pid, SIGSTOP));
        CHECK_EQ(CHECK_OK(waitpid(hog->pid, &status, WUNTRACED)), hog->pid);
        CHECK(WIFSTOPPED(status));
    } while (!is_left(frames));
}

static void hog_start(struct hog *hog, long frames)
{
    make_pipe(hog->orders);
    hog->pid = start_child(hog_run, hog);
    hog_order(hog, frames);
}

static void hog_stop(struct hog *hog)
{
    CHECK_OK(close(hog->orders[0]));
    CHECK_OK(close(hog->orders[1]));
    CHECK_OK(kill(hog->pid, SIGCONT));
    CHECK(exited_with(wait_child(hog->pid), 0));
}

/* The worker's operations. Each makes one attempt, and returns 0 or an errno. */

static char *untouched; /* pages, promised and never touched */
static char *shared;    /* pages, shared since the fork */
static char
    *border; /* a page under each of two page tables, shared too, the second behind the first */
#define AREA_PAGES 8

static int write_heap(void)
{
    for (int i = 0; i < AREA_PAGES; i++)
        poke(untouched + i * PAGE, 1);
    return 0;
}

static int write_shared_pages(void)
{
    for (int i = 0; i < AREA_PAGES; i++)
        poke(shared + i * PAGE, 1);
    return 0;
}

__attribute__((noinline)) static int grow_stack(void)
{
    char buffer[AREA_PAGES * PAGE];

    for (int i = AREA_PAGES; i-- > 0;)
        poke(buffer + i * PAGE, 1);
    return 0;
}

static int have_kernel_write(void)
{
    int fd = open("/dev/zero", O_RDONLY);

    if (fd < 0)
        return errno;
    ssize_t got = read(fd, untouched, AREA_PAGES * PAGE);
    return got < 0 ? errno : got == AREA_PAGES * PAGE ? 0 : ENOMEM;
}

/* One page under each of several page tables. */
static int spread_over_tables(void)
{
    char *area = mmap(NULL, 4 * 512 * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (area == MAP_FAILED)
        return errno;
    for (int i = 0; i < 4; i++)
        poke(area + i * 512 * PAGE, 1);
    return 0;
}

/* A call that cannot get its own copy of both tables must leave both unchanged. */
static int error_at_border(int result)
{
    int error = result ? errno : 0;

    if (error) {
        CHECK_EQ(peek(border), 1);
        CHECK_EQ(peek(border + PAGE), 1);
    }
    return error;
}

static int unmap_shared_pages(void)
{
    return error_at_border(munmap(border, 2 * PAGE));
}

static int protect_shared_pages(void)
{
    return error_at_border(mprotect(border, 2 * PAGE, PROT_NONE));
}

static int fork_child(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    if (pid < 0)
        return errno;
    int status = wait_child(pid);
    return WIFSIGNALED(status) ? ENOMEM : 0; /* the child's own lack of memory */
}

static int exec_program(void)
{
    execv(self_path(), (char *[]){(char *)self_path(), "done", NULL});
    return errno;
}

static int create_and_write_file(void)
{
    int fd = open("file", O_RDWR | O_CREAT | O_EXCL, 0644);
    int error = 0;

    if (fd < 0)
        return errno;
    for (int i = 0; i < AREA_PAGES && !error; i++) {
        ssize_t done = write(fd, self_path(), 1);
        if (done != 1 || lseek(fd, PAGE - 1, SEEK_CUR) < 0)
            error = errno;
    }
    return error == ENOSPC ? ENOMEM : error;
}

static int make_pipes(void)
{
    int fds[2];

    for (int i = 0; i < AREA_PAGES; i++) {
        if (pipe(fds) || write(fds[1], "x", 1) != 1)
            return errno;
    }
    return 0;
}

static int read_proc(void)
{
    char bytes[64];
    int fd = open("/proc/self/maps", O_RDONLY);

    return fd < 0 || read(fd, bytes, sizeof(bytes)) < 0 ? errno : 0;
}

/* The judge. */

struct operation {
    const char *name;
    int (*attempt)(void);
};

struct worker {
    const struct operation *operation;
    struct gate arrived;
    int start[2]; /* a pipe, whose end is the signal: to write into it would take a frame */
};

static void work(void *arg)
{
    struct worker *worker = arg;
    char byte;

    CHECK_OK(close(worker->start[1]));
    gate_open(&worker->arrived);
    CHECK_EQ(read(worker->start[0], &byte, 1), 0);
    _exit(worker->operation->attempt());
}

/* Makes an attempt with `frames` free frames. Returns the worker's wait status. */
static int attempt_with(struct hog *hog, const struct operation *operation, long frames)
{
    struct worker worker = {.operation = operation, .arrived = gate_make()};

    make_pipe(worker.start);
    pid_t pid = start_child(work, &worker);
    gate_pass(&worker.arrived);
    await_state(pid, 'S');
    set_oom_score_adj(pid, "1000"); /* from outside, because it is to touch no page before */
    hog_order(hog, frames);
    CHECK_OK(close(worker.start[1]));
    int status = wait_child(pid);
    hog_order(hog, ROOMY);
    CHECK_OK(close(worker.start[0]));
    gate_destroy(&worker.arrived);
    unlink("file"); /* what a killed worker has left */
    if (WIFSIGNALED(status) && !strstr(kernel_message(pid), "out of memory"))
        test_fail(__FILE__, __LINE__, "of the worker, the kernel says \"%s\"", kernel_message(pid));
    return status;
}

static bool is_acceptable(int status)
{
    if (WIFSIGNALED(status))
        return WTERMSIG(status) == SIGKILL;
    return WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == ENOMEM ||
           WEXITSTATUS(status) == EAGAIN || WEXITSTATUS(status) == ENOSPC;
}

/* Tries an operation until it has worked several times in a row. The first attempts must fail and
   the last must work; otherwise nothing was tested. */
static void at_every_frame(const struct operation *operation)
{
    struct hog hog;
    long frames = 1;
    int failed = 0, worked = 0;

    hog_start(&hog, ROOMY);
    CHECK(exited_with(attempt_with(&hog, operation, ROOMY), 0)); /* so that caches are filled */
    for (; frames <= MOST && worked < 6; frames++) {
        int status = attempt_with(&hog, operation, frames);

        if (!is_acceptable(status))
            test_fail(__FILE__, __LINE__, "%s with %ld free frames: wait status %#x",
                      operation->name, frames, status);
        failed += status != 0;
        worked = status == 0 ? worked + 1 : 0;
    }
    if (failed == 0 || worked == 0)
        test_fail(__FILE__, __LINE__, "%s failed %d times", operation->name, failed);
    hog_stop(&hog);
}

static void check_operation(void *operation)
{
    kernel_message(0); /* its buffer is not to be counted */
    struct counters before = counters_now();

    at_every_frame(operation);
    struct counters left = counters_since(&before);
    CHECK_EQ(left.anon_pages, 0);
    CHECK_EQ(left.page_tables, 0);
}

#define RUN_OPERATION(name) test_run_with(#name, check_operation, &(struct operation){#name, name})

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return 0;
    struct hog second_hog;

    pagoda_only();
    reserve_learn();
    hog_start(&second_hog, 2 * ROOMY);
    temp_dir_enter();
    untouched = map_pages(AREA_PAGES);
    shared = memset(map_pages(AREA_PAGES), 1, AREA_PAGES * PAGE);
    border = map_border();
    RUN_OPERATION(write_heap);
    RUN_OPERATION(write_shared_pages);
    RUN_OPERATION(grow_stack);
    RUN_OPERATION(have_kernel_write);
    RUN_OPERATION(spread_over_tables);
    RUN_OPERATION(unmap_shared_pages);
    RUN_OPERATION(protect_shared_pages);
    RUN_OPERATION(fork_child);
    RUN_OPERATION(exec_program);
    RUN_OPERATION(create_and_write_file);
    RUN_OPERATION(make_pipes);
    RUN_OPERATION(read_proc);
    temp_dir_leave();
    hog_stop(&second_hog);
    return test_end();
}
