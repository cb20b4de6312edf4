/* Lazy memory: sbrk and mmap only promise; a page comes to be when it is first touched.

   A promise costs nothing, so it may be larger than the machine. The first write to a page costs
   one frame, a read none, as all untouched pages show the same zeros. And a promised page is as
   good as any other to the kernel, which reads and writes it on behalf of system calls. */
#include "test.h"

#include <sys/resource.h>

static void a_promise_costs_nothing(void)
{
    struct counters before = counters_now();
    char *mapped = map_pages(256 * MIB / PAGE);
    CHECK_OK(pagoda_sbrk(256 * MIB));
    struct counters cost = counters_since(&before);

    CHECK_EQ(cost.anon_pages, 0);
    CHECK_EQ(cost.page_tables, 0);
    unmap_pages(mapped, 256 * MIB / PAGE);
    CHECK_OK(pagoda_sbrk(-256 * (intptr_t)MIB));
}

static void each_touched_page_costs_one_frame(void)
{
    char *area = map_pages(64);
    struct counters before = counters_now();

    for (int i = 0; i < 64; i++) {
        poke(area + i * PAGE, 1);
        poke(area + i * PAGE + PAGE - 1, 1);
        CHECK_EQ(counters_since(&before).anon_pages, i + 1);
    }
    unmap_pages(area, 64);
    CHECK_EQ(counters_since(&before).anon_pages, 0);
}

static void reading_costs_no_frame(void)
{
    char *area = map_pages(64);
    struct counters before = counters_now();

    for (int i = 0; i < 64; i++)
        CHECK_EQ(peek(area + i * PAGE), 0);
    CHECK_EQ(counters_since(&before).anon_pages, 0);
    poke(area + 5 * PAGE, 1); /* and a page that was read first still becomes a page of its own */
    CHECK_EQ(counters_since(&before).anon_pages, 1);
    unmap_pages(area, 64);
}

static void each_first_touch_is_a_fault(void)
{
    char *area = map_pages(64);
    struct counters before = counters_now();

    for (int i = 0; i < 64; i++)
        poke(area + i * PAGE, 1);
    struct counters cost = counters_since(&before);
    CHECK_EQ(cost.minor_fault, 64);
    CHECK_EQ(cost.outcomes, 64);
    unmap_pages(area, 64);
}

static void untouched_memory_reads_as_zero(void)
{
    char *area = map_pages(16);

    CHECK(is_zero(area, 16 * PAGE));
    memset(area + 3 * PAGE, 0xff, PAGE);
    CHECK(is_zero(area, 3 * PAGE));
    CHECK(is_zero(area + 4 * PAGE, 12 * PAGE));
    unmap_pages(area, 16);
}

static void what_was_written_stays(void)
{
    size_t count = 256 * PAGE / sizeof(uint64_t);
    uint64_t *words = (uint64_t *)map_pages(256);

    for (size_t i = 0; i < count; i++)
        words[i] = i * 0x9e3779b97f4a7c15;
    for (size_t i = 0; i < count; i++)
        CHECK_EQ(words[i], i * 0x9e3779b97f4a7c15);
    unmap_pages(words, 256);
}

/* Writes to every stride-th page of the heap where it lies. */
static void mark_pages(char *heap, size_t len, size_t stride)
{
    for (size_t at = 0; at < len; at += stride * PAGE)
        *(size_t *)(heap + at) = at;
}

static void check_marks(char *heap, size_t len, size_t stride)
{
    for (size_t at = 0; at < len; at += stride * PAGE)
        CHECK_EQ(*(size_t *)(heap + at), at);
}

static void a_heap_of_one_gib(void)
{
    char *heap = CHECK_OK(pagoda_sbrk(GIB));

    mark_pages(heap, GIB, 64);
    check_marks(heap, GIB, 64);
    CHECK_EQ(pagoda_sbrk(-(intptr_t)GIB), heap + GIB);
}

static void give_back_and_write(void *heap)
{
    CHECK_OK(pagoda_sbrk(-(intptr_t)GIB));
    poke((char *)heap + 4096 * PAGE, 1);
}

static void a_child_gives_the_gib_back(void)
{
    char *heap = page_round_up(CHECK_OK(pagoda_sbrk(GIB + PAGE)));

    mark_pages(heap, GIB, 4096);
    CHECK(dies_by(SIGSEGV, give_back_and_write, heap));
    check_marks(heap, GIB, 4096);
    CHECK_OK(pagoda_sbrk(-(intptr_t)(GIB + PAGE)));
}

