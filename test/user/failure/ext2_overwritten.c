/* A program writes random bytes to a disk while its file system is used. The others see errors, and
   the machine goes on. The contents of the disk are put back afterwards. Pagoda only. */
#include "disk.h"

#include <dirent.h>
#include <stdio.h>

#define ROUNDS 8
#define WRITES 40  /* in a round */
#define STEPS  150 /* of the program that uses the file system, in a round */
#define BLOCKS 512 /* at most, that are spoilt */

static const char *path; /* of the disk */
static int disk;
static char *saved; /* its contents */
static size_t size;

/* The blocks with metadata. The files have nothing but zeros. */
static off_t blocks[BLOCKS];
static unsigned nblocks;

static unsigned pick(unsigned *state, unsigned count)
{
    *state = *state * 1103515245 + 12345;
    return (*state >> 16) % count;
}

/* Writes some random bytes to one block, and has them written to the disk. */
static void spoil(unsigned *state)
{
    off_t offset = blocks[pick(state, nblocks)] + pick(state, KIB - 16);
    char bytes[16];

    for (size_t n = 0; n < sizeof(bytes); n++)
        bytes[n] = pick(state, 3) ? pick(state, 256) : 0;
    CHECK_EQ(pwrite(disk, bytes, 1 + pick(state, sizeof(bytes)), offset) > 0, true);
    CHECK_OK(fsync(disk));
}

/* ---- The program that uses the file system; any call may fail ---- */

static const char *name(unsigned *state)
{
    static char names[2][32];
    static unsigned next;
    char *text = names[next++ % 2];

    snprintf(text, sizeof(names[0]), "/mnt/%s%u", pick(state, 2) ? "d0/" : "", pick(state, 12));
    return text;
}

static void use_file(unsigned *state)
{
    static char bytes[2 * PAGE];
    int fd = open(name(state), O_RDWR | O_CREAT, 0644);

    if (fd < 0)
        return;
    (void)!pwrite(fd, bytes, sizeof(bytes), pick(state, 400) * KIB);
    (void)!pread(fd, bytes, sizeof(bytes), pick(state, 400) * KIB);
    (void)!ftruncate(fd, pick(state, 300) * KIB);
    if (pick(state, 8) == 0)
        (void)fsync(fd);
    CHECK_OK(close(fd));
}

static void list(const char *directory)
{
    DIR *entries = opendir(directory);

    if (!entries)
        return;
    while (readdir(entries))
        ;
    CHECK_OK(closedir(entries));
}

static void use(void *seed)
{
    unsigned state = *(unsigned *)seed;

    (void)mkdir("/mnt/d0", 0755);
    for (int n = 0; n < STEPS; n++)
        switch (pick(&state, 8)) {
        case 0:
            (void)mkdir(name(&state), 0755);
            break;
        case 1:
            (void)unlink(name(&state));
            break;
        case 2:
            (void)rmdir(name(&state));
            break;
        case 3:
            (void)rename(name(&state), name(&state));
            break;
        case 4:
            list(pick(&state, 2) ? "/mnt" : "/mnt/d0");
            break;
        default:
            use_file(&state);
        }
}

/* ---- Rounds ---- */

/* Makes some files, and notes what the disk has. */
static void save(void)
{
    CHECK_OK(mount(path, "/mnt", "ext2", 0, NULL));
    for (unsigned seed = 100; seed < 104; seed++)
        use(&seed);
    CHECK_OK(umount2("/mnt", 0));
    CHECK_OK(ioctl(disk, BLKFLSBUF, 0));
    CHECK_EQ(pread(disk, saved, size, 0), (long)size);
    for (size_t at = 0; at + KIB <= size && nblocks < BLOCKS; at += KIB)
        if (!is_zero(saved + at, KIB))
            blocks[nblocks++] = at;
    note("%u blocks have metadata", nblocks);
}

static void put_back(void)
{
    CHECK_EQ(pwrite(disk, saved, size, 0), (long)size);
    CHECK_OK(fsync(disk));
}

static void the_machine_goes_on(void)
{
    unsigned state = 1;

    for (unsigned round = 0; round < ROUNDS; round++) {
        CHECK_OK(mount(path, "/mnt", "ext2", 0, NULL));
        for (int n = 0; n < WRITES / 2; n++)
            spoil(&state);
        pid_t pid = start_child(use, &round);
        for (int n = 0; n < WRITES / 2; n++)
            spoil(&state);
        CHECK(exited_with(wait_child(pid), 0));
        if (umount2("/mnt", 0))
            CHECK_EQ(errno, EIO);
        put_back();
    }
    CHECK_EQ(pagoda_audit(), 0);
}

int main(void)
{
    pagoda_only();
    path = disk_find(DISK_EXT2);
    if (!path)
        return TEST_SKIPPED;
    disk = CHECK_OK(open(path, O_RDWR));
    size = CHECK_OK(lseek(disk, 0, SEEK_END));
    saved = CHECK_OK(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK_OK(mkdir("/mnt", 0755));
    save();
    RUN(the_machine_goes_on);
    CHECK_OK(rmdir("/mnt"));
    CHECK_OK(munmap(saved, size));
    CHECK_OK(ioctl(disk, BLKFLSBUF, 0));
    CHECK_OK(close(disk));
    return test_end();
}
