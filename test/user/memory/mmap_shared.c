/* Shared mappings, of files and of anonymous memory: all who map an object see one page. */
#include "plain_file.h"
#include "procfile.h"

#define RW (PROT_READ | PROT_WRITE)

static char *map_anonymous(size_t npages)
{
    return CHECK_OK(mmap(NULL, npages * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static char *map_file(int fd, size_t npages, int prot)
{
    return CHECK_OK(mmap(NULL, npages * PAGE, prot, MAP_SHARED, fd, 0));
}

/* Makes a file of two pages, one of 'a' and one of 'b'. */
static int make_file(void)
{
    static char bytes[2 * PAGE];

    memset(bytes, 'a', PAGE);
    memset(bytes + PAGE, 'b', PAGE);
    return create_file("file", bytes, sizeof(bytes));
}

static char file_byte(int fd, off_t offset)
{
    char byte;

    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, offset)), 1);
    return byte;
}

/* ---- Anonymous memory ---- */

static void write_x(void *address)
{
    CHECK_EQ(peek(address), 0);
    poke(address, 'x');
}

static void expect_x(void *address)
{
    CHECK_EQ(peek(address), 'x');
    poke(address, 'y');
}

static void parent_and_child_share_what_either_writes(void)
{
    char *pages = map_anonymous(3);

    CHECK_EQ(peek(pages + PAGE), 0); /* one that is there before the fork, and two that are not */
    CHECK(exits_with(0, write_x, pages));
    CHECK(exits_with(0, write_x, pages + PAGE));
    CHECK_EQ(peek(pages), 'x');
    CHECK_EQ(peek(pages + PAGE), 'x');
    poke(pages + 2 * PAGE, 'x');
    CHECK(exits_with(0, expect_x, pages + 2 * PAGE));
    CHECK_EQ(peek(pages + 2 * PAGE), 'y');
    unmap_pages(pages, 3);
}

/* Writes in a grandchild, beside private memory that fork has write-protected. */
static void fork_and_write(void *address)
{
    static char private_byte;

    private_byte = 1;
    CHECK(exits_with(0, write_x, address));
    CHECK_EQ(private_byte, 1);
}

static void a_grandchild_shares_too(void)
{
    char *page = map_anonymous(1);

    CHECK(exits_with(0, fork_and_write, page));
    CHECK_EQ(peek(page), 'x');
    unmap_pages(page, 1);
}

static void two_mappings_are_two_objects(void)
{
    char *one = map_anonymous(1), *two = map_anonymous(1);

    poke(one, 'x');
    CHECK_EQ(peek(two), 0);
    unmap_pages(one, 1);
    unmap_pages(two, 1);
}

static void contents_outlive_a_change_of_rights(void)
{
    char *page = map_anonymous(1);

    poke(page, 'x');
    CHECK_OK(mprotect(page, PAGE, PROT_NONE));
    CHECK(dies_by(SIGSEGV, read_byte, page));
    CHECK_OK(mprotect(page, PAGE, PROT_READ));
    CHECK_EQ(peek(page), 'x');
    CHECK(dies_by(SIGSEGV, write_byte, page));
    CHECK_OK(mprotect(page, PAGE, RW));
    poke(page, 'y');
    unmap_pages(page, 1);
}

static void dont_need_keeps_the_contents(void)
{
    char *page = map_anonymous(1);

    poke(page, 'x');
    CHECK_OK(madvise(page, PAGE, MADV_DONTNEED));
    CHECK_EQ(peek(page), 'x');
    unmap_pages(page, 1);
}

static void dev_zero_gives_new_memory(void)
{
    int fd = CHECK_OK(open("/dev/zero", O_RDWR));
    char *one = map_file(fd, 1, RW), *two = map_file(fd, 1, RW);

    CHECK(exits_with(0, write_x, one));
    CHECK_EQ(peek(one), 'x');
    CHECK_EQ(peek(two), 0);
    unmap_pages(one, 1);
    unmap_pages(two, 1);
    CHECK_OK(close(fd));
}

/* ---- Files ---- */

