/* Processes that fork, exec, exit and are killed while their threads run. */
#include "workload.h"

#include <sched.h>

#define PAGES 32u

/* ---- Forks in several threads ---- */

static void fork_and_wait(struct member *self)
{
    for (int n = 0; n < 4; n++) {
        int status = random_below(&self->random, 10);
        bool execs = random_below(&self->random, 3) == 0;
        pid_t pid = CHECK_OK(fork());

        if (pid == 0 && execs)
            exec_exits(status);
        if (pid == 0) {
            write_byte(map_pages(1));
            _exit(status);
        }
        CHECK(exited_with(wait_child(pid), status));
    }
}

static void threads_fork_and_wait(uint64_t *random)
{
    crew_run(random, 3,
             (void (*const[])(struct member *)){fork_and_wait, fork_and_wait, fork_and_wait});
}

/* ---- Ends amid faults ---- */

static char *pages; /* of the process */

static void fault_for_ever(struct member *self)
{
    for (;;) {
        uint32_t page = random_below(&self->random, PAGES);

        poke(pages + page * PAGE, 1);
        if (random_below(&self->random, PAGES) == 0)
            CHECK_OK(madvise(pages, PAGES * PAGE, MADV_DONTNEED));
    }
}

/* The bytes of pipes, and children that nobody waits for. */
static void call_for_ever(struct member *self)
{
    char byte = 0;
    int fds[2];

    make_pipe(fds);
    for (;;) {
        CHECK_EQ(CHECK_OK(write(fds[1], &byte, 1)), 1);
        CHECK_EQ(CHECK_OK(read(fds[0], &byte, 1)), 1);
        if (random_below(&self->random, 200) == 0) {
            pid_t pid = CHECK_OK(fork());

            if (pid == 0)
                _exit(0);
            wait_child(pid);
        }
    }
}

static void exit_soon(struct member *self)
{
    dawdle(&self->random, 100000);
    _exit(3);
}

static void exec_soon(struct member *self)
{
    dawdle(&self->random, 100000);
    exec_exits(4);
}

struct end {
    uint64_t random;
    void (*body)(struct member *); /* of the thread that ends the process, or of one more */
};

static void run_to_end(void *arg)
{
    struct end *end = arg;

    pages = map_pages(PAGES);
    crew_run(&end->random, 4,
             (void (*const[])(struct member *)){fault_for_ever, fault_for_ever, call_for_ever,
                                                end->body});
}

static void exit_and_exec_end_all_threads(uint64_t *random)
{
    for (int n = 0; n < 3; n++) {
        bool execs = random_below(random, 2);
        struct end end = {random_next(random), execs ? exec_soon : exit_soon};

        CHECK(exits_with(execs ? 4 : 3, run_to_end, &end));
    }
}

static void a_kill_ends_all_threads(uint64_t *random)
{
    for (int n = 0; n < 3; n++) {
        struct end end = {random_next(random), call_for_ever};
        pid_t pid = start_child(run_to_end, &end);

        dawdle(random, 200000);
        CHECK_OK(kill(pid, SIGKILL));
        CHECK(killed_by(wait_child(pid), SIGKILL));
    }
}

/* ---- Stops ---- */

static void a_process_stops_and_continues(uint64_t *random)
{
    struct end end = {random_next(random), call_for_ever};
    pid_t pid = start_child(run_to_end, &end);
    int status;

    for (int n = 0; n < 4; n++) {
        dawdle(random, 50000);
        CHECK_OK(kill(pid, SIGSTOP));
        CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
        CHECK(WIFSTOPPED(status));
        CHECK_OK(kill(pid, SIGCONT));
        CHECK_EQ(waitpid(pid, &status, WCONTINUED), pid);
        CHECK(WIFCONTINUED(status));
    }
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

int main(int argc, char **argv)
{
    static const struct workload all[] = {
        {"threads_fork_and_wait", threads_fork_and_wait},
        {"exit_and_exec_end_all_threads", exit_and_exec_end_all_threads},
        {"a_kill_ends_all_threads", a_kill_ends_all_threads},
        {"a_process_stops_and_continues", a_process_stops_and_continues},
    };

    return workloads_main(argc, argv, all, ARRAY_SIZE(all));
}
