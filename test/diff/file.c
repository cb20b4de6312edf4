/* Random calls on files, directories, pipes and descriptors, with odd arguments.

   A case has a directory of its own. Names are short, so that calls meet; so are the descriptors, of
   which there are eight slots with fixed numbers. No call can wait: pipes are not blocking, and the
   timeout of poll is 0. The last step says what all names and slots have become. */
#include "generator.h"

#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/uio.h>

enum { STEPS = 60, SLOTS = 8, SLOT_FIRST = 20, BUFFER_PAGES = 3, PATH_BYTES = 600 };

#define BUFFER 0x30000000000ul /* behind it, nothing is mapped */

#define RENAME_NOREPLACE 1

/* Choices. */

static int any_slot(void)
{
    return one_in(30) ? (one_in(2) ? -1 : 999) : SLOT_FIRST + (int)random_to(SLOTS);
}

/* Returns a path of one to three names; now and then an odd one. */
static const char *any_path(void)
{
    static char path[PATH_BYTES];
    static const char *const names[] = {"a", "b", "c", "d"};
    static const char *const odd[] = {"",    ".",    "..",   "a/.",    "b/..",      "a/",
                                      "./a", "d//a", "a/b/", "a/../b", "nowhere/a", "c/./b"};
    unsigned count = one_in(2) ? 1 : 1 + random_to(3);

    if (one_in(12))
        return ANY_OF(odd);
    if (one_in(80)) {
        memset(path, 'x', sizeof(path));
        path[one_in(2) ? 255 : 256] = 0;
        return path;
    }
    strcpy(path, ANY_OF(names));
    while (--count > 0) {
        strcat(path, "/");
        strcat(path, ANY_OF(names));
    }
    return path;
}

static void say_path(const char *path)
{
    if (strlen(path) > 20)
        say("%zu bytes", strlen(path));
    else
        say("\"%s\"", path);
}

/* Returns an address for up to `size` bytes, all of which can be accessed in most cases. */
static void *any_buffer(size_t size)
{
    static const uintptr_t odd[] = {0, 8, 1ul << 47, 0xffff800000000000, -1ul};
    uintptr_t end = BUFFER + BUFFER_PAGES * PAGE;

    if (one_in(30))
        return (void *)ANY_OF(odd);
    if (one_in(10))
        return (void *)(end - random_to(size + 1));
    return (void *)BUFFER;
}

/* The same for a write. If the first byte for a regular file cannot be read, Linux's tmpfs fails, and
   yet makes the file longer; so the first byte can be read. */
static void *any_source(int fd, size_t size)
{
    struct stat status;
    void *buffer = any_buffer(size);

    if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
        (uintptr_t)buffer - BUFFER >= BUFFER_PAGES * PAGE)
        return (void *)BUFFER;
    return buffer;
}

static size_t any_size(void)
{
    static const size_t odd[] = {0, 1, 4095, 4096, 4097, 8192, 12000};

    return one_in(3) ? ANY_OF(odd) : random_to(300);
}

static long any_offset(void)
{
    static const long odd[] = {0,        1,        4095,      4096,          65536, 1l << 31,
                               1l << 32, 1l << 40, INT64_MAX, INT64_MAX - 1, -1,    INT64_MIN};

    return one_in(4) ? ANY_OF(odd) : (long)random_to(6000);
}

static void say_buffer(const void *buffer)
{
    uintptr_t address = (uintptr_t)buffer;

    if (address - BUFFER <= BUFFER_PAGES * PAGE)
        say("B+%lu", address - BUFFER);
    else
        say("%#lx", address);
}

/* Fills the buffer with bytes that tell the step. */
static void fill_buffer(void)
{
    uint8_t *bytes = (uint8_t *)BUFFER;

    for (size_t i = 0; i < BUFFER_PAGES * PAGE; i++)
        bytes[i] = step_number() * 31 + i * 7 + i / 256;
}

/* Says the result, and the bytes that the call has put into the buffer. */
static void say_read(long result, const void *buffer)
{
    say_result(result);
    if (result > 0 && (uintptr_t)buffer >= BUFFER) {
        say(" ");
        size_t room = BUFFER + BUFFER_PAGES * PAGE - (uintptr_t)buffer;
        if (result <= 16 && (size_t)result <= room)
            say_bytes(buffer, result);
        else
            say_bytes((void *)BUFFER, BUFFER_PAGES * PAGE);
    }
}

