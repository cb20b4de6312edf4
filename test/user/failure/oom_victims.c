/* Who is killed when memory is out: the process that holds most, whoever asks. Init and the shell
   at the terminal come last, and have some frames to themselves.

   The cases use all memory of the machine, so they need Pagoda, whose machine is small. */
#include "test.h"

#include <sched.h>
#include <sys/ioctl.h>

#define RESERVE_USERS 8 /* small programs, one after the other */

/* The tests fill memory with a small step, so that it is short for a long time. */
static void touch_pages(size_t npages)
{
    char *memory = CHECK_OK(pagoda_sbrk(npages * PAGE));

    for (size_t i = 0; i < npages; i++)
        poke(memory + i * PAGE, 1);
}

static size_t all_pages; /* that are free before the first case */

/* Returns the pages that a program can have. */
static size_t available_pages(void)
{
    return number_in("/proc/meminfo", "MemAvailable") * KIB / PAGE;
}

/* Where the kernel lacks memory for the heap's own structures, sbrk fails. Then the hog tries
   again: some memory is free once another hog is killed. */
static void grow_without_end(void *unused)
{
    (void)unused;
    for (;;) {
        char *memory = pagoda_sbrk(16 * PAGE);

        if (memory == (char *)-1) {
            CHECK_EQ(errno, ENOMEM);
            sched_yield();
            continue;
        }
        for (size_t i = 0; i < 16; i++)
            poke(memory + i * PAGE, 1);
    }
}

static void set_oom_score_adj(const char *value)
{
    int fd = CHECK_OK(open("/proc/self/oom_score_adj", O_WRONLY));

    CHECK_OK(write(fd, value, strlen(value)));
    CHECK_OK(close(fd));
}

/* A child that holds a part of memory. */
struct holder {
    struct gate has_grown;
    unsigned percent; /* of all_pages */
    const char *oom_score_adj;
    pid_t pid;
};

static void hold_memory(void *arg)
{
    const struct holder *holder = arg;

    if (holder->oom_score_adj)
        set_oom_score_adj(holder->oom_score_adj);
    touch_pages(all_pages * holder->percent / 100);
    gate_open(&holder->has_grown);
    wait_for_ever(NULL);
}

static void holder_start(struct holder *holder)
{
    holder->has_grown = gate_make();
    holder->pid = start_child(hold_memory, holder);
    gate_pass(&holder->has_grown);
    gate_destroy(&holder->has_grown);
}

/* Memory is out, and the holder was killed; the kernel names it and the process that asked. */
static void check_was_killed(const struct holder *holder, pid_t asker)
{
    char who[32] = "", *end = who;

    CHECK(killed_by(wait_child(holder->pid), SIGKILL));
    CHECK(strstr(kernel_message(holder->pid), ": out of memory: it holds "));
    if (!asker)
        return;
    for (const char *from = "and pid "; *from;)
        *end++ = *from++;
    for (pid_t left = asker, unit = 1000000; unit > 0; unit /= 10)
        if (asker >= unit)
            *end++ = '0' + left / unit % 10;
    CHECK(strstr(kernel_message(holder->pid), who));
}

static void end_holder(const struct holder *holder)
{
    CHECK_OK(kill(holder->pid, SIGKILL));
    CHECK(killed_by(wait_child(holder->pid), SIGKILL));
}

/* The asker needs as much as is left and half of what the holder has. */

static void use_most_of_the_rest(void *pages)
{
    touch_pages(*(size_t *)pages);
}

static void whoever_holds_most_is_killed(void)
{
    size_t half = all_pages / 2;
    struct holder hog = {.percent = 60}, small = {.percent = 5};

    holder_start(&small);
    holder_start(&hog);
    pid_t asker = start_child(use_most_of_the_rest, &half);
    CHECK(exited_with(wait_child(asker), 0));
    check_was_killed(&hog, asker);
    end_holder(&small);
}

/* The kernel needs the page, in the middle of a copy to the asker's memory. */
static void read_most_of_the_rest(void *pages)
{
    size_t len = *(size_t *)pages * PAGE;
    int fd = CHECK_OK(open("/dev/zero", O_RDONLY));
    char *memory = CHECK_OK(pagoda_sbrk(len));

    CHECK_EQ(CHECK_OK(read(fd, memory, len)), len);
}

