/* Holes in files: fallocate(2), MADV_REMOVE, and lseek(2) to data and holes. */
#include "plain_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#define RW     (PROT_READ | PROT_WRITE)
#define NPAGES 4
#define PUNCH  (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)

/* Of linux/falloc.h. */
#define COLLAPSE_RANGE 0x08
#define ZERO_RANGE     0x10

static int fd;
static char *pages; /* of the file */

/* Makes a file whose pages are full of 'a', 'b', ... */
static void begin(void)
{
    static char bytes[PAGE];

    fd = create_file("file", "", 0);
    for (int page = 0; page < NPAGES; page++) {
        memset(bytes, 'a' + page, PAGE);
        CHECK_EQ(CHECK_OK(pwrite(fd, bytes, PAGE, page * PAGE)), PAGE);
    }
    pages = CHECK_OK(mmap(NULL, NPAGES * PAGE, RW, MAP_SHARED, fd, 0));
}

static void end(void)
{
    unmap_pages(pages, NPAGES);
    plain_file_remove(fd);
}

static char file_byte(off_t offset)
{
    char byte;

    CHECK_EQ(CHECK_OK(pread(fd, &byte, 1, offset)), 1);
    return byte;
}

/* Checks a byte of the file, and of its mapping. */
static void expect_byte(off_t offset, char byte)
{
    CHECK_EQ(file_byte(offset), byte);
    CHECK_EQ(peek(pages + offset), byte);
}

static struct stat status(void)
{
    struct stat stat;

    CHECK_OK(fstat(fd, &stat));
    return stat;
}

static void make_old(void)
{
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};

    CHECK_OK(futimens(fd, old));
}

static void a_hole_reads_as_zeros(void)
{
    begin();
    blkcnt_t blocks = status().st_blocks;
    CHECK_EQ(peek(pages + PAGE), 'b');
    make_old();
    CHECK_OK(fallocate(fd, PUNCH, PAGE, 2 * PAGE));
    CHECK(status().st_mtim.tv_sec != 1000);
    CHECK(status().st_blocks < blocks);
    expect_byte(PAGE - 1, 'a');
    expect_byte(PAGE, 0);
    expect_byte(3 * PAGE - 1, 0);
    expect_byte(3 * PAGE, 'd');
    CHECK_EQ(status().st_size, NPAGES * PAGE);
    poke(pages + PAGE, 'x');
    expect_byte(PAGE, 'x');
    end();
}

static void a_hole_may_begin_and_end_within_pages(void)
{
    begin();
    CHECK_OK(fallocate(fd, PUNCH, PAGE - 1, PAGE + 2));
    expect_byte(PAGE - 2, 'a');
    expect_byte(PAGE - 1, 0);
    expect_byte(2 * PAGE, 0);
    expect_byte(2 * PAGE + 1, 'c');
    CHECK_OK(fallocate(fd, PUNCH, 3 * PAGE + 10, 5));
    expect_byte(3 * PAGE + 9, 'd');
    expect_byte(3 * PAGE + 10, 0);
    expect_byte(3 * PAGE + 14, 0);
    expect_byte(3 * PAGE + 15, 'd');
    CHECK_OK(fallocate(fd, PUNCH, NPAGES * PAGE, PAGE));
    CHECK_EQ(status().st_size, NPAGES * PAGE);
    end();
}

static void private_copies_stay(void)
{
    begin();
    char *copies = CHECK_OK(mmap(NULL, NPAGES * PAGE, RW, MAP_PRIVATE, fd, 0));
    poke(copies, 'x');
    CHECK_EQ(peek(copies + PAGE), 'b');
    CHECK_OK(fallocate(fd, PUNCH, 0, 2 * PAGE));
    CHECK_EQ(peek(copies), 'x');
    CHECK_EQ(peek(copies + 1), 'a');
    CHECK_EQ(peek(copies + PAGE), 0);
    unmap_pages(copies, NPAGES);
    end();
}