static void the_file_and_its_mappings_are_one(void)
{
    int fd = make_file();
    char *one = map_file(fd, 2, RW), *two = map_file(fd, 2, PROT_READ);

    CHECK_EQ(peek(two), 'a');
    poke(one, 'x'); /* of a page that the other mapping shows, and of one that it does not */
    poke(one + PAGE, 'y');
    CHECK_EQ(peek(two), 'x');
    CHECK_EQ(peek(two + PAGE), 'y');
    CHECK_EQ(file_byte(fd, 0), 'x');
    CHECK_EQ(file_byte(fd, PAGE), 'y');
    CHECK_EQ(CHECK_OK(pwrite(fd, "z", 1, PAGE)), 1);
    CHECK_EQ(peek(one + PAGE), 'z');
    unmap_pages(one, 2);
    unmap_pages(two, 2);
    CHECK_EQ(file_byte(fd, 0), 'x');
    plain_file_remove(fd);
}

static void processes_share_a_file(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 2, RW);

    CHECK(exits_with(0, write_byte, pages));
    CHECK_EQ(peek(pages), 1);
    CHECK_EQ(file_byte(fd, 0), 1);
    unmap_pages(pages, 2);
    plain_file_remove(fd);
}

static void a_private_page_sees_others_until_it_is_written(void)
{
    int fd = make_file();
    char *shared = map_file(fd, 2, RW);
    char *private = CHECK_OK(mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0));

    CHECK_EQ(peek(private), 'a');
    poke(shared, 'x');
    CHECK_EQ(peek(private), 'x');
    poke(private + 1, 'p'); /* its own copy from here on */
    poke(shared, 'y');
    CHECK_EQ(peek(private), 'x');
    CHECK_EQ(peek(shared + 1), 'a');
    CHECK_EQ(peek(private + PAGE), 'b');
    unmap_pages(shared, 2);
    unmap_pages(private, 2);
    plain_file_remove(fd);
}

static void a_hole_gets_one_page(void)
{
    int fd = create_file("file", "", 0);

    CHECK_OK(ftruncate(fd, 2 * PAGE));
    char *pages = map_file(fd, 2, RW), *others = map_file(fd, 2, RW);
    CHECK_EQ(peek(pages), 0);
    poke(others, 'x');
    CHECK_EQ(peek(pages), 'x');
    CHECK_EQ(file_byte(fd, 0), 'x');
    unmap_pages(pages, 2);
    unmap_pages(others, 2);
    plain_file_remove(fd);
}

static void the_mapping_outlives_descriptor_and_name(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 2, RW);

    plain_file_remove(fd);
    CHECK(exits_with(0, write_byte, pages));
    CHECK_EQ(peek(pages), 1);
    CHECK_EQ(peek(pages + PAGE), 'b');
    unmap_pages(pages, 2);
}

static void msync_checks_its_range(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 2, RW);

    poke(pages, 'x');
    CHECK_OK(msync(pages, 2 * PAGE, MS_SYNC));
    CHECK_OK(msync(pages, 1, MS_ASYNC));
    CHECK_OK(msync(pages, PAGE, 0));
    CHECK_OK(msync(pages, 0, MS_SYNC));
    CHECK_EQ(file_byte(fd, 0), 'x');
    CHECK_ERR(EINVAL, msync(pages, PAGE, MS_SYNC | MS_ASYNC));
    CHECK_ERR(EINVAL, msync(pages, PAGE, 8));
    CHECK_ERR(EINVAL, msync(pages + 1, PAGE, MS_SYNC));
    CHECK_ERR(ENOMEM, msync(pages, -PAGE, MS_SYNC));
    CHECK_OK(msync(pages, -PAGE + 1, MS_SYNC)); /* rounded up to 0 */
    CHECK_OK(mlock(pages + PAGE, PAGE));
    CHECK_OK(msync(pages, PAGE, MS_SYNC | MS_INVALIDATE));
    CHECK_ERR(EBUSY, msync(pages, 2 * PAGE, MS_SYNC | MS_INVALIDATE));
    unmap_pages(pages + PAGE, 1);
    CHECK_ERR(ENOMEM, msync(pages, 2 * PAGE, MS_SYNC));
    unmap_pages(pages, 1);
    plain_file_remove(fd);
}

