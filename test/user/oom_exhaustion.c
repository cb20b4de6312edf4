/* The end of memory: the process that asks for the last frame is killed, and nobody else is hurt.

   Touches all memory of the machine, so it needs Pagoda, whose machine is small. */
#include "test.h"

#define STEP (16 * MIB)

/* As xv6's lab has it: 16 MiB at a time, touched, until memory is gone. */
static void touch_without_end(void *unused)
{
    (void)unused;
    for (;;) {
        char *step = CHECK_OK(pagoda_sbrk(STEP));
        for (size_t at = 0; at < STEP; at += PAGE)
            poke(step + at, 1);
    }
}

/* The same, with the kernel touching the pages. */
static void read_without_end(void *unused)
{
    int fd = CHECK_OK(open("/dev/zero", O_RDONLY));

    (void)unused;
    for (;;) {
        void *step = CHECK_OK(pagoda_sbrk(STEP));
        CHECK_OK(read(fd, step, STEP));
    }
}

/* Memory runs out in fork and in the copying of pages: children fork until they are killed, or
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

static void memory_is_exhausted_by(void (*body)(void *), void *arg)
{
    struct counters before = counters_now();

    CHECK(dies_by(SIGKILL, body, arg));
    struct counters left = counters_since(&before);
    CHECK_EQ(left.anon_pages, 0);
    CHECK_EQ(left.page_tables, 0);
}

static void touching_more_than_there_is(void)
{
    memory_is_exhausted_by(touch_without_end, NULL);
}

static void reading_more_than_there_is(void)
{
    memory_is_exhausted_by(read_without_end, NULL);
}

static void forking_more_than_there_is(void)
{
    char *memory = map_pages(STEP / PAGE);

    memory_is_exhausted_by(fork_without_end, memory);
    unmap_pages(memory, STEP / PAGE);
}

/* Somebody who only waits, with memory of his own, while all this goes on. */
static void check_memory(void *memory)
{
    for (size_t i = 0; i < 64 * PAGE; i++)
        CHECK_EQ(((char *)memory)[i], 'b');
}

int main(void)
{
    struct held_child bystander;
    char *memory;

    pagoda_only();
    memory = memset(map_pages(64), 'b', 64 * PAGE);
    hold_child(&bystander, check_memory, memory);
    RUN(touching_more_than_there_is);
    RUN(reading_more_than_there_is);
    RUN(forking_more_than_there_is);
    check_memory(memory);
    CHECK(exited_with(release_child(&bystander), 0));
    return TEST_PASSED;
}