static void punch_second_page(void *unused)
{
    (void)unused;
    CHECK_EQ(peek(pages + PAGE), 'b');
    CHECK_OK(fallocate(fd, PUNCH, PAGE, PAGE));
    CHECK_EQ(peek(pages + PAGE), 0);
    poke(pages + PAGE, 'x');
}

static void a_child_makes_a_hole(void)
{
    begin();
    CHECK_EQ(peek(pages + PAGE), 'b');
    CHECK(exits_with(0, punch_second_page, NULL));
    expect_byte(PAGE, 'x');
    expect_byte(PAGE + 1, 0);
    end();
}

static void fallocate_makes_the_file_longer(void)
{
    begin();
    make_old();
    CHECK_OK(fallocate(fd, 0, NPAGES * PAGE, PAGE + 1));
    CHECK_EQ(status().st_size, (NPAGES + 1) * PAGE + 1);
    CHECK(status().st_mtim.tv_sec != 1000);
    CHECK_EQ(file_byte(NPAGES * PAGE), 0);
    CHECK_EQ(file_byte((NPAGES + 1) * PAGE), 0);
    CHECK((size_t)status().st_blocks * 512 >= (NPAGES + 2) * PAGE);
    CHECK_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 100 * PAGE));
    CHECK_EQ(status().st_size, (NPAGES + 1) * PAGE + 1);
    expect_byte(0, 'a');
    end();
}

/* What no program has used is a hole to lseek, and not in memory to mincore. */
static void allocated_pages_are_not_data(void)
{
    unsigned char vec[1];

    fd = create_file("file", "", 0);
    CHECK_OK(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 2 * PAGE));
    CHECK_EQ(status().st_size, 0);
    CHECK(status().st_blocks > 0);
    CHECK_OK(fallocate(fd, 0, 0, 8 * PAGE));
    CHECK_ERR(ENXIO, lseek(fd, 0, SEEK_DATA));
    CHECK_EQ(lseek(fd, PAGE, SEEK_HOLE), PAGE);
    char *page = CHECK_OK(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0));
    CHECK_OK(mincore(page, PAGE, vec));
    CHECK_EQ(vec[0], 0);
    poke(page, 'x');
    CHECK_OK(mincore(page, PAGE, vec));
    CHECK_EQ(vec[0], 1);
    CHECK_EQ(CHECK_OK(pwrite(fd, "x", 1, 3 * PAGE)), 1);
    CHECK_EQ(lseek(fd, 0, SEEK_DATA), 0);
    CHECK(lseek(fd, PAGE, SEEK_DATA) == 3 * PAGE || !on_pagoda());
    unmap_pages(page, 1);
    plain_file_remove(fd);
}

static void fallocate_fills_holes(void)
{
    begin();
    CHECK_OK(fallocate(fd, PUNCH, PAGE, PAGE));
    blkcnt_t blocks = status().st_blocks;
    CHECK_OK(fallocate(fd, 0, 0, NPAGES * PAGE));
    CHECK(status().st_blocks > blocks);
    expect_byte(0, 'a');
    expect_byte(PAGE, 0);
    end();
}

static void wrong_modes_and_files(void)
{
    int fds[2];

    begin();
    CHECK_ERR(EBADF, fallocate(-1, 0, 0, 1));
    CHECK_ERR(EINVAL, fallocate(fd, 0, 0, 0));
    CHECK_ERR(EINVAL, fallocate(fd, 0, -1, 1));
    CHECK_ERR(EINVAL, fallocate(fd, 0, 0, -1));
    CHECK_ERR(EFBIG, fallocate(fd, 0, 1, INT64_MAX));
    CHECK_ERR(EOPNOTSUPP, fallocate(fd, FALLOC_FL_PUNCH_HOLE, 0, 1));
    CHECK_ERR(EOPNOTSUPP, fallocate(fd, PUNCH | ZERO_RANGE, 0, 1));
    CHECK_ERR(EOPNOTSUPP, fallocate(fd, COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE, 0, 1));
    CHECK_ERR(EOPNOTSUPP, fallocate(fd, 1 << 20, 0, 1));
    int reader = CHECK_OK(open("file", O_RDONLY));
    CHECK_ERR(EBADF, fallocate(reader, 0, 0, 1));
    CHECK_OK(close(reader));
    make_pipe(fds);
    CHECK_ERR(EBADF, fallocate(fds[0], 0, 0, 1));
    CHECK_ERR(ESPIPE, fallocate(fds[1], 0, 0, 1));
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
    int null = CHECK_OK(open("/dev/null", O_RDWR));
    CHECK_ERR(ENODEV, fallocate(null, 0, 0, 1));
    CHECK_OK(close(null));
    end();
}

