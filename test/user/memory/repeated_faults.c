/* Faults that come back again and again, at the same instruction and address. Each makes progress,
   or ends in a signal. The kernel panics if a fault comes back without progress, so none of these
   may count as such. */
#include "test.h"

#include <stdio.h>

#define TIMES 1000

/* Reads, and writes, by one instruction for all callers. */
static __attribute__((noinline)) char read_here(const char *address)
{
    return peek(address);
}

static __attribute__((noinline)) void write_here(char *address)
{
    poke(address, 'x');
}

static void a_page_that_is_discarded_each_time(void)
{
    char *page = map_pages(1);

    for (int n = 0; n < TIMES; n++) {
        write_here(page);
        CHECK_OK(madvise(page, PAGE, MADV_DONTNEED));
    }
    unmap_pages(page, 1);
}

static void a_page_that_is_mapped_anew_each_time(void)
{
    char *page = map_pages(1);

    for (int n = 0; n < TIMES; n++) {
        CHECK_EQ(read_here(page), 0);
        CHECK(mmap(page, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                   0) == page);
    }
    unmap_pages(page, 1);
}

static void a_page_that_is_protected_each_time(void)
{
    char *page = map_pages(1);

    for (int n = 0; n < TIMES; n++) {
        write_here(page);
        CHECK_OK(mprotect(page, PAGE, PROT_READ));
        CHECK_OK(mprotect(page, PAGE, PROT_READ | PROT_WRITE));
    }
    unmap_pages(page, 1);
}

static void a_page_that_is_shared_by_fork_each_time(void)
{
    char *page = map_pages(1);

    for (int n = 0; n < 150; n++) {
        write_here(page);
        CHECK(exits_with(0, do_nothing, NULL));
    }
    unmap_pages(page, 1);
}

/* A child that makes a file empty and long again, whenever it is asked. */
struct truncator {
    struct gate asked, done;
    int fd;
};

static void truncate_when_asked(void *arg)
{
    const struct truncator *truncator = arg;

    for (int n = 0; n < TIMES; n++) {
        gate_pass(&truncator->asked);
        CHECK_OK(ftruncate(truncator->fd, 0));
        CHECK_OK(ftruncate(truncator->fd, PAGE));
        gate_open(&truncator->done);
    }
}

static void a_page_that_another_process_truncates_each_time(void)
{
    struct truncator truncator = {gate_make(), gate_make(), create_file("file", "x", 1)};

    CHECK_OK(ftruncate(truncator.fd, PAGE));
    char *page = CHECK_OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, truncator.fd, 0));
    pid_t child = start_child(truncate_when_asked, &truncator);
    for (int n = 0; n < TIMES; n++) {
        read_here(page);
        gate_open(&truncator.asked);
        gate_pass(&truncator.done);
    }
    CHECK(exited_with(wait_child(child), 0));
    unmap_pages(page, 1);
    gate_destroy(&truncator.asked);
    gate_destroy(&truncator.done);
    CHECK_OK(close(truncator.fd));
    CHECK_OK(unlink("file"));
}

static volatile int handled;
static char *volatile barred;

/* Returns to the same access, and permits it the last time. */
static void permit_at_last(int signal)
{
    (void)signal;
    if (++handled == TIMES && mprotect(barred, PAGE, PROT_READ | PROT_WRITE))
        _exit(TEST_FAILED);
}

static void an_access_whose_handler_permits_it_late(void)
{
    struct sigaction action = {.sa_handler = permit_at_last}, old;

    barred = map_pages(1);
    CHECK_OK(mprotect(barred, PAGE, PROT_NONE));
    CHECK_OK(sigaction(SIGSEGV, &action, &old));
    write_here(barred);
    CHECK_EQ(handled, TIMES);
    CHECK_OK(sigaction(SIGSEGV, &old, NULL));
    unmap_pages(barred, 1);
}

static void a_buffer_that_the_kernel_cannot_read(void)
{
    char *hole = map_hole(1);
    int fds[2];

    make_pipe(fds);
    for (int n = 0; n < TIMES; n++)
        CHECK_ERR(EFAULT, write(fds[1], hole, 1));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static void a_buffer_that_is_discarded_each_time(void)
{
    char *page = map_pages(1);
    int fds[2];

    make_pipe(fds);
    for (int n = 0; n < TIMES; n++) {
        CHECK_OK(madvise(page, PAGE, MADV_DONTNEED));
        CHECK_EQ(CHECK_OK(write(fds[1], "x", 1)), 1);
        CHECK_EQ(CHECK_OK(read(fds[0], page, 1)), 1);
    }
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    unmap_pages(page, 1);
}

/* Runs this program again and again, with one number less each time. */
static void run_again(void *arg)
{
    char *arguments[] = {"repeated_faults", arg, NULL};

    execv(self_path(), arguments);
    _exit(TEST_FAILED);
}

static void the_first_step_of_a_program_that_executes_itself(void)
{
    CHECK(exits_with(0, run_again, "150"));
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        int left = atoi(argv[1]);
        char number[16];

        snprintf(number, sizeof(number), "%d", left - 1);
        if (left > 1)
            run_again(number);
        return 0;
    }
    temp_dir_enter();
    RUN(a_page_that_is_discarded_each_time);
    RUN(a_page_that_is_mapped_anew_each_time);
    RUN(a_page_that_is_protected_each_time);
    RUN(a_page_that_is_shared_by_fork_each_time);
    RUN(a_page_that_another_process_truncates_each_time);
    RUN(an_access_whose_handler_permits_it_late);
    RUN(a_buffer_that_the_kernel_cannot_read);
    RUN(a_buffer_that_is_discarded_each_time);
    RUN(the_first_step_of_a_program_that_executes_itself);
    temp_dir_leave();
    return test_end();
}
