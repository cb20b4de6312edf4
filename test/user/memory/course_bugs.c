/* The bugs that students make at the edges of lazy and copy-on-write memory, one case each. */
#include "test.h"

#include <elf.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <time.h>

/* 1. A string that crosses onto a lazy page: xv6_lazy_copy, and for every call syscall_pointers. */

/* 2. The kernel copies by another process's page table. Two processes wait in read(2) for bytes at
   the same address. A third process, in its own address space, wakes them. */

struct mailbox {
    int fds[2];
    char *page; /* the same address in all of them */
};

static void wait_for_letter(void *arg)
{
    struct mailbox *box = arg;
    char name = box->page[0];

    CHECK_EQ(CHECK_OK(read(box->fds[0], box->page, 1)), 1);
    CHECK_EQ(box->page[0], name - 'a' + 'A');
    CHECK_EQ(box->page[1], 'p');
}

static void a_copy_goes_to_the_process_that_asked(void)
{
    struct mailbox boxes[8];
    pid_t pids[ARRAY_SIZE(boxes)];
    char *page = memset(map_pages(1), 'p', PAGE);

    for (size_t i = 0; i < ARRAY_SIZE(boxes); i++) {
        make_pipe(boxes[i].fds);
        boxes[i].page = page;
        page[0] = 'a' + i;
        pids[i] = start_child(wait_for_letter, &boxes[i]);
        await_state(pids[i], 'S');
    }
    page[0] = 'p';
    for (size_t i = ARRAY_SIZE(boxes); i-- > 0;)
        CHECK_OK(write(boxes[i].fds[1], &(char){'A' + i}, 1));
    for (size_t i = 0; i < ARRAY_SIZE(boxes); i++) {
        CHECK(exited_with(wait_child(pids[i]), 0));
        CHECK_OK(close(boxes[i].fds[0]));
        CHECK_OK(close(boxes[i].fds[1]));
    }
    for (size_t i = 0; i < PAGE; i++)
        CHECK_EQ(page[i], 'p');
    unmap_pages(page, 1);
}

/* 3. More sharers than a byte can count. They wait until the last writer of the pipe is gone. */
#define SHARERS 300

struct crowd {
    int fds[2];
    char *page;
};

static void share_page(void *arg)
{
    struct crowd *crowd = arg;
    char byte;

    close(crowd->fds[1]);
    CHECK_EQ(CHECK_OK(read(crowd->fds[0], &byte, 1)), 0);
    CHECK(strcmp(crowd->page, "parent") == 0);
    snprintf(crowd->page, PAGE, "%d", getpid());
    CHECK_EQ(atoi(crowd->page), getpid());
}

static void a_page_can_have_three_hundred_sharers(void)
{
    struct crowd crowd = {.page = strcpy(map_pages(1), "parent")};
    pid_t pids[SHARERS];

    make_pipe(crowd.fds);
    for (int i = 0; i < SHARERS; i++)
        pids[i] = start_child(share_page, &crowd);
    strcpy(crowd.page, "changed");
    close(crowd.fds[1]);
    for (int i = 0; i < SHARERS; i++)
        CHECK(exited_with(wait_child(pids[i]), 0));
    CHECK(strcmp(crowd.page, "changed") == 0);
    close(crowd.fds[0]);
    unmap_pages(crowd.page, 1);
}

/* 4. A copy-on-write page is forked again. Two children share it at the third fork, and then each
   side changes it in turn. */

static void expect_parent(void *page)
{
    CHECK(strcmp(page, "parent") == 0);
}

static void write_child(void *page)
{
    expect_parent(page);
    strcpy(page, "child");
    CHECK(strcmp(page, "child") == 0);
}

static void a_shared_page_is_forked_again(void)
{
    struct held_child first, second, third;
    char *page = strcpy(map_pages(1), "parent");

    hold_child(&first, write_child, page);
    hold_child(&second, expect_parent, page);
    strcpy(page, "between");
    strcpy(page, "parent");
    hold_child(&third, write_child, page);
    strcpy(page, "changed");
    CHECK(exited_with(release_child(&first), 0));
    CHECK(exited_with(release_child(&third), 0));
    CHECK(exited_with(release_child(&second), 0));
    CHECK(strcmp(page, "changed") == 0);
    unmap_pages(page, 1);
}

/* Forks 35 deep. While all earlier generations live, each new one costs the same number of frames
   and page tables. Now and then a generation needs one more page of the stack, on which all of them
   lie. */
#define GENERATIONS 35

struct family {
    unsigned *page; /* how many generations there have been when its process was born */
    int costs[2];   /* a pipe, for what each fork cost, in pages */
};

static void live_and_fork(void *arg)
{
    struct family *family = arg;
    unsigned number = ++*family->page;
    struct held_child child;

    if (number == GENERATIONS)
        return;
    touch_stack(PAGE); /* which holding, counting and waiting use */
    struct counters before = counters_now();
    hold_child(&child, live_and_fork, family);
    struct counters spent = counters_since(&before);
    long cost = spent.anon_pages + spent.page_tables;
    CHECK_EQ(CHECK_OK(write(family->costs[1], &cost, sizeof(cost))), sizeof(cost));
    CHECK(exited_with(release_child(&child), 0));
    CHECK_EQ(*family->page, number);
    CHECK_EQ(counters_since(&before).anon_pages, 0);
    CHECK(counters_since(&before).page_tables <= 0); /* other processes may give some back */
}

