/* The end of memory: the process that takes all is killed, and no other process is hurt.

   The cases touch all memory of the machine, so they need Pagoda, whose machine is small.
   oom_each_frame goes through all points at which memory can run out; oom_victims is about the
   choice. */
#include "test.h"

#include <sys/resource.h>
#include <time.h>

#define STEP (16 * MIB)

/* xv6's lab: a process maps and touches 16 MiB at a time until memory is gone. */
static void touch_without_end(void *unused)
{
    (void)unused;
    for (;;) {
        char *step = CHECK_OK(pagoda_sbrk(STEP));
        for (size_t at = 0; at < STEP; at += PAGE)
            poke(step + at, 1);
    }
}

/* A process lets the kernel touch 16 MiB at a time until memory is gone. */
static void read_without_end(void *unused)
{
    int fd = CHECK_OK(open("/dev/zero", O_RDONLY));

    (void)unused;
    for (;;) {
        void *step = CHECK_OK(pagoda_sbrk(STEP));
        CHECK_OK(read(fd, step, STEP));
    }
}

/* Memory runs out in fork and in the copying of pages: children fork until they are killed or
   refused. */
static void fork_without_end(void *memory)
{
    for (;;) {
        for (size_t at = 0; at < STEP; at += PAGE)
            poke((char *)memory + at, 1);
        pid_t pid = fork();
        if (pid < 0) {
            CHECK(errno == ENOMEM || errno == EAGAIN);
            raise(SIGKILL);
        }
        if (pid > 0) {
            int status = wait_child(pid);
            CHECK(WIFSIGNALED(status));
            raise(WTERMSIG(status));
        }
    }
}

/* A process touches a page under each page table, so that tables use up most of memory. */
static void spread_without_end(void *unused)
{
    char *area = CHECK_OK(mmap(NULL, 64 * GIB, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));

    (void)unused;
    for (size_t at = 0; at < 64 * GIB; at += 512 * PAGE)
        poke(area + at, 1);
}

/* The stack grows under a limit far above the machine's memory. The program starts again, because
   the limit takes effect at exec. */
__attribute__((noinline)) static int recurse_without_end(unsigned depth)
{
    volatile char filling[PAGE];

    filling[0] = depth;
    if (depth == UINT32_MAX)
        return 0;
    return recurse_without_end(depth + 1) + filling[0];
}

static void exec_to_recurse(void *unused)
{
    struct rlimit limit = {GIB, GIB};

    (void)unused;
    CHECK_OK(setrlimit(RLIMIT_STACK, &limit));
    CHECK_OK(execv(self_path(), (char *[]){(char *)self_path(), "recurse", NULL}));
}

/* Waits until all frames are back, also those of processes that were left behind. */
static void comes_back(const struct counters *before)
{
    struct timespec moment = {.tv_nsec = 5000000};
    struct counters left = counters_since(before);

    for (int i = 0; i < 12000 && (left.anon_pages || left.page_tables); i++) {
        nanosleep(&moment, NULL);
        left = counters_since(before);
    }
    CHECK_EQ(left.anon_pages, 0);
    CHECK_EQ(left.page_tables, 0);
}

static void memory_is_exhausted_by(void (*body)(void *), void *arg)
{
    struct counters before = counters_now();
    pid_t pid = start_child(body, arg);

    CHECK(killed_by(wait_child(pid), SIGKILL));
    comes_back(&before);
    CHECK(strstr(kernel_message(pid), "out of memory") || body == fork_without_end);
}

/* "out of memory" of xv6's lazy lab. */
static void touching_more_than_there_is_kills(void)
{
    memory_is_exhausted_by(touch_without_end, NULL);
}

static void reading_into_more_than_there_is_kills(void)
{
    memory_is_exhausted_by(read_without_end, NULL);
}

static void using_more_tables_than_there_is_kills(void)
{
    memory_is_exhausted_by(spread_without_end, NULL);
}