/* Moves a new descriptor to a slot. */
static void keep(long fd, int slot)
{
    if (fd < 0 || fd == slot)
        return;
    dup2(fd, slot < 0 || slot >= SLOT_FIRST + SLOTS ? SLOT_FIRST : slot);
    close(fd);
}

/* Descriptors. */

static void do_open(void)
{
    static const int more[] = {O_CREAT,
                               O_CREAT,
                               O_CREAT,
                               O_TRUNC,
                               O_CREAT | O_EXCL,
                               O_APPEND,
                               O_NONBLOCK,
                               O_DIRECTORY,
                               O_NOFOLLOW,
                               O_CLOEXEC,
                               O_SYNC,
                               O_NOCTTY,
                               O_CREAT | O_TRUNC,
                               O_CREAT | O_DIRECTORY};
    static const int modes[] = {0600, 0644, 0755, 0777, 01777, 0100600};
    const char *path = any_path();
    int flags = random_to(3), slot = any_slot(), mode = ANY_OF(modes);

    while (!one_in(3))
        flags |= ANY_OF(more);
    say("open(");
    say_path(path);
    say(", %#o, %#o) to %d", flags, mode, slot);
    long fd = CALL(SYS_openat, AT_FDCWD, path, flags, mode);
    if (fd < 0) {
        say_result(fd);
    } else {
        say(" = a file with %#x, %#x", fcntl(fd, F_GETFD), fcntl(fd, F_GETFL));
        keep(fd, slot);
    }
}

static void do_close(void)
{
    int slot = any_slot();

    say("close(%d)", slot);
    say_result(CALL(SYS_close, slot));
}

static void do_pipe(void)
{
    static const int more[] = {0, 0, O_CLOEXEC};
    int slot = any_slot(), other = any_slot(), fds[2], flags = O_NONBLOCK | ANY_OF(more);

    say("pipe(%#o) to %d and %d", flags, slot, other);
    long result = CALL(SYS_pipe2, fds, flags);
    say_result(result);
    if (result == 0) {
        keep(fds[0], slot);
        keep(fds[1], other);
    }
}

static void do_dup(void)
{
    static const int flags[] = {0, O_CLOEXEC, O_CLOEXEC, 1, O_NONBLOCK};
    int from = any_slot(), to = any_slot(), flag = ANY_OF(flags);

    if (to > 900)
        to = 1 << 24; /* beyond every limit of descriptors */
    if (one_in(2)) {
        say("dup2(%d, %d)", from, to);
        say_result(CALL(SYS_dup2, from, to));
    } else {
        say("dup3(%d, %d, %#o)", from, to, flag);
        say_result(CALL(SYS_dup3, from, to, flag));
    }
}

static void do_fcntl(void)
{
    static const int commands[] = {F_GETFD, F_SETFD,         F_GETFL, F_SETFL,
                                   F_DUPFD, F_DUPFD_CLOEXEC, 9999,    -1};
    static const int flags[] = {0, O_APPEND, O_NONBLOCK, O_RDWR, O_CREAT, O_TRUNC};
    int fd = any_slot(), command = ANY_OF(commands);
    long argument = command == F_SETFD ? (long)random_to(3) : ANY_OF(flags) | O_NONBLOCK;

    if (command == F_DUPFD || command == F_DUPFD_CLOEXEC)
        argument = one_in(6) ? -1 : any_slot();
    if (argument == 999)
        argument = 1 << 24;
    say("fcntl(%d, %d, %#lx)", fd, command, argument);
    long result = CALL(SYS_fcntl, fd, command, argument);
    say_result(result);
    if (result >= SLOT_FIRST + SLOTS && command != F_GETFL && command != F_GETFD)
        close(result);
}

static void do_poll(void)
{
    static const short events[] = {0,       POLLIN, POLLOUT,   POLLIN | POLLOUT,
                                   POLLPRI, -1,     POLLRDHUP, POLLRDNORM | POLLWRNORM};
    struct pollfd fds[4];
    unsigned count = random_to(ARRAY_SIZE(fds) + 1);

    say("poll(");
    for (unsigned i = 0; i < count; i++) {
        fds[i] = (struct pollfd){any_slot(), ANY_OF(events), -1};
        say("%d:%#hx ", fds[i].fd, fds[i].events);
    }
    say(")");
    say_result(CALL(SYS_poll, fds, count, 0));
    for (unsigned i = 0; i < count; i++)
        say(" %#hx", fds[i].revents);
}