static void a_copy_of_the_kernel_waits_for_memory(void)
{
    size_t half = all_pages / 2;
    struct holder hog = {.percent = 60};

    holder_start(&hog);
    CHECK(exits_with(0, read_most_of_the_rest, &half));
    check_was_killed(&hog, 0);
}

/* The hog sleeps for a byte of a pipe, and then has to end while it waits for the pipe's lock: a
   reader holds the lock, and waits for memory. */

static int busy_pipe[2];

static void hold_memory_and_write(void *arg)
{
    const struct holder *holder = arg;

    touch_pages(all_pages * holder->percent / 100);
    gate_open(&holder->has_grown);
    for (;;)
        if (write(busy_pipe[1], "x", 1) < 0) /* the kernel may have no frame for the pipe */
            CHECK_EQ(errno, ENOMEM);
}

/* The pipe ends with the hog. */
static void read_pipe_into_new_pages(void *pages)
{
    char *memory = CHECK_OK(pagoda_sbrk(*(size_t *)pages * PAGE));

    CHECK_OK(close(busy_pipe[1]));
    for (size_t i = 0; i < *(size_t *)pages; i++)
        CHECK_OK(read(busy_pipe[0], memory + i * PAGE, 1));
}

static void a_victim_that_needs_the_askers_lock_ends(void)
{
    size_t half = all_pages / 2;
    struct holder hog = {.percent = 60};

    make_pipe(busy_pipe);
    hog.has_grown = gate_make();
    hog.pid = start_child(hold_memory_and_write, &hog);
    gate_pass(&hog.has_grown);
    gate_destroy(&hog.has_grown);
    pid_t asker = start_child(read_pipe_into_new_pages, &half);
    CHECK_OK(close(busy_pipe[1]));
    int status = wait_child(asker); /* killed, if it could not wait any longer */
    CHECK(WIFSIGNALED(status) ? killed_by(status, SIGKILL) : exited_with(status, 0));
    if (WIFSIGNALED(status)) /* then the hog may live */
        CHECK_OK(kill(hog.pid, SIGKILL));
    CHECK(killed_by(wait_child(hog.pid), SIGKILL));
    CHECK_OK(close(busy_pipe[0]));
}

/* All hogs grow until none is left, while a process with a little memory goes on. They begin when
   all have been made, because a fork may fail while memory is out. */

#define HOGS 8

static void grow_once_the_gate_is_open(void *gate)
{
    gate_pass(gate);
    grow_without_end(NULL);
}

static void a_herd_of_hogs_kills_no_other(void)
{
    struct holder small = {.percent = 2};
    struct gate all_are_made = gate_make();
    pid_t hogs[HOGS];

    holder_start(&small);
    for (int i = 0; i < HOGS; i++)
        hogs[i] = start_child(grow_once_the_gate_is_open, &all_are_made);
    for (int i = 0; i < HOGS; i++)
        gate_open(&all_are_made);
    gate_destroy(&all_are_made);
    for (int i = 0; i < HOGS; i++)
        CHECK(killed_by(wait_child(hogs[i]), SIGKILL));
    end_holder(&small);
}

/* Hogs that have the memory in common: each shows all of it, and one after the other is killed. */

static void grow_in_a_family(void *unused)
{
    CHECK_OK(setpgid(0, 0));
    touch_pages(all_pages / 2);
    for (int i = 0; i < HOGS && fork() > 0; i++) {
    }
    grow_without_end(unused);
}

static void a_family_of_hogs_kills_no_other(void)
{
    struct holder small = {.percent = 2};
    int living[2];
    char byte;

    holder_start(&small);
    make_pipe(living); /* its end is seen when the last hog is gone */
    pid_t hog = start_child(grow_in_a_family, NULL);
    CHECK_OK(close(living[1]));
    CHECK_EQ(CHECK_OK(read(living[0], &byte, 1)), 0);
    CHECK(killed_by(wait_child(hog), SIGKILL));
    CHECK_OK(close(living[0]));
    end_holder(&small);
}

/* oom_score_adj of Linux. */

static void the_adjusted_score_decides(void)
{
    size_t half = all_pages / 2;
    struct holder spared = {.percent = 40, .oom_score_adj = "-1000"};
    struct holder first = {.percent = 5, .oom_score_adj = "1000"};
    struct holder second = {.percent = 40};

    holder_start(&first);
    holder_start(&spared);
    holder_start(&second);
    CHECK(exits_with(0, use_most_of_the_rest, &half));
    check_was_killed(&first, 0);
    check_was_killed(&second, 0);
    end_holder(&spared);
}

