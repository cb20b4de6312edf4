/* mremap: memory that grows, shrinks and moves keeps its contents, its rights and its pages. */
#define _GNU_SOURCE
#include "test.h"

#include <sys/resource.h>
#include <sys/syscall.h>

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define TO   (MREMAP_MAYMOVE | MREMAP_FIXED)

#define LEAF_TABLE (2 * MIB)

/* Moves as the system call, so that a flag may be there without its argument. */
static long remap_call(void *from, size_t old_len, size_t new_len, unsigned flags, void *to)
{
    return syscall(SYS_mremap, from, old_len, new_len, flags, to);
}

/* Returns room for `npages` at a multiple of 2 MiB, where nothing is mapped. */
static char *aligned_hole(size_t npages)
{
    char *hole = map_hole(npages + LEAF_TABLE / PAGE);

    return (char *)(((uintptr_t)hole + LEAF_TABLE - 1) & -LEAF_TABLE);
}

static char *map_at(char *start, size_t npages)
{
    CHECK(mmap(start, npages * PAGE, RW, ANON | MAP_FIXED, -1, 0) == start);
    return start;
}

static void memory_grows_where_it_is(void)
{
    char *page = map_at(aligned_hole(4), 1);

    poke(page, 'x');
    CHECK_EQ(remap_call(page, PAGE, 4 * PAGE, 0, NULL), (long)page);
    CHECK_EQ(peek(page), 'x');
    CHECK(is_zero(page + PAGE, 3 * PAGE));
    poke(page + 3 * PAGE, 'y');
    CHECK_EQ(remap_call(page, 4 * PAGE, 4 * PAGE, 0, NULL), (long)page);
    unmap_pages(page, 4);
}

static void memory_shrinks(void)
{
    char *pages = map_pages(4);

    memset(pages, 'x', 4 * PAGE);
    struct counters before = counters_now();
    CHECK_EQ(remap_call(pages, 4 * PAGE, PAGE, 0, NULL), (long)pages);
    if (on_pagoda())
        CHECK_EQ(counters_since(&before).anon_pages, -3);
    CHECK_EQ(peek(pages), 'x');
    CHECK(dies_by(SIGSEGV, read_byte, pages + PAGE));
    unmap_pages(pages, 1);
}

static void memory_that_cannot_grow_moves(void)
{
    char *pages = map_pages(3);

    memset(pages, 'x', 2 * PAGE);
    CHECK_OK(mprotect(pages + 2 * PAGE, PAGE, PROT_READ));
    CHECK_ERR(ENOMEM, remap_call(pages, 2 * PAGE, 4 * PAGE, 0, NULL));
    char *moved = mremap(pages, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE);
    CHECK(moved != MAP_FAILED && moved != pages);
    CHECK_EQ(peek(moved + 2 * PAGE - 1), 'x');
    CHECK(is_zero(moved + 2 * PAGE, 2 * PAGE));
    CHECK(dies_by(SIGSEGV, read_byte, pages));
    CHECK_EQ(peek(pages + 2 * PAGE), 0);
    unmap_pages(moved, 4);
    unmap_pages(pages + 2 * PAGE, 1);
}

static void a_move_replaces_what_is_in_the_way(void)
{
    char *from = map_pages(2), *to = map_pages(4);

    memset(from, 'x', 2 * PAGE);
    memset(to, 'y', 4 * PAGE);
    CHECK_EQ(remap_call(from, 2 * PAGE, 2 * PAGE, TO, to + PAGE), (long)(to + PAGE));
    CHECK_EQ(peek(to), 'y');
    CHECK_EQ(peek(to + PAGE), 'x');
    CHECK_EQ(peek(to + 3 * PAGE - 1), 'x');
    CHECK_EQ(peek(to + 3 * PAGE), 'y');
    CHECK(dies_by(SIGSEGV, read_byte, from));
    unmap_pages(to, 4);
}

/* A move to an address may also change the size. */
static void a_move_grows_and_shrinks(void)
{
    char *from = map_pages(3), *to = map_at(aligned_hole(4), 1);

    memset(from, 'x', 3 * PAGE);
    CHECK_EQ(remap_call(from, 3 * PAGE, PAGE, TO, to), (long)to);
    CHECK(dies_by(SIGSEGV, read_byte, from + 2 * PAGE));
    CHECK_EQ(peek(to), 'x');
    CHECK(dies_by(SIGSEGV, read_byte, to + PAGE));
    CHECK_EQ(remap_call(to, PAGE, 3 * PAGE, TO, from), (long)from);
    CHECK_EQ(peek(from), 'x');
    CHECK(is_zero(from + PAGE, 2 * PAGE));
    unmap_pages(from, 3);
}

