/* madvise: the kernel drops a page that is not needed, and keeps the promise. All other advice may
   be ignored. */
#include "test.h"

static void discard(void *start, size_t len)
{
    CHECK_OK(madvise(start, len, MADV_DONTNEED));
}

static void memory_reads_zero_again(void)
{
    char *pages = map_pages(8);

    memset(pages, 'x', 8 * PAGE);
    discard(pages + 2 * PAGE, 3 * PAGE);
    CHECK_EQ(peek(pages + 2 * PAGE - 1), 'x');
    CHECK(is_zero(pages + 2 * PAGE, 3 * PAGE));
    CHECK_EQ(peek(pages + 5 * PAGE), 'x');
    poke(pages + 3 * PAGE, 'y');
    CHECK_EQ(peek(pages + 3 * PAGE), 'y');
    discard(pages + 3 * PAGE, 1); /* a whole page */
    CHECK(is_zero(pages + 3 * PAGE, PAGE));
    unmap_pages(pages, 8);
}

static void its_frames_are_given_back(void)
{
    char *pages = map_pages(8);

    memset(pages, 'x', 8 * PAGE);
    struct counters before = counters_now();
    discard(pages, 5 * PAGE);
    CHECK_EQ(counters_since(&before).anon_pages, -5);
    discard(pages, 8 * PAGE);
    CHECK_EQ(counters_since(&before).anon_pages, -8);
    discard(pages, 8 * PAGE); /* nothing is there */
    CHECK_EQ(counters_since(&before).anon_pages, -8);
    unmap_pages(pages, 8);
}

/* The range covers whole page tables, and begins and ends in the middle of others. */
static void a_large_range_is_forgotten(void)
{
    size_t npages = 9 * MIB / PAGE;
    char *pages = map_pages(npages);

    for (size_t i = 0; i < npages; i += 64)
        poke(pages + i * PAGE, 'x');
    discard(pages + 64 * PAGE, (npages - 128) * PAGE);
    for (size_t i = 0; i < npages; i += 64)
        CHECK_EQ(peek(pages + i * PAGE), i < 64 || i >= npages - 64 ? 'x' : 0);
    poke(pages + npages / 2 * PAGE, 'y');
    CHECK_EQ(peek(pages + npages / 2 * PAGE), 'y');
    unmap_pages(pages, npages);
}

static void a_file_is_read_again(void)
{
    int fd = create_file("file", "in the file", 11);
    char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);

    CHECK(page != MAP_FAILED);
    memcpy(page, "my own", 6);
    discard(page, PAGE);
    CHECK(memcmp(page, "in the file", 11) == 0);
    unmap_pages(page, 1);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
}

static void discard_and_look(void *pages)
{
    discard(pages, 2 * PAGE);
    CHECK(is_zero(pages, 2 * PAGE));
    CHECK_EQ(peek((char *)pages + 2 * PAGE), 'x');
}

/* A process that drops a shared page drops it for itself alone. */
static void what_others_have_stays_theirs(void)
{
    char *pages = map_pages(3);

    memset(pages, 'x', 3 * PAGE);
    CHECK(exits_with(0, discard_and_look, pages));
    CHECK_EQ(peek(pages), 'x');
    CHECK_EQ(peek(pages + PAGE), 'x');
    unmap_pages(pages, 3);
}

static void rights_stay_as_they_are(void)
{
    char *pages = map_pages(2);

    memset(pages, 'x', 2 * PAGE);
    CHECK_OK(mprotect(pages, PAGE, PROT_READ));
    CHECK_OK(mprotect(pages + PAGE, PAGE, PROT_NONE));
    discard(pages, 2 * PAGE);
    CHECK(is_zero(pages, PAGE));
    CHECK(dies_by(SIGSEGV, write_byte, pages));
    CHECK(dies_by(SIGSEGV, read_byte, pages + PAGE));
    CHECK_OK(mprotect(pages + PAGE, PAGE, PROT_READ));
    CHECK(is_zero(pages + PAGE, PAGE));
    unmap_pages(pages, 2);
}

static void what_is_not_there_is_an_error(void)
{
    char *pages = map_pages(3);

    memset(pages, 'x', 3 * PAGE);
    unmap_pages(pages + PAGE, 1);
    CHECK_ERR(ENOMEM, madvise(pages, 3 * PAGE, MADV_DONTNEED));
    CHECK(is_zero(pages, PAGE)); /* but the rest is done */
    CHECK(is_zero(pages + 2 * PAGE, PAGE));
    CHECK_ERR(EINVAL, madvise(pages + 1, PAGE, MADV_DONTNEED));
    CHECK_ERR(EINVAL, madvise(pages, PAGE, 12345));
    CHECK_OK(madvise(pages, 0, MADV_DONTNEED));
    CHECK_ERR(ENOMEM, madvise(map_hole(1), PAGE, MADV_DONTNEED));
    unmap_pages(pages, 1);
    unmap_pages(pages + 2 * PAGE, 1);
}

static void other_advice_changes_nothing(void)
{
    static const int advice[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED};
    char *page = map_pages(1);

    poke(page, 'x');
    for (size_t i = 0; i < ARRAY_SIZE(advice); i++)
        CHECK_OK(madvise(page, PAGE, advice[i]));
    CHECK_EQ(peek(page), 'x');
    unmap_pages(page, 1);
}

/* Advice that is ignored meets the same errors as advice that is taken. */
static void advice_about_nothing_is_an_error(void)
{
    static const int advice[] = {MADV_NORMAL, MADV_WILLNEED, MADV_FREE, MADV_DONTNEED};
    char *pages = map_pages(2);

    unmap_pages(pages + PAGE, 1);
    for (size_t i = 0; i < ARRAY_SIZE(advice); i++) {
        CHECK_ERR(ENOMEM, madvise(pages, 2 * PAGE, advice[i]));
        CHECK_ERR(ENOMEM, madvise(map_hole(1), PAGE, advice[i]));
        CHECK_ERR(EINVAL, madvise(pages, -1, advice[i]));
        CHECK_ERR(EINVAL, madvise(pages, -PAGE, advice[i]));
        CHECK_OK(madvise(map_hole(1), 0, advice[i]));
    }
    unmap_pages(pages, 1);
}

/* No bytes are no error, even at an address that memory can never have. */
static void advice_about_no_bytes_is_none(void)
{
    char *last = (char *)-PAGE;

    CHECK_OK(madvise(last, 0, MADV_DONTNEED));
    CHECK_OK(madvise(last, 0, MADV_NORMAL));
    CHECK_ERR(EINVAL, madvise(last + 1, 0, MADV_DONTNEED));
    CHECK_ERR(EINVAL, madvise(last, 0, 12345));
    CHECK_ERR(EINVAL, madvise(last, 1, MADV_DONTNEED));
    CHECK_ERR(ENOMEM, madvise(last - PAGE, PAGE, MADV_DONTNEED));
}

int main(void)
{
    temp_dir_enter();
    RUN(memory_reads_zero_again);
    RUN_ON_PAGODA(its_frames_are_given_back);
    RUN(a_large_range_is_forgotten);
    RUN(a_file_is_read_again);
    RUN(what_others_have_stays_theirs);
    RUN(rights_stay_as_they_are);
    RUN(what_is_not_there_is_an_error);
    RUN(other_advice_changes_nothing);
    RUN(advice_about_nothing_is_an_error);
    RUN(advice_about_no_bytes_is_none);
    temp_dir_leave();
    return test_end();
}
