/* Random calls on three files and on their mappings, which share pages with each other.

   Files A and B are on a file system, M is a memfd that can be sealed. The arena is a few pages at a
   fixed address, on both sides of a boundary of 2 MiB. It holds private and shared mappings of the
   files and of anonymous memory, which move, grow and split. The files grow, shrink, and are read
   and written, also with buffers in their own mappings. A child is forked now and then, waits for
   some steps, and then does some of its own; meanwhile both see what is shared.

   After each step, the generator says the size, the blocks and the contents of the files, and what
   the pages of the arena hold, as far as that has changed. A case looks at the arena by itself, by a
   child, or in the end only, because a look makes pages present. */
#include "generator.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/uio.h>

enum { STEPS = 48, STEPS_OF_MMAP = 6, PAGES = 40, PAGES_OFTEN = 12, PAGES_BEFORE_BOUNDARY = 5 };
enum { FILE_PAGES = 6, SEGMENT_PAGES = 3 };
enum { SIZE_MAX_COMPARED = 1 << 16, CHILD_ACTS_MAX = 4, CHILD_DEPTH_MAX = 2 };

#define ARENA     (0x10000200000ul - PAGES_BEFORE_BOUNDARY * PAGE)
#define ARENA_END (ARENA + PAGES * PAGE)

/* Advice, flags and seals that musl does not have yet. */
enum { POPULATE_READ = 22, POPULATE_WRITE };
enum { REMAP_DONTUNMAP = 4 };
enum { LOCK_ON_FAULT = 1 };
enum { ADD_SEALS = 1033 };
enum { KEEP_SIZE = 1, PUNCH_HOLE = 2 };

/* The open files. The last one of each kind of file is the one of which the survey speaks. */
enum { A, A_READ_ONLY, A_APPEND, B, M, FILES };

static int fds[FILES];
static int segment; /* the identifier of shared memory */
static const char *const file_names[FILES] = {"A", "A-read-only", "A-append", "B", "M"};

static unsigned depth; /* the number of parents */

static void act(void);

/* Returns true for the cases that attach a segment. */
static bool has_segment(void)
{
    return case_number() % 3 == 0;
}

/* Words. */

static void say_address(uintptr_t address)
{
    if (address - ARENA <= PAGES * PAGE)
        say("%lu", (address - ARENA) / PAGE);
    else
        say("?%#lx", address);
    if (address % PAGE)
        say("+%lu", address % PAGE);
}

static void say_fault(void)
{
    say(": signal %d, code %d, at ", fault_signal, fault_code);
    say_address(fault_address);
}

static uint64_t hash_words(const volatile uint64_t *words, size_t count, uint64_t hash)
{
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15;
    return hash ^ (hash >> 32);
}

/* Choices. */

static uintptr_t any_page(void)
{
    return ARENA + (one_in(5) ? random_to(PAGES - 8) : random_to(PAGES_OFTEN)) * PAGE;
}

static uintptr_t any_byte(void)
{
    static const unsigned odd[] = {0, 0, 1, 7, 2048, 4088, 4090, 4095};

    return any_page() + (one_in(2) ? ANY_OF(odd) : random_to(PAGE));
}

static size_t any_length(void)
{
    size_t len = (1 + random_to(one_in(4) ? 8 : 4)) * PAGE;

    return one_in(8) ? len - random_to(PAGE) : len;
}

static unsigned any_prot(void)
{
    return one_in(5) ? random_to(8) : one_in(4) ? PROT_READ : PROT_READ | PROT_WRITE;
}

static unsigned any_file(void)
{
    return one_in(6) ? random_to(FILES) : ANY_OF(((unsigned[]){A, A, A, B, M, M}));
}

static off_t any_size(void)
{
    static const off_t odd[] = {0, 1, 4095, 4096, 4097, 8192, 3 * 4096, 3 * 4096 + 1};

    return one_in(2) ? ANY_OF(odd) : random_to(FILE_PAGES * PAGE);
}

/* Regions. */

/* Says the address of a new mapping. If the kernel has chosen it, the mapping moves into the
   arena. */
