/* Files whose pages threads and processes map, move, protect, read, write, cut and punch at once.
   They do so at random, some of the processes are killed in the midst of it, and most calls may
   fail.

   Each word of page n of a file is 0, or the mark of this file and page. Any other word came from
   elsewhere, or is an old content of memory or of the disk. The files are below STRESS_DIRECTORY
   if that is in the environment, such as a directory of a disk, else below /tmp. One is a
   memfd. */
#include "workload.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/uio.h>

#define FILES        3u
#define WINDOWS      2u    /* of each file in a process, in which page n of the file is page n */
#define WINDOW_PAGES 1536u /* under four page tables, because the windows are not aligned alike */
#define WORDS        (PAGE / sizeof(uint64_t))
#define ACTS         60

/* What musl has in no header. */
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

static int fds[FILES];

/* The window is at addresses where the kernel places nothing by itself. */
static char *window(uint32_t file, uint32_t number)
{
    return (char *)(4 * GIB + (file * WINDOWS + number) * GIB + number * 5 * PAGE);
}

static uint64_t mark_of(uint32_t file, size_t page)
{
    return UINT64_C(0x5a) << 56 | (uint64_t)file << 32 | (page + 1);
}

/* ---- Access to memory that may be gone ---- */

static _Thread_local sigjmp_buf after_fault;
static _Thread_local volatile sig_atomic_t may_fault;

static void on_fault(int number)
{
    if (!may_fault)
        _exit(128 + number);
    siglongjmp(after_fault, 1);
}

static void expect_faults(void)
{
    struct sigaction action = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};

    CHECK_OK(sigaction(SIGSEGV, &action, NULL));
    CHECK_OK(sigaction(SIGBUS, &action, NULL));
}

/* Returns false if there is no word. */
static bool word_read(volatile const uint64_t *place, uint64_t *word)
{
    may_fault = 1;
    if (sigsetjmp(after_fault, 0)) {
        may_fault = 0;
        return false;
    }
    *word = *place;
    may_fault = 0;
    return true;
}

static void word_write(volatile uint64_t *place, uint64_t word)
{
    may_fault = 1;
    if (!sigsetjmp(after_fault, 0))
        *place = word;
    may_fault = 0;
}

/* ---- Acts ---- */

/* Some pages of a file, and their place in one of its windows. */
struct range {
    uint32_t file, window;
    size_t page, count;
    char *at;
    size_t len;
};

/* The pages lie around borders of page tables, so that the ranges often meet. */
static size_t page_pick(uint64_t *random)
{
    static const uint16_t bases[] = {0, 500, 1010, 1024};

    return bases[random_below(random, ARRAY_SIZE(bases))] + random_below(random, 12);
}

static struct range range_pick(uint64_t *random)
{
    struct range range = {
        .file = random_below(random, FILES),
        .window = random_below(random, WINDOWS),
        .page = page_pick(random),
        .count = 1 + random_below(random, random_below(random, 8) ? 8 : 480),
    };

    if (range.page + range.count > WINDOW_PAGES)
        range.count = WINDOW_PAGES - range.page;
    range.at = window(range.file, range.window) + range.page * PAGE;
    range.len = range.count * PAGE;
    return range;
}

static void map(uint64_t *random, const struct range *range)
{
    static const int rights[] = {PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE, PROT_READ,
                                 PROT_NONE};
    int prot = rights[random_below(random, ARRAY_SIZE(rights))];
    int flags = MAP_FIXED | (random_below(random, 3) ? MAP_SHARED : MAP_PRIVATE);

    if (random_below(random, 8) == 0)
        flags |= MAP_POPULATE;
    if (random_below(random, 8) == 0)
        (void)!mmap(range->at, range->len, prot, flags | MAP_ANONYMOUS, -1, 0);
    else
        (void)!mmap(range->at, range->len, prot, flags, fds[range->file], range->page * PAGE);
}

static void unmap(uint64_t *random, const struct range *range)
{
    (void)random;
    munmap(range->at, range->len);
}

static void protect(uint64_t *random, const struct range *range)
{
    static const int rights[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};

    mprotect(range->at, range->len, rights[random_below(random, ARRAY_SIZE(rights))]);
}

