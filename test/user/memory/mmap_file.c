/* Private mappings of files: pages come from the file on demand, and writes stay in the process. */
#include "plain_file.h"

#define RW (PROT_READ | PROT_WRITE)

/* A file of two and a half pages: one of 'a', one of 'b', the rest of 'c'. */
#define FILE_LEN (2 * PAGE + PAGE / 2)

static int make_file(void)
{
    static char bytes[FILE_LEN];

    memset(bytes, 'a', PAGE);
    memset(bytes + PAGE, 'b', PAGE);
    memset(bytes + 2 * PAGE, 'c', FILE_LEN - 2 * PAGE);
    return create_file("file", bytes, sizeof(bytes));
}

static char *map_file(int fd, size_t npages, int prot)
{
    return CHECK_OK(mmap(NULL, npages * PAGE, prot, MAP_PRIVATE, fd, 0));
}

static void check_file_byte(int fd, off_t offset, char expected)
{
    char byte;

    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, offset)), 1);
    CHECK_EQ(byte, expected);
}

static void it_shows_the_file(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 3, PROT_READ);

    CHECK_EQ(peek(pages), 'a');
    CHECK_EQ(peek(pages + PAGE - 1), 'a');
    CHECK_EQ(peek(pages + PAGE), 'b');
    CHECK_EQ(peek(pages + FILE_LEN - 1), 'c');
    CHECK(dies_by(SIGSEGV, write_byte, pages));
    unmap_pages(pages, 3);
    plain_file_remove(fd);
}

static void it_begins_at_an_offset(void)
{
    int fd = make_file();
    char *page = CHECK_OK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, PAGE));

    CHECK_EQ(peek(page), 'b');
    CHECK_EQ(peek(page + PAGE - 1), 'b');
    unmap_pages(page, 1);
    plain_file_remove(fd);
}

static void parts_keep_their_offsets(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 3, PROT_READ);

    unmap_pages(pages, 1);
    CHECK_OK(mprotect(pages + 2 * PAGE, PAGE, RW));
    CHECK_EQ(peek(pages + PAGE), 'b');
    CHECK_EQ(peek(pages + 2 * PAGE), 'c');
    unmap_pages(pages + PAGE, 2);
    plain_file_remove(fd);
}

static void the_rest_of_the_last_page_is_zero(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 3, RW);

    CHECK(is_zero(pages + FILE_LEN, 3 * PAGE - FILE_LEN));
    poke(pages + FILE_LEN, 'x'); /* may be written, but does not lengthen the file */
    CHECK_EQ(CHECK_OK(lseek(fd, 0, SEEK_END)), FILE_LEN);
    unmap_pages(pages, 3);
    plain_file_remove(fd);
}

static void beyond_the_end_is_a_bus_error(void)
{
    int fd = make_file(), zero = CHECK_OK(open("/dev/zero", O_RDONLY));
    char *pages = map_file(fd, 5, RW);

    CHECK(dies_by(SIGBUS, read_byte, pages + 3 * PAGE));
    CHECK(dies_by(SIGBUS, write_byte, pages + 3 * PAGE));
    CHECK(dies_by(SIGBUS, read_byte, pages + 5 * PAGE - 1));
    CHECK_ERR(EFAULT, read(zero, pages + 3 * PAGE, 1)); /* and to the kernel, a bad address */
    CHECK_OK(close(zero));
    unmap_pages(pages, 5);
    plain_file_remove(fd);
}

static void writes_stay_private(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 3, RW), *others = map_file(fd, 3, RW);

    poke(pages, 'x'); /* a page that was not there yet */
    CHECK_EQ(peek(pages + PAGE), 'b');
    poke(pages + PAGE, 'y'); /* one that was, read-only */
    CHECK_EQ(peek(pages), 'x');
    CHECK_EQ(peek(pages + 1), 'a');
    CHECK_EQ(peek(pages + PAGE), 'y');
    CHECK_EQ(peek(others), 'a');
    CHECK_EQ(peek(others + PAGE), 'b');
    check_file_byte(fd, 0, 'a');
    check_file_byte(fd, PAGE, 'b');
    unmap_pages(pages, 3);
    unmap_pages(others, 3);
    plain_file_remove(fd);
}

