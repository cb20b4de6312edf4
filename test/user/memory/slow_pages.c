/* A page of a file that takes its time: the fault waits without a lock, so the rest of the process
   goes on. A debug build of Pagoda holds the pages of a file back while it has the sticky bit.
   Elsewhere the same faults do not wait. */
#include "plain_file.h"

#include <pthread.h>

#define RW (PROT_READ | PROT_WRITE)

static int fd;
static char *page;   /* of the file */
static bool is_held; /* the build holds pages back */

static void hold(void)
{
    fd = plain_file_create("slow");
    CHECK_OK(fchmod(fd, 01644));
    page = CHECK_OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
}

static void let_go(void)
{
    CHECK_OK(fchmod(fd, 0644));
}

static void done(void)
{
    unmap_pages(page, 1);
    plain_file_remove(fd);
}

static void read_slow(void *unused)
{
    (void)unused;
    CHECK_EQ(peek(page), 's');
}

static void *fault(void *arrived)
{
    gate_open(arrived);
    read_slow(NULL);
    return NULL;
}

/* Waits until a child has come to its fault. */
static void await_fault(pid_t child)
{
    if (is_held)
        await_state(child, 'D');
}

static void the_address_space_changes_while_a_fault_waits(void)
{
    struct gate arrived = gate_make();
    pthread_t thread;

    hold();
    CHECK_EQ(pthread_create(&thread, NULL, fault, &arrived), 0);
    gate_pass(&arrived);
    char *pages = map_pages(2);
    poke(pages, 1);
    CHECK_OK(mprotect(pages, PAGE, PROT_READ));
    CHECK(exits_with(0, do_nothing, NULL));
    unmap_pages(pages, 2);
    let_go();
    CHECK_EQ(pthread_join(thread, NULL), 0);
    gate_destroy(&arrived);
    done();
}

static void many_wait_for_one_page(void)
{
    pid_t children[4];

    hold();
    for (size_t n = 0; n < ARRAY_SIZE(children); n++)
        children[n] = start_child(read_slow, NULL);
    for (size_t n = 0; n < ARRAY_SIZE(children); n++)
        await_fault(children[n]);
    let_go();
    for (size_t n = 0; n < ARRAY_SIZE(children); n++)
        CHECK(exited_with(wait_child(children[n]), 0));
    done();
}

static void a_fault_that_waits_can_be_killed(void)
{
    hold();
    pid_t child = start_child(is_held ? read_slow : wait_for_ever, NULL);
    await_fault(child);
    CHECK_OK(kill(child, SIGKILL));
    CHECK(killed_by(wait_child(child), SIGKILL));
    let_go();
    done();
}

static void write_from_page(void *unused)
{
    char bytes[4];
    int fds[2];

    (void)unused;
    make_pipe(fds);
    CHECK_EQ(CHECK_OK(write(fds[1], page, 4)), 4);
    CHECK_EQ(CHECK_OK(read(fds[0], bytes, 4)), 4);
    CHECK(!memcmp(bytes, "slow", 4));
}

static void a_system_call_waits_for_its_buffer(void)
{
    hold();
    pid_t child = start_child(write_from_page, NULL);
    await_fault(child);
    let_go();
    CHECK(exited_with(wait_child(child), 0));
    done();
}

static void a_system_call_that_waits_can_be_killed(void)
{
    hold();
    pid_t child = start_child(is_held ? write_from_page : wait_for_ever, NULL);
    await_fault(child);
    CHECK_OK(kill(child, SIGKILL));
    CHECK(killed_by(wait_child(child), SIGKILL));
    let_go();
    done();
}

static void the_file_is_cut_off_while_a_fault_waits(void)
{
    hold();
    pid_t child = start_child(read_slow, NULL);
    await_fault(child);
    if (is_held)
        CHECK_OK(ftruncate(fd, 0));
    let_go();
    int status = wait_child(child);
    CHECK(is_held ? killed_by(status, SIGBUS) : exited_with(status, 0));
    done();
}

int main(void)
{
    is_held = is_debug_build();
    temp_dir_enter();
    RUN(the_address_space_changes_while_a_fault_waits);
    RUN(many_wait_for_one_page);
    RUN(a_fault_that_waits_can_be_killed);
    RUN(a_system_call_waits_for_its_buffer);
    RUN(a_system_call_that_waits_can_be_killed);
    RUN(the_file_is_cut_off_while_a_fault_waits);
    temp_dir_leave();
    return test_end();
}