/* ---- Ends ---- */

static void beyond_the_end_is_a_bus_error(void)
{
    int fd = make_file(), zero = CHECK_OK(open("/dev/zero", O_RDONLY));
    char *pages = map_file(fd, 4, RW);

    CHECK(dies_by(SIGBUS, read_byte, pages + 2 * PAGE));
    CHECK(dies_by(SIGBUS, write_byte, pages + 3 * PAGE));
    CHECK_ERR(EFAULT, read(zero, pages + 2 * PAGE, 1));
    CHECK_OK(ftruncate(fd, 3 * PAGE));
    poke(pages + 2 * PAGE, 'c'); /* the file has grown */
    CHECK_EQ(file_byte(fd, 2 * PAGE), 'c');
    CHECK_OK(close(zero));
    unmap_pages(pages, 4);
    plain_file_remove(fd);
}

static void what_is_cut_off_comes_back_as_zeros(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 2, RW);
    char *private = CHECK_OK(mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0));

    poke(pages + PAGE, 'x');
    poke(private + PAGE, 'p');
    CHECK_OK(ftruncate(fd, PAGE / 2));
    CHECK(dies_by(SIGBUS, read_byte, pages + PAGE));
    CHECK(dies_by(SIGBUS, read_byte, private + PAGE)); /* the copy has gone, too */
    CHECK_EQ(peek(pages + PAGE / 2), 0);
    CHECK_EQ(peek(pages), 'a');
    CHECK_OK(ftruncate(fd, 2 * PAGE));
    CHECK(is_zero(pages + PAGE / 2, 3 * PAGE / 2));
    unmap_pages(pages, 2);
    unmap_pages(private, 2);
    plain_file_remove(fd);
}

/* The bytes that a program writes behind the end of a file are no part of it. */
static void the_rest_of_the_last_page_does_not_reach_the_file(void)
{
    int fd = create_file("file", "abc", 3);
    char *page = map_file(fd, 1, RW);

    poke(page + 100, 'x');
    CHECK_EQ(CHECK_OK(lseek(fd, 0, SEEK_END)), 3);
    CHECK_OK(ftruncate(fd, 200));
    CHECK_EQ(file_byte(fd, 100), 0);
    unmap_pages(page, 1);
    plain_file_remove(fd);
}

static void truncate_by_name(void *unused)
{
    (void)unused;
    CHECK_OK(truncate("file", 0));
}

static void truncation_reaches_all_processes(void)
{
    int fd = make_file();
    struct held_child child;
    char *pages = map_file(fd, 2, RW);

    poke(pages, 'x');
    hold_child(&child, read_byte, pages); /* has the page by fork */
    CHECK(exits_with(0, truncate_by_name, NULL));
    CHECK(killed_by(release_child(&child), SIGBUS));
    CHECK(dies_by(SIGBUS, read_byte, pages));
    unmap_pages(pages, 2);
    plain_file_remove(fd);
}

/* A truncation comes to a part that mprotect has split off, and to parts that it has merged. */
static void truncation_reaches_parts_of_a_mapping(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 2, RW);

    CHECK_EQ(peek(pages) + peek(pages + PAGE), 'a' + 'b');
    CHECK_OK(mprotect(pages + PAGE, PAGE, PROT_READ));
    CHECK_OK(ftruncate(fd, PAGE));
    CHECK(dies_by(SIGBUS, read_byte, pages + PAGE));
    CHECK_OK(mprotect(pages + PAGE, PAGE, RW));
    CHECK_EQ(peek(pages), 'a');
    CHECK_OK(ftruncate(fd, 0));
    CHECK(dies_by(SIGBUS, read_byte, pages));
    unmap_pages(pages, 2);
    plain_file_remove(fd);
}

/* ---- Buffers that are mappings ---- */

