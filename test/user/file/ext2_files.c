/* The file system of a disk (docs/ext2.md), on a disk that tools/disks.py makes with blocks of
   1 KiB. Afterwards e2fsck must find nothing (tools/disk_test.py). Pagoda only. */
#include "test.h"

#include <elf.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "disk.h"

static const char *disk;

static void mount_disk(void)
{
    CHECK_OK(mount(disk, "/mnt", "ext2", 0, NULL));
    CHECK_OK(chdir("/mnt"));
}

static void unmount_disk(void)
{
    CHECK_OK(chdir("/"));
    CHECK_OK(umount2("/mnt", 0));
}

/* Unmounts and mounts, so that everything is read from the disk. */
static void read_again(void)
{
    unmount_disk();
    mount_disk();
}

static void write_at(int fd, off_t offset, const char *text)
{
    CHECK_EQ(pwrite(fd, text, strlen(text), offset), strlen(text));
}

static void expect_at(int fd, off_t offset, const char *text)
{
    char bytes[64] = {0};

    CHECK_EQ(pread(fd, bytes, strlen(text), offset), strlen(text));
    CHECK_EQ(strcmp(bytes, text), 0);
}

/* Each offset is behind another level of indirect blocks. */
static const off_t offsets[] = {0, 20 * KIB, MIB, 100 * MIB, 3 * GIB, 15 * GIB};

static void files_have_holes_at_all_levels(void)
{
    struct stat status;
    int fd = CHECK_OK(open("holes", O_RDWR | O_CREAT, 0644));

    for (size_t n = 0; n < ARRAY_SIZE(offsets); n++)
        write_at(fd, offsets[n], "here");
    CHECK_OK(close(fd));
    read_again();
    fd = CHECK_OK(open("holes", O_RDWR));
    for (size_t n = 0; n < ARRAY_SIZE(offsets); n++)
        expect_at(fd, offsets[n], "here");
    char byte = 1;
    CHECK_EQ(pread(fd, &byte, 1, 2 * GIB), 1);
    CHECK_EQ(byte, 0);
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_size, 15 * GIB + 4);
    CHECK(status.st_blocks < 100);
    CHECK_OK(ftruncate(fd, 1));
    CHECK_OK(fstat(fd, &status));
    CHECK_EQ(status.st_blocks, 2);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("holes"));
}

static off_t blocks_of(int fd)
{
    struct stat status;

    CHECK_OK(fstat(fd, &status));
    return status.st_blocks / 2;
}

static void lseek_finds_data_behind_all_levels(void)
{
    off_t at = 0;
    int fd = CHECK_OK(open("holes", O_RDWR | O_CREAT, 0644));

    for (size_t n = 0; n < ARRAY_SIZE(offsets); n++)
        write_at(fd, offsets[n], "here");
    for (size_t n = 0; n < ARRAY_SIZE(offsets); n++) {
        bool is_last = n + 1 == ARRAY_SIZE(offsets);
        at = CHECK_OK(lseek(fd, at, SEEK_DATA));
        CHECK_EQ(at, offsets[n]);
        at = CHECK_OK(lseek(fd, at + 1, SEEK_HOLE));
        CHECK_EQ(at, offsets[n] + (is_last ? 4 : (off_t)KIB));
    }
    CHECK_ERR(ENXIO, lseek(fd, at, SEEK_DATA));
    CHECK_OK(ftruncate(fd, 16 * GIB));
    CHECK_EQ(lseek(fd, 15 * GIB, SEEK_HOLE), 15 * GIB + KIB);
    CHECK_ERR(ENXIO, lseek(fd, 15 * GIB + KIB, SEEK_DATA));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("holes"));
}

static void fill_pages(int fd, int npages)
{
    char bytes[PAGE];

    for (int n = 0; n < npages; n++) {
        memset(bytes, 'a' + n, sizeof(bytes));
        CHECK_EQ(pwrite(fd, bytes, PAGE, n * PAGE), PAGE);
    }
}

/* Returns true if the bytes [start, end) of a file are all `byte`. */
static bool is_all(int fd, off_t start, off_t end, char byte)
{
    char found;

    for (; start < end; start++)
        if (pread(fd, &found, 1, start) != 1 || found != byte)
            return false;
    return true;
}