static void the_kernels_writes_are_private_too(void)
{
    int fd = make_file(), zero = CHECK_OK(open("/dev/zero", O_RDONLY));
    char *pages = map_file(fd, 3, RW);

    CHECK_EQ(CHECK_OK(read(zero, pages + PAGE - 4, 8)), 8);
    CHECK_EQ(peek(pages + PAGE - 5), 'a');
    CHECK(is_zero(pages + PAGE - 4, 8));
    CHECK_EQ(peek(pages + PAGE + 4), 'b');
    check_file_byte(fd, PAGE - 1, 'a');
    check_file_byte(fd, PAGE, 'b');
    CHECK_OK(close(zero));
    unmap_pages(pages, 3);
    plain_file_remove(fd);
}

static void a_file_is_read_into_its_own_mapping(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 3, RW);

    CHECK_EQ(CHECK_OK(pread(fd, pages + PAGE, PAGE, 0)), PAGE);
    CHECK_EQ(peek(pages + PAGE), 'a');
    CHECK_EQ(CHECK_OK(pwrite(fd, pages + 2 * PAGE, 100, 0)),
             100); /* from where it was not touched yet */
    check_file_byte(fd, 0, 'c');
    check_file_byte(fd, PAGE, 'b');
    unmap_pages(pages, 3);
    plain_file_remove(fd);
}

static void write_as_child(void *pages)
{
    CHECK_EQ(peek(pages), 'x');
    CHECK_EQ(peek((char *)pages + PAGE), 'b');
    memset(pages, 'z', FILE_LEN);
}

static void a_childs_writes_stay_with_it(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 3, RW);

    poke(pages, 'x');
    CHECK(exits_with(0, write_as_child, pages));
    CHECK_EQ(peek(pages), 'x');
    CHECK_EQ(peek(pages + PAGE), 'b');
    CHECK_EQ(peek(pages + 2 * PAGE), 'c');
    check_file_byte(fd, 0, 'a');
    unmap_pages(pages, 3);
    plain_file_remove(fd);
}

static void it_outlives_descriptor_and_name(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 3, RW);

    plain_file_remove(fd);
    CHECK_EQ(peek(pages + PAGE), 'b');
    poke(pages, 'x');
    CHECK_EQ(peek(pages), 'x');
    unmap_pages(pages, 3);
}

static void truncation_takes_the_pages_away(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 3, RW);

    CHECK_EQ(peek(pages + PAGE), 'b');
    poke(pages + 2 * PAGE, 'x'); /* even a private copy, as on Linux */
    CHECK_OK(ftruncate(fd, 100));
    CHECK_EQ(peek(pages), 'a');
    CHECK_EQ(peek(pages + 100), 0);
    CHECK(dies_by(SIGBUS, read_byte, pages + PAGE));
    CHECK(dies_by(SIGBUS, read_byte, pages + 2 * PAGE));
    unmap_pages(pages, 3);
    plain_file_remove(fd);
}

/* mov $42, %eax; ret */
static const unsigned char code[] = {0xb8, 42, 0, 0, 0, 0xc3};

static void code_comes_from_a_file(void)
{
    int fd = create_file("file", code, sizeof(code));
    char *page = map_file(fd, 1, PROT_READ | PROT_EXEC);

    CHECK_EQ(((int (*)(void))(uintptr_t)page)(), 42);
    unmap_pages(page, 1);
    page = map_file(fd, 1, RW);
    CHECK(dies_by(SIGSEGV, call_code, page));
    unmap_pages(page, 1);
    plain_file_remove(fd);
}

static void some_files_cannot_be_mapped(void)
{
    int fd = make_file(), fds[2];
    int write_only = CHECK_OK(open("file", O_WRONLY));
    int directory = CHECK_OK(open(".", O_RDONLY));

    make_pipe(fds);
    CHECK_ERR(EACCES, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, write_only, 0));
    CHECK_ERR(ENODEV, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, directory, 0));
    CHECK_ERR(ENODEV, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fds[0], 0));
    CHECK_ERR(EINVAL, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 100));
    CHECK_OK(close(write_only));
    CHECK_OK(close(directory));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    plain_file_remove(fd);
}

static void a_file_open_to_read_can_be_mapped_to_write(void)
{
    int fd = make_file(), read_only = CHECK_OK(open("file", O_RDONLY));
    char *pages = map_file(read_only, 1, RW);

    poke(pages, 'x');
    check_file_byte(fd, 0, 'a');
    CHECK_OK(close(read_only));
    unmap_pages(pages, 1);
    plain_file_remove(fd);
}

