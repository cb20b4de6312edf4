/* Random sequences of memory calls on 64 pages at a fixed address, the arena, and on the heap.

   The steps map, unmap, protect, advise, read, write and fork, with odd addresses, lengths, rights,
   flags and offsets. The last step says what every page of the arena holds and allows.

   An address is said as A+offset from the arena, or as it is. Other mappings are never touched: a
   range either stays within 64 pages behind the arena, or is too long to be valid. */
#include "generator.h"

#include <stdlib.h>
#include <sys/resource.h>

enum { STEPS = 40, ARENA_PAGES = 64, FILE_BYTES = 3 * 4096 - 1000 };

#define ARENA  0x10000000000ul
#define BEYOND (1ul << 47) /* the first address that no program has */

/* Advice that musl does not have yet. */
enum { POPULATE_READ = 22, POPULATE_WRITE };

static long heap_start;
static int file_rdwr, file_rdonly, file_wronly, directory, pipe_end;

static void say_address(uintptr_t address)
{
    if (address - (ARENA - 64 * PAGE) < 256 * PAGE)
        say("A%+ld", (long)(address - ARENA));
    else
        say("%#lx", address);
}

/* Choices. */

static uintptr_t any_address(void)
{
    static const uintptr_t odd[] = {1, 8, 15, 16, 2048, 4088, 4095};
    static const uintptr_t far[] = {0,
                                    1,
                                    BEYOND - PAGE,
                                    BEYOND,
                                    BEYOND + PAGE,
                                    -PAGE,
                                    0xffff800000000000,
                                    0xffffffff80000000,
                                    1ul << 63};

    if (one_in(24))
        return ANY_OF(far);
    /* Most calls meet on few pages, and now and then at the end of the arena. */
    unsigned page = one_in(3) ? random_to(ARENA_PAGES) : random_to(12);
    return ARENA + page * PAGE + (one_in(6) ? ANY_OF(odd) : 0);
}

/* Lengths that are not valid behind any address of the arena, because the range would wrap. */
static size_t any_length(void)
{
    static const size_t far[] = {0, -1ul, -PAGE, -PAGE + 1, -PAGE * 2, -ARENA, PAGE - ARENA};

    if (one_in(20))
        return ANY_OF(far);
    size_t len = (1 + random_to(one_in(4) ? ARENA_PAGES : 8)) * PAGE;
    return one_in(6) ? len - random_to(PAGE) : len;
}

/* Lengths for the calls that change nothing if the range is not all in the user's half. */
static size_t any_longer_length(void)
{
    static const size_t far[] = {1ul << 47, 1ul << 63, 1ul << 48};

    return one_in(40) ? ANY_OF(far) : any_length();
}

static unsigned any_prot(void)
{
    static const unsigned odd[] = {8, 0x10, 0x100, 0xfc000000, 1u << 31};
    unsigned prot = one_in(3) ? random_to(8) : PROT_READ | PROT_WRITE;

    return one_in(40) ? prot | ANY_OF(odd) : prot;
}

/* Calls. */