/* A block of a page may go although the page stays. */
static void a_hole_gives_blocks_back(void)
{
    const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    int fd = CHECK_OK(open("holes", O_RDWR | O_CREAT, 0644));

    fill_pages(fd, 8);
    CHECK_OK(fsync(fd));
    off_t blocks = blocks_of(fd);
    CHECK_OK(fallocate(fd, punch, KIB + 1, PAGE - KIB - 2));
    CHECK_EQ(blocks_of(fd), blocks - 1);
    CHECK_EQ(lseek(fd, 0, SEEK_HOLE), 2 * KIB);
    CHECK_EQ(lseek(fd, 2 * KIB, SEEK_DATA), 3 * KIB);
    char *pages = CHECK_OK(mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    poke(pages + 5 * PAGE, 'x');
    CHECK_OK(fallocate(fd, punch, 2 * PAGE, 4 * PAGE + 2 * KIB));
    CHECK_EQ(blocks_of(fd), blocks - 1 - 18);
    CHECK_EQ(peek(pages + 5 * PAGE), 0);
    CHECK_EQ(peek(pages + 6 * PAGE + 2 * KIB), 'g');
    poke(pages + 6 * PAGE + KIB, 'y'); /* which takes a block again */
    CHECK_OK(close(fd));
    unmap_pages(pages, 8);
    read_again();
    fd = CHECK_OK(open("holes", O_RDWR));
    CHECK(is_all(fd, 0, KIB + 1, 'a'));
    CHECK(is_all(fd, KIB + 1, PAGE - 1, 0));
    CHECK(is_all(fd, PAGE - 1, PAGE, 'a'));
    CHECK(is_all(fd, PAGE, 2 * PAGE, 'b'));
    CHECK(is_all(fd, 2 * PAGE, 6 * PAGE + KIB, 0));
    CHECK(is_all(fd, 6 * PAGE + KIB, 6 * PAGE + KIB + 1, 'y'));
    CHECK(is_all(fd, 6 * PAGE + 2 * KIB, 7 * PAGE, 'g'));
    CHECK_OK(fallocate(fd, punch, PAGE, GIB)); /* the size stays */
    CHECK_EQ(lseek(fd, 0, SEEK_END), 8 * PAGE);
    CHECK_ERR(ENXIO, lseek(fd, PAGE, SEEK_DATA));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("holes"));
}

static void what_ext2_cannot_say_is_refused(void)
{
    int fd = CHECK_OK(open("holes", O_RDWR | O_CREAT, 0644));

    CHECK_ERR(EOPNOTSUPP, fallocate(fd, 0, 0, PAGE));
    CHECK_ERR(EOPNOTSUPP, fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, PAGE));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("holes"));
}

static void a_file_can_be_too_large(void)
{
    int fd = CHECK_OK(open("large", O_RDWR | O_CREAT, 0644));

    CHECK_ERR(EFBIG, pwrite(fd, "x", 1, 17 * GIB));
    CHECK_ERR(EFBIG, ftruncate(fd, 17 * GIB));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("large"));
}

/* Returns the free blocks, after all that was deleted before is on the disk. */
static uint64_t free_blocks(void)
{
    struct statfs about;

    sync();
    sync();
    CHECK_OK(statfs(".", &about));
    CHECK_EQ(about.f_type, 0xef53);
    CHECK_EQ(about.f_bsize, 1024);
    return about.f_bfree;
}

/* Fills the disk, and returns how many bytes went into the file. */
static off_t fill_disk(const char *name)
{
    static char bytes[64 * KIB];
    int fd = CHECK_OK(open(name, O_WRONLY | O_CREAT, 0644));
    off_t all = 0;
    ssize_t done;

    while ((done = write(fd, bytes, sizeof(bytes))) > 0)
        all += done;
    CHECK_EQ(errno, ENOSPC);
    CHECK_OK(close(fd));
    return all;
}

static void a_full_disk_can_be_emptied(void)
{
    uint64_t before = free_blocks();
    off_t first = fill_disk("full");

    CHECK_OK(unlink("full"));
    off_t second = fill_disk("full");
    CHECK(second >= first - (off_t)(64 * KIB));
    CHECK_OK(unlink("full"));
    CHECK_EQ(free_blocks(), before);
}

