/* xv6, lazy lab: system calls on memory that was promised and never touched. The kernel is the
   first to touch the page. What every system call does with such a pointer is in
   syscall_pointers. */
#include "test.h"

#include <sys/resource.h>

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

/* Writes text that fills a page to its end. Only its final zero is on the next, untouched, page. */
static char *lazy_string(const char *text)
{
    char *area = map_pages(2);

    return memcpy(area + PAGE - strlen(text), text, strlen(text));
}

static void a_path_may_end_on_an_untouched_page(void)
{
    struct stat stat_buffer;
    int fd = CHECK_OK(open(lazy_string("/dev/null"), O_RDONLY));

    CHECK_OK(close(fd));
    CHECK_OK(stat(lazy_string("/dev/null"), &stat_buffer));
    CHECK_OK(access(lazy_string("/dev/null"), R_OK));
    CHECK_ERR(ENOENT, open(lazy_string("/there/is/no/such/file"), O_RDONLY));
    CHECK_ERR(ENOENT, open(map_pages(1), O_RDONLY)); /* the empty path */
}

/* The final NULL of the array, and the final zeros of path and argument, are on untouched pages. */
static void exec_lazily(void *unused)
{
    char **argv = (char **)(map_pages(2) + PAGE - 2 * sizeof(char *));

    (void)unused;
    argv[0] = lazy_string(self_path());
    argv[1] = lazy_string("crossing");
    execv(argv[0], argv);
    CHECK_EQ(errno, 0);
}

static void exec_arguments_may_end_on_untouched_pages(void)
{
    CHECK(exits_with(7, exec_lazily, NULL));
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return strcmp(argv[1], "crossing") == 0 && argc == 2 ? 7 : TEST_FAILED;
    RUN(the_kernel_reads_untouched_memory);
    RUN(the_kernel_writes_untouched_memory);
    RUN(the_kernel_writes_on_the_heap);
    RUN(a_path_may_end_on_an_untouched_page);
    RUN(exec_arguments_may_end_on_untouched_pages);
    return test_end();
}