static void a_full_disk_gets_nothing(void)
{
    begin();
    if (on_pagoda()) {
        blkcnt_t blocks = status().st_blocks;

        CHECK_ERR(ENOSPC, fallocate(fd, 0, 0, 1l << 40));
        CHECK_ERR(ENOSPC, fallocate(fd, 0, 1l << 40, 1l << 40));
        CHECK_EQ(status().st_size, NPAGES * PAGE);
        CHECK_EQ(status().st_blocks, blocks);
    }
    end();
}

static void the_limit_of_sizes_holds(void)
{
    struct rlimit old, limit;

    begin();
    CHECK_OK(getrlimit(RLIMIT_FSIZE, &old));
    limit = (struct rlimit){NPAGES * PAGE + 100, old.rlim_max};
    CHECK_OK(setrlimit(RLIMIT_FSIZE, &limit));
    signal(SIGXFSZ, SIG_IGN);
    CHECK_ERR(EFBIG, fallocate(fd, 0, 0, NPAGES * PAGE + 101));
    CHECK_OK(fallocate(fd, 0, 0, NPAGES * PAGE + 100));
    signal(SIGXFSZ, SIG_DFL);
    CHECK_OK(setrlimit(RLIMIT_FSIZE, &old));
    CHECK_EQ(status().st_size, NPAGES * PAGE + 100);
    end();
}

static void lseek_finds_data_and_holes(void)
{
    fd = create_file("file", "", 0);
    CHECK_ERR(ENXIO, lseek(fd, 0, SEEK_DATA));
    CHECK_OK(ftruncate(fd, 64 * PAGE));
    CHECK_ERR(ENXIO, lseek(fd, 0, SEEK_DATA));
    CHECK_EQ(lseek(fd, 5, SEEK_HOLE), 5);
    CHECK_EQ(CHECK_OK(pwrite(fd, "x", 1, 32 * PAGE + 7)), 1);
    CHECK_EQ(lseek(fd, 0, SEEK_DATA), 32 * PAGE);
    CHECK_EQ(lseek(fd, 32 * PAGE + 9, SEEK_DATA), 32 * PAGE + 9);
    CHECK_EQ(lseek(fd, 32 * PAGE + 9, SEEK_HOLE), 33 * PAGE);
    CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 0);
    CHECK_EQ(file_offset(fd), 0);
    CHECK_ERR(ENXIO, lseek(fd, 33 * PAGE, SEEK_DATA));
    CHECK_ERR(ENXIO, lseek(fd, 64 * PAGE, SEEK_HOLE));
    CHECK_ERR(ENXIO, lseek(fd, -1, SEEK_HOLE));
    CHECK_OK(fallocate(fd, PUNCH, 32 * PAGE, PAGE));
    CHECK_ERR(ENXIO, lseek(fd, 0, SEEK_DATA));
    CHECK_EQ(CHECK_OK(pwrite(fd, "x", 1, 64 * PAGE + 7)), 1);
    CHECK_EQ(lseek(fd, 64 * PAGE, SEEK_HOLE), 64 * PAGE + 8);
    plain_file_remove(fd);
}