/* Transfers. */

static void do_read(void)
{
    int fd = any_slot();
    size_t size = any_size();
    void *buffer = any_buffer(size);
    long offset = any_offset();

    fill_buffer();
    if (one_in(2)) {
        say("read(%d, ", fd);
        say_buffer(buffer);
        say(", %zu)", size);
        say_read(CALL(SYS_read, fd, buffer, size), buffer);
    } else {
        say("pread(%d, ", fd);
        say_buffer(buffer);
        say(", %zu, %ld)", size, offset);
        say_read(CALL(SYS_pread64, fd, buffer, size, offset), buffer);
    }
}

static void do_write(void)
{
    int fd = any_slot();
    size_t size = any_size();
    void *buffer = any_source(fd, size);
    long offset = any_offset();

    fill_buffer();
    if (one_in(2)) {
        say("write(%d, ", fd);
        say_buffer(buffer);
        say(", %zu)", size);
        say_result(CALL(SYS_write, fd, buffer, size));
    } else {
        say("pwrite(%d, ", fd);
        say_buffer(buffer);
        say(", %zu, %ld)", size, offset);
        say_result(CALL(SYS_pwrite64, fd, buffer, size, offset));
    }
}

static void do_vector(void)
{
    static const long counts[] = {0, -1, 1024, 1025};
    static struct iovec parts[1024];
    bool is_read = one_in(2), at_offset = one_in(3);
    int fd = any_slot();
    long count = random_to(5), offset = any_offset();

    fill_buffer();
    memset(parts, 0, sizeof(parts));
    say(is_read ? "readv(%d," : "writev(%d,", fd);
    for (long i = 0; i < count; i++) {
        size_t size = any_size() / 4;
        parts[i] = (struct iovec){is_read ? any_buffer(size) : any_source(fd, size),
                                  one_in(40) ? 1ul << 63 : size};
        say(" ");
        say_buffer(parts[i].iov_base);
        say(":%zd", parts[i].iov_len);
    }
    if (one_in(20))
        count = ANY_OF(counts);
    say(", %ld)", count);
    if (at_offset)
        say(" at %ld", offset);
    long number = is_read     ? at_offset ? SYS_preadv : SYS_readv
                  : at_offset ? SYS_pwritev
                              : SYS_writev;
    long result = CALL(number, fd, parts, count, offset, 0);
    if (is_read)
        say_read(result, (void *)BUFFER);
    else
        say_result(result);
}

static void do_seek(void)
{
    static const int ways[] = {SEEK_SET, SEEK_SET, SEEK_CUR, SEEK_END, 5, -1};
    int fd = any_slot(), way = ANY_OF(ways);
    long offset = any_offset();

    if (way != SEEK_SET && one_in(2))
        offset = -offset;
    struct stat status;
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode))
        offset = way = 0; /* what an offset means in a directory is up to the file system */
    say("lseek(%d, %ld, %d)", fd, offset, way);
    say_result(CALL(SYS_lseek, fd, offset, way));
}

static void do_truncate(void)
{
    long length = any_offset();

    if (one_in(2)) {
        int fd = any_slot();
        say("ftruncate(%d, %ld)", fd, length);
        say_result(CALL(SYS_ftruncate, fd, length));
    } else {
        const char *path = any_path();
        say("truncate(");
        say_path(path);
        say(", %ld)", length);
        say_result(CALL(SYS_truncate, path, length));
    }
}

static void do_sync(void)
{
    int fd = any_slot();

    say("fsync(%d)", fd);
    say_result(CALL(SYS_fsync, fd));
}

/* Names. */

/* Two paths, the second in a buffer of its own. */
static const char *path_kept(void)
{
    static char kept[PATH_BYTES];

    return strcpy(kept, any_path());
}

static void do_rename(void)
{
    static const unsigned flags[] = {RENAME_NOREPLACE, RENAME_NOREPLACE, 3, 8};
    const char *from = path_kept(), *to = any_path();
    unsigned flag = one_in(4) ? ANY_OF(flags) : 0;

    say("rename(");
    say_path(from);
    say(", ");
    say_path(to);
    say(", %u)", flag);
    say_result(flag ? CALL(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flag)
                    : CALL(SYS_rename, from, to));
}