/* Returns the first byte of [0, size) of a file that is not 0, or `size`. */
static off_t first_byte(int fd, off_t size)
{
    char byte;

    for (off_t offset = 0; offset < size; offset++) {
        CHECK_EQ(pread(fd, &byte, 1, offset), 1);
        if (byte)
            return offset;
    }
    return size;
}

/* Fills the free blocks with something else than zeros. */
static void spoil_free_blocks(void)
{
    static char bytes[64 * KIB];
    int fd = CHECK_OK(open("spoil", O_WRONLY | O_CREAT, 0644));

    memset(bytes, 'x', sizeof(bytes));
    while (write(fd, bytes, sizeof(bytes)) > 0)
        ;
    CHECK_EQ(errno, ENOSPC);
    CHECK_OK(fsync(fd));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("spoil"));
    sync();
    sync();
}

/* The blocks of the pages are taken before their bytes are moved. */
static void a_write_that_fails_shows_no_old_contents(void)
{
    char *pages = map_pages(3);

    spoil_free_blocks();
    int fd = CHECK_OK(open("hole", O_RDWR | O_CREAT, 0644));
    CHECK_OK(ftruncate(fd, 8 * PAGE));
    CHECK_OK(munmap(pages + PAGE, PAGE));
    CHECK_ERR(EFAULT, pwrite(fd, pages + PAGE, PAGE, 0));
    CHECK_EQ(pwrite(fd, pages + PAGE - 5, 2 * PAGE, 2 * PAGE), 5);
    CHECK_EQ(pwrite(fd, pages + PAGE - 5, 2 * PAGE, 5 * PAGE - 5), 5);
    CHECK_OK(close(fd));
    read_again();
    fd = CHECK_OK(open("hole", O_RDWR));
    CHECK_EQ(first_byte(fd, 8 * PAGE), 8 * PAGE);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("hole"));
    unmap_pages(pages, 1);
    unmap_pages(pages + 2 * PAGE, 1);
}

/* A page is four blocks. */
static void a_write_takes_the_last_blocks(void)
{
    static char bytes[PAGE];
    int fd = CHECK_OK(open("last", O_RDWR | O_CREAT, 0644));
    off_t size = fill_disk("full");

    CHECK_OK(truncate("full", size - 2 * (off_t)KIB));
    memset(bytes, 'x', sizeof(bytes));
    CHECK_EQ(write(fd, bytes, sizeof(bytes)), 2 * KIB);
    CHECK_ERR(ENOSPC, write(fd, bytes, sizeof(bytes)));
    CHECK_OK(close(fd));
    read_again();
    fd = CHECK_OK(open("last", O_RDWR));
    CHECK_EQ(read(fd, bytes, sizeof(bytes)), 2 * KIB);
    CHECK_EQ(bytes[2 * KIB - 1], 'x');
    CHECK_OK(close(fd));
    CHECK_OK(unlink("full"));
    CHECK_OK(unlink("last"));
}

/* Writes pages of a mapping until one has no room. Counts them in *count. */
static void write_pages_of_mapping(void *arg)
{
    unsigned *count = arg;
    int fd = CHECK_OK(open("sparse", O_RDWR));
    char *pages = CHECK_OK(mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));

    for (; *count < 64; ++*count)
        pages[*count * PAGE] = 'x';
}