static void settle(long result, size_t len, uintptr_t target)
{
    if (result < 0 && result >= -4095) {
        say_result(result);
        return;
    }
    say(" = ");
    if ((uintptr_t)result - ARENA < PAGES * PAGE) {
        say_address(result);
        return;
    }
    say("elsewhere, then to ");
    say_address(target);
    if (!has_call("mremap") ||
        CALL(SYS_mremap, result, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, target) != (long)target) {
        say(" fails");
        CALL(SYS_munmap, result, len);
    }
}

static void do_mmap(void)
{
    static const unsigned extra[] = {MAP_POPULATE, MAP_POPULATE, MAP_LOCKED};
    static const unsigned types[] = {MAP_SHARED, MAP_SHARED, MAP_PRIVATE, MAP_SHARED_VALIDATE};
    uintptr_t address = any_page(), target = any_page();
    size_t len = any_length();
    unsigned prot = any_prot(), flags = one_in(2) ? ANY_OF(types) : MAP_SHARED;
    unsigned file = one_in(4) ? FILES : any_file();
    bool is_private = (flags & MAP_TYPE) == MAP_PRIVATE;
    off_t offset = file == FILES || one_in(2) ? 0 : random_to(FILE_PAGES) * PAGE;

    if (file == A_APPEND || (file == A_READ_ONLY && is_private))
        file = A; /* on Linux, regions merge only if the file was opened once for both */
    flags |= one_in(8) ? 0 : one_in(4) ? MAP_FIXED_NOREPLACE : MAP_FIXED;
    if (file == FILES) {
        flags |= MAP_ANONYMOUS;
        if (one_in(3))
            flags = (flags & ~MAP_TYPE) | MAP_PRIVATE;
    }
    if (one_in(6))
        flags |= ANY_OF(extra);
    say("mmap(");
    say_address(address);
    say(", %#lx, %u, %#x, %s, %ld)", len, prot, flags, file == FILES ? "none" : file_names[file],
        offset / (long)PAGE);
    settle(CALL(SYS_mmap, address, len, prot, flags, file == FILES ? -1 : fds[file], offset), len,
           target);
}

static void do_munmap(void)
{
    uintptr_t address = any_page();
    size_t len = any_length();

    say("munmap(");
    say_address(address);
    say(", %#lx)", len);
    say_result(CALL(SYS_munmap, address, len));
}

static void do_mprotect(void)
{
    uintptr_t address = any_page();
    size_t len = any_length();
    unsigned prot = any_prot();

    say("mprotect(");
    say_address(address);
    say(", %#lx, %u)", len, prot);
    say_result(CALL(SYS_mprotect, address, len, prot));
}

static void do_mremap(void)
{
    static const unsigned flags[] = {0,
                                     MREMAP_MAYMOVE,
                                     MREMAP_MAYMOVE | MREMAP_FIXED,
                                     MREMAP_MAYMOVE | MREMAP_FIXED,
                                     MREMAP_MAYMOVE | MREMAP_FIXED,
                                     MREMAP_MAYMOVE | REMAP_DONTUNMAP,
                                     MREMAP_MAYMOVE | MREMAP_FIXED | REMAP_DONTUNMAP};
    uintptr_t address = any_page(), target = any_page(), other = any_page();
    size_t len = one_in(12) ? 0 : any_length(), new_len = any_length();
    unsigned flag = ANY_OF(flags);

    if (one_in(2) || flag & REMAP_DONTUNMAP)
        new_len = len ? len : PAGE;
    if (len == 0 && address - target < new_len)
        len = PAGE; /* Linux would unmap it, and then fail */
    if (has_segment() && flag & MREMAP_FIXED && len == new_len)
        len = new_len = PAGE; /* several regions move together on Linux, but for segments */
    if (flag & REMAP_DONTUNMAP)
        CALL(SYS_munlockall); /* Linux would unlock all of a region of which a part moves */
    say("mremap(");
    say_address(address);
    say(", %#lx, %#lx, %u, ", len, new_len, flag);
    say_address(target);
    say(")");
    settle(CALL(SYS_mremap, address, len, new_len, flag, target), new_len, other);
}

