/* xv6's usertests, as far as they concern memory and processes. The xv6 name stands above each
   case. docs/courses.md lists those that other programs here cover. Numbers that only reflect the
   size of xv6's machine are left out. */
#include "test.h"

#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>

#include "umalloc.h"

static char *the_break(void)
{
    return pagoda_sbrk(0);
}

static void shrink_to(char *start)
{
    CHECK_OK(pagoda_sbrk(start - the_break()));
    CHECK_EQ(the_break(), start);
}

/* Moves the break up to a page boundary. Returns it. */
static char *aligned_break(void)
{
    CHECK_OK(pagoda_sbrk(page_round_up(the_break()) - the_break()));
    return the_break();
}

/* copyinstr3: a string that ends at the end of memory, and one that runs past it. */
static void a_string_may_not_run_past_the_end_of_memory(void)
{
    char *start = the_break();
    char *heap = aligned_break();
    char *end = heap + 2 * PAGE;

    CHECK_EQ(pagoda_sbrk(2 * PAGE), heap);
    strcpy(end - 4, "/no");
    CHECK_ERR(ENOENT, open(end - 4, O_RDONLY));
    CHECK_ERR(ENOENT, unlink(end - 4));
    CHECK_ERR(ENOENT, execv(end - 4, (char *[]){end - 4, NULL}));
    CHECK_OK(access(strcpy(end - 2, "/"), F_OK));
    end[-1] = 'x';
    CHECK_ERR(EFAULT, open(end - 1, O_WRONLY | O_CREAT, 0644));
    CHECK_ERR(EFAULT, unlink(end - 1));
    CHECK_ERR(EFAULT, link(end - 1, end - 1));
    CHECK_ERR(EFAULT, execv(end - 1, (char *[]){"x", NULL}));
    CHECK_ERR(EFAULT, execv(self_path(), (char *[]){end - 1, NULL}));
    shrink_to(start);
}

/* rwsbrk: read and write on memory that sbrk has given back. */
static void a_buffer_that_was_given_back_is_refused(void)
{
    char *start = the_break();
    char *heap = aligned_break();
    int fds[2];

    CHECK_OK(pagoda_sbrk(2 * PAGE));
    memset(heap, 'x', 2 * PAGE);
    CHECK_OK(pagoda_sbrk(-2 * (intptr_t)PAGE));
    make_pipe(fds);
    CHECK_ERR(EFAULT, write(fds[1], heap + PAGE, 1024));
    CHECK_EQ(CHECK_OK(write(fds[1], "hello", 5)), 5);
    CHECK_ERR(EFAULT, read(fds[0], heap + PAGE, 10));
    close(fds[0]);
    close(fds[1]);
    shrink_to(start);
}

/* argptest: an endless buffer that begins below the break. */
static void an_endless_buffer_at_the_break_is_refused(void)
{
    char *start = the_break();
    char *heap = aligned_break();
    int fd = CHECK_OK(open(self_path(), O_RDONLY));

    CHECK_OK(pagoda_sbrk(PAGE));
    ssize_t got = read(fd, heap + PAGE - 1, -1);
    CHECK(got == -1 && errno == EFAULT);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 0);
    CHECK_OK(close(fd));
    shrink_to(start);
}

/* sbrkbasic, sbrkmuch, lazy_sbrk: the heap grows far, only its last byte is touched, it shrinks, it
   grows again, and it is zero. */
static void the_heap_grows_far_and_shrinks(void)
{
    char *start = the_break();
    char *heap = aligned_break();

    CHECK_EQ(pagoda_sbrk(100 * MIB), heap);
    poke(heap + 100 * MIB - 1, 99);
    CHECK_EQ(pagoda_sbrk(-(intptr_t)PAGE), heap + 100 * MIB);
    CHECK_EQ(the_break(), heap + 100 * MIB - PAGE);
    CHECK_EQ(pagoda_sbrk(PAGE), heap + 100 * MIB - PAGE);
    CHECK_EQ(peek(heap + 100 * MIB - 1), 0);
    CHECK_EQ(pagoda_sbrk(-100 * (intptr_t)MIB), heap + 100 * MIB);
    CHECK(dies_by(SIGSEGV, read_byte, heap));
    shrink_to(start);
}

/* sbrk8000: the break at odd places. */
static void the_break_may_be_at_any_byte(void)
{
    char *start = the_break();

    CHECK_OK(pagoda_sbrk(0x80000004));
    char *top = the_break();
    poke(top - 1, peek(top - 1) + 1);
    CHECK_EQ(peek(top - 1), 1);
    shrink_to(start);
}