/* From here on the kernel is the first to touch the page. */

static void the_kernel_reads_untouched_memory(void)
{
    char *area = map_pages(3);
    char sent[PAGE];
    int fds[2];

    make_pipe(fds);
    CHECK_EQ(CHECK_OK(write(fds[1], area + PAGE - 100, 200)), 200);
    memset(sent, 0xff, sizeof(sent));
    CHECK_EQ(CHECK_OK(read(fds[0], sent, sizeof(sent))), 200);
    CHECK(is_zero(sent, 200));
    close(fds[0]);
    close(fds[1]);
    unmap_pages(area, 3);
}

static void the_kernel_writes_untouched_memory(void)
{
    static char text[PAGE + 200];
    char *area = map_pages(3);
    int fds[2];

    memset(text, 'x', sizeof(text));
    make_pipe(fds);
    CHECK_EQ(CHECK_OK(write(fds[1], text, sizeof(text))), sizeof(text));
    CHECK_EQ(CHECK_OK(read(fds[0], area + PAGE - 100, sizeof(text))), sizeof(text));
    CHECK(memcmp(area + PAGE - 100, text, sizeof(text)) == 0);
    CHECK(is_zero(area, PAGE - 100));
    CHECK(is_zero(area + 2 * PAGE + 100, PAGE - 100));
    close(fds[0]);
    close(fds[1]);
    unmap_pages(area, 3);
}

static void the_kernel_writes_on_the_heap(void)
{
    struct rusage *usage = CHECK_OK(pagoda_sbrk(16 * PAGE));

    usage =
        (struct rusage *)(page_round_up(usage) + PAGE - 8); /* half on one page, half on the next */
    CHECK_OK(getrusage(RUSAGE_SELF, usage));
    CHECK(usage->ru_minflt > 0);
    CHECK_OK(pagoda_sbrk(-16 * (intptr_t)PAGE));
}

/* Puts text so that it fills a page to its end, and only its final zero is on the next, untouched,
   page. */
static char *lazy_string(const char *text)
{
    char *area = map_pages(2);

    return memcpy(area + PAGE - strlen(text), text, strlen(text));
}

static void a_path_that_ends_on_an_untouched_page(void)
{
    struct stat stat_buffer;
    int fd = CHECK_OK(open(lazy_string("/dev/null"), O_RDONLY));

    CHECK_OK(close(fd));
    CHECK_OK(stat(lazy_string("/dev/null"), &stat_buffer));
    CHECK_OK(access(lazy_string("/dev/null"), R_OK));
    CHECK_ERR(ENOENT, open(lazy_string("/there/is/no/such/file"), O_RDONLY));
    CHECK_ERR(ENOENT, open(map_pages(1), O_RDONLY)); /* the empty path */
}

/* The array's final NULL, and the final zeros of path and argument, all lie on untouched pages. */
static void exec_lazily(void *unused)
{
    char **argv = (char **)(map_pages(2) + PAGE - 2 * sizeof(char *));

    (void)unused;
    argv[0] = lazy_string(self_path());
    argv[1] = lazy_string("crossing");
    execv(argv[0], argv);
    CHECK_EQ(errno, 0);
}

static void exec_arguments_that_end_on_untouched_pages(void)
{
    CHECK(exits_with(7, exec_lazily, NULL));
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return strcmp(argv[1], "crossing") == 0 && argc == 2 ? 7 : TEST_FAILED;
    RUN_ON_PAGODA(a_promise_costs_nothing);
    RUN_ON_PAGODA(each_touched_page_costs_one_frame);
    RUN_ON_PAGODA(reading_costs_no_frame);
    RUN_ON_PAGODA(each_first_touch_is_a_fault);
    RUN(untouched_memory_reads_as_zero);
    RUN(what_was_written_stays);
    RUN(a_heap_of_one_gib);
    RUN(a_child_gives_the_gib_back);
    RUN(the_kernel_reads_untouched_memory);
    RUN(the_kernel_writes_untouched_memory);
    RUN(the_kernel_writes_on_the_heap);
    RUN(a_path_that_ends_on_an_untouched_page);
    RUN(exec_arguments_that_end_on_untouched_pages);
    return TEST_PASSED;
}