static void do_mmap(void)
{
    static const unsigned extra[] = {MAP_NORESERVE,  MAP_POPULATE, MAP_STACK, MAP_DENYWRITE,
                                     MAP_EXECUTABLE, MAP_NONBLOCK, 1u << 30,  0x80};
    static const off_t offsets[] = {0, 0, 0, PAGE, 2 * PAGE, 3 * PAGE, 100 * PAGE, 1, 2048};
    static const off_t far_offsets[] = {1l << 40, INT64_MAX & -PAGE, -PAGE, INT64_MIN,
                                        -1,       (1l << 47) - PAGE};
    int fds[] = {file_rdwr, file_rdonly, file_rdonly, file_wronly, directory, pipe_end, -1, 99};
    uintptr_t address = any_address();
    size_t len = any_longer_length();
    unsigned prot = any_prot(), flags = MAP_PRIVATE;
    off_t offset = 0;
    int fd = -1;

    flags |= one_in(8) ? 0 : one_in(4) ? MAP_FIXED_NOREPLACE : MAP_FIXED;
    if (one_in(3)) {
        fd = one_in(3) ? ANY_OF(fds) : ANY_OF(((int[]){file_rdwr, file_rdonly}));
        offset = one_in(16) && (fd == file_rdwr || fd == file_rdonly) ? ANY_OF(far_offsets)
                                                                      : ANY_OF(offsets);
    } else {
        flags |= MAP_ANONYMOUS;
        offset = one_in(16) ? ANY_OF(offsets) : 0;
    }
    if (one_in(8))
        flags |= ANY_OF(extra);
    if (fd == -1 && one_in(40))
        flags &= ~MAP_PRIVATE;
    if (fd == pipe_end)
        prot &= ~PROT_EXEC; /* Linux's pipes are on a file system without programs */
    say("mmap(");
    say_address(address);
    say(", %#lx, %#x, %#x, %s, %#lx)", len, prot, flags,
        fd == -1            ? "none"
        : fd == file_rdwr   ? "rdwr"
        : fd == file_rdonly ? "rdonly"
        : fd == file_wronly ? "wronly"
        : fd == directory   ? "directory"
        : fd == pipe_end    ? "pipe"
                            : "closed",
        offset);
    long result = CALL(SYS_mmap, address, len, prot, flags, fd, offset);
    if (result < 0 && result >= -4095) {
        say_result(result);
    } else if ((uintptr_t)result - ARENA < 2 * ARENA_PAGES * PAGE) {
        say(" = ");
        say_address(result);
    } else {
        say(" = elsewhere"); /* the kernel chooses; nothing more is done with it */
        CALL(SYS_munmap, result, len);
    }
}

static void do_munmap(void)
{
    uintptr_t address = any_address();
    size_t len = any_longer_length();

    say("munmap(");
    say_address(address);
    say(", %#lx)", len);
    say_result(CALL(SYS_munmap, address, len));
}

static void do_mprotect(void)
{
    uintptr_t address = any_address();
    size_t len = any_length();
    unsigned prot = any_prot();

    say("mprotect(");
    say_address(address);
    say(", %#lx, %#x)", len, prot);
    say_result(CALL(SYS_mprotect, address, len, prot));
}

static void do_madvise(void)
{
    static const int advices[] = {MADV_NORMAL,
                                  MADV_RANDOM,
                                  MADV_SEQUENTIAL,
                                  MADV_WILLNEED,
                                  MADV_DONTNEED,
                                  MADV_DONTNEED,
                                  MADV_DONTNEED,
                                  MADV_DONTNEED,
                                  MADV_COLD,
                                  MADV_PAGEOUT,
                                  5,
                                  7,
                                  -1,
                                  255,
                                  MADV_DONTDUMP,
                                  MADV_DODUMP,
                                  MADV_DONTFORK,
                                  MADV_DOFORK,
                                  MADV_WIPEONFORK,
                                  MADV_KEEPONFORK,
                                  MADV_REMOVE,
                                  POPULATE_READ,
                                  POPULATE_WRITE,
                                  POPULATE_WRITE};
    uintptr_t address = any_address();
    size_t len = any_length();
    int advice = ANY_OF(advices);

    if (address < ARENA && len > PAGE)
        len = PAGE; /* it goes on behind a hole, to the stack */
    say("madvise(");
    say_address(address);
    say(", %#lx, %d)", len, advice);
    say_result(CALL(SYS_madvise, address, len, advice));
}

static void do_brk(void)
{
    static const long odd[] = {0, 1, -1, 4095, 4096, -4096, 1l << 47, -(1l << 47), INT64_MIN};
    long delta = one_in(4) ? ANY_OF(odd) : (long)random_to(16 * PAGE);
    long asked = delta == INT64_MIN ? 0 : heap_start + delta;

    say("brk(heap%+ld)", delta);
    say(" = heap%+ld", CALL(SYS_brk, asked) - heap_start);
}