static void do_link(void)
{
    static const int flags[] = {0, 0, AT_SYMLINK_FOLLOW, 1};
    const char *from = path_kept(), *to = any_path();
    int flag = ANY_OF(flags);

    say("link(");
    say_path(from);
    say(", ");
    say_path(to);
    say(", %#x)", flag);
    say_result(CALL(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, flag));
}

static void do_symlink(void)
{
    const char *target = path_kept(), *path = any_path();

    say("symlink(");
    say_path(target);
    say(", ");
    say_path(path);
    say(")");
    say_result(CALL(SYS_symlink, target, path));
}

static void do_readlink(void)
{
    const char *path = any_path();
    size_t size = one_in(3) ? random_to(4) : 100;
    void *buffer = any_buffer(size);

    fill_buffer();
    say("readlink(");
    say_path(path);
    say(", ");
    say_buffer(buffer);
    say(", %zu)", size);
    say_read(CALL(SYS_readlink, path, buffer, size), buffer);
}

static void do_unlink(void)
{
    static const int flags[] = {0, 0, 0, AT_REMOVEDIR, AT_REMOVEDIR, 1};
    const char *path = any_path();
    int flag = ANY_OF(flags);

    say("unlink(");
    say_path(path);
    say(", %#x)", flag);
    say_result(CALL(SYS_unlinkat, AT_FDCWD, path, flag));
}

static void do_mkdir(void)
{
    static const int modes[] = {0700, 0755, 0777, 01777, 0170777};
    const char *path = any_path();
    int mode = ANY_OF(modes);

    say("mkdir(");
    say_path(path);
    say(", %#o)", mode);
    say_result(CALL(SYS_mkdir, path, mode));
}

static void do_chmod(void)
{
    static const int modes[] = {0600, 0644, 0700, 0755, 01777, 0171777};
    const char *path = any_path();
    int mode = ANY_OF(modes);

    if (strchr(path, '.'))
        path = "nowhere"; /* the directory of the cases stays as it is */
    say("chmod(");
    say_path(path);
    say(", %#o)", mode | 0700);
    say_result(CALL(SYS_chmod, path, mode | 0700));
}

static void do_access(void)
{
    static const int modes[] = {F_OK, R_OK, W_OK, X_OK, R_OK | W_OK, 8, -1};
    const char *path = any_path();
    int mode = ANY_OF(modes);

    say("access(");
    say_path(path);
    say(", %d)", mode);
    say_result(CALL(SYS_access, path, mode));
}

/* What files are. */

static void say_status(const struct stat *status)
{
    say(" %#o", status->st_mode);
    if (S_ISREG(status->st_mode) || S_ISLNK(status->st_mode))
        say(" links %lu, size %ld", status->st_nlink, status->st_size);
}