/* A page has its room before it is written, so what was written is not lost. */
static void a_mapping_meets_a_full_disk(void)
{
    unsigned *count =
        CHECK_OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    char target[300] = {0};
    int fd = CHECK_OK(open("sparse", O_RDWR | O_CREAT, 0644));

    CHECK_OK(ftruncate(fd, 64 * PAGE));
    off_t size = fill_disk("full");
    CHECK(killed_by(wait_child(start_child(write_pages_of_mapping, count)), SIGBUS));
    CHECK_EQ(*count, 0);
    memset(target, 'x', sizeof(target) - 1);
    CHECK_ERR(ENOSPC, mkdir("directory", 0755));
    CHECK_ERR(ENOSPC, symlink(target, "link"));
    CHECK_ERR(EOPNOTSUPP, fallocate(fd, 0, 0, PAGE));
    CHECK_OK(truncate("full", size - 5 * (off_t)PAGE));
    CHECK(killed_by(wait_child(start_child(write_pages_of_mapping, count)), SIGBUS));
    CHECK(*count > 0 && *count < 64);
    CHECK_OK(close(fd));
    read_again();
    fd = CHECK_OK(open("sparse", O_RDWR));
    for (unsigned n = 0; n < *count; n++)
        expect_at(fd, n * PAGE, "x");
    CHECK_OK(close(fd));
    CHECK_OK(unlink("full"));
    CHECK(exited_with(wait_child(start_child(write_pages_of_mapping, count)), 0));
    read_again();
    fd = CHECK_OK(open("sparse", O_RDWR));
    expect_at(fd, 63 * PAGE, "x");
    CHECK_OK(close(fd));
    CHECK_OK(unlink("sparse"));
    CHECK_OK(mkdir("directory", 0755));
    CHECK_OK(rmdir("directory"));
    unmap_pages((char *)count, 1);
}

static void an_unlinked_file_stays_open(void)
{
    uint64_t before = free_blocks();
    int fd = CHECK_OK(open("gone", O_RDWR | O_CREAT, 0644));

    write_at(fd, 0, "still there");
    CHECK_OK(unlink("gone"));
    sync();
    expect_at(fd, 0, "still there");
    CHECK_OK(chdir("/"));
    CHECK_ERR(EBUSY, umount2("/mnt", 0));
    CHECK_OK(chdir("/mnt"));
    CHECK_OK(close(fd));
    CHECK_EQ(free_blocks(), before);
}

static void names_and_attributes_are_kept(void)
{
    const struct timespec times[] = {{1000000, 999999999}, {5000000000, 1}}; /* in 2128 */
    char target[300], found[301] = {0};
    struct stat status;

    memset(target, 'x', sizeof(target) - 1);
    target[sizeof(target) - 1] = '\0';
    CHECK_OK(mkdir("a", 0700));
    CHECK_OK(mkdir("a/b", 0750));
    CHECK_OK(close(CHECK_OK(open("a/b/file", O_WRONLY | O_CREAT, 0600))));
    CHECK_OK(chmod("a/b/file", 04711));
    CHECK_OK(chown("a/b/file", 100000, 200000));
    CHECK_OK(utimensat(AT_FDCWD, "a/b/file", times, 0));
    CHECK_OK(link("a/b/file", "second"));
    CHECK_OK(symlink("short", "fast"));
    CHECK_OK(symlink(target, "slow"));
    CHECK_OK(mkfifo("fifo", 0644));
    CHECK_OK(rename("a/b", "moved"));
    read_again();
    CHECK_OK(stat("moved/file", &status));
    CHECK_EQ(status.st_mode, S_IFREG | 0711); /* chown clears the bit */
    CHECK_EQ(status.st_nlink, 2);
    CHECK_EQ(status.st_uid, 100000);
    CHECK_EQ(status.st_gid, 200000);
    CHECK_EQ(status.st_atime, 1000000);
    CHECK_EQ(status.st_atim.tv_nsec, 999999999);
    CHECK_EQ(status.st_mtime, 5000000000);
    CHECK_EQ(status.st_mtim.tv_nsec, 1);
    CHECK_EQ(readlink("fast", found, sizeof(found)), 5);
    CHECK_EQ(readlink("slow", found, sizeof(found)), strlen(target));
    CHECK_EQ(strcmp(found, target), 0);
    CHECK_OK(stat("fifo", &status));
    CHECK(S_ISFIFO(status.st_mode));
    CHECK_ERR(ENOENT, stat("a/b", &status));
    CHECK_OK(unlink("second"));
    CHECK_OK(unlink("fast"));
    CHECK_OK(unlink("slow"));
    CHECK_OK(unlink("fifo"));
    CHECK_OK(unlink("moved/file"));
    CHECK_OK(rmdir("moved"));
    CHECK_OK(rmdir("a"));
}