static void a_file_is_read_into_and_written_from_its_own_mapping(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 2, RW);

    CHECK_EQ(CHECK_OK(pread(fd, pages, PAGE, PAGE)), PAGE);
    CHECK_EQ(peek(pages), 'b');
    poke(pages, 'x');
    CHECK_EQ(CHECK_OK(pwrite(fd, pages, PAGE, PAGE)), PAGE);
    CHECK_EQ(peek(pages + PAGE), 'x');
    unmap_pages(pages, 2);
    plain_file_remove(fd);
}

/* The rest of the buffer lies beyond the end, until its first bytes have been written there. */
static void a_write_makes_room_for_the_rest_of_its_buffer(void)
{
    int fd = make_file();
    char *pages = map_file(fd, 4, RW);

    CHECK_EQ(CHECK_OK(pwrite(fd, pages + 2 * PAGE - 10, 20, 3 * PAGE)), 20);
    CHECK_EQ(peek(pages + 3 * PAGE + 9), 'b');
    CHECK_EQ(peek(pages + 3 * PAGE + 10), 0);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 3 * PAGE + 20);
    CHECK_OK(ftruncate(fd, 2 * PAGE));
    CHECK_EQ(CHECK_OK(pwrite(fd, pages + 2 * PAGE - 10, 20, PAGE)), 10);
    CHECK_ERR(EFAULT, pwrite(fd, pages + 2 * PAGE, 20, PAGE));
    unmap_pages(pages, 4);
    plain_file_remove(fd);
}

/* Two files, each read and written by one process from the mapping of the other. */
struct pair {
    int fd;
    char *buffer;
};

static void copy_often(void *arg)
{
    const struct pair *pair = arg;

    for (int n = 0; n < 200; n++) {
        CHECK_OK(madvise(pair->buffer, PAGE, MADV_DONTNEED));
        CHECK_EQ(CHECK_OK(pwrite(pair->fd, pair->buffer, PAGE, 0)), PAGE);
        CHECK_OK(madvise(pair->buffer, PAGE, MADV_DONTNEED));
        CHECK_EQ(CHECK_OK(pread(pair->fd, pair->buffer, PAGE, 0)), PAGE);
    }
}

static void two_processes_copy_crosswise(void)
{
    int one = create_file("one", "1", 1), two = create_file("two", "2", 1);

    CHECK_OK(ftruncate(one, PAGE));
    CHECK_OK(ftruncate(two, PAGE));
    struct pair pairs[] = {{one, map_file(two, 1, RW)}, {two, map_file(one, 1, RW)}};
    pid_t child = start_child(copy_often, &pairs[0]);
    CHECK(exits_with(0, copy_often, &pairs[1]));
    CHECK(exited_with(wait_child(child), 0));
    unmap_pages(pairs[0].buffer, 1);
    unmap_pages(pairs[1].buffer, 1);
    CHECK_OK(close(one));
    CHECK_OK(close(two));
    CHECK_OK(unlink("one"));
    CHECK_OK(unlink("two"));
}

/* ---- Many ---- */

#define COUNTERS 64
#define ROUNDS   500

static void count_all(void *arg)
{
    unsigned *counters = arg;

    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned n = 0; n < COUNTERS; n++)
            __atomic_add_fetch(&counters[n * (PAGE / sizeof(*counters)) / 8], 1, __ATOMIC_RELAXED);
}

static void many_processes_count_in_one_array(void)
{
    unsigned *counters = (unsigned *)map_anonymous(COUNTERS / 8);
    pid_t children[COUNTERS];

    for (unsigned n = 0; n < COUNTERS; n++)
        children[n] = start_child(count_all, counters);
    for (unsigned n = 0; n < COUNTERS; n++)
        CHECK(exited_with(wait_child(children[n]), 0));
    for (unsigned n = 0; n < COUNTERS; n++)
        CHECK_EQ(counters[n * (PAGE / sizeof(*counters)) / 8], COUNTERS * ROUNDS);
    unmap_pages(counters, COUNTERS / 8);
}

/* ---- Rights ---- */

