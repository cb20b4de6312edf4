/* Locked and populated memory: mlock and its family, MAP_LOCKED, MAP_POPULATE, mincore, and advice.
   Nothing is swapped, so what can be seen is what is present, and what is counted. */
#define _GNU_SOURCE
#include "procfile.h"
#include "test.h"

#include <sys/resource.h>
#include <sys/syscall.h>

/* musl does not have them yet. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static long locked_kb(void)
{
    char *text;

    proc_text("/proc/self/status", &text);
    const char *line = strstr(text, "VmLck:");
    CHECK(line);
    return line ? atol(line + 6) : -1;
}

/* Returns how many pages of the range are resident. */
static size_t resident(void *start, size_t npages)
{
    static unsigned char vec[512];
    size_t count = 0;

    CHECK_OK(mincore(start, npages * PAGE, vec));
    for (size_t i = 0; i < npages; i++)
        count += vec[i] & 1;
    return count;
}

static void mincore_tells_what_is_there(void)
{
    unsigned char vec[4];
    char *pages = map_pages(4);

    CHECK_EQ(resident(pages, 4), 0);
    poke(pages + PAGE, 'x');
    CHECK_OK(mincore(pages, 3 * PAGE + 1, vec));
    CHECK(!vec[0] && vec[1] && !vec[2] && !vec[3]);
    CHECK_OK(mprotect(pages, 4 * PAGE, PROT_NONE));
    CHECK_EQ(resident(pages, 4), 1);
    CHECK_ERR(EINVAL, mincore(pages + 1, PAGE, vec));
    CHECK_ERR(EFAULT, mincore(pages, PAGE, (void *)-PAGE));
    CHECK_ERR(EFAULT, mincore(pages, PAGE, NULL));
    CHECK_OK(mincore(pages, 0, NULL));
    CHECK_ERR(ENOMEM, mincore((void *)-PAGE, PAGE, vec));
    unmap_pages(pages + 2 * PAGE, 1);
    CHECK_ERR(ENOMEM, mincore(pages, 4 * PAGE, vec));
    unmap_pages(pages, 4);
}

static void pages_of_a_file_are_there_once_it_is_read(void)
{
    static char bytes[2 * PAGE] = "x";
    int fd = create_file("file", bytes, sizeof(bytes));
    char *pages = mmap(NULL, 2 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);

    CHECK(pages != MAP_FAILED);
    CHECK_EQ(resident(pages, 2), 2);
    unmap_pages(pages, 2);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
}

static void locked_pages_are_there_and_counted(void)
{
    long before = locked_kb();
    char *pages = map_pages(8);

    CHECK_OK(mlock(pages + PAGE + 1, 2 * PAGE)); /* three pages */
    CHECK_EQ(resident(pages, 8), 3);
    CHECK_EQ(locked_kb() - before, 12);
    CHECK_OK(mlock(pages, 4 * PAGE));
    CHECK_EQ(locked_kb() - before, 16);
    CHECK_OK(munlock(pages + 2 * PAGE, PAGE));
    CHECK_EQ(locked_kb() - before, 12);
    CHECK_EQ(resident(pages, 8), 4);
    unmap_pages(pages, 2);
    CHECK_EQ(locked_kb() - before, 4);
    CHECK_OK(munlock(pages + 2 * PAGE, 6 * PAGE));
    CHECK_EQ(locked_kb(), before);
    unmap_pages(pages + 2 * PAGE, 6);
}

static void what_is_locked_on_fault_comes_later(void)
{
    long before = locked_kb();
    char *pages = map_pages(4);

    CHECK_OK(syscall(SYS_mlock2, pages, 4 * PAGE, MLOCK_ONFAULT));
    CHECK_EQ(resident(pages, 4), 0);
    CHECK_EQ(locked_kb() - before, 16);
    CHECK_OK(syscall(SYS_mlock2, pages, 2 * PAGE, 0));
    CHECK_EQ(resident(pages, 4), 2);
    CHECK_ERR(EINVAL, syscall(SYS_mlock2, pages, PAGE, 2));
    unmap_pages(pages, 4);
    CHECK_EQ(locked_kb(), before);
}

static void errors_of_locks(void)
{
    char *pages = map_pages(3);

    unmap_pages(pages + PAGE, 1);
    CHECK_ERR(ENOMEM, mlock(pages, 3 * PAGE));
    CHECK_ERR(ENOMEM, munlock(pages, 3 * PAGE));
    CHECK_OK(munlock(pages, PAGE));
    CHECK_OK(mprotect(pages, PAGE, PROT_NONE));
    CHECK_ERR(ENOMEM, mlock(pages, PAGE));
    CHECK_ERR(EINVAL, mlock(pages, -PAGE));
    CHECK_OK(mlock(pages, 0));
    CHECK_ERR(EINVAL, mlockall(0));
    CHECK_ERR(EINVAL, mlockall(8));
    CHECK_ERR(EINVAL, mlockall(MCL_ONFAULT));
    CHECK_OK(munlockall());
    unmap_pages(pages, 3);
}