/* sbrklast: the program and the kernel can use the last byte below the break. */
static void the_last_byte_below_the_break_is_good(void)
{
    char *start = the_break();
    char *heap = aligned_break();
    struct stat buffer;

    CHECK_OK(pagoda_sbrk(PAGE - 1));
    char *end = the_break();
    poke(end - 2, '/');
    poke(end - 1, '\0');
    CHECK_OK(stat(end - 2, &buffer));
    CHECK_EQ(end, heap + PAGE - 1);
    shrink_to(start);
}

/* sbrkbugs: a process that gives its whole heap back still forks, runs and ends. */
static void fork_and_exit(void *unused)
{
    (void)unused;
    CHECK_OK(pagoda_sbrk(-(intptr_t)GIB)); /* as far as that goes */
    CHECK_OK(pagoda_sbrk(PAGE / 2));
    CHECK(exits_with(0, write_byte, &(char){0}));
}

static void a_process_may_have_no_heap(void)
{
    CHECK(exits_with(0, fork_and_exit, NULL));
}

/* sbrkarg: memory from sbrk works for read, write and pipe. */
static void new_memory_is_good_as_an_argument(void)
{
    char *start = the_break();
    char *heap = aligned_break();

    CHECK_OK(pagoda_sbrk(2 * PAGE));
    temp_dir_enter();
    int fd = CHECK_OK(open("sbrk", O_CREAT | O_RDWR, 0644));
    CHECK_OK(unlink("sbrk"));
    temp_dir_leave();
    CHECK_EQ(CHECK_OK(write(fd, heap, PAGE)), PAGE);
    CHECK_OK(pipe((int *)(heap + PAGE)));
    CHECK_OK(close(((int *)(heap + PAGE))[0]));
    CHECK_OK(close(((int *)(heap + PAGE))[1]));
    CHECK_OK(close(fd));
    shrink_to(start);
}

/* bsstest */
static char uninitialised[10000];

static void bss_is_zero(void)
{
    CHECK(is_zero(uninitialised, sizeof(uninitialised)));
}

/* bigargtest: with too many arguments exec fails, and the program goes on. */
static void too_many_arguments_are_refused(void)
{
    size_t count = 4 * MIB / 16;
    char **argv = (char **)map_pages(count * sizeof(char *) / PAGE + 1);

    for (size_t i = 0; i < count; i++)
        argv[i] = "bigargs test: failed";
    CHECK_ERR(E2BIG, execv(self_path(), argv));
    unmap_pages(argv, count * sizeof(char *) / PAGE + 1);
}

/* badarg: exec with bad pointers among its arguments, many times. Nothing of the good ones is
   leaked. */
static void bad_arguments_leave_nothing(void)
{
    char *argv[] = {"good", "better", (char *)0xffffffff, NULL};
    struct counters before = counters_now();

    number_in("/proc/vmstat", "nr_heap_bytes"); /* what it opens once is there now */
    long heap_before = number_in("/proc/vmstat", "nr_heap_bytes");
    for (int i = 0; i < 2000; i++)
        CHECK_ERR(EFAULT, execv(self_path(), argv));
    if (on_pagoda()) {
        CHECK_EQ(number_in("/proc/vmstat", "nr_heap_bytes"), heap_before);
        CHECK_EQ(counters_since(&before).anon_pages, 0);
        CHECK_EQ(counters_since(&before).page_tables, 0);
    }
}

/* pgbug: pointers that xv6 once took for canonical. */
static void wild_pointers_are_refused(void)
{
    char *wild = (char *)0xeaeb0b5b00002f5e;

    CHECK_ERR(EFAULT, execv(wild, (char *[]){NULL}));
    CHECK_ERR(EFAULT, pipe((int *)wild));
}

/* stacktest: below the stack's first page is only more stack, and then the guard. */
static void read_below_the_guard(void *unused)
{
    struct rlimit limit;
    struct region stack;

    (void)unused;
    CHECK_OK(getrlimit(RLIMIT_STACK, &limit));
    CHECK(region_find(__builtin_frame_address(0), &stack));
    peek((char *)stack.end - limit.rlim_cur - PAGE);
}

static void the_stack_has_a_guard(void)
{
    CHECK(dies_by(SIGSEGV, read_below_the_guard, NULL));
}

/* nowrite: addresses that no program may write, and the last of the address space. */
static void nothing_is_written_there(void)
{
    static const uintptr_t places[] = {0,
                                       0x80000000,
                                       0x3fffffe000,
                                       0x3ffffff000,
                                       0x4000000000,
                                       0x7fffffffe000 + PAGE,
                                       0xffffffffffffffff};

    CHECK(dies_by(SIGSEGV, write_byte, (void *)(uintptr_t)nothing_is_written_there));
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        CHECK(dies_by(SIGSEGV, write_byte, (void *)places[i]));
}