/* Moves all pages behind the boundary to a far place, or back: a leaf table goes as a whole. */
static void do_move_table(void)
{
    static const uintptr_t far = ARENA + (1ul << 30);
    uintptr_t near = ARENA + PAGES_BEFORE_BOUNDARY * PAGE;
    bool is_away = one_in(2);
    size_t len = 1ul << 21;

    /* The first page of the range must be mapped. */
    CALL(SYS_mmap, is_away ? near : far, PAGE, PROT_READ,
         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (has_segment())
        return;
    say("table %s", is_away ? "goes" : "comes");
    long result = CALL(SYS_mremap, is_away ? near : far, len, len, MREMAP_MAYMOVE | MREMAP_FIXED,
                       is_away ? far : near);
    say_result(result < 0 ? result : 0);
}

/* System V shared memory. A segment goes with the last process that has it attached. */
static void do_shm_attach(void)
{
    static const int flags[] = {
        0, SHM_RDONLY, SHM_REMAP, SHM_REMAP, SHM_REMAP | SHM_RDONLY, SHM_REMAP | SHM_EXEC, SHM_RND};
    uintptr_t address = any_page();
    int flag = ANY_OF(flags);

    if (!has_segment())
        return;
    if (flag & SHM_RND)
        address += random_to(PAGE);
    say("shmat(");
    say_address(address);
    say(", %#o)", flag);
    long result = CALL(SYS_shmat, segment, address, flag);
    say_result(result < 0 && result >= -4095 ? result : 0);
}

static void do_shm_detach(void)
{
    uintptr_t address = any_page();

    say("shmdt(");
    say_address(address);
    say(")");
    say_result(CALL(SYS_shmdt, address));
}

/* MADV_FREE may drop pages at once or later, so MADV_DONTNEED of the same range follows. */
static void do_madvise(void)
{
    static const int advices[] = {MADV_DONTNEED,   MADV_DONTNEED,   MADV_DONTNEED, MADV_DONTNEED,
                                  MADV_FREE,       MADV_WILLNEED,   POPULATE_READ, POPULATE_WRITE,
                                  POPULATE_WRITE,  MADV_DONTFORK,   MADV_DOFORK,   MADV_WIPEONFORK,
                                  MADV_KEEPONFORK, MADV_SEQUENTIAL, MADV_NORMAL};
    uintptr_t address = any_page();
    size_t len = any_length();
    int advice = has_call("fallocate") && one_in(6) ? MADV_REMOVE : ANY_OF(advices);

    say("madvise(");
    say_address(address);
    say(", %#lx, %d)", len, advice);
    say_result(CALL(SYS_madvise, address, len, advice));
    if (advice == MADV_FREE)
        CALL(SYS_madvise, address, len, MADV_DONTNEED);
}

/* Drops what lies beyond the end of the file: bytes of its last page, which a mapping can write, and
   an empty page, which Linux's tmpfs leaves behind if a write ends early. When a file grows or
   is written back, the bytes become zeros on Pagoda, but not on Linux's tmpfs. */
static void drop_rest(unsigned file)
{
    struct stat status;

    if (fstat(fds[file], &status) == 0)
        CALL(SYS_ftruncate, fds[file], status.st_size);
}

static void do_msync(void)
{
    static const int flags[] = {MS_ASYNC, MS_SYNC, MS_SYNC, MS_INVALIDATE};
    uintptr_t address = any_page();
    size_t len = any_length();
    int flag = ANY_OF(flags);

    drop_rest(A);
    drop_rest(B);
    drop_rest(M);
    say("msync(");
    say_address(address);
    say(", %#lx, %d)", len, flag);
    say_result(CALL(SYS_msync, address, len, flag));
}

static void do_mlock(void)
{
    uintptr_t address = any_page();
    size_t len = any_length();
    bool is_lock = one_in(2), on_fault = is_lock && one_in(2);

    say(on_fault ? "mlock2(" : is_lock ? "mlock(" : "munlock(");
    say_address(address);
    say(", %#lx)", len);
    if (on_fault)
        say_result(CALL(SYS_mlock2, address, len, LOCK_ON_FAULT));
    else
        say_result(CALL(is_lock ? SYS_mlock : SYS_munlock, address, len));
}

static void do_mincore(void)
{
    uint8_t vector[PAGES];
    uintptr_t address = any_page();
    size_t len = any_length();

    memset(vector, 0, sizeof(vector));
    say("mincore(");
    say_address(address);
    say(", %#lx)", len);
    long result = CALL(SYS_mincore, address, len, vector);
    say_result(result);
    /* On Linux, fork passes over pages of zeros that were only read. */
    for (size_t i = 0; i * PAGE < len && result == 0 && depth == 0; i++)
        say(" %u", vector[i] & 1);
}

/* Accesses. */

static void do_read_memory(void)
{
    uintptr_t address = any_byte();
    uint8_t byte;

    say("read ");
    say_address(address);
    if (probe_read(address, &byte))
        say(": %02x", byte);
    else
        say_fault();
}

/* Writes bytes in the order of addresses, until one faults. */
static void do_write_memory(void)
{
    static const size_t lengths[] = {1, 1, 8, 8, 64, 4096, 3 * 4096};
    uintptr_t address = any_byte();
    size_t len = ANY_OF(lengths), done = 0;
    uint8_t byte = random_word();

    say("write ");
    say_address(address);
    say(", %zu times %02x", len, byte);
    while (done < len && probe_write(address + done, byte + done / 256))
        done++;
    if (done < len)
        say_fault();
}

/* One access to two pages. */
static void do_straddle(void)
{
    uintptr_t address = any_page() + PAGE - 1 - random_to(7);

    say("straddle ");
    say_address(address);
    if (probe_write_word(address, random_word()))
        say(" done");
    else
        say_fault();
}

/* Calls a function of one instruction, the return. */
static void do_call(void)
{
    const uint8_t ret = 0xc3;
    uintptr_t address = any_page() + random_to(64);
    uint8_t byte;

    say("call ");
    say_address(address);
    if (!probe_write(address, ret) && !(probe_read(address, &byte) && byte == ret))
        say(" nothing");
    else if (!probe_call(address))
        say_fault();
}

/* Reads memory as another process would. */
static void do_read_remote(void)
{
    static uint64_t bytes[8 * PAGE / 8];
    uintptr_t address = any_byte();
    size_t len = any_length();
    struct iovec to = {bytes, len}, from = {(void *)address, len};

    memset(bytes, 0, sizeof(bytes));
    say("process_vm_readv(");
    say_address(address);
    say(", %zu)", len);
    say_result(CALL(SYS_process_vm_readv, getpid(), &to, 1, &from, 1, 0));
    say(" %lx", hash_words(bytes, ARRAY_SIZE(bytes), 0) & 0xffff);
}

static void do_copy_memory(void)
{
    uintptr_t from = any_byte(), to = any_byte();
    size_t len = one_in(2) ? random_to(300) : 1 + random_to(2 * PAGE), done = 0;
    uint8_t byte;

    say("copy ");
    say_address(from);
    say(" to ");
    say_address(to);
    say(", %zu bytes", len);
    while (done < len && probe_read(from + done, &byte) && probe_write(to + done, byte))
        done++;
    if (done < len)
        say_fault();
}

/* Files. */

static void do_truncate(void)
{
    unsigned file = any_file();
    off_t size = any_size();

    drop_rest(file);
    say("ftruncate(%s, %ld)", file_names[file], size);
    say_result(CALL(SYS_ftruncate, fds[file], size));
}

static bool is_readable(uintptr_t address)
{
    uint8_t byte;

    return probe_read(address, &byte);
}

/* Chooses a buffer in the arena and a range of a file. If both are the same bytes, a byte is copied
   to itself, or the ranges do not overlap: the order of bytes is up to the kernel. */
static void any_transfer(uintptr_t *buffer, size_t *len, off_t *offset)
{
    unsigned distance = 1 + random_to(PAGE - 1), tries = 4;

    do {
        *buffer = any_byte();
    } while (!is_readable(*buffer) && --tries > 0);
    *offset = random_to(FILE_PAGES) * PAGE + *buffer % PAGE;
    *len = random_to(one_in(2) ? 3 * PAGE : 600);
    if (one_in(2)) {
        size_t room = distance < PAGE / 2 ? distance : PAGE - distance;
        *offset += distance;
        *len = *len > room ? room : *len;
    }
}

static void say_written(unsigned file, long result, size_t len)
{
    say_result(result);
    if (result < (long)len)
        drop_rest(file);
}

/* If the first byte cannot be read, Linux's tmpfs makes the file longer although the call fails. So
   such a write is left out. */
static void do_transfer(void)
{
    bool is_write = one_in(2);
    unsigned file = any_file();
    uintptr_t buffer;
    size_t len;
    off_t offset;

    any_transfer(&buffer, &len, &offset);
    drop_rest(file);
    say(is_write ? "pwrite(%s, " : "pread(%s, ", file_names[file]);
    say_address(buffer);
    say(", %zu, %ld)", len, offset);
    if (is_write && file == A_APPEND)
        say(" is for others"); /* where it writes is not at `offset` */
    else if (is_write && !is_readable(buffer))
        say(" of no bytes");
    else if (is_write)
        say_written(file, CALL(SYS_pwrite64, fds[file], buffer, len, offset), len);
    else
        say_result(CALL(SYS_pread64, fds[file], buffer, len, offset));
}

/* Transfers at the position of the file, with a buffer that is not a mapping of it. */
static void do_append(void)
{
    static uint8_t bytes[2 * PAGE];
    unsigned file = one_in(2) ? A_APPEND : any_file();
    size_t len = random_to(one_in(2) ? sizeof(bytes) : 100);

    if (lseek(fds[file], 0, SEEK_CUR) > (off_t)(2 * FILE_PAGES * PAGE) || one_in(3)) {
        off_t size = any_size();
        say("lseek(%s, %ld)", file_names[file], size);
        say_result(CALL(SYS_lseek, fds[file], size, SEEK_SET));
        return;
    }
    for (size_t i = 0; i < len; i++)
        bytes[i] = step_number() * 31 + i * 7;
    drop_rest(file);
    say("write(%s, %zu bytes)", file_names[file], len);
    say_result(CALL(SYS_write, fds[file], bytes, len));
}

static void do_fallocate(void)
{
    static const int modes[] = {0, KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE, PUNCH_HOLE | KEEP_SIZE,
                                PUNCH_HOLE | KEEP_SIZE};
    unsigned file = any_file();
    int mode = ANY_OF(modes);
    off_t offset = any_size(), len = 1 + any_size();

    drop_rest(file);
    say("fallocate(%s, %d, %ld, %ld)", file_names[file], mode, offset, len);
    say_result(CALL(SYS_fallocate, fds[file], mode, offset, len));
    drop_rest(file);
}

static void do_seal(void)
{
    static const int seals[] = {2, 4, 8, 16}; /* shrink, grow, write, future write */
    int seal = ANY_OF(seals);

    if (!one_in(4))
        seal = 0; /* a sealed file has fewer surprises */
    say("seal(%d)", seal);
    say_result(CALL(SYS_fcntl, fds[M], ADD_SEALS, seal));
}

/* What there is. */

/* Words that were said of each page and file, shared by all processes of the case. */
static struct said {
    char pages[PAGES][16], files[FILES][64];
} * said;

static bool looks_at_arena, looks_by_child;

/* Says the words after the name if they are not those that were said last. */
static void say_change(char *last, size_t size, const char *name, const char *words)
{
    if (strncmp(last, words, size - 1) == 0)
        return;
    say(" %s:%s", name, words);
    strncpy(last, words, size - 1);
}

static void survey_files(void)
{
    static const unsigned subjects[] = {A, B, M};
    static uint64_t bytes[SIZE_MAX_COMPARED / 8];

    for (size_t i = 0; i < ARRAY_SIZE(subjects); i++) {
        unsigned file = subjects[i];
        struct stat status;
        char words[64] = "no status";
        memset(bytes, 0, sizeof(bytes));
        ssize_t n = pread(fds[file], bytes, sizeof(bytes), 0);
        if (fstat(fds[file], &status) == 0)
            snprintf(words, sizeof(words), "%ld,%ld,%zd,%lx", status.st_size, status.st_blocks, n,
                     hash_words(bytes, (n + 7) / 8, 0) & 0xffff);
        say_change(said->files[file], sizeof(said->files[file]), file_names[file], words);
    }
}

/* Says of a page what it holds, or which signal an access brings. */
static void survey_page(unsigned n)
{
    uintptr_t page = ARENA + n * PAGE;
    char name[8], words[16];
    uint8_t byte;

    snprintf(name, sizeof(name), "%u", n);
    if (probe_read(page, &byte))
        snprintf(words, sizeof(words), "%lx",
                 hash_words((const volatile uint64_t *)page, PAGE / 8, 0) & 0xffff);
    else
        snprintf(words, sizeof(words), "s%d.%d", fault_signal, fault_code);
    say_change(said->pages[n], sizeof(said->pages[n]), name, words);
}

static void survey_arena(void)
{
    for (unsigned n = 0; n < PAGES; n++)
        survey_page(n);
}

static void survey(void)
{
    say(";");
    survey_files();
    if (!looks_at_arena)
        return;
    if (!looks_by_child) {
        survey_arena();
        return;
    }
    say_flush();
    pid_t pid = fork();
    if (pid == 0) {
        survey_arena();
        say_flush();
        _exit(0);
    }
    int status;
    if (waitpid(pid, &status, 0) != pid || status != 0)
        say(" status %#x", status);
}

/* Notes the rights of each page in a line of /proc/self/maps, and which page of an object it is. */
static void note_line(const char *line, char rights[][32])
{
    char *at;
    uintptr_t from = strtoul(line, &at, 16), to = strtoul(at + 1, &at, 16);
    const char *right = ++at;
    uint64_t offset = strtoul(at + 4, &at, 16);
    bool has_object = memchr(at, '/', strcspn(at, "\n"));

    for (unsigned n = 0; n < PAGES; n++) {
        uintptr_t page = ARENA + n * PAGE;
        if (from <= page && page < to)
            snprintf(rights[n], 32, "%.4s%lu", right,
                     has_object ? (offset + page - from) / PAGE : 0);
    }
}

/* Says in the end what each page holds and allows. */
static void survey_end(void)
{
    static char maps[1 << 16], rights[PAGES][32];
    size_t len = 0;
    ssize_t n;
    int fd = open("/proc/self/maps", O_RDONLY);

    survey_arena();
    while ((n = read(fd, maps + len, sizeof(maps) - 1 - len)) > 0)
        len += n;
    close(fd);
    maps[len] = 0;
    for (char *line = maps; *line; line = strchr(line, '\n') + 1)
        note_line(line, rights);
    say(" |");
    for (unsigned i = 0; i < PAGES; i++)
        if (rights[i][0])
            say(" %u:%s%s", i, rights[i], probe_write(ARENA + i * PAGE + 7, i) ? "w" : "");
    survey_files();
}

/* Children. */

static pid_t waiting; /* the child that waits, or 0 */
static int go_fd;     /* the child goes on after a byte, and ends if this is closed */

static void be_child(int fd)
{
    char byte;

    depth++;
    waiting = 0;
    if (read(fd, &byte, 1) != 1)
        _exit(0);
    say("{");
    for (unsigned left = random_to(CHILD_ACTS_MAX + 1); left > 0; left--) {
        survey_arena();
        say("\n%u.%u ", case_number(), step_number());
        act();
    }
    survey_arena();
    survey_files();
    say(" }\n%u.%u ", case_number(), step_number());
    say_flush();
    _exit(0);
}

static void let_child_go(void)
{
    int status;

    say("child: ");
    say_flush();
    if (write(go_fd, "", 1) != 1)
        _exit(89);
    close(go_fd);
    if (waitpid(waiting, &status, 0) != waiting || status != 0)
        say(" status %#x", status);
    waiting = 0;
}

static void do_fork(void)
{
    int ends[2];

    if (waiting) {
        let_child_go();
        return;
    }
    if (depth == CHILD_DEPTH_MAX) {
        say("too deep");
        return;
    }
    say("fork ");
    say_flush();
    if (pipe(ends) < 0)
        _exit(88);
    go_fd = ends[1];
    waiting = fork();
    if (waiting == 0) {
        close(ends[1]);
        be_child(ends[0]);
    }
    close(ends[0]);
    if (waiting < 0)
        _exit(87);
    if (depth > 0 || one_in(2))
        let_child_go();
}

static const struct {
    const char *call; /* the system call that it needs */
    unsigned weight;
    void (*act)(void);
} acts[] = {
    {"mmap", 12, do_mmap},
    {"munmap", 3, do_munmap},
    {"mprotect", 4, do_mprotect},
    {"mremap", 6, do_mremap},
    {"mremap", 1, do_move_table},
    {"madvise", 7, do_madvise},
    {"msync", 1, do_msync},
    {"mlock2", 2, do_mlock},
    {"mincore", 2, do_mincore},
    {"read", 4, do_read_memory},
    {"write", 12, do_write_memory},
    {"write", 1, do_straddle},
    {"read", 2, do_copy_memory},
    {"read", 1, do_call},
    {"process_vm_readv", 1, do_read_remote},
    {"ftruncate", 6, do_truncate},
    {"pread64", 10, do_transfer},
    {"lseek", 3, do_append},
    {"fallocate", 4, do_fallocate},
    {"memfd_create", 1, do_seal},
    {"shmat", 2, do_shm_attach},
    {"shmdt", 1, do_shm_detach},
    {"fork", 5, do_fork},
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
    int fd = open(name, O_CREAT | flags, 0600);

    if (fd < 0)
        _exit(97);
    return fd;
}

static void open_files(void)
{
    static uint8_t bytes[3 * PAGE - 1000];

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = i * 7 + i / PAGE + 1;
    fds[A] = open_subject("subject-a", O_RDWR);
    fds[A_READ_ONLY] = open_subject("subject-a", O_RDONLY);
    fds[A_APPEND] = open_subject("subject-a", O_RDWR | O_APPEND);
    fds[B] = open_subject("subject-b", O_RDWR);
    fds[M] = CALL(SYS_memfd_create, "subject", 2);
    unlink("subject-a");
    unlink("subject-b");
    for (unsigned file = A; file < FILES; file++)
        if (file != A_READ_ONLY && file != A_APPEND &&
            write(fds[file], bytes, sizeof(bytes)) != sizeof(bytes))
            _exit(96);
}

static void run(void)
{
    static const struct rlimit lock_limit = {64 * PAGE, 64 * PAGE};

    open_files();
    setrlimit(RLIMIT_MEMLOCK, &lock_limit);
    looks_at_arena = case_number() % 4 < 2;
    looks_by_child = case_number() % 4 == 1;
    segment = shmget(IPC_PRIVATE, SEGMENT_PAGES * PAGE - 100, IPC_CREAT | 0700);
    if (segment < 0 || shmat(segment, NULL, 0) == MAP_FAILED || shmctl(segment, IPC_RMID, NULL) < 0)
        _exit(94);
    said = mmap(NULL, sizeof(*said), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (said == MAP_FAILED)
        _exit(95);
    while (step_next()) {
        if (step_number() < STEPS) {
            if (step_number() < STEPS_OF_MMAP)
                do_mmap();
            else
                act();
            survey();
            continue;
        }
        if (waiting)
            let_child_go();
        survey_end();
    }
    if (waiting)
        kill(waiting, SIGKILL); /* the last step was left out */
}

int main(int argc, char **argv)
{
    return generator_main(argc, argv, &(struct generator){.run = run, .steps_max = STEPS + 1});
}