static void a_mapping_reaches_the_disk(void)
{
    int fd = CHECK_OK(open("mapped", O_RDWR | O_CREAT, 0644));

    CHECK_OK(ftruncate(fd, 3 * PAGE));
    char *pages = CHECK_OK(mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    strcpy(pages + PAGE - 3, "across the pages");
    CHECK_OK(munmap(pages, 3 * PAGE));
    CHECK_OK(close(fd));
    read_again();
    fd = CHECK_OK(open("mapped", O_RDWR));
    expect_at(fd, PAGE - 3, "across the pages");
    CHECK_OK(close(fd));
    CHECK_OK(unlink("mapped"));
}

static void a_large_directory_keeps_its_names(void)
{
    char name[64];

    CHECK_OK(mkdir("many", 0755));
    for (int n = 0; n < 500; n++) {
        snprintf(name, sizeof(name), "many/a-name-that-takes-some-room-%d", n);
        CHECK_OK(close(CHECK_OK(open(name, O_WRONLY | O_CREAT, 0644))));
    }
    read_again();
    for (int n = 499; n >= 0; n--) {
        snprintf(name, sizeof(name), "many/a-name-that-takes-some-room-%d", n);
        CHECK_OK(unlink(name));
    }
    CHECK_OK(rmdir("many"));
}

static void df_names_the_disk(void)
{
    char line[256];
    FILE *pipe = popen("df /mnt", "r");

    CHECK(pipe && fgets(line, sizeof(line), pipe) && fgets(line, sizeof(line), pipe));
    CHECK_EQ(strncmp(line, disk, strlen(disk)), 0);
    CHECK(exited_with(pclose(pipe), 0));
}

static void a_read_only_mount_changes_nothing(void)
{
    CHECK_OK(mkdir("dir", 0755));
    unmount_disk();
    CHECK_OK(mount(disk, "/mnt", "ext2", MS_RDONLY, NULL));
    CHECK_ERR(EROFS, mkdir("/mnt/x", 0755));
    CHECK_ERR(EEXIST, mkdir("/mnt/dir", 0755));
    CHECK_ERR(EROFS, rmdir("/mnt/dir"));
    CHECK_ERR(EROFS, open("/mnt/x", O_WRONLY | O_CREAT, 0644));
    CHECK_ERR(EROFS, chmod("/mnt/dir", 0700));
    CHECK_ERR(EROFS, rename("/mnt/dir", "/mnt/other"));
    CHECK_ERR(EBUSY, mount(disk, "/tmp", "ext2", 0, NULL));
    CHECK_OK(umount2("/mnt", 0));
    mount_disk();
    CHECK_OK(rmdir("dir"));
}

/* ---- Programs ---- */

#define PROGRAM_BYTES (2 * MIB)
#define PROGRAM_START 0x400000UL

/* Makes a program that reads a byte in its middle, and ends. */
static void large_program_make(const char *path)
{
    /* mov rax, middle; mov al, [rax]; xor edi, edi; mov eax, SYS_exit; syscall */
    static const unsigned char code[] = {0x48, 0xb8, 0,    0,    0x50, 0, 0, 0, 0,    0, 0x8a,
                                         0,    0x31, 0xff, 0xb8, 60,   0, 0, 0, 0x0f, 5};
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr segment;
        unsigned char code[sizeof(code)];
    } start = {
        .header =
            {
                .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
                            EV_CURRENT},
                .e_type = ET_EXEC,
                .e_machine = EM_X86_64,
                .e_version = EV_CURRENT,
                .e_entry = PROGRAM_START + offsetof(__typeof__(start), code),
                .e_phoff = offsetof(__typeof__(start), segment),
                .e_ehsize = sizeof(Elf64_Ehdr),
                .e_phentsize = sizeof(Elf64_Phdr),
                .e_phnum = 1,
            },
        .segment =
            {
                .p_type = PT_LOAD,
                .p_flags = PF_R | PF_X,
                .p_vaddr = PROGRAM_START,
                .p_filesz = PROGRAM_BYTES,
                .p_memsz = PROGRAM_BYTES,
                .p_align = PAGE,
            },
    };
    static char bytes[64 * KIB] = {1};
    int fd = CHECK_OK(open(path, O_WRONLY | O_CREAT | O_EXCL, 0755));

    memcpy(start.code, code, sizeof(code));
    memcpy(bytes, &start, sizeof(start));
    for (size_t at = 0; at < PROGRAM_BYTES; at += sizeof(bytes))
        CHECK_EQ(CHECK_OK(write(fd, bytes, sizeof(bytes))), sizeof(bytes));
    CHECK_OK(close(fd));
}

