/* Threads and processes that use the files of one directory at once: below STRESS_DIRECTORY if that
   is in the environment, such as a directory of a disk, else below /tmp. */
#include "workload.h"

#include <stdio.h>

static char directory[64];

static const char *base(void)
{
    const char *asked = getenv("STRESS_DIRECTORY");

    return asked ? asked : "/tmp";
}

/* Enters a new directory. What stays in it after a kill, stress.c removes. */
static void enter_directory(void)
{
    snprintf(directory, sizeof(directory), "%s/files-%d", base(), getpid());
    CHECK_OK(mkdir(directory, 0700));
    CHECK_OK(chdir(directory));
}

static void leave_directory(void)
{
    CHECK_OK(chdir("/"));
    CHECK_OK(rmdir(directory));
}

/* ---- One file ---- */

#define MEMBERS    3
#define SLOTS      300 /* of each member */
#define SLOT_BYTES 600 /* some cross the border of two pages, and so of two blocks */
#define FILE_BYTES ((off_t)MEMBERS * SLOTS * SLOT_BYTES)

static int fd;

static off_t slot_place(const struct member *self, int slot)
{
    return ((off_t)slot * MEMBERS + self->number) * SLOT_BYTES;
}

static bool is_full_of(const char *bytes, char value)
{
    for (int n = 0; n < SLOT_BYTES; n++)
        if (bytes[n] != value)
            return false;
    return true;
}

/* Writes slots that no other member writes, though others write the same pages. */
static void write_slots(struct member *self)
{
    char values[SLOTS] = {0}, bytes[SLOT_BYTES];

    for (int n = 0; n < 400; n++) {
        int slot = random_below(&self->random, SLOTS);

        if (random_below(&self->random, 2)) {
            values[slot] = 1 + random_below(&self->random, 100);
            memset(bytes, values[slot], SLOT_BYTES);
            CHECK_EQ(CHECK_OK(pwrite(fd, bytes, SLOT_BYTES, slot_place(self, slot))), SLOT_BYTES);
        } else if (values[slot]) {
            CHECK_EQ(CHECK_OK(pread(fd, bytes, SLOT_BYTES, slot_place(self, slot))), SLOT_BYTES);
            CHECK(is_full_of(bytes, values[slot]));
        }
        if (random_below(&self->random, 100) == 0)
            CHECK_OK(fsync(fd));
    }
}

/* The same through mappings, which the file backs in full. */
static void change_mapped_slots(struct member *self)
{
    char values[SLOTS] = {0}, bytes[SLOT_BYTES];
    char *map = CHECK_OK(mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));

    for (int n = 0; n < 400; n++) {
        int slot = random_below(&self->random, SLOTS);
        char *place = map + slot_place(self, slot);

        CHECK(!values[slot] || is_full_of(place, values[slot]));
        values[slot] = 1 + random_below(&self->random, 100);
        memset(place, values[slot], SLOT_BYTES);
        CHECK_EQ(CHECK_OK(pread(fd, bytes, SLOT_BYTES, slot_place(self, slot))), SLOT_BYTES);
        CHECK(is_full_of(bytes, values[slot]));
        if (random_below(&self->random, 100) == 0)
            CHECK_OK(msync(map, FILE_BYTES, MS_SYNC));
        if (random_below(&self->random, 100) == 0)
            CHECK_OK(madvise(map, FILE_BYTES, MADV_DONTNEED));
    }
    CHECK_OK(munmap(map, FILE_BYTES));
}

static void change_slots(uint64_t *random, void (*body)(struct member *), off_t size)
{
    enter_directory();
    fd = create_file("slots", "", 0);
    CHECK_OK(ftruncate(fd, size));
    crew_run(random, MEMBERS, (void (*const[])(struct member *)){body, body, body});
    CHECK_OK(close(fd));
    CHECK_OK(unlink("slots"));
    leave_directory();
}

static void a_file_is_written_in_many_places(uint64_t *random)
{
    change_slots(random, write_slots, 0);
}

static void a_mapped_file_is_changed_in_many_places(uint64_t *random)
{
    change_slots(random, change_mapped_slots, FILE_BYTES);
}

/* ---- Lengths ---- */

#define LONGEST (200 * KIB)

static void cut_and_grow(struct member *self)
{
    static const char bytes[PAGE] = {[0 ... PAGE - 1] = 'x'};

    for (int n = 0; n < 200; n++) {
        off_t at = random_below(&self->random, LONGEST - PAGE);

        if (random_below(&self->random, 3) == 0)
            CHECK_OK(ftruncate(fd, at));
        else
            CHECK_EQ(CHECK_OK(pwrite(fd, bytes, PAGE, at)), PAGE);
    }
}

/* What is read was written, or was never written and is zero. */
static void read_anywhere(struct member *self)
{
    char bytes[3 * PAGE];

    for (int n = 0; n < 300; n++) {
        ssize_t got =
            CHECK_OK(pread(fd, bytes, sizeof(bytes), random_below(&self->random, LONGEST)));

        for (ssize_t at = 0; at < got; at++)
            CHECK(bytes[at] == 0 || bytes[at] == 'x');
        if (random_below(&self->random, 60) == 0)
            sync();
    }
}

static void a_file_is_cut_while_it_is_read(uint64_t *random)
{
    enter_directory();
    fd = create_file("cut", "", 0);
    crew_run(random, 3,
             (void (*const[])(struct member *)){cut_and_grow, cut_and_grow, read_anywhere});
    CHECK_OK(close(fd));
    CHECK_OK(unlink("cut"));
    leave_directory();
}

/* ---- Names ---- */

#define NAMES 12