static void do_stat(void)
{
    static const int flags[] = {0, AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH, 0x80000};
    struct stat status;
    int flag = ANY_OF(flags), fd = one_in(2) ? AT_FDCWD : any_slot();
    const char *path = flag == AT_EMPTY_PATH ? "" : any_path();

    if (strchr(path, '.'))
        path = "a"; /* the directory above differs */
    if (flag == AT_EMPTY_PATH && fd == AT_FDCWD)
        fd = SLOT_FIRST;
    say("fstatat(%d, ", fd);
    say_path(path);
    say(", %#x)", flag);
    long result = CALL(SYS_newfstatat, fd, path, &status, flag);
    say_result(result);
    if (result == 0)
        say_status(&status);
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Says the names in a directory, sorted. */
static void say_directory(int fd)
{
    static char entries[8192], words[4096];
    char *names[64];
    size_t count = 0, used = 0;
    long n;

    while ((n = CALL(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
        for (long at = 0; at < n && count < ARRAY_SIZE(names);) {
            struct dirent *entry = (struct dirent *)(entries + at);
            names[count++] = words + used;
            used += 1 + snprintf(words + used, sizeof(words) - used, "%s:%u", entry->d_name,
                                 entry->d_type);
            at += entry->d_reclen;
        }
    say_result(n);
    qsort(names, count, sizeof(names[0]), compare);
    for (size_t i = 0; i < count; i++)
        say(" %.40s", names[i]);
}

static void do_getdents(void)
{
    int fd = any_slot();
    size_t size = random_to(24);

    say("getdents(%d, %zu)", fd, size);
    say_result(CALL(SYS_getdents64, fd, BUFFER, size));
    CALL(SYS_lseek, fd, 0, SEEK_SET);
    say_directory(fd);
    CALL(SYS_lseek, fd, 0, SEEK_SET);
}

static void survey_tree(int fd, unsigned depth)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    static uint8_t bytes[1 << 16];
    char target[100];

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct stat status;
        if (fstatat(fd, names[i], &status, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        say(" %*s%s", (int)depth, "", names[i]);
        say_status(&status);
        if (S_ISLNK(status.st_mode)) {
            say(" ");
            say_bytes(target, readlinkat(fd, names[i], target, sizeof(target)));
            continue;
        }
        int inner = openat(fd, names[i], O_RDONLY | O_NONBLOCK);
        if (S_ISREG(status.st_mode)) {
            ssize_t n = read(inner, bytes, sizeof(bytes));
            say(" ");
            say_bytes(bytes, n < 0 ? 0 : n);
        } else if (S_ISDIR(status.st_mode) && depth < 4) {
            say(" {");
            survey_tree(inner, depth + 1);
            say(" }");
        }
        close(inner);
    }
}

static void survey(void)
{
    for (int slot = SLOT_FIRST; slot < SLOT_FIRST + SLOTS; slot++) {
        struct stat status;
        if (fstat(slot, &status) < 0)
            continue;
        say(" %d: %#x %#x", slot, fcntl(slot, F_GETFD), fcntl(slot, F_GETFL));
        say_status(&status);
        if (S_ISREG(status.st_mode))
            say(" at %ld", lseek(slot, 0, SEEK_CUR));
    }
    say(";");
    survey_tree(AT_FDCWD, 0);
}

static const struct {
    const char *call; /* the system call that it needs */
    unsigned weight;
    void (*act)(void);
} acts[] = {
    {"openat", 12, do_open},       {"close", 3, do_close},
    {"pipe2", 2, do_pipe},         {"dup3", 2, do_dup},
    {"fcntl", 2, do_fcntl},        {"poll", 3, do_poll},
    {"read", 6, do_read},          {"write", 6, do_write},
    {"readv", 4, do_vector},       {"lseek", 3, do_seek},
    {"ftruncate", 2, do_truncate}, {"fsync", 1, do_sync},
    {"rename", 4, do_rename},      {"linkat", 3, do_link},
    {"symlink", 2, do_symlink},    {"readlink", 1, do_readlink},
    {"unlinkat", 4, do_unlink},    {"mkdir", 5, do_mkdir},
    {"chmod", 1, do_chmod},        {"access", 1, do_access},
    {"newfstatat", 2, do_stat},    {"getdents64", 2, do_getdents},
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

/* Removes all that is in a directory. The calls above cannot make a name outside of it. */
static void empty(int fd)
{
    DIR *directory = fdopendir(fd);
    struct dirent *entry;

    if (!directory)
        return;
    while ((entry = readdir(directory))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, entry->d_name, 0) == 0)
            continue;
        int inner = openat(fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        if (inner >= 0)
            empty(inner);
        unlinkat(fd, entry->d_name, AT_REMOVEDIR);
    }
    closedir(directory);
}

static void run(void)
{
    char name[32];

    snprintf(name, sizeof(name), "case-%u", case_number());
    /* A directory in a directory, so that ".." is the same on both. */
    if (mkdir(name, 0700) < 0 || chdir(name) < 0 || mkdir("inside", 0700) < 0 ||
        chdir("inside") < 0 ||
        mmap((void *)BUFFER, BUFFER_PAGES * PAGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
        _exit(92);
    signal(SIGPIPE, SIG_IGN);
    while (step_next()) {
        if (step_number() < STEPS)
            act();
        else
            survey();
    }
    empty(open(".", O_RDONLY));
    if (chdir("../..") < 0)
        _exit(90);
    empty(open(name, O_RDONLY));
    if (rmdir(name) < 0)
        _exit(91);
}

int main(int argc, char **argv)
{
    return generator_main(argc, argv, &(struct generator){.run = run, .steps_max = STEPS + 1});
}