static void become(void *path)
{
    execl(path, path, NULL);
    test_fail(__FILE__, __LINE__, "%s: %s", (char *)path, strerror(errno));
}

/* Returns how many KiB a start of the program reads from disks. */
static long read_by_start(char *path)
{
    long before = number_in("/proc/vmstat", "pgpgin");

    CHECK(exits_with(0, become, path));
    return number_in("/proc/vmstat", "pgpgin") - before;
}

/* Two pages are touched. Beside them, the directory, the inode, indirect blocks and what is read
   ahead are read. */
static void a_start_reads_what_the_program_touches(void)
{
    static char path[] = "/mnt/program";

    large_program_make(path);
    read_again();
    long first = read_by_start(path);
    note("%ld KiB of %lu are read", first, PROGRAM_BYTES / KIB);
    CHECK(first >= 8 && first <= 64);
    CHECK_EQ(read_by_start(path), 0);
    CHECK_OK(unlink(path));
}

static bool is_listed_as(const char *options)
{
    char source[64], directory[64], listed[64];
    FILE *mounts = fopen("/proc/mounts", "r");
    bool found = false;

    CHECK(mounts);
    while (!found && fscanf(mounts, "%63s %63s %*s %63s %*d %*d", source, directory, listed) == 3)
        found = strcmp(directory, "/mnt") == 0 && strncmp(listed, options, strlen(options)) == 0;
    fclose(mounts);
    return found;
}

/* What was written before is on the disk, so nothing is dirty. */
static void a_mount_can_become_read_only_and_writable(void)
{
    int fd = CHECK_OK(open("written", O_RDWR | O_CREAT, 0644));

    write_at(fd, 0, "before");
    CHECK_ERR(EBUSY, mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    CHECK(is_listed_as("rw"));
    CHECK_OK(close(fd));
    CHECK_OK(mount(disk, "/mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    CHECK_OK(mount(disk, "/mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    CHECK(is_listed_as("ro"));
    CHECK_ERR(EROFS, open("written", O_RDWR));
    CHECK_ERR(EROFS, truncate("written", 0));
    CHECK_ERR(EROFS, unlink("written"));
    CHECK_ERR(EROFS, mkdir("dir", 0755));
    fd = CHECK_OK(open("written", O_RDONLY));
    expect_at(fd, 0, "before");
    CHECK_OK(mount(disk, "/mnt", NULL, MS_REMOUNT, NULL));
    CHECK(is_listed_as("rw"));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("written"));
    CHECK_OK(mkdir("dir", 0755));
    CHECK_OK(rmdir("dir"));
}

/* A mapping counts as a writer, and so does a file that is deleted and open. */
static void what_may_still_change_keeps_a_mount_writable(void)
{
    int fd = CHECK_OK(open("written", O_RDWR | O_CREAT, 0644));

    CHECK_OK(ftruncate(fd, PAGE));
    char *page = CHECK_OK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    CHECK_OK(close(fd));
    poke(page, 'x');
    CHECK_ERR(EBUSY, mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    poke(page + 1, 'y');
    unmap_pages(page, 1);
    fd = CHECK_OK(open("written", O_RDONLY));
    CHECK_OK(unlink("written"));
    CHECK_ERR(EBUSY, mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    expect_at(fd, 0, "xy");
    CHECK_OK(close(fd));
    CHECK_OK(mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL));
    CHECK_OK(mount(NULL, "/mnt", NULL, MS_REMOUNT, NULL));
}

static void write_files(void *unused)
{
    (void)unused;
    for (int n = 0; n < 200; n++) {
        int fd = open("busy", O_WRONLY | O_CREAT, 0644);

        if (fd >= 0) {
            CHECK_EQ(write(fd, "text", 4), 4);
            CHECK_OK(close(fd));
        } else {
            CHECK_EQ(errno, EROFS);
        }
        if (unlink("busy") < 0)
            CHECK(errno == EROFS || errno == ENOENT);
    }
}

/* Afterwards e2fsck must find nothing. */
static void a_mount_may_change_while_it_is_written(void)
{
    pid_t child = start_child(write_files, NULL);
    int status;

    while (waitpid(child, &status, WNOHANG) == 0) {
        if (mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_RDONLY, NULL) < 0)
            CHECK_EQ(errno, EBUSY);
        CHECK_OK(mount(NULL, "/mnt", NULL, MS_REMOUNT, NULL));
    }
    CHECK(exited_with(status, 0));
    (void)unlink("busy");
}

static void read_old_file(void)
{
    const struct timespec times[] = {{1000, 0}, {2000, 0}};
    char byte;

    CHECK_OK(utimensat(AT_FDCWD, "read", times, 0));
    int fd = CHECK_OK(open("read", O_RDONLY));
    CHECK_EQ(read(fd, &byte, 1), 0);
    CHECK_OK(close(fd));
}

static void options_say_whether_a_read_changes_a_time(void)
{
    struct stat status;
    struct statfs about;

    CHECK_OK(close(CHECK_OK(open("read", O_WRONLY | O_CREAT, 0644))));
    CHECK_OK(mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_NOATIME, NULL));
    CHECK_OK(mount(NULL, "/mnt", NULL, MS_REMOUNT, NULL)); /* the option stays */
    CHECK(is_listed_as("rw,noatime"));
    CHECK_OK(statfs(".", &about));
    CHECK(about.f_flags & ST_NOATIME);
    read_old_file();
    CHECK_OK(stat("read", &status));
    CHECK_EQ(status.st_atime, 1000);
    CHECK_OK(mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_RELATIME, NULL));
    CHECK(is_listed_as("rw,relatime"));
    read_old_file();
    read_again();
    CHECK_OK(stat("read", &status));
    CHECK(status.st_atime > 2000);
    CHECK_OK(unlink("read"));
}