static void all_is_locked(void *unused)
{
    (void)unused;
    char *pages = map_pages(4);
    CHECK_OK(mlockall(MCL_CURRENT));
    CHECK_EQ(resident(pages, 4), 4);
    CHECK(locked_kb() >= 16);
    char *more = map_pages(4);
    CHECK_EQ(resident(more, 4), 0);
    CHECK_OK(mlockall(MCL_FUTURE));
    char *future = map_pages(4);
    CHECK_EQ(resident(future, 4), 4);
    CHECK_EQ(resident(more, 4), 0);
    uintptr_t brk = (syscall(SYS_brk, 0) + PAGE - 1) & -PAGE;
    CHECK_EQ(syscall(SYS_brk, brk + 2 * PAGE), (long)(brk + 2 * PAGE));
    CHECK_EQ(resident((void *)brk, 2), 2);
    future = mremap(future, 4 * PAGE, 64 * PAGE, MREMAP_MAYMOVE);
    CHECK(future != MAP_FAILED);
    CHECK_EQ(resident(future, 64), 64);
    CHECK_OK(mlockall(MCL_FUTURE | MCL_ONFAULT));
    char *later = map_pages(4);
    CHECK_EQ(resident(later, 4), 0);
    CHECK_OK(munlockall());
    CHECK_EQ(locked_kb(), 0);
    CHECK_EQ(resident(map_pages(4), 4), 0);
}

static void all_of_a_process_is_locked(void)
{
    CHECK(exits_with(0, all_is_locked, NULL));
}

static void has_no_lock(void *pages)
{
    CHECK_EQ(locked_kb(), 0);
    CHECK_EQ(peek(pages), 'x');
    poke(pages, 'c');
    CHECK_EQ(resident(map_pages(1), 1), 0);
}

static void a_child_inherits_no_lock(void)
{
    char *pages = map_pages(4);

    poke(pages, 'x');
    CHECK_OK(mlock(pages, 2 * PAGE));
    CHECK_OK(mlockall(MCL_FUTURE));
    CHECK(exits_with(0, has_no_lock, pages));
    CHECK_OK(mlockall(MCL_CURRENT));
    CHECK_OK(munlockall());
    CHECK_EQ(peek(pages), 'x');
    unmap_pages(pages, 4);
}

static void lock_beyond(void *pages)
{
    struct rlimit limit = {4 * PAGE, 4 * PAGE};
    unsigned char vec[8];

    CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
    CHECK_ERR(ENOMEM, mlock(pages, 5 * PAGE));
    CHECK_EQ(locked_kb(), 0);
    CHECK_OK(mlock(pages, 3 * PAGE));
    CHECK_OK(mlock(pages, 4 * PAGE)); /* one page more */
    CHECK_ERR(ENOMEM, mlockall(MCL_CURRENT));
    CHECK_EQ((long)mmap(NULL, PAGE, RW, ANON | MAP_LOCKED, -1, 0), -1);
    CHECK_EQ(errno, EAGAIN);
    CHECK_EQ((long)mremap(pages, 4 * PAGE, 5 * PAGE, MREMAP_MAYMOVE), -1);
    CHECK_OK(munlock(pages, PAGE));
    CHECK_OK(mlockall(MCL_FUTURE));
    CHECK(mmap(NULL, PAGE, RW, ANON, -1, 0) != MAP_FAILED);
    CHECK_EQ((long)mmap(NULL, PAGE, RW, ANON, -1, 0), -1);
    limit.rlim_cur = limit.rlim_max = 0;
    CHECK_OK(setrlimit(RLIMIT_MEMLOCK, &limit));
    CHECK_ERR(EPERM, mlock(pages, PAGE));
    CHECK_ERR(EPERM, mlockall(MCL_CURRENT));
    CHECK_OK(mincore(pages, PAGE, vec));
}

/* On Linux the limit does not bind root. */
static void the_limit_binds(void)
{
    char *pages = map_pages(8);

    CHECK(exits_with(0, lock_beyond, pages));
    unmap_pages(pages, 8);
}