/* Makes, moves, links and removes names that no other member uses, in directories that all use. */
static void change_names(struct member *self)
{
    bool exists[NAMES] = {false};
    char name[32], other[32];

    for (int n = 0; n < 250; n++) {
        int number = random_below(&self->random, NAMES);

        snprintf(name, sizeof(name), "a/name-%d-%d", self->number, number);
        snprintf(other, sizeof(other), "b/%d-%d", self->number, number);
        CHECK_EQ(access(name, F_OK) == 0, exists[number]);
        if (!exists[number]) {
            CHECK_OK(close(create_file(name, "text", 4)));
            exists[number] = true;
        } else if (random_below(&self->random, 3) == 0) {
            CHECK_OK(unlink(name));
            exists[number] = false;
        } else if (random_below(&self->random, 2)) {
            CHECK_OK(rename(name, other));
            CHECK_OK(rename(other, name));
        } else {
            CHECK_OK(link(name, other));
            CHECK_OK(unlink(other));
        }
    }
    for (int number = 0; number < NAMES; number++) {
        snprintf(name, sizeof(name), "a/name-%d-%d", self->number, number);
        if (exists[number])
            CHECK_OK(unlink(name));
    }
}

/* A directory with a file, of which each rename replaces the one before. */
static void replace_a_directory(struct member *self)
{
    for (int n = 0; n < 40; n++) {
        CHECK_OK(mkdir("new", 0700));
        CHECK_OK(rename("new", "b/directory"));
        CHECK_OK(close(create_file("b/directory/file", "text", 4)));
        CHECK_OK(unlink("b/directory/file"));
        if (random_below(&self->random, 8) == 0)
            sync();
    }
    CHECK_OK(rmdir("b/directory"));
}

static bool look_at(const char *name, void *context)
{
    (void)context;
    CHECK(strncmp(name, "name-", 5) == 0);
    return true;
}

static void list_names(struct member *self)
{
    (void)self;
    for (int n = 0; n < 40; n++)
        each_entry("a", look_at, NULL);
}

static void names_change_in_one_directory(uint64_t *random)
{
    enter_directory();
    CHECK_OK(mkdir("a", 0700));
    CHECK_OK(mkdir("b", 0700));
    crew_run(random, 4,
             (void (*const[])(struct member *)){change_names, change_names, list_names,
                                                replace_a_directory});
    CHECK_OK(rmdir("a"));
    CHECK_OK(rmdir("b"));
    leave_directory();
}

/* ---- Files without names ---- */

static void use_nameless_files(struct member *self)
{
    char name[32], bytes[1000], value = 1 + self->number;

    snprintf(name, sizeof(name), "nameless-%d", self->number);
    memset(bytes, value, sizeof(bytes));
    for (int n = 0; n < 60; n++) {
        off_t at = random_below(&self->random, 400 * KIB);
        int file = create_file(name, "", 0);

        CHECK_OK(unlink(name));
        CHECK_EQ(CHECK_OK(pwrite(file, bytes, sizeof(bytes), at)), sizeof(bytes));
        if (random_below(&self->random, 4) == 0)
            CHECK_OK(fsync(file));
        char last = 0;
        CHECK_EQ(CHECK_OK(pread(file, &last, 1, at + sizeof(bytes) - 1)), 1);
        CHECK_EQ(last, value);
        CHECK_OK(close(file));
    }
}

static void files_without_names_come_and_go(uint64_t *random)
{
    enter_directory();
    crew_run(random, 3,
             (void (*const[])(struct member *)){use_nameless_files, use_nameless_files,
                                                use_nameless_files});
    leave_directory();
}

/* ---- Programs ---- */

static void copy_file(const char *from, const char *to)
{
    static char bytes[64 * KIB];
    int source = CHECK_OK(open(from, O_RDONLY));
    int target = CHECK_OK(open(to, O_WRONLY | O_CREAT | O_EXCL, 0700));
    ssize_t got;

    while ((got = CHECK_OK(read(source, bytes, sizeof(bytes)))) > 0)
        CHECK_EQ(CHECK_OK(write(target, bytes, got)), got);
    CHECK_OK(close(source));
    CHECK_OK(close(target));
}

static void become_copy(void *status)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", (int)(uintptr_t)status);
    execl("program", "program", "exits", text, NULL);
    test_fail(__FILE__, __LINE__, "program: %s", strerror(errno));
}

/* The copy loses its name while processes run it. */
static void a_program_is_copied_and_run(uint64_t *random)
{
    pid_t children[4];
    const char *self = self_path(); /* known before the directory changes */

    enter_directory();
    for (int round = 0; round < 3; round++) {
        copy_file(self, "program");
        for (int n = 0; n < 4; n++)
            children[n] = start_child(become_copy, (void *)(uintptr_t)(n + 1));
        if (random_below(random, 2))
            sync();
        for (int n = 0; n < 4; n++)
            CHECK(exited_with(wait_child(children[n]), n + 1));
        CHECK_OK(unlink("program"));
    }
    leave_directory();
}

int main(int argc, char **argv)
{
    static const struct workload all[] = {
        {"a_file_is_written_in_many_places", a_file_is_written_in_many_places},
        {"a_mapped_file_is_changed_in_many_places", a_mapped_file_is_changed_in_many_places},
        {"a_file_is_cut_while_it_is_read", a_file_is_cut_while_it_is_read},
        {"names_change_in_one_directory", names_change_in_one_directory},
        {"files_without_names_come_and_go", files_without_names_come_and_go},
        {"a_program_is_copied_and_run", a_program_is_copied_and_run},
    };

    return workloads_main(argc, argv, all, ARRAY_SIZE(all));
}