static void remount_says_what_is_wrong(void)
{
    CHECK_OK(mkdir("dir", 0755));
    CHECK_ERR(EINVAL, mount(NULL, "/mnt/dir", NULL, MS_REMOUNT, NULL));
    CHECK_ERR(ENOENT, mount(NULL, "/mnt/nothing", NULL, MS_REMOUNT, NULL));
    CHECK_ERR(EINVAL, mount(NULL, "/mnt", NULL, MS_REMOUNT, "option"));
    CHECK_ERR(EINVAL, mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_BIND, NULL));
    CHECK_OK(rmdir("dir"));
}

int main(void)
{
    disk = on_pagoda() ? disk_find(DISK_EXT2) : NULL;
    if (!disk)
        return TEST_SKIPPED;
    mkdir("/mnt", 0755);
    umount2("/disk", 0); /* where init has mounted the first disk */
    mount_disk();
    RUN(files_have_holes_at_all_levels);
    RUN(lseek_finds_data_behind_all_levels);
    RUN(a_hole_gives_blocks_back);
    RUN(what_ext2_cannot_say_is_refused);
    RUN(a_file_can_be_too_large);
    RUN(a_full_disk_can_be_emptied);
    RUN(a_write_that_fails_shows_no_old_contents);
    RUN(a_write_takes_the_last_blocks);
    RUN(a_mapping_meets_a_full_disk);
    RUN(an_unlinked_file_stays_open);
    RUN(names_and_attributes_are_kept);
    RUN(a_mapping_reaches_the_disk);
    RUN(a_large_directory_keeps_its_names);
    RUN(df_names_the_disk);
    RUN(a_read_only_mount_changes_nothing);
    RUN(a_mount_can_become_read_only_and_writable);
    RUN(what_may_still_change_keeps_a_mount_writable);
    RUN(a_mount_may_change_while_it_is_written);
    RUN(options_say_whether_a_read_changes_a_time);
    RUN(remount_says_what_is_wrong);
    RUN(a_start_reads_what_the_program_touches);
    unmount_disk();
    rmdir("/mnt");
    return test_end();
}