static void do_mremap(void)
{
    static const unsigned flags[] = {0,
                                     0,
                                     MREMAP_MAYMOVE,
                                     MREMAP_MAYMOVE | MREMAP_FIXED,
                                     MREMAP_MAYMOVE | MREMAP_FIXED,
                                     MREMAP_FIXED,
                                     4,
                                     8,
                                     0x10};
    uintptr_t address = any_address(), target = any_address();
    size_t len = any_length(), new_len = any_length();
    unsigned flag = ANY_OF(flags);

    /* Where these are errors, Linux has already unmapped what is in the way, or shrunk. */
    if (flag & MREMAP_FIXED && (len > (size_t)BEYOND || target < PAGE))
        len = new_len;
    say("mremap(");
    say_address(address);
    say(", %#lx, %#lx, %u, ", len, new_len, flag);
    say_address(target);
    say(")");
    long result = CALL(SYS_mremap, address, len, new_len, flag, target);
    if (result < 0 && result >= -4095) {
        say_result(result);
    } else if ((uintptr_t)result - ARENA < 2 * ARENA_PAGES * PAGE) {
        say(" = ");
        say_address(result);
    } else {
        say(" = elsewhere");
        CALL(SYS_munmap, result, new_len);
    }
}

static void do_mincore(void)
{
    static uint8_t vector[4 * ARENA_PAGES];
    uintptr_t address = any_address();
    size_t len = any_length();

    say("mincore(");
    say_address(address);
    say(", %#lx)", len);
    say_result(CALL(SYS_mincore, address, len, len > sizeof(vector) * PAGE ? NULL : vector));
}

static void do_mlock(void)
{
    uintptr_t address = any_address();
    size_t len = any_length();

    say("mlock(");
    say_address(address);
    say(", %#lx)", len);
    say_result(CALL(SYS_mlock, address, len));
}

static void do_munlock(void)
{
    uintptr_t address = any_address();
    size_t len = any_length();

    say("munlock(");
    say_address(address);
    say(", %#lx)", len);
    say_result(CALL(SYS_munlock, address, len));
}

static void do_msync(void)
{
    static const int flags[] = {0, MS_ASYNC, MS_SYNC, MS_INVALIDATE, MS_ASYNC | MS_SYNC, 8, -1};
    uintptr_t address = any_address();
    size_t len = any_length();
    int flag = ANY_OF(flags);

    say("msync(");
    say_address(address);
    say(", %#lx, %d)", len, flag);
    say_result(CALL(SYS_msync, address, len, flag));
}

/* Accesses. */

static void say_fault(void)
{
    say(": signal %d, code %d, at ", fault_signal, fault_code);
    say_address(fault_address);
}

static void read_byte(uintptr_t address)
{
    uint8_t byte;

    say("read ");
    say_address(address);
    if (probe_read(address, &byte))
        say(": %02x", byte);
    else
        say_fault();
}

static void do_read(void)
{
    read_byte(any_address());
}

static void write_byte(uintptr_t address)
{
    uint8_t byte = random_word();

    say("write %02x ", byte);
    say_address(address);
    if (!probe_write(address, byte))
        say_fault();
}

static void do_write(void)
{
    write_byte(any_address());
}

/* Lets the kernel copy between a file or a pipe and memory that need not be there. */
static void do_copy(void)
{
    uintptr_t address = any_address();
    size_t len = random_to(one_in(2) ? 100 : 5 * PAGE);
    int fds[2];

    if (one_in(2)) {
        off_t offset = random_to(FILE_BYTES);
        say("pread(file, ");
        say_address(address);
        say(", %zu, %ld)", len, offset);
        say_result(CALL(SYS_pread64, file_rdonly, address, len, offset));
        return;
    }
    say("write(pipe, ");
    say_address(address);
    say(", %zu)", len);
    if (pipe2(fds, O_NONBLOCK) < 0)
        _exit(98);
    say_result(CALL(SYS_write, fds[1], address, len));
    close(fds[0]);
    close(fds[1]);
}

/* A child changes the memory that it shares with us, and we change it too. */
static void do_fork(void)
{
    uintptr_t address = any_address(), other = any_address();
    int status;

    say("fork; ");
    say_flush();
    pid_t pid = fork();
    if (pid == 0) {
        say("child: ");
        write_byte(address);
        say(", ");
        read_byte(other);
        say("; ");
        say_flush();
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid || status != 0)
        say("status %#x; ", status);
    say("parent: ");
    read_byte(address);
    say(", ");
    write_byte(other);
}

/* What the arena is in the end. */

/* Marks in `prots` the rights of the pages in a line of /proc/self/maps. */
static void note_line(const char *line, char prots[][5])
{
    char *end;
    uintptr_t from = strtoul(line, &end, 16), to = strtoul(end + 1, &end, 16);

    for (unsigned n = 0; n < 2 * ARENA_PAGES; n++)
        if (from <= ARENA + n * PAGE && ARENA + n * PAGE < to)
            memcpy(prots[n], end + 1, 4);
}