/* MAXVAplus: every power of two above user space. */
static void addresses_beyond_the_last_kill(void)
{
    for (unsigned bit = 47; bit < 64; bit++)
        CHECK(dies_by(SIGSEGV, write_byte, (void *)(1UL << bit)));
}

/* mem: all that malloc gives is freed; then there is memory again. */
struct block {
    struct block *next;
};

static void allocate_and_free_all(void *unused)
{
    struct rlimit limit = {16 * MIB, 16 * MIB};
    struct block *blocks = NULL, *block;

    (void)unused;
    CHECK_OK(setrlimit(RLIMIT_DATA, &limit));
    while ((block = umalloc(10001))) {
        block->next = blocks;
        blocks = block;
    }
    CHECK_EQ(errno, ENOMEM);
    while ((block = blocks)) {
        blocks = block->next;
        ufree(block);
    }
    CHECK(umalloc(20 * KIB));
}

static void all_that_malloc_gives_can_be_freed(void)
{
    CHECK(exits_with(0, allocate_and_free_all, NULL));
}

/* killstatus: the wait status of a killed child, many times. */
static void killed_children_have_a_status(void)
{
    for (int i = 0; i < 100; i++) {
        pid_t pid = start_child(wait_for_ever, NULL);
        CHECK_OK(kill(pid, SIGKILL));
        CHECK(killed_by(wait_child(pid), SIGKILL));
    }
}

/* exitwait: the wait status of a child that exits, many times. */
static void exit_with(void *code)
{
    _exit(*(int *)code);
}

static void exiting_children_have_a_status(void)
{
    for (int i = 0; i < 100; i++)
        CHECK(exits_with(i, exit_with, &i));
}

/* forkfork: two children that fork and wait repeatedly. */
static void fork_and_wait(void *unused)
{
    (void)unused;
    for (int i = 0; i < 100; i++)
        CHECK(exits_with(0, write_byte, &(char){0}));
}

static void two_children_can_fork_repeatedly(void)
{
    pid_t first = start_child(fork_and_wait, NULL), second = start_child(fork_and_wait, NULL);

    CHECK(exited_with(wait_child(first), 0));
    CHECK(exited_with(wait_child(second), 0));
}

/* reparent: parents that end before their children, which init reaps. */
static void fork_twice_and_end(void *unused)
{
    (void)unused;
    start_child(write_byte, &(char){0});
    start_child(write_byte, &(char){0});
}

static void children_may_lose_their_parents(void)
{
    for (int i = 0; i < 100; i++)
        CHECK(exits_with(0, fork_twice_and_end, NULL));
    CHECK_ERR(ECHILD, wait(NULL));
}

/* cowtest: a process with two thirds of memory can fork. Three processes that share a third all
   write it. */
static void write_all(void *area)
{
    char **range = area;

    for (char *page = range[0]; page < range[1]; page += PAGE)
        *(pid_t *)page = getpid();
    for (char *page = range[0]; page < range[1]; page += PAGE)
        CHECK_EQ(*(pid_t *)page, getpid());
}

static void fork_and_write_all(void *area)
{
    pid_t pid = start_child(write_all, area);

    write_all(area);
    CHECK(exited_with(wait_child(pid), 0));
    write_all(area);
}

static void most_of_memory_is_forked(void)
{
    size_t npages = counters_now().mem_free * 2 / 3;
    char *area = map_pages(npages);
    char *whole[] = {area, area + npages * PAGE};
    char *third[] = {area, area + npages / 3 * PAGE};

    write_all(whole);
    CHECK(exits_with(0, read_byte, area));
    unmap_pages(third[1], npages - npages / 3);
    CHECK(exits_with(0, fork_and_write_all, third));
    write_all(third);
    unmap_pages(area, npages / 3);
}

int main(void)
{
    RUN(a_process_may_have_no_heap);
    RUN(a_string_may_not_run_past_the_end_of_memory);
    RUN(a_buffer_that_was_given_back_is_refused);
    RUN(an_endless_buffer_at_the_break_is_refused);
    RUN(the_heap_grows_far_and_shrinks);
    RUN(the_break_may_be_at_any_byte);
    RUN(the_last_byte_below_the_break_is_good);
    RUN(new_memory_is_good_as_an_argument);
    RUN(bss_is_zero);
    RUN(too_many_arguments_are_refused);
    RUN(bad_arguments_leave_nothing);
    RUN(wild_pointers_are_refused);
    RUN(the_stack_has_a_guard);
    RUN(nothing_is_written_there);
    RUN(addresses_beyond_the_last_kill);
    RUN(all_that_malloc_gives_can_be_freed);
    RUN(killed_children_have_a_status);
    RUN(exiting_children_have_a_status);
    RUN(two_children_can_fork_repeatedly);
    RUN(children_may_lose_their_parents);
    RUN_ON_PAGODA(most_of_memory_is_forked);
    return test_end();
}
