/* mmap, munmap and mprotect: regions split and merge, pages keep their contents, and unmapped
   memory is gone.

   Most cases work inside an arena, a range of addresses that is free of other mappings, and count
   the regions that /proc/self/maps shows there. */
#define _GNU_SOURCE
#include "test.h"

#include <sys/syscall.h>

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

/* Returns the start of `npages` free pages, with a free page on both sides. */
static char *arena_make(size_t npages)
{
    return map_hole(npages + 2) + PAGE;
}

static char *map_at(char *start, size_t npages, int prot)
{
    char *mapped = CHECK_OK(mmap(start, npages * PAGE, prot, ANON | MAP_FIXED, -1, 0));

    CHECK_EQ(mapped, start);
    return mapped;
}

static void protect(char *start, size_t npages, int prot)
{
    CHECK_OK(mprotect(start, npages * PAGE, prot));
}

static void fill_pages(char *start, size_t npages)
{
    for (size_t i = 0; i < npages; i++)
        memset(start + i * PAGE, 'a' + i % 26, PAGE);
}

static void check_pages(const char *start, size_t first, size_t npages)
{
    for (size_t i = first; i < first + npages; i++) {
        CHECK_EQ(peek(start + i * PAGE), 'a' + i % 26);
        CHECK_EQ(peek(start + i * PAGE + PAGE - 1), 'a' + i % 26);
    }
}

/* Mapping and unmapping. */

static void a_mapping_is_zero_and_can_be_written(void)
{
    char *pages = map_pages(4);

    CHECK_EQ((uintptr_t)pages % PAGE, 0);
    CHECK(is_zero(pages, 4 * PAGE));
    fill_pages(pages, 4);
    check_pages(pages, 0, 4);
    unmap_pages(pages, 4);
    CHECK(dies_by(SIGSEGV, read_byte, pages));
    CHECK(dies_by(SIGSEGV, read_byte, pages + 4 * PAGE - 1));
}

static void lengths_are_rounded_up_to_pages(void)
{
    char *page = CHECK_OK(mmap(NULL, 1, RW, ANON, -1, 0));

    poke(page + PAGE - 1, 1);
    CHECK_OK(munmap(page, 1));
    CHECK(dies_by(SIGSEGV, read_byte, page + PAGE - 1));
}

static void what_is_mapped_again_is_zero(void)
{
    char *arena = arena_make(3);

    map_at(arena, 3, RW);
    fill_pages(arena, 3);
    unmap_pages(arena, 3);
    map_at(arena, 3, RW);
    CHECK(is_zero(arena, 3 * PAGE));
    unmap_pages(arena, 3);
}

static void a_hole_can_be_unmapped(void)
{
    char *arena = arena_make(3);

    unmap_pages(arena, 3);
    map_at(arena + PAGE, 1, RW);
    unmap_pages(arena, 3); /* with holes on both sides */
    CHECK_EQ(regions_within(arena, 3 * PAGE), 0);
}

static void an_enormous_reservation_costs_nothing(void)
{
    char *reserved = CHECK_OK(mmap(NULL, 64 * GIB, PROT_NONE, ANON, -1, 0));

    protect(reserved + 32 * GIB, 1, RW);
    poke(reserved + 32 * GIB, 1);
    CHECK_OK(munmap(reserved, 64 * GIB));
}

/* The system call itself. musl's mprotect rounds its arguments. */
static long mprotect_raw(char *start, size_t len, int prot)
{
    return syscall(SYS_mprotect, start, len, prot);
}

static void calls_that_make_no_sense_are_refused(void)
{
    char *page = map_pages(1);

    CHECK_ERR(EINVAL, mmap(NULL, 0, RW, ANON, -1, 0));
    CHECK_ERR(EINVAL, mmap(NULL, PAGE, RW, MAP_ANONYMOUS, -1, 0));
    CHECK_ERR(EINVAL, mmap(page + 1, PAGE, RW, ANON | MAP_FIXED, -1, 0));
    CHECK_ERR(EINVAL, syscall(SYS_mmap, NULL, PAGE, RW, ANON, -1, 1));
    CHECK_ERR(EBADF, mmap(NULL, PAGE, RW, MAP_PRIVATE, -1, 0));
    CHECK_ERR(EINVAL, munmap(page + 1, PAGE));
    CHECK_ERR(EINVAL, munmap(page, 0));
    CHECK_ERR(EINVAL, mprotect_raw(page + 1, PAGE, RW));
    CHECK_ERR(EINVAL, mprotect_raw(page, PAGE, 0x800));
    CHECK_OK(mprotect_raw(page, PAGE, RW | 8)); /* PROT_SEM, which means nothing here */
    CHECK_OK(mprotect(page, 0, PROT_NONE));
    poke(page, 1); /* still there, still writable */
    unmap_pages(page, 1);
}