static void read_maps(char prots[][5])
{
    static char maps[1 << 16];
    size_t len = 0;
    ssize_t n;
    int fd = open("/proc/self/maps", O_RDONLY);

    while ((n = read(fd, maps + len, sizeof(maps) - 1 - len)) > 0)
        len += n;
    close(fd);
    maps[len] = 0;
    for (char *line = maps; *line; line = strchr(line, '\n') + 1)
        note_line(line, prots);
}

/* Says of a page what its region allows, what a program finds, and the sum of its bytes. */
static void describe(char *words, size_t size, unsigned n, const char *prot)
{
    uintptr_t page = ARENA + n * PAGE;
    unsigned sum = 0;
    uint8_t byte;
    bool is_readable = probe_read(page, &byte);

    for (unsigned i = 0; i < PAGE && is_readable; i++)
        sum = sum * 31 + *(volatile uint8_t *)(page + i);
    int reason = is_readable ? 0 : fault_code;
    bool is_writable = probe_write(page + 7, 1);
    if (!prot[0] && !is_readable && !is_writable)
        words[0] = 0;
    else
        snprintf(words, size, "%.4s%s%s,%d,%x", prot, is_readable ? "r" : "-",
                 is_writable ? "w" : "-", reason, sum);
}

/* Says what the pages of the arena are; of pages that are the same in a row, the first. */
static void survey(void)
{
    static char prots[2 * ARENA_PAGES][5];
    char last[40] = "", words[40];

    read_maps(prots);
    for (unsigned n = 0; n < 2 * ARENA_PAGES; n++) {
        describe(words, sizeof(words), n, prots[n]);
        if (strcmp(words, last) != 0)
            say("%u:%s ", n, words[0] ? words : "none");
        strcpy(last, words);
    }
}

static const struct {
    const char *call; /* the system call that it needs */
    unsigned weight;
    void (*act)(void);
} acts[] = {
    {"mmap", 9, do_mmap},       {"munmap", 4, do_munmap},   {"mprotect", 5, do_mprotect},
    {"madvise", 3, do_madvise}, {"brk", 1, do_brk},         {"mremap", 3, do_mremap},
    {"mincore", 1, do_mincore}, {"msync", 1, do_msync},     {"read", 5, do_read},
    {"mlock", 1, do_mlock},     {"munlock", 1, do_munlock}, {"write", 7, do_write},
    {"pread64", 2, do_copy},    {"fork", 1, do_fork},
};

static void act(void)
{
    unsigned total = 0;

    for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
        total += acts[i].weight;
    for (;;) {
        unsigned choice = random_to(total);
        size_t i = 0;
        while (choice >= acts[i].weight)
            choice -= acts[i++].weight;
        if (has_call(acts[i].call)) {
            acts[i].act();
            return;
        }
    }
}

static int open_subject(const char *name, int flags)
{
    int fd = open(name, flags, 0600);

    if (fd < 0)
        _exit(97);
    return fd;
}

static void run(void)
{
    static const struct rlimit lock_limit = {256 * PAGE, 256 * PAGE};
    static uint8_t bytes[FILE_BYTES];
    int fds[2];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = i * 7 + i / PAGE + 1;
    file_rdwr = open_subject("subject", O_RDWR | O_CREAT | O_TRUNC);
    if (write(file_rdwr, bytes, sizeof(bytes)) != sizeof(bytes) || pipe(fds) < 0)
        _exit(96);
    file_rdonly = open_subject("subject", O_RDONLY);
    file_wronly = open_subject("subject", O_WRONLY);
    directory = open_subject(".", O_RDONLY);
    pipe_end = fds[0];
    unlink("subject");
    heap_start = CALL(SYS_brk, 0);
    setrlimit(RLIMIT_MEMLOCK, &lock_limit);
    while (step_next()) {
        if (step_number() < STEPS)
            act();
        else
            survey();
    }
}

int main(int argc, char **argv)
{
    return generator_main(argc, argv, &(struct generator){.run = run, .steps_max = STEPS + 1});
}