/* The shell at the terminal. Here it is the leader of the session that has the terminal. */

static void lead_session(void *body)
{
    CHECK_OK(setsid());
    int terminal = CHECK_OK(open("/dev/console", O_RDWR));
    CHECK_OK(ioctl(terminal, TIOCSCTTY, 1));
    ((void (*)(void))body)();
}

static void run_in_session(void *body)
{
    CHECK(exits_with(0, lead_session, body));
}

#define RUN_IN_SESSION(name) test_run_with(#name, run_in_session, (void *)(uintptr_t)(name))

static void the_leader_at_the_terminal_goes_last(void)
{
    touch_pages(all_pages * 60 / 100);
    CHECK(dies_by(SIGKILL, grow_without_end, NULL));
}

/* Returns true if there are frames for a child, which needs several, but no page of its own. */
static bool can_fork(void)
{
    pid_t pid = vfork();

    if (pid == 0)
        _exit(0);
    if (pid < 0)
        CHECK_EQ(errno, ENOMEM);
    return pid > 0 && exited_with(wait_child(pid), 0);
}

/* Takes all memory that a program can have, but for a few pages, which it needs itself to open the
   gate. The caches of CPUs may hold some more. */
static void take_what_is_available(void *grown)
{
    touch_stack(4 * PAGE);
    while (available_pages() > 1000)
        touch_pages(16);
    while (can_fork())
        touch_pages(1);
    CHECK_OK(pagoda_sbrk(-2 * (intptr_t)PAGE));
    gate_open(grown);
    wait_for_ever(NULL);
}

/* A child of the leader may take some frames of the reserve, but no grandchild. */
static void keep_a_hog(void *grown)
{
    CHECK_OK(setpgid(0, 0));
    (void)in_child(take_what_is_available, grown);
}

/* A fork may fail while a hog is being killed, and a person would type the line again. */
static void run_program(const char *const *arguments)
{
    pid_t pid;

    while ((pid = fork()) < 0) {
        CHECK_EQ(errno, ENOMEM);
        sched_yield();
    }
    if (pid == 0) {
        CHECK_OK(dup2(CHECK_OK(open("/dev/null", O_WRONLY)), STDOUT_FILENO));
        execv(arguments[0], (char **)arguments);
        _exit(TEST_FAILED);
    }
    CHECK(exited_with(wait_child(pid), 0));
}

static void the_leader_runs_programs_when_no_frame_is_left(void)
{
    struct gate grown = gate_make();
    pid_t keeper = start_child(keep_a_hog, &grown);

    gate_pass(&grown);
    for (int i = 0; i < RESERVE_USERS; i++) {
        run_program((const char *[]){"/bin/kill", "-0", "1", NULL});
        run_program((const char *[]){"/bin/rm", "-f", "nothing", NULL});
    }
    CHECK_EQ(waitpid(keeper, NULL, WNOHANG), 0); /* its hog lives: nobody needed more memory */
    CHECK_OK(kill(-keeper, SIGKILL));
    CHECK(killed_by(wait_child(keeper), SIGKILL));
    gate_destroy(&grown);
}

/* Hogs grow while the leader starts one program after the other. */
static void programs_run_beside_a_hog(void)
{
    for (int round = 0; round < 3; round++) {
        pid_t hog = start_child(grow_without_end, NULL);
        int status;

        while (CHECK_OK(waitpid(hog, &status, WNOHANG)) == 0)
            run_program((const char *[]){"/bin/ls", "/bin", NULL});
        CHECK(killed_by(status, SIGKILL));
    }
}

int main(void)
{
    pagoda_only();
    all_pages = counters_now().mem_free;
    RUN(whoever_holds_most_is_killed);
    RUN(a_copy_of_the_kernel_waits_for_memory);
    RUN(a_victim_that_needs_the_askers_lock_ends);
    RUN(a_herd_of_hogs_kills_no_other);
    RUN(a_family_of_hogs_kills_no_other);
    RUN(the_adjusted_score_decides);
    RUN_IN_SESSION(the_leader_at_the_terminal_goes_last);
    RUN_IN_SESSION(the_leader_runs_programs_when_no_frame_is_left);
    RUN_IN_SESSION(programs_run_beside_a_hog);
    return test_end();
}