/* Moves pages to the same place in the other window. */
static void move(uint64_t *random, const struct range *range)
{
    char *to = window(range->file, !range->window) + range->page * PAGE;

    (void)random;
    (void)!mremap(range->at, range->len, range->len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
}

static void resize_in_place(uint64_t *random, const struct range *range)
{
    size_t count = 1 + random_below(random, range->count + 4);

    if (range->page + count <= WINDOW_PAGES)
        (void)!mremap(range->at, range->len, count * PAGE, 0);
}

static void cut(uint64_t *random, const struct range *range)
{
    size_t bytes = random_below(random, 2) ? random_below(random, WORDS) * sizeof(uint64_t) : 0;

    (void)!ftruncate(fds[range->file], range->page * PAGE + bytes);
}

static void grow(uint64_t *random, const struct range *range)
{
    (void)random;
    (void)!ftruncate(fds[range->file], WINDOW_PAGES * PAGE);
}

static void allocate(uint64_t *random, const struct range *range)
{
    static const int modes[] = {0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE};

    fallocate(fds[range->file], modes[random_below(random, ARRAY_SIZE(modes))], range->page * PAGE,
              range->len);
}

static void advise(uint64_t *random, const struct range *range)
{
    static const int advice[] = {MADV_DONTNEED, MADV_REMOVE,   MADV_WILLNEED, MADV_POPULATE_READ,
                                 MADV_FREE,     MADV_DONTFORK, MADV_DOFORK,   MADV_POPULATE_WRITE};

    madvise(range->at, range->len, advice[random_below(random, ARRAY_SIZE(advice))]);
}

static void synchronize(uint64_t *random, const struct range *range)
{
    int fd = fds[range->file];

    switch (random_below(random, 4)) {
    case 0:
        fsync(fd);
        break;
    case 1:
        sync_file_range(fd, range->page * PAGE, range->len, SYNC_FILE_RANGE_WRITE);
        break;
    default:
        msync(range->at, range->len, MS_SYNC);
    }
}

/* Moves bytes between memory and the same place of the file, which is often the memory's own. */
static void move_bytes(uint64_t *random, const struct range *range)
{
    struct iovec bytes = {range->at, (range->count < 16 ? range->count : 16) * PAGE};

    if (random_below(random, 2))
        (void)!pwritev(fds[range->file], &bytes, 1, range->page * PAGE);
    else
        (void)!preadv(fds[range->file], &bytes, 1, range->page * PAGE);
}

static void write_page(uint64_t *random, const struct range *range)
{
    uint64_t words[WORDS];

    (void)random;
    for (size_t n = 0; n < WORDS; n++)
        words[n] = mark_of(range->file, range->page);
    (void)!pwrite(fds[range->file], words, PAGE, range->page * PAGE);
}

static void check_word(const struct range *range, size_t page, uint64_t word)
{
    if (word && word != mark_of(range->file, page))
        test_fail(__FILE__, __LINE__, "file %u, page %zu: %#lx", range->file, page, word);
}

static void read_page(uint64_t *random, const struct range *range)
{
    uint64_t words[WORDS];
    ssize_t got = pread(fds[range->file], words, PAGE, range->page * PAGE);

    (void)random;
    for (ssize_t n = 0; n < got / (ssize_t)sizeof(words[0]); n++)
        check_word(range, range->page, words[n]);
}

static void lock(uint64_t *random, const struct range *range)
{
    unsigned char present[WINDOW_PAGES];

    switch (random_below(random, 3)) {
    case 0:
        mlock(range->at, range->count < 16 ? range->len : 16 * PAGE);
        break;
    case 1:
        munlock(range->at, range->len);
        break;
    default:
        mincore(range->at, range->len, present);
    }
}

static void touch(uint64_t *random, const struct range *range)
{
    for (int n = 0; n < 12; n++) {
        size_t page = page_pick(random);
        uint64_t *place = (uint64_t *)(window(range->file, range->window) + page * PAGE) +
                          random_below(random, WORDS);
        uint64_t word;

        if (random_below(random, 2))
            word_write(place, mark_of(range->file, page));
        else if (word_read(place, &word))
            check_word(range, page, word);
    }
}

typedef void act(uint64_t *random, const struct range *range);

static act *const acts[] = {
    map,       map,  map,   unmap,    protect, move,        resize_in_place, cut,
    cut,       grow, grow,  allocate, advise,  synchronize, move_bytes,      write_page,
    read_page, lock, touch, touch,    touch,   touch,
};

static void act_some(uint64_t *random, uint32_t count)
{
    for (uint32_t n = 0; n < count; n++) {
        struct range range = range_pick(random);

        acts[random_below(random, ARRAY_SIZE(acts))](random, &range);
    }
}

/* ---- Who acts ---- */

static void act_as_child(void *random)
{
    act_some(random, random_below(random, ACTS));
}

/* Some of the children inherit what the parent has mapped while its other threads change it. */
static void act_and_fork(struct member *self)
{
    for (int round = 0; round < 4; round++) {
        act_some(&self->random, ACTS / 2);
        uint64_t random = random_next(&self->random);
        pid_t pid = start_child(act_as_child, &random);
        bool is_killed = random_below(&self->random, 3) == 0;

        act_some(&self->random, ACTS / 4);
        if (is_killed)
            CHECK_OK(kill(pid, SIGKILL));
        int status = wait_child(pid);
        CHECK((is_killed && WIFSIGNALED(status)) || exited_with(status, 0));
    }
}

static void act_alone(struct member *self)
{
    act_some(&self->random, 4 * ACTS);
}

/* Opens a file without a name, `number` of this process. */
static int nameless_file(unsigned number)
{
    const char *asked = getenv("STRESS_DIRECTORY");
    char name[64];

    snprintf(name, sizeof(name), "%s/mapped-%d-%u", asked ? asked : "/tmp", getpid(), number);
    int fd = create_file(name, "", 0);
    CHECK_OK(unlink(name));
    return fd;
}

static void files_open(void)
{
    for (uint32_t n = 0; n < FILES - 1; n++)
        fds[n] = nameless_file(n);
    fds[FILES - 1] = CHECK_OK(memfd_create("mapped", MFD_CLOEXEC));
    for (uint32_t n = 0; n < FILES; n++)
        CHECK_OK(ftruncate(fds[n], WINDOW_PAGES * PAGE));
}

static void pages_of_files_are_their_own(uint64_t *random)
{
    expect_faults();
    files_open();
    crew_run(random, 3, (void (*const[])(struct member *)){act_and_fork, act_and_fork, act_alone});
}

/* ---- Room comes and goes ---- */

#define ROOM_PAGES 24u

/* Leaves old contents in blocks that are free afterwards. */
static void leave_old_contents(void)
{
    static char bytes[ROOM_PAGES * PAGE];
    int fd = nameless_file(FILES);

    memset(bytes, 'x', sizeof(bytes));
    CHECK_EQ(CHECK_OK(write(fd, bytes, sizeof(bytes))), sizeof(bytes));
    CHECK_OK(fsync(fd));
    CHECK_OK(close(fd));
}

static void write_words(struct member *self)
{
    char *pages =
        CHECK_OK(mmap(NULL, ROOM_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0));

    for (int n = 0; n < 4000; n++) {
        size_t page = random_below(&self->random, ROOM_PAGES);

        *(volatile uint64_t *)(pages + page * PAGE) = mark_of(0, page);
    }
    unmap_pages(pages, ROOM_PAGES);
}

static void punch(struct member *self)
{
    for (int n = 0; n < 500; n++) {
        off_t page = random_below(&self->random, ROOM_PAGES);

        CHECK_OK(fallocate(fds[0], FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, page * PAGE,
                           (1 + random_below(&self->random, 4)) * PAGE));
        if (n % 20 == 0)
            CHECK_OK(fsync(fds[0]));
    }
}

static void read_pages(struct member *self)
{
    for (int n = 0; n < 500; n++) {
        struct range range = {.page = random_below(&self->random, ROOM_PAGES)};

        read_page(&self->random, &range);
    }
}

static void room_comes_and_goes(uint64_t *random)
{
    leave_old_contents();
    fds[0] = nameless_file(0);
    CHECK_OK(ftruncate(fds[0], ROOM_PAGES * PAGE));
    crew_run(random, 7,
             (void (*const[])(struct member *)){write_words, write_words, write_words, write_words,
                                                punch, punch, read_pages});
}

int main(int argc, char **argv)
{
    static const struct workload all[] = {
        {"pages_of_files_are_their_own", pages_of_files_are_their_own},
        {"room_comes_and_goes", room_comes_and_goes},
    };

    return workloads_main(argc, argv, all, ARRAY_SIZE(all));
}