static void rights_are_those_of_the_descriptor(void)
{
    int fd = make_file();
    int reads = CHECK_OK(open("file", O_RDONLY)), writes = CHECK_OK(open("file", O_WRONLY));

    CHECK_ERR(EACCES, mmap(NULL, PAGE, RW, MAP_SHARED, reads, 0));
    CHECK_ERR(EACCES, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, writes, 0));
    char *pages = map_file(reads, 2, PROT_READ);
    CHECK_ERR(EACCES, mprotect(pages, PAGE, RW));
    CHECK_OK(mprotect(pages, PAGE, PROT_NONE));
    CHECK_ERR(EACCES, mprotect(pages, 2 * PAGE, PROT_WRITE));
    CHECK_OK(mprotect(pages, 2 * PAGE, PROT_READ | PROT_EXEC));
    CHECK(dies_by(SIGSEGV, write_byte, pages));
    unmap_pages(pages, 2);
    CHECK_OK(close(reads));
    CHECK_OK(close(writes));
    plain_file_remove(fd);
}

static void a_program_that_is_mapped_for_writing_does_not_run(void)
{
    int fd = make_file();

    CHECK_OK(fchmod(fd, 0755));
    char *pages = map_file(fd, 2, RW);
    CHECK_OK(close(fd));
    CHECK_ERR(ETXTBSY, execl("file", "file", NULL));
    unmap_pages(pages, 2);
    CHECK_ERR(ENOEXEC, execl("file", "file", NULL));
    CHECK_OK(unlink("file"));
}

static void types_are_checked(void)
{
    int fd = make_file();
    const int anonymous = MAP_ANONYMOUS;

    CHECK_ERR(EINVAL, mmap(NULL, PAGE, RW, anonymous, -1, 0));
    CHECK_ERR(EINVAL, mmap(NULL, PAGE, RW, anonymous | 4, -1, 0));
    CHECK_ERR(EINVAL, mmap(NULL, PAGE, RW, anonymous | MAP_SHARED_VALIDATE, -1, 0));
    CHECK_ERR(EINVAL, mmap(NULL, PAGE, RW, anonymous | MAP_SHARED | MAP_GROWSDOWN, -1, 0));
    CHECK_ERR(EOPNOTSUPP, mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE | MAP_SYNC, fd, 0));
    CHECK_ERR(EOPNOTSUPP, mmap((void *)0x10000000000, PAGE, RW,
                               MAP_SHARED_VALIDATE | MAP_FIXED_NOREPLACE, fd, 0));
    char *page = CHECK_OK(mmap(NULL, PAGE, RW, MAP_SHARED_VALIDATE, fd, 0));
    poke(page, 'x');
    CHECK_EQ(file_byte(fd, 0), 'x');
    unmap_pages(page, 1);
    plain_file_remove(fd);
}

int main(void)
{
    temp_dir_enter();
    RUN(parent_and_child_share_what_either_writes);
    RUN(a_grandchild_shares_too);
    RUN(two_mappings_are_two_objects);
    RUN(contents_outlive_a_change_of_rights);
    RUN(dont_need_keeps_the_contents);
    RUN(dev_zero_gives_new_memory);
    RUN(the_file_and_its_mappings_are_one);
    RUN(processes_share_a_file);
    RUN(a_private_page_sees_others_until_it_is_written);
    RUN(a_hole_gets_one_page);
    RUN(the_mapping_outlives_descriptor_and_name);
    RUN(msync_checks_its_range);
    RUN(beyond_the_end_is_a_bus_error);
    RUN(what_is_cut_off_comes_back_as_zeros);
    RUN(the_rest_of_the_last_page_does_not_reach_the_file);
    RUN(truncation_reaches_all_processes);
    RUN(truncation_reaches_parts_of_a_mapping);
    RUN(a_file_is_read_into_and_written_from_its_own_mapping);
    RUN(a_write_makes_room_for_the_rest_of_its_buffer);
    RUN(two_processes_copy_crosswise);
    RUN(many_processes_count_in_one_array);
    RUN(rights_are_those_of_the_descriptor);
    RUN(a_program_that_is_mapped_for_writing_does_not_run);
    RUN(types_are_checked);
    temp_dir_leave();
    return test_end();
}