static int compare_longs(const void *a, const void *b)
{
    return (*(const long *)a > *(const long *)b) - (*(const long *)a < *(const long *)b);
}

static void thirty_five_nested_forks_cost_the_same(void)
{
    struct family family = {.page = (unsigned *)map_pages(1)};
    long costs[GENERATIONS - 1];

    make_pipe(family.costs);
    CHECK(exits_with(0, live_and_fork, &family));
    CHECK_EQ(*family.page, 0);
    CHECK_EQ(CHECK_OK(read(family.costs[0], costs, sizeof(costs))), sizeof(costs));
    qsort(costs, GENERATIONS - 1, sizeof(costs[0]), compare_longs);
    /* Where another process gives memory back meanwhile, a fork seems to cost less. */
    long usual = costs[GENERATIONS / 2], most = costs[GENERATIONS - 2];
    if (on_pagoda() && (most > usual + 1 || most > 16))
        test_fail(__FILE__, __LINE__, "the forks cost %ld pages, and up to %ld", usual, most);
    CHECK_OK(close(family.costs[0]));
    CHECK_OK(close(family.costs[1]));
    unmap_pages(family.page, 1);
}

/* 5. A failure half-way leaks the first half. */

/* Makes an executable copy of this program, whose last segment cannot be loaded. */
static void make_half_program(const char *name)
{
    const Elf64_Phdr *headers = (const Elf64_Phdr *)getauxval(AT_PHDR);
    Elf64_Addr address = 0xffff800000000000;
    char bytes[4 * PAGE];
    ssize_t len;
    int last = 0;

    for (int i = 0; i < (int)getauxval(AT_PHNUM); i++)
        last = headers[i].p_type == PT_LOAD ? i : last;
    int from = CHECK_OK(open(self_path(), O_RDONLY));
    int to = CHECK_OK(open(name, O_WRONLY | O_CREAT | O_EXCL, 0755));
    while ((len = CHECK_OK(read(from, bytes, sizeof(bytes)))) > 0)
        CHECK_EQ(CHECK_OK(write(to, bytes, len)), len);
    CHECK_EQ(CHECK_OK(pwrite(to, &address, sizeof(address),
                             sizeof(Elf64_Ehdr) + last * sizeof(Elf64_Phdr) +
                                 offsetof(Elf64_Phdr, p_vaddr))),
             sizeof(address));
    CHECK_OK(close(from));
    CHECK_OK(close(to));
}

static void exec_half_program(void *unused)
{
    (void)unused;
    execv("half", (char *[]){"half", NULL});
    raise(SIGSEGV); /* as Linux does, for which this is too late to return */
}

static void half_an_exec_leaves_nothing(void)
{
    temp_dir_enter();
    make_half_program("half");
    CHECK(dies_by(SIGSEGV, exec_half_program, NULL));
    struct counters before = counters_now();
    for (int i = 0; i < 50; i++)
        CHECK(dies_by(SIGSEGV, exec_half_program, NULL));
    if (on_pagoda()) {
        CHECK_EQ(counters_since(&before).anon_pages, 0);
        CHECK_EQ(counters_since(&before).page_tables, 0);
    }
    CHECK_OK(unlink("half"));
    temp_dir_leave();
}

static void half_a_read_leaves_its_half(void)
{
    char *pages = map_pages(8);
    int fd = CHECK_OK(open("/dev/zero", O_RDONLY));

    unmap_pages(pages + 4 * PAGE, 4);
    struct counters before = counters_now();
    CHECK_EQ(CHECK_OK(read(fd, pages, 8 * PAGE)), 4 * PAGE);
    if (on_pagoda())
        CHECK_EQ(counters_since(&before).anon_pages, 4);
    unmap_pages(pages, 4);
    if (on_pagoda())
        CHECK_EQ(counters_since(&before).anon_pages, 0);
    CHECK_OK(close(fd));
}

/* 6. kill races with fork. The forking process has many regions and waits for nothing, so it spends
   most of its time in the middle of a fork. The timer's interrupt, which wakes the killer, comes at
   any point of that. */
#define REGIONS 256

static void fork_for_ever(void *unused)
{
    (void)unused;
    signal(SIGCHLD, SIG_IGN);
    for (;;)
        start_child(write_byte, &(char){0});
}

static void kill_may_meet_fork(void)
{
    char *pages = memset(map_pages(2 * REGIONS), 1, 2 * REGIONS * PAGE);
    struct timespec moment = {.tv_nsec = 1000000};

    for (int i = 0; i < REGIONS; i++)
        CHECK_OK(mprotect(pages + 2 * i * PAGE, PAGE, PROT_READ));
    for (int i = 0; i < 50; i++) {
        pid_t pid = start_child(fork_for_ever, NULL);
        nanosleep(&moment, NULL);
        CHECK_OK(kill(pid, SIGKILL));
        CHECK(killed_by(wait_child(pid), SIGKILL));
    }
    unmap_pages(pages, 2 * REGIONS);
}

int main(void)
{
    RUN(a_copy_goes_to_the_process_that_asked);
    RUN(a_page_can_have_three_hundred_sharers);
    RUN(a_shared_page_is_forked_again);
    RUN_ON_PAGODA(thirty_five_nested_forks_cost_the_same);
    RUN(half_an_exec_leaves_nothing);
    RUN(half_a_read_leaves_its_half);
    RUN(kill_may_meet_fork);
    return test_end();
}