static void using_more_stack_than_there_is_kills(void)
{
    memory_is_exhausted_by(exec_to_recurse, NULL);
}

static void forking_more_than_there_is_is_survived(void)
{
    char *memory = map_pages(STEP / PAGE);

    memory_is_exhausted_by(fork_without_end, memory);
    unmap_pages(memory, STEP / PAGE);
}

/* A file grows as large as memory: write fails, and no process is killed. */
static void writing_more_than_there_is_fails(void)
{
    static char bytes[16 * PAGE];
    ssize_t done;

    memset(bytes, 'f', sizeof(bytes));
    struct counters before = counters_now();
    long cached = number_in("/proc/vmstat", "nr_page_cache");
    temp_dir_enter();
    int fd = CHECK_OK(open("file", O_RDWR | O_CREAT, 0644));
    while ((done = write(fd, bytes, sizeof(bytes))) > 0) {
    }
    CHECK_EQ(done, -1);
    CHECK(errno == ENOSPC || errno == ENOMEM);
    CHECK(CHECK_OK(lseek(fd, 0, SEEK_CUR)) > before.mem_free / 2 * (off_t)PAGE);
    CHECK_OK(ftruncate(fd, 0)); /* a path would need memory */
    CHECK_OK(unlink("file"));
    CHECK_OK(close(fd));
    temp_dir_leave();
    CHECK_EQ(number_in("/proc/vmstat", "nr_page_cache"), cached);
    comes_back(&before);
}

/* forktest: a process forks until there is no process, or no frame for one, left. The forking
   process is refused, or killed when it needs a page itself. Its children wait for the end of one
   pipe, and hold the end of another. */
struct breed {
    int waiting[2], living[2];
};

static void breed(void *arg)
{
    struct breed *breed = arg;
    pid_t pid;

    while ((pid = fork()) > 0) {
    }
    if (pid < 0)
        _exit(errno == ENOMEM || errno == EAGAIN ? 0 : TEST_FAILED);
    close(breed->waiting[1]);
    _exit(read(breed->waiting[0], &(char){0}, 1));
}

static void fork_until_there_is_none(void)
{
    struct breed pipes;

    make_pipe(pipes.waiting);
    make_pipe(pipes.living);
    pid_t pid = start_child(breed, &pipes);
    CHECK_OK(close(pipes.waiting[1]));
    CHECK_OK(close(pipes.living[1]));
    int status = wait_child(pid);
    CHECK_EQ(read(pipes.living[0], &(char){0}, 1), 0);
    CHECK(WIFSIGNALED(status) ? killed_by(status, SIGKILL) : exited_with(status, 0));
    CHECK_OK(close(pipes.waiting[0]));
    CHECK_OK(close(pipes.living[0]));
}

static void starting_more_processes_than_can_be_is_survived(void)
{
    struct counters before = counters_now();

    for (int i = 0; i < 2; i++) {
        fork_until_there_is_none();
        comes_back(&before);
    }
}

/* A bystander with memory of its own only waits while all this goes on. */
static void check_memory(void *memory)
{
    for (size_t i = 0; i < 64 * PAGE; i++)
        CHECK_EQ(((char *)memory)[i], 'b');
}

int main(int argc, char **argv)
{
    struct held_child bystander;
    char *memory;

    (void)argv;
    if (argc > 1)
        return recurse_without_end(0);
    pagoda_only();
    memory = memset(map_pages(64), 'b', 64 * PAGE);
    hold_child(&bystander, check_memory, memory);
    RUN(touching_more_than_there_is_kills);
    RUN(reading_into_more_than_there_is_kills);
    RUN(using_more_tables_than_there_is_kills);
    RUN(using_more_stack_than_there_is_kills);
    RUN(forking_more_than_there_is_is_survived);
    RUN(writing_more_than_there_is_fails);
    RUN(starting_more_processes_than_can_be_is_survived);
    check_memory(memory);
    CHECK(exited_with(release_child(&bystander), 0));
    return test_end();
}