/* Moves `npages` pages by `distance` bytes, and counts what the kernel allocates for it. */
static void move_far(size_t npages, size_t distance)
{
    char *from = map_at(aligned_hole(2 * npages + 2 * LEAF_TABLE / PAGE), npages);
    char *to = from + npages * PAGE + distance;

    for (size_t i = 0; i < npages; i += 16)
        poke(from + i * PAGE, (char)(i / 16));
    struct counters before = counters_now();
    CHECK_EQ(remap_call(from, npages * PAGE, npages * PAGE, TO, to), (long)to);
    if (on_pagoda()) {
        CHECK_EQ(counters_since(&before).anon_pages, 0);
        CHECK(counters_since(&before).page_tables <= 2);
    }
    for (size_t i = 0; i < npages; i += 16)
        CHECK_EQ(peek(to + i * PAGE), (char)(i / 16));
    poke(to, 'x');
    CHECK_EQ(counters_since(&before).minor_fault, 0);
    unmap_pages(to, npages);
}

static void whole_tables_move(void)
{
    move_far(3 * LEAF_TABLE / PAGE, LEAF_TABLE);
}

static void entries_move_one_by_one(void)
{
    move_far(2 * LEAF_TABLE / PAGE + 7, 0);
    move_far(LEAF_TABLE / PAGE, 3 * PAGE);
}

static void write_there(void *page)
{
    poke(page, 'c');
    CHECK_EQ(peek((char *)page + PAGE), 'x');
}

/* A page that is shared with a child is moved by one of the two, and copied when it is written. */
static void what_a_child_has_stays_its_own(void)
{
    char *pages = map_at(aligned_hole(LEAF_TABLE / PAGE), LEAF_TABLE / PAGE);
    char *to = aligned_hole(LEAF_TABLE / PAGE);
    int gate[2], status;

    memset(pages, 'x', 2 * PAGE);
    make_pipe(gate);
    pid_t child = fork();
    if (child == 0) {
        char byte;

        if (read(gate[0], &byte, 1) == 1)
            write_there(pages);
        _exit(peek(pages) == 'c' ? 0 : 1);
    }
    CHECK_EQ(remap_call(pages, LEAF_TABLE, LEAF_TABLE, TO, to), (long)to);
    poke(to + PAGE, 'p');
    CHECK_EQ(write(gate[1], "x", 1), 1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(peek(to), 'x');
    CHECK_EQ(peek(to + PAGE), 'p');
    CHECK_OK(close(gate[0]));
    CHECK_OK(close(gate[1]));
    unmap_pages(to, LEAF_TABLE / PAGE);
}

static void rights_go_along(void)
{
    char *pages = map_pages(2), *to = map_hole(2);

    memset(pages, 'x', 2 * PAGE);
    CHECK_OK(mprotect(pages, 2 * PAGE, PROT_NONE));
    CHECK_EQ(remap_call(pages, 2 * PAGE, 2 * PAGE, TO, to), (long)to);
    CHECK(dies_by(SIGSEGV, read_byte, to));
    CHECK_OK(mprotect(to, 2 * PAGE, PROT_READ));
    CHECK_EQ(peek(to + PAGE), 'x');
    CHECK(dies_by(SIGSEGV, write_byte, to));
    unmap_pages(to, 2);
}

static void a_file_keeps_its_place(void)
{
    static char bytes[4 * PAGE];

    for (size_t i = 0; i < 4; i++)
        memset(bytes + i * PAGE, 'a' + (int)i, PAGE);
    int fd = create_file("file", bytes, sizeof(bytes));
    char *pages = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0), *to = aligned_hole(4);
    CHECK(pages != MAP_FAILED);
    poke(pages + PAGE + 1, 'x');
    CHECK_EQ(remap_call(pages + PAGE, PAGE, 4 * PAGE, TO, to), (long)to);
    CHECK_EQ(peek(to), 'b');
    CHECK_EQ(peek(to + 1), 'x');
    CHECK_EQ(peek(to + PAGE), 'c');
    CHECK_EQ(peek(to + 2 * PAGE), 'd');
    CHECK(dies_by(SIGBUS, read_byte, to + 3 * PAGE));
    CHECK_OK(ftruncate(fd, PAGE));
    CHECK(dies_by(SIGBUS, read_byte, to));
    CHECK_EQ(peek(pages), 'a');
    unmap_pages(pages, 1);
    unmap_pages(pages + 2 * PAGE, 1);
    unmap_pages(to, 4);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
}