static void maps_are_populated(void)
{
    char *pages = mmap(NULL, 8 * PAGE, RW, ANON | MAP_POPULATE, -1, 0);
    struct counters before = counters_now();

    memset(pages, 'x', 8 * PAGE);
    CHECK_EQ(counters_since(&before).minor_fault, 0);
    unmap_pages(pages, 8);
    pages = mmap(NULL, 8 * PAGE, RW, ANON | MAP_LOCKED, -1, 0);
    CHECK_EQ(resident(pages, 8), 8);
    CHECK_ERR(EINVAL, madvise(pages, PAGE, MADV_DONTNEED));
    CHECK_ERR(EINVAL, madvise(pages, PAGE, MADV_FREE));
    CHECK_ERR(EINVAL, madvise(pages, PAGE, MADV_COLD));
    unmap_pages(pages, 8);
}

static void advice_populates(void)
{
    char *pages = map_pages(4);
    struct counters before;

    CHECK_OK(madvise(pages, 2 * PAGE, MADV_POPULATE_READ));
    CHECK_EQ(resident(pages, 4), 2);
    CHECK_OK(madvise(pages, 3 * PAGE, MADV_POPULATE_WRITE));
    before = counters_now();
    memset(pages, 'x', 3 * PAGE);
    CHECK_EQ(counters_since(&before).minor_fault, 0);
    CHECK_OK(mprotect(pages, PAGE, PROT_READ));
    CHECK_ERR(EINVAL, madvise(pages, PAGE, MADV_POPULATE_WRITE));
    CHECK_OK(mprotect(pages, PAGE, PROT_NONE));
    CHECK_ERR(EINVAL, madvise(pages, PAGE, MADV_POPULATE_READ));
    unmap_pages(pages, 1);
    CHECK_ERR(ENOMEM, madvise(pages, 2 * PAGE, MADV_POPULATE_READ));
    unmap_pages(pages, 4);
    int fd = create_file("file", "x", 1);
    char *page = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, fd, 0);
    CHECK_ERR(EFAULT, madvise(page, 2 * PAGE, MADV_POPULATE_READ));
    unmap_pages(page, 2);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
}

static void look_at_inheritance(void *pages)
{
    CHECK(dies_by(SIGSEGV, read_byte, (char *)pages + PAGE));
    CHECK_EQ(peek(pages), 'x');
    CHECK(is_zero((char *)pages + 2 * PAGE, PAGE));
    CHECK_EQ(peek((char *)pages + 3 * PAGE), 'x');
    poke((char *)pages + 2 * PAGE, 'c');
}

static void advice_about_fork_is_taken(void)
{
    char *pages = map_pages(4);

    memset(pages, 'x', 4 * PAGE);
    CHECK_OK(madvise(pages + PAGE, PAGE, MADV_DONTFORK));
    CHECK_OK(madvise(pages + 2 * PAGE, PAGE, MADV_WIPEONFORK));
    CHECK(exits_with(0, look_at_inheritance, pages));
    CHECK_EQ(peek(pages + PAGE), 'x');
    CHECK_EQ(peek(pages + 2 * PAGE), 'x');
    CHECK_OK(madvise(pages, 4 * PAGE, MADV_DOFORK));
    CHECK_OK(madvise(pages, 4 * PAGE, MADV_KEEPONFORK));
    CHECK(exits_with(0, read_byte, pages + PAGE));
    CHECK_ERR(EINVAL, madvise(pages, PAGE, MADV_REMOVE));
    unmap_pages(pages, 4);
    int fd = create_file("file", "x", 1);
    char *page = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
    CHECK_ERR(EINVAL, madvise(page, PAGE, MADV_WIPEONFORK));
    CHECK_ERR(EINVAL, madvise(page, PAGE, MADV_FREE));
    CHECK_ERR(EACCES, madvise(page, PAGE, MADV_REMOVE));
    CHECK_OK(mlock(page, PAGE));
    CHECK_ERR(EINVAL, madvise(page, PAGE, MADV_REMOVE));
    unmap_pages(page, 1);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
}

/* What is freed reads as before, or as zeros: when the kernel takes it is its own choice. */
static void what_is_freed_may_be_gone(void)
{
    char *page = map_pages(1);

    poke(page, 'x');
    CHECK_OK(madvise(page, PAGE, MADV_FREE));
    CHECK(peek(page) == 'x' || peek(page) == 0);
    poke(page, 'y');
    CHECK_EQ(peek(page), 'y');
    unmap_pages(page, 1);
}

int main(void)
{
    temp_dir_enter();
    RUN(mincore_tells_what_is_there);
    RUN(pages_of_a_file_are_there_once_it_is_read);
    RUN(locked_pages_are_there_and_counted);
    RUN(what_is_locked_on_fault_comes_later);
    RUN(errors_of_locks);
    RUN(all_of_a_process_is_locked);
    RUN(a_child_inherits_no_lock);
    RUN_ON_PAGODA(the_limit_binds);
    RUN(maps_are_populated);
    RUN(advice_populates);
    RUN(advice_about_fork_is_taken);
    RUN(what_is_freed_may_be_gone);
    temp_dir_leave();
    return test_end();
}