static void madvise_takes_pages_out_of_the_file(void)
{
    begin();
    CHECK_OK(madvise(pages + PAGE, 2 * PAGE, MADV_REMOVE));
    expect_byte(PAGE - 1, 'a');
    expect_byte(PAGE, 0);
    expect_byte(3 * PAGE - 1, 0);
    expect_byte(3 * PAGE, 'd');
    end();
}

static void madvise_takes_shared_memory_away(void)
{
    char *memory = CHECK_OK(mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));

    poke(memory, 'x');
    poke(memory + PAGE, 'y');
    CHECK_OK(madvise(memory, PAGE, MADV_REMOVE));
    CHECK_EQ(peek(memory), 0);
    CHECK_EQ(peek(memory + PAGE), 'y');
    unmap_pages(memory, 2);
}

static void madvise_refuses(void)
{
    begin();
    char *private = CHECK_OK(mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0));
    char *anonymous = map_pages(1);
    int reader = CHECK_OK(open("file", O_RDONLY));
    char *constant = CHECK_OK(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reader, 0));

    CHECK_ERR(EACCES, madvise(private, PAGE, MADV_REMOVE));
    CHECK_ERR(EINVAL, madvise(anonymous, PAGE, MADV_REMOVE));
    CHECK_ERR(EACCES, madvise(constant, PAGE, MADV_REMOVE));
    CHECK_OK(munmap(pages + PAGE, PAGE));
    CHECK_ERR(ENOMEM, madvise(pages, NPAGES * PAGE, MADV_REMOVE));
    CHECK_EQ(file_byte(0), 0);
    CHECK_EQ(file_byte(PAGE), 'b');
    CHECK_EQ(file_byte(2 * PAGE), 0);
    CHECK_OK(close(reader));
    unmap_pages(constant, 1);
    unmap_pages(private, 1);
    unmap_pages(anonymous, 1);
    end();
}

static void seals_forbid_holes(void)
{
    int sealed = CHECK_OK(memfd_create("sealed", MFD_ALLOW_SEALING));

    CHECK_OK(ftruncate(sealed, 2 * PAGE));
    CHECK_OK(fallocate(sealed, PUNCH, 0, PAGE));
    CHECK_OK(fcntl(sealed, F_ADD_SEALS, F_SEAL_GROW));
    CHECK_ERR(EPERM, fallocate(sealed, 0, 0, 2 * PAGE + 1));
    CHECK_OK(fallocate(sealed, 0, 0, 2 * PAGE));
    CHECK_OK(fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE));
    CHECK_ERR(EPERM, fallocate(sealed, PUNCH, 0, PAGE));
    CHECK_OK(close(sealed));
}

/* Blocks can be allocated ahead of a write if the file system can note that nobody wrote them. */
static bool can_allocate(void)
{
    fd = create_file("file", "", 0);
    bool can = fallocate(fd, 0, 0, 1) == 0;

    CHECK(can || errno == EOPNOTSUPP);
    plain_file_remove(fd);
    return can;
}

#define RUN_IF(condition, name) ((condition) ? test_run(#name, name) : test_skip(#name))

int main(void)
{
    temp_dir_enter();
    bool allocates = can_allocate();
    RUN(a_hole_reads_as_zeros);
    RUN(a_hole_may_begin_and_end_within_pages);
    RUN(private_copies_stay);
    RUN(a_child_makes_a_hole);
    RUN_IF(allocates, fallocate_makes_the_file_longer);
    RUN_IF(allocates, fallocate_fills_holes);
    RUN_IF(allocates, allocated_pages_are_not_data);
    RUN(wrong_modes_and_files);
    RUN_IF(allocates, a_full_disk_gets_nothing);
    RUN_IF(allocates, the_limit_of_sizes_holds);
    RUN(lseek_finds_data_and_holes);
    RUN(madvise_takes_pages_out_of_the_file);
    RUN(madvise_takes_shared_memory_away);
    RUN(madvise_refuses);
    RUN(seals_forbid_holes);
    temp_dir_leave();
    return test_end();
}