static void reading_costs_no_frame_and_writing_one(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 3, RW);
    struct counters before = counters_now();

    for (int i = 0; i < 3; i++)
        read_byte(pages + i * PAGE);
    CHECK_EQ(counters_since(&before).anon_pages, 0);
    for (int i = 0; i < 3; i++)
        write_byte(pages + i * PAGE);
    CHECK_EQ(counters_since(&before).anon_pages, 3);
    unmap_pages(pages, 3);
    CHECK_EQ(counters_since(&before).anon_pages, 0);
    plain_file_remove(fd);
}

static void map_none_of(const char *path, int flags, int error)
{
    int fd = CHECK_OK(open(path, flags));

    CHECK_ERR(error, mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
    CHECK_OK(close(fd));
}

static void a_mapping_of_a_file_does_not_grow_down(void)
{
    int fd = plain_file_create("text"), zeros = CHECK_OK(open("/dev/zero", O_RDWR));
    int null = CHECK_OK(open("/dev/null", O_RDWR));

    CHECK_ERR(EINVAL, mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN, fd, 0));
    CHECK_ERR(EINVAL, mmap(NULL, PAGE, RW, MAP_SHARED | MAP_GROWSDOWN, fd, 0));
    CHECK_ERR(EINVAL, mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN, zeros, 0));
    CHECK_ERR(ENODEV, mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN, null, 0));
    CHECK_OK(close(null));
    CHECK_OK(close(zeros));
    plain_file_remove(fd);
}

/* The error of anonymous memory depends on Linux's pool of huge pages. */
static void a_file_in_memory_has_no_huge_pages(void)
{
    int fd = plain_file_create("text");

    CHECK_ERR(EINVAL, mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_HUGETLB, fd, 0));
    CHECK_ERR(EINVAL, mmap(NULL, PAGE, RW, MAP_SHARED | MAP_HUGETLB, fd, 0));
    CHECK_ERR(EBADF, mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_HUGETLB, -1, 0));
    CHECK_ERR(EINVAL, mmap(NULL, PAGE, RW, MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
    if (on_pagoda())
        CHECK_ERR(ENOMEM, mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
    plain_file_remove(fd);
}

static void a_file_of_zeros_is_memory(void)
{
    int fd = CHECK_OK(open("/dev/zero", O_RDONLY));
    char *pages = CHECK_OK(mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 5 * PAGE));

    CHECK_OK(close(fd));
    CHECK(is_zero(pages, 3 * PAGE));
    poke(pages + PAGE, 'x');
    CHECK(exits_with(0, write_byte, pages + PAGE));
    CHECK_EQ(peek(pages + PAGE), 'x');
    CHECK_OK(mprotect(pages + PAGE, PAGE, PROT_READ));
    CHECK(dies_by(SIGSEGV, write_byte, pages + PAGE));
    CHECK_OK(madvise(pages, 3 * PAGE, MADV_DONTNEED));
    CHECK(is_zero(pages, 3 * PAGE));
    unmap_pages(pages, 3);
    map_none_of("/dev/zero", O_WRONLY, EACCES);
    map_none_of("/dev/null", O_RDWR, ENODEV);
    map_none_of("/dev/full", O_RDWR, ENODEV);
    map_none_of("/dev/urandom", O_RDWR, ENODEV);
}

int main(void)
{
    temp_dir_enter();
    RUN(it_shows_the_file);
    RUN(it_begins_at_an_offset);
    RUN(parts_keep_their_offsets);
    RUN(the_rest_of_the_last_page_is_zero);
    RUN(beyond_the_end_is_a_bus_error);
    RUN(writes_stay_private);
    RUN(the_kernels_writes_are_private_too);
    RUN(a_file_is_read_into_its_own_mapping);
    RUN(a_childs_writes_stay_with_it);
    RUN(it_outlives_descriptor_and_name);
    RUN(truncation_takes_the_pages_away);
    RUN(code_comes_from_a_file);
    RUN(some_files_cannot_be_mapped);
    RUN(a_file_open_to_read_can_be_mapped_to_write);
    RUN_ON_PAGODA(reading_costs_no_frame_and_writing_one);
    RUN(a_file_of_zeros_is_memory);
    RUN(a_mapping_of_a_file_does_not_grow_down);
    RUN(a_file_in_memory_has_no_huge_pages);
    temp_dir_leave();
    return test_end();
}