static void what_is_not_unmapped_is_empty(void)
{
    char *pages = map_pages(2);

    memset(pages, 'x', 2 * PAGE);
    char *to = (char *)remap_call(pages, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
    CHECK(to != MAP_FAILED && to != pages);
    CHECK_EQ(peek(to + PAGE), 'x');
    CHECK(is_zero(pages, 2 * PAGE));
    poke(pages, 'y');
    CHECK_EQ(peek(to), 'x');
    CHECK_ERR(EINVAL, remap_call(pages, 2 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0));
    CHECK_ERR(EINVAL, remap_call(pages, PAGE, PAGE, MREMAP_DONTUNMAP, 0));
    unmap_pages(to, 2);
    unmap_pages(pages, 2);
}

static void a_part_that_is_cut_out_moves(void)
{
    char *pages = map_pages(5), *to = map_hole(1);

    memset(pages, 'x', 5 * PAGE);
    poke(pages + 2 * PAGE, 'y');
    CHECK_EQ(remap_call(pages + 2 * PAGE, PAGE, PAGE, TO, to), (long)to);
    CHECK_EQ(peek(to), 'y');
    CHECK(dies_by(SIGSEGV, read_byte, pages + 2 * PAGE));
    CHECK_EQ(peek(pages + 2 * PAGE - 1), 'x');
    CHECK_EQ(peek(pages + 3 * PAGE), 'x');
    CHECK_EQ(remap_call(to, PAGE, PAGE, TO, pages + 2 * PAGE), (long)(pages + 2 * PAGE));
    CHECK_EQ(remap_call(pages, 5 * PAGE, 5 * PAGE, 0, NULL), (long)pages);
    unmap_pages(pages, 5);
}

static void a_border_of_regions_is_an_error(void)
{
    char *pages = map_at(aligned_hole(6), 4);

    CHECK_OK(mprotect(pages + 2 * PAGE, 2 * PAGE, PROT_READ));
    CHECK_ERR(EFAULT, remap_call(pages, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, NULL));
    CHECK_ERR(EFAULT, remap_call(pages, 4 * PAGE, 3 * PAGE, TO, map_hole(4)));
    /* What is left after shrinking counts. */
    CHECK_EQ(remap_call(pages, 4 * PAGE, 2 * PAGE, TO, pages + 4 * PAGE), (long)(pages + 4 * PAGE));
    CHECK(dies_by(SIGSEGV, read_byte, pages + 3 * PAGE));
    CHECK_EQ(remap_call(pages + 4 * PAGE, 2 * PAGE, 2 * PAGE, TO, pages), (long)pages);
    CHECK_EQ(remap_call(pages, 2 * PAGE, PAGE, 0, NULL), (long)pages);
    CHECK(dies_by(SIGSEGV, read_byte, pages + 3 * PAGE));
    CHECK_ERR(EFAULT, remap_call(pages + PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL));
    CHECK_ERR(EFAULT, remap_call(pages + PAGE, PAGE, PAGE, 0, NULL));
    unmap_pages(pages, 1);
}

static void bad_arguments_are_errors(void)
{
    char *pages = map_pages(4), *to = map_hole(4);
    const size_t huge = 1ul << 47;

    CHECK_ERR(EINVAL, remap_call(pages + 1, PAGE, PAGE, 0, NULL));
    CHECK_ERR(EINVAL, remap_call(pages, PAGE, 0, 0, NULL));
    CHECK_ERR(EINVAL, remap_call(pages, 0, PAGE, MREMAP_MAYMOVE, NULL)); /* private memory */
    CHECK_ERR(EINVAL, remap_call(pages, PAGE, PAGE, 8, NULL));
    CHECK_ERR(EINVAL, remap_call(pages, PAGE, PAGE, MREMAP_FIXED, to));
    CHECK_ERR(EINVAL, remap_call(pages, PAGE, PAGE, TO, to + 1));
    CHECK_ERR(EINVAL, remap_call(pages, 2 * PAGE, 2 * PAGE, TO, pages + PAGE));
    CHECK_ERR(EINVAL, remap_call(pages + PAGE, 2 * PAGE, 2 * PAGE, TO, pages));
    CHECK_ERR(EINVAL, remap_call(pages, PAGE, PAGE, TO, (void *)huge));
    CHECK_ERR(EINVAL, remap_call(pages, 4 * PAGE, huge, TO, to));
    CHECK_ERR(ENOMEM, remap_call(pages, 4 * PAGE, huge - 2 * PAGE, MREMAP_MAYMOVE, NULL));
    CHECK_ERR(EFAULT, remap_call((void *)-PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL));
    CHECK_ERR(EFAULT, remap_call(NULL, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL));
    CHECK_ERR(EINVAL, remap_call(pages, -2 * PAGE, PAGE, 0, NULL));
    /* The end of the old range wraps around, so it does not seem to overlap the new one. */
    CHECK_ERR(EINVAL, remap_call(pages, -2 * PAGE, 2 * PAGE, TO, pages + PAGE));
    unmap_pages(pages, 4);
}

static void grow_beyond(void *pages)
{
    struct rlimit limit = {16 * MIB, 16 * MIB};

    CHECK_OK(setrlimit(RLIMIT_AS, &limit));
    CHECK_ERR(ENOMEM, remap_call(pages, PAGE, 32 * MIB, MREMAP_MAYMOVE, NULL));
    CHECK_EQ(peek(pages), 'x');
    char *to = mremap(pages, PAGE, 2 * MIB, MREMAP_MAYMOVE);
    CHECK(to != MAP_FAILED);
    CHECK_EQ(peek(to), 'x');
    limit.rlim_cur = limit.rlim_max = PAGE;
    CHECK_OK(setrlimit(RLIMIT_AS, &limit));
    CHECK_EQ(remap_call(to, 2 * MIB, 2 * MIB, TO, to + 4 * MIB), (long)(to + 4 * MIB));
    CHECK_ERR(ENOMEM, remap_call(to + 4 * MIB, MIB, MIB, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, NULL));
}

static void limits_hold(void)
{
    char *page = map_pages(1);

    poke(page, 'x');
    CHECK(exits_with(0, grow_beyond, page));
    unmap_pages(page, 1);
}

/* The break stays where it was, and the heap grows on from there. */
static void the_heap_can_be_moved(void)
{
    uintptr_t start = (syscall(SYS_brk, 0) + PAGE - 1) & -PAGE;
    char *to = map_hole(2);

    CHECK_EQ(syscall(SYS_brk, start + 2 * PAGE), (long)(start + 2 * PAGE));
    poke((char *)start, 'x');
    CHECK_EQ(remap_call((void *)start, 2 * PAGE, 2 * PAGE, TO, to), (long)to);
    CHECK_EQ(peek(to), 'x');
    CHECK_EQ(syscall(SYS_brk, start + 3 * PAGE), (long)(start + 3 * PAGE));
    poke((char *)start + 2 * PAGE, 'y');
    CHECK(dies_by(SIGSEGV, read_byte, (char *)start));
    CHECK_EQ(syscall(SYS_brk, start), (long)start);
    unmap_pages(to, 2);
}

int main(void)
{
    temp_dir_enter();
    RUN(memory_grows_where_it_is);
    RUN(memory_shrinks);
    RUN(memory_that_cannot_grow_moves);
    RUN(a_move_replaces_what_is_in_the_way);
    RUN(a_move_grows_and_shrinks);
    RUN(whole_tables_move);
    RUN(entries_move_one_by_one);
    RUN(what_a_child_has_stays_its_own);
    RUN(rights_go_along);
    RUN(a_file_keeps_its_place);
    RUN(what_is_not_unmapped_is_empty);
    RUN(a_part_that_is_cut_out_moves);
    RUN(a_border_of_regions_is_an_error);
    RUN(bad_arguments_are_errors);
    RUN(limits_hold);
    RUN(the_heap_can_be_moved);
    temp_dir_leave();
    return test_end();
}