static long mmap_raw(size_t addr, size_t len, int flags, int fd, size_t offset)
{
    return syscall(SYS_mmap, addr, len, PROT_READ, flags, fd, offset);
}

/* If several arguments are wrong, the order of the checks decides the error. */
static void of_two_errors_the_first_is_told(void)
{
    const size_t kernel = 0xffff800000000000, no_len = 0;

    CHECK_ERR(EINVAL, mmap_raw(0, 0, MAP_PRIVATE, -1, 1)); /* the offset */
    CHECK_ERR(EBADF, mmap_raw(0, 0, MAP_PRIVATE, -1, 0));
    CHECK_ERR(EBADF, mmap_raw(0, SIZE_MAX, MAP_PRIVATE, -1, 0));
    CHECK_ERR(EBADF, mmap_raw(0, PAGE, 0, -1, 0));
    CHECK_ERR(EBADF, mmap_raw(1, PAGE, MAP_PRIVATE | MAP_FIXED, -1, 0));
    CHECK_ERR(EBADF, mmap_raw(0, PAGE, MAP_SHARED, -1, 0));
    CHECK_ERR(EINVAL, mmap_raw(1, 0, ANON | MAP_FIXED, -1, 0)); /* the length */
    CHECK_ERR(ENOMEM, mmap_raw(1, SIZE_MAX, MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    CHECK_ERR(EINVAL, mmap_raw(1, PAGE, MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    CHECK_ERR(EINVAL, syscall(SYS_mprotect, 1, no_len, 0x800)); /* the address */
    CHECK_OK(syscall(SYS_mprotect, kernel, no_len, 0x800));
    CHECK_OK(syscall(SYS_mprotect, -PAGE, no_len, PROT_READ));
    CHECK_ERR(ENOMEM,
              syscall(SYS_mprotect, -PAGE, PAGE, 0x800)); /* over the end of all addresses */
    CHECK_ERR(EINVAL, syscall(SYS_mprotect, kernel, PAGE, 0x800)); /* the rights */
}

static void addresses_out_of_reach_are_refused(void)
{
    char *const kernel = (char *)0xffff800000000000, *const last = (char *)0x7ffffffff000;
    char *page = map_pages(1);

    CHECK_ERR(ENOMEM, syscall(SYS_mmap, NULL, SIZE_MAX, RW, ANON, -1, 0));
    CHECK_ERR(ENOMEM, mmap(NULL, 1UL << 47, PROT_NONE, ANON, -1, 0));
    CHECK_ERR(ENOMEM, mmap(kernel, PAGE, RW, ANON | MAP_FIXED, -1, 0));
    CHECK_ERR(ENOMEM, mmap(last, PAGE, RW, ANON | MAP_FIXED, -1, 0)); /* is never mapped */
    CHECK_ERR(ENOMEM, mmap(last - PAGE, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0));
    CHECK_ERR(EINVAL, munmap(kernel, PAGE));
    CHECK_ERR(EINVAL, munmap(page, SIZE_MAX - 2 * PAGE + 1));
    CHECK_ERR(ENOMEM, mprotect_raw(kernel, PAGE, PROT_READ));
    CHECK_ERR(ENOMEM, mprotect_raw(page, SIZE_MAX - 2 * PAGE + 1, PROT_READ));
    poke(page, 1);
    unmap_pages(page, 1);
}

static void the_null_page_cannot_be_mapped(void)
{
    CHECK_EQ(mmap(NULL, PAGE, RW, ANON | MAP_FIXED, -1, 0), MAP_FAILED);
    CHECK_EQ(mmap((void *)(15 * PAGE), PAGE, RW, ANON | MAP_FIXED, -1, 0), MAP_FAILED);
    CHECK(dies_by(SIGSEGV, read_byte, NULL));
}

/* Where a mapping goes. */

static void a_free_address_is_taken_as_asked(void)
{
    char *arena = arena_make(4);

    CHECK_EQ(CHECK_OK(mmap(arena + PAGE, 2 * PAGE, RW, ANON, -1, 0)), arena + PAGE);
    unmap_pages(arena + PAGE, 2);
}

static void a_hint_is_rounded_down(void)
{
    char *hole = map_hole(2);

    CHECK_EQ(mmap(hole + PAGE - 1, PAGE, RW, ANON, -1, 0), hole);
    unmap_pages(hole, 1);
}

static void an_occupied_address_is_only_a_hint(void)
{
    char *page = map_pages(1), *other;

    poke(page, 'x');
    other = CHECK_OK(mmap(page, PAGE, RW, ANON, -1, 0));
    CHECK(other != page);
    poke(other, 'y');
    CHECK_EQ(peek(page), 'x');
    unmap_pages(page, 1);
    unmap_pages(other, 1);
}

static void fixed_replaces_what_was_there(void)
{
    char *arena = arena_make(5);

    map_at(arena, 5, RW);
    fill_pages(arena, 5);
    map_at(arena + 2 * PAGE, 2, RW);
    CHECK(is_zero(arena + 2 * PAGE, 2 * PAGE));
    check_pages(arena, 0, 2);
    check_pages(arena, 4, 1);
    unmap_pages(arena, 5);
}

static void noreplace_replaces_nothing(void)
{
    const int flags = ANON | MAP_FIXED_NOREPLACE;
    char *arena = arena_make(3);
    int fds[2];

    CHECK_EQ(CHECK_OK(mmap(arena + PAGE, PAGE, RW, flags, -1, 0)), arena + PAGE);
    poke(arena + PAGE, 'x');
    CHECK_ERR(EEXIST, mmap(arena, 3 * PAGE, RW, flags, -1, 0));
    CHECK_EQ(peek(arena + PAGE), 'x');
    CHECK_EQ(regions_within(arena, 3 * PAGE), 1);
    /* Other errors come later: no type, and a descriptor that cannot be mapped. */
    CHECK_ERR(EEXIST, mmap(arena, 3 * PAGE, RW, MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    make_pipe(fds);
    CHECK_ERR(EEXIST, mmap(arena, 3 * PAGE, RW, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fds[0], 0));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    unmap_pages(arena + PAGE, 1);
}

static void mappings_do_not_overlap(void)
{
    enum { COUNT = 32 };
    char *mapped[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        mapped[i] = map_pages(1 + i % 5);
        memset(mapped[i], i, (1 + i % 5) * PAGE);
    }
    for (size_t i = 0; i < COUNT; i++) {
        for (size_t at = 0; at < (1 + i % 5) * PAGE; at++)
            CHECK_EQ(mapped[i][at], i);
        unmap_pages(mapped[i], 1 + i % 5);
    }
}

/* Splitting and merging. */

static void unmapping_the_middle_splits(void)
{
    char *arena = map_at(arena_make(5), 5, RW);

    fill_pages(arena, 5);
    unmap_pages(arena + 2 * PAGE, 1);
    CHECK_EQ(regions_within(arena, 5 * PAGE), 2);
    CHECK(dies_by(SIGSEGV, read_byte, arena + 2 * PAGE));
    check_pages(arena, 0, 2);
    check_pages(arena, 3, 2);
    unmap_pages(arena, 5);
}

static void filling_a_hole_merges(void)
{
    char *arena = map_at(arena_make(5), 5, RW);

    unmap_pages(arena + 2 * PAGE, 1);
    map_at(arena + 2 * PAGE, 1, RW);
    CHECK_EQ(regions_within(arena, 5 * PAGE), 1);
    unmap_pages(arena, 5);
}

static void neighbours_merge(void)
{
    char *arena = arena_make(64);

    for (int i = 0; i < 64; i++)
        map_at(arena + i * PAGE, 1, RW);
    CHECK_EQ(regions_within(arena, 64 * PAGE), 1);
    map_at(arena + 10 * PAGE, 1, PROT_READ); /* of another kind: does not merge */
    CHECK_EQ(regions_within(arena, 64 * PAGE), 3);
    unmap_pages(arena, 64);
}

static void protecting_the_middle_splits(void)
{
    char *arena = map_at(arena_make(5), 5, RW);

    fill_pages(arena, 5);
    protect(arena + PAGE, 3, PROT_READ);
    CHECK_EQ(regions_within(arena, 5 * PAGE), 3);
    for (int i = 1; i <= 3; i++)
        CHECK(dies_by(SIGSEGV, write_byte, arena + i * PAGE));
    poke(arena + PAGE - 1, 'a');
    poke(arena + 4 * PAGE, 'e');
    check_pages(arena, 0, 5);
    protect(arena + PAGE, 3, RW);
    CHECK_EQ(regions_within(arena, 5 * PAGE), 1);
    fill_pages(arena, 5);
    unmap_pages(arena, 5);
}

static void protection_may_span_regions(void)
{
    char *arena = arena_make(6);

    map_at(arena, 2, RW);
    map_at(arena + 2 * PAGE, 2, PROT_READ);
    map_at(arena + 4 * PAGE, 2, PROT_NONE);
    protect(arena + PAGE, 4, RW);
    fill_pages(arena, 5);
    CHECK(dies_by(SIGSEGV, read_byte, arena + 5 * PAGE));
    protect(arena, 6, PROT_READ);
    check_pages(arena, 0, 5);
    CHECK(dies_by(SIGSEGV, write_byte, arena + 2 * PAGE));
    if (on_pagoda()) /* Linux remembers which of them it has reserved memory for */
        CHECK_EQ(regions_within(arena, 6 * PAGE), 1);
    unmap_pages(arena, 6);
}

static void protecting_a_hole_changes_what_lies_before_it(void)
{
    char *arena = map_at(arena_make(4), 4, RW);

    fill_pages(arena, 4);
    unmap_pages(arena + 2 * PAGE, 1);
    CHECK_ERR(ENOMEM, mprotect(arena + PAGE, 3 * PAGE, PROT_READ));
    check_pages(arena, 0, 2);
    check_pages(arena, 3, 1);
    CHECK(exits_with(0, write_byte, arena));
    CHECK(dies_by(SIGSEGV, write_byte, arena + PAGE));
    CHECK(dies_by(SIGSEGV, read_byte, arena + 2 * PAGE));
    CHECK(exits_with(0, write_byte, arena + 3 * PAGE));
    unmap_pages(arena, 4);
}

static void protecting_from_a_hole_on_changes_nothing(void)
{
    char *arena = map_at(arena_make(3), 3, RW);

    fill_pages(arena, 3);
    unmap_pages(arena, 1);
    CHECK_ERR(ENOMEM, mprotect(arena, 3 * PAGE, PROT_READ));
    CHECK(exits_with(0, write_byte, arena + PAGE));
    unmap_pages(arena, 3);
}

#define LOW_END 0x80000000ul

static void check_low(const char *address, size_t npages)
{
    CHECK((uintptr_t)address >= PAGE);
    CHECK((uintptr_t)address + npages * PAGE <= LOW_END);
}

static void a_mapping_can_have_a_low_address(void)
{
    char *one = CHECK_OK(mmap(NULL, PAGE, RW, ANON | MAP_32BIT, -1, 0));
    char *many = CHECK_OK(mmap((void *)LOW_END, 100 * PAGE, RW, ANON | MAP_32BIT, -1, 0));
    char *wish = (char *)0x50000000;

    check_low(one, 1);
    check_low(many, 100);
    CHECK(one + PAGE <= many || many + 100 * PAGE <= one);
    fill_pages(many, 100);
    CHECK_EQ(CHECK_OK(mmap(wish, PAGE, RW, ANON | MAP_32BIT, -1, 0)), wish);
    unmap_pages(wish, 1);
    wish = map_hole(1); /* is high, and may be insisted on */
    CHECK((uintptr_t)wish > LOW_END);
    char *low = CHECK_OK(mmap(wish, PAGE, RW, ANON | MAP_32BIT, -1, 0));
    check_low(low, 1);
    unmap_pages(low, 1);
    CHECK_EQ(CHECK_OK(mmap(wish, PAGE, RW, ANON | MAP_32BIT | MAP_FIXED, -1, 0)), wish);
    unmap_pages(wish, 1);
    CHECK_ERR(ENOMEM, mmap(NULL, LOW_END, PROT_NONE, ANON | MAP_32BIT, -1, 0));
    unmap_pages(one, 1);
    unmap_pages(many, 100);
}

/* A thousand regions, each followed by a hole, are mapped in a random order and unmapped in
   another. */
#define MANY 1000

static void shuffle(uint16_t numbers[MANY], uint64_t *random)
{
    for (uint32_t i = MANY - 1; i > 0; i--) {
        uint32_t j = random_below(random, i + 1);
        uint16_t number = numbers[i];

        numbers[i] = numbers[j];
        numbers[j] = number;
    }
}

static void a_thousand_regions_can_be_mapped(void)
{
    uint64_t random = random_seed();
    char *arena = arena_make(2 * MANY);
    uint16_t order[MANY];

    for (int i = 0; i < MANY; i++)
        order[i] = i;
    shuffle(order, &random);
    for (int i = 0; i < MANY; i++)
        *(int *)map_at(arena + 2 * order[i] * PAGE, 1, RW) = order[i];
    CHECK_EQ(regions_within(arena, 2 * MANY * PAGE), MANY);
    shuffle(order, &random);
    for (int i = 0; i < MANY; i++) {
        CHECK_EQ(*(int *)(arena + 2 * order[i] * PAGE), order[i]);
        unmap_pages(arena + 2 * order[i] * PAGE, 1);
    }
    CHECK_EQ(regions_within(arena, 2 * MANY * PAGE), 0);
}

static void five_hundred_protections_can_be_set(void)
{
    char *arena = map_at(arena_make(MANY), MANY, RW);

    for (int i = 0; i < MANY; i += 2)
        protect(arena + i * PAGE, 1, PROT_READ);
    CHECK_EQ(regions_within(arena, MANY * PAGE), MANY);
    for (int i = 0; i < MANY; i += 2)
        protect(arena + i * PAGE, 1, RW);
    CHECK_EQ(regions_within(arena, MANY * PAGE), 1);
    unmap_pages(arena, MANY);
}

/* Protection and contents. */

static void contents_survive_no_access(void)
{
    char *pages = map_pages(3);
    int fd = CHECK_OK(open("/dev/zero", O_RDONLY));

    fill_pages(pages, 2); /* the third is never touched */
    protect(pages, 3, PROT_NONE);
    CHECK(dies_by(SIGSEGV, read_byte, pages));
    CHECK(dies_by(SIGSEGV, read_byte, pages + 2 * PAGE));
    CHECK_ERR(EFAULT, read(fd, pages, 1));
    protect(pages, 3, PROT_READ);
    check_pages(pages, 0, 2);
    CHECK_EQ(peek(pages + 2 * PAGE), 0);
    CHECK(dies_by(SIGSEGV, write_byte, pages));
    protect(pages, 3, RW);
    fill_pages(pages, 3);
    CHECK_OK(close(fd));
    unmap_pages(pages, 3);
}

static void contents_survive_no_access_over_a_fork(void)
{
    char *pages = map_pages(2);
    struct held_child child;

    fill_pages(pages, 2);
    protect(pages, 2, PROT_NONE);
    hold_child(&child, read_byte, pages);
    protect(pages, 2, RW);
    check_pages(pages, 0, 2);
    fill_pages(pages, 2);
    CHECK(killed_by(release_child(&child), SIGSEGV)); /* its own pages are still protected */
    unmap_pages(pages, 2);
}

/* Writes a function: mov $number, %eax; ret */
static void write_code(char *page, unsigned char number)
{
    const unsigned char code[] = {0xb8, number, 0, 0, 0, 0xc3};

    memcpy(page, code, sizeof(code));
}

static int run_code(char *page)
{
    return ((int (*)(void))(uintptr_t)page)();
}

static void code_can_be_written_and_then_run(void)
{
    char *page = map_pages(1);

    for (int number = 1; number <= 3; number++) {
        write_code(page, number);
        CHECK(dies_by(SIGSEGV, call_code, page));
        protect(page, 1, PROT_READ | PROT_EXEC);
        CHECK_EQ(run_code(page), number);
        CHECK(dies_by(SIGSEGV, write_byte, page));
        protect(page, 1, RW);
    }
    CHECK(dies_by(SIGSEGV, call_code, page));
    unmap_pages(page, 1);
}

static void a_page_may_be_writable_and_executable(void)
{
    char *page = CHECK_OK(mmap(NULL, PAGE, RW | PROT_EXEC, ANON, -1, 0));

    write_code(page, 5);
    CHECK_EQ(run_code(page), 5);
    write_code(page, 6);
    CHECK_EQ(run_code(page), 6);
    unmap_pages(page, 1);
}

/* Processes: each changes its own map only. */

static void unmap_first_page(void *pages)
{
    unmap_pages(pages, 1);
    protect((char *)pages + PAGE, 1, PROT_READ);
    map_at((char *)pages + 2 * PAGE, 1, RW);
    CHECK(is_zero((char *)pages + 2 * PAGE, PAGE));
}

static void a_childs_map_is_its_own(void)
{
    char *pages = map_pages(3);

    fill_pages(pages, 3);
    CHECK(exits_with(0, unmap_first_page, pages));
    check_pages(pages, 0, 3);
    fill_pages(pages, 3);
    unmap_pages(pages, 3);
}

static void check_three_pages(void *pages)
{
    check_pages(pages, 0, 3);
    memset(pages, 'c', 3 * PAGE);
}

static void a_parents_map_is_its_own(void)
{
    char *pages = map_pages(3);
    struct held_child child;

    fill_pages(pages, 3);
    hold_child(&child, check_three_pages, pages);
    unmap_first_page(pages);
    CHECK(exited_with(release_child(&child), 0));
    unmap_pages(pages, 3);
}

static void unmapping_gives_frames_back(void)
{
    struct counters before = counters_now();
    char *pages = map_pages(64);

    fill_pages(pages, 64);
    CHECK_EQ(counters_since(&before).anon_pages, 64);
    unmap_pages(pages + 16 * PAGE, 16);
    CHECK_EQ(counters_since(&before).anon_pages, 48);
    protect(pages, 16, PROT_NONE); /* held, though nobody can reach them */
    CHECK_EQ(counters_since(&before).anon_pages, 48);
    map_at(pages, 16, RW); /* what is replaced comes back too */
    CHECK_EQ(counters_since(&before).anon_pages, 32);
    unmap_pages(pages, 64);
    CHECK_EQ(counters_since(&before).anon_pages, 0);
}

/* vm.max_map_count. A region that can only go may still be cut. */
static void there_are_at_most_65530_regions(void)
{
    size_t npages = 2 * 70000, n = 1;
    char *area = mmap(NULL, npages * PAGE, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);

    CHECK(area != MAP_FAILED);
    while (n < 70000 && mprotect(area + 2 * n * PAGE, PAGE, PROT_READ) == 0)
        n++;
    CHECK_EQ(errno, ENOMEM);
    CHECK(n > 32000 && n < 65530 / 2);
    CHECK_ERR(ENOMEM, (long)mremap(area + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED,
                                   area + 2 * n * PAGE));
    CHECK_OK(munmap(area, PAGE));
    CHECK_EQ(peek(area + 2 * PAGE), 0);
    unmap_pages(area, npages);
}

int main(void)
{
    RUN(a_mapping_is_zero_and_can_be_written);
    RUN(lengths_are_rounded_up_to_pages);
    RUN(what_is_mapped_again_is_zero);
    RUN(a_hole_can_be_unmapped);
    RUN(an_enormous_reservation_costs_nothing);
    RUN(calls_that_make_no_sense_are_refused);
    RUN(of_two_errors_the_first_is_told);
    RUN(addresses_out_of_reach_are_refused);
    RUN_ON_PAGODA(the_null_page_cannot_be_mapped);
    RUN(a_free_address_is_taken_as_asked);
    RUN(a_hint_is_rounded_down);
    RUN(an_occupied_address_is_only_a_hint);
    RUN(fixed_replaces_what_was_there);
    RUN(noreplace_replaces_nothing);
    RUN(mappings_do_not_overlap);
    RUN(unmapping_the_middle_splits);
    RUN(filling_a_hole_merges);
    RUN(neighbours_merge);
    RUN(protecting_the_middle_splits);
    RUN(protection_may_span_regions);
    RUN(protecting_a_hole_changes_what_lies_before_it);
    RUN(protecting_from_a_hole_on_changes_nothing);
    RUN(a_mapping_can_have_a_low_address);
    RUN(a_thousand_regions_can_be_mapped);
    RUN(there_are_at_most_65530_regions);
    RUN(five_hundred_protections_can_be_set);
    RUN(contents_survive_no_access);
    RUN(contents_survive_no_access_over_a_fork);
    RUN(code_can_be_written_and_then_run);
    RUN(a_page_may_be_writable_and_executable);
    RUN(a_childs_map_is_its_own);
    RUN(a_parents_map_is_its_own);
    RUN_ON_PAGODA(unmapping_gives_frames_back);
    return test_end();
}
