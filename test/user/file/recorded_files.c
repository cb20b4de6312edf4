/* Files on a disk whose writes are recorded: they are made, grown, cut, punched, replaced, moved,
   linked and removed, with a sync after each step. A mark (recorded.h) says after each step what is
   on the disk, and what the next step may change of it. tools/crash.py then takes the power away at
   each moment, and looks whether all is there. TEST_SEED in the environment chooses the steps.
   Pagoda only. */
#include "recorded.h"

#include <stdio.h>
#include <sys/sendfile.h>

enum { WRITERS = 2, FILES = 6, STEPS = 60 };

/* A file of a writer. */
struct file {
    bool exists;
    char path[40], other[40]; /* its name, and a second one; "": none */
    unsigned generation;      /* of its bytes */
    off_t start, len;         /* it has bytes from start to len; before start is a hole */
};

enum verb { MAKE, GROW, CUT, PUNCH, REPLACE, MOVE, LINK, REMOVE, ORPHAN };

/* What is done next: to which file, and what it is like afterwards. */
struct step {
    enum verb verb;
    int file;
    struct file after;
};

struct writer {
    int number;
    uint64_t random;
    unsigned names, generations; /* how many there were */
    struct file files[FILES];
    char gone[40];             /* the name that was removed last; "": none */
    char link[40], target[96]; /* a symbolic link; "": none */
    int orphan;                /* a file without a name; -1: none */
    struct mark mark;
};

static void new_name(struct writer *writer, char *path, size_t size)
{
    static const char *const directories[] = {"", "a/", "b/", "a/c/"};

    snprintf(path, size, "w%d/%sfile-%u", writer->number,
             directories[random_below(&writer->random, ARRAY_SIZE(directories))], writer->names++);
}

/* Mostly a few blocks; sometimes so many that an indirect block is needed. */
static off_t some_bytes(struct writer *writer)
{
    bool is_large = random_below(&writer->random, 4) == 0;

    return RECORD_BYTES * (1 + random_below(&writer->random, is_large ? 2500 : 300));
}

static void plan_new_file(struct writer *writer, struct file *file)
{
    /* The hole reaches to where blocks have two levels above them. */
    bool has_hole = random_below(&writer->random, 5) == 0;

    file->exists = true;
    file->generation = ++writer->generations * WRITERS + writer->number;
    file->start = has_hole ? 300 * KIB : 0;
    file->len = file->start + some_bytes(writer);
}

/* Returns half of the bytes that a file has. */
static off_t half_of(const struct file *file)
{
    return (file->len - file->start) / 2 / RECORD_BYTES * RECORD_BYTES;
}

static struct step plan(struct writer *writer)
{
    struct step step = {.file = random_below(&writer->random, FILES)};
    struct file *after = &step.after;

    *after = writer->files[step.file];
    step.verb = after->exists ? GROW + random_below(&writer->random, ORPHAN) : MAKE;
    if (step.verb == LINK && after->other[0])
        step.verb = MOVE;
    if (step.verb == PUNCH && half_of(after) == 0)
        step.verb = GROW;
    switch (step.verb) {
    case MAKE:
        new_name(writer, after->path, sizeof(after->path));
        plan_new_file(writer, after);
        break;
    case REPLACE:
        plan_new_file(writer, after);
        after->other[0] = '\0';
        break;
    case GROW:
        after->len += some_bytes(writer);
        break;
    case CUT:
        after->len = after->start + half_of(after);
        break;
    case PUNCH:
        after->start += half_of(after);
        break;
    case MOVE:
        new_name(writer, after->path, sizeof(after->path));
        break;
    case LINK:
        new_name(writer, after->other, sizeof(after->other));
        break;
    case REMOVE:
    case ORPHAN:
        *after = (struct file){.exists = false};
        break;
    }
    return step;
}

static void add_file(struct mark *mark, const char *path, const struct file *file, off_t end,
                     off_t max)
{
    mark_add(mark, " %s:%u:%ld:%ld:%ld", path, file->generation, (long)file->start, (long)end,
             (long)max);
}

/* What holds of a file while the step is done to it. */
static void mark_changing(struct mark *mark, const struct file *now, const struct step *step)
{
    const struct file *after = &step->after;
    bool is_other = now->generation != after->generation;
    off_t end = !is_other && after->len < now->len ? after->len : now->len;
    off_t max = !is_other && after->len > now->len ? after->len : now->len;
    struct file sure = *now;

    if (!is_other && after->start > now->start)
        sure.start = after->start;
    mark_add(mark, "any");
    add_file(mark, now->path, &sure, end, max);
    if (is_other || strcmp(now->path, after->path) != 0)
        add_file(mark, after->path, after, after->len, after->len);
    mark_add(mark, "\n");
    if (now->other[0] && after->other[0]) {
        mark_add(mark, "any");
        add_file(mark, now->other, &sure, end, max);
        mark_add(mark, "\n");
    }
}

static void mark_state(struct writer *writer, const struct step *next)
{
    struct mark *mark = &writer->mark;

    mark_clear(mark);
    for (int n = 0; n < FILES; n++) {
        struct file *file = &writer->files[n];
        struct step none = {.file = n, .after = *file};

        if (!file->exists || (n == next->file && !next->after.exists))
            continue;
        mark_changing(mark, file, n == next->file ? next : &none);
    }
    if (writer->gone[0])
        mark_add(mark, "gone %s\n", writer->gone);
    if (writer->link[0])
        mark_add(mark, "link %s %s\n", writer->link, writer->target);
    mark_set(mark);
}

/* Writes what a file has by sendfile. */
static void send_generation(int fd, const struct file *file)
{
    int source = CHECK_OK(memfd_create("source", MFD_CLOEXEC));
    off_t at = file->start;

    generation_write(source, file->generation, file->start, file->len);
    CHECK_OK(lseek(fd, at, SEEK_SET));
    while (at < file->len)
        CHECK(sendfile(fd, source, &at, file->len - at) > 0);
    CHECK_OK(close(source));
}

static void write_file(const char *path, const struct file *file)
{
    int fd = CHECK_OK(open(path, O_WRONLY | O_CREAT | O_EXCL, 0644));

    if (file->generation / WRITERS % 2)
        send_generation(fd, file);
    else
        generation_write(fd, file->generation, file->start, file->len);
    CHECK_OK(fsync(fd));
    CHECK_OK(close(fd));
}

static void sync_file(const char *path)
{
    int fd = CHECK_OK(open(path, O_RDONLY));

    CHECK_OK(fsync(fd));
    CHECK_OK(close(fd));
}

static void replace(struct writer *writer, const struct file *after)
{
    char new[40];

    snprintf(new, sizeof(new), "w%d/new", writer->number);
    write_file(new, after);
    CHECK_OK(rename(new, after->path));
    sync_file(after->path);
}

static void sync_parent(const char *path)
{
    char parent[40];

    strcpy(parent, path);
    *strrchr(parent, '/') = '\0';
    sync_file(parent);
}

/* Makes a symbolic link whose target is in its inode, or in a block. */
static void link_symbolically(struct writer *writer)
{
    static const char *const ways[] = {"",
                                       "a/../b/../a/../b/../a/../b/../a/../b/../a/../b/../a/../"};

    new_name(writer, writer->link, sizeof(writer->link));
    snprintf(writer->target, sizeof(writer->target), "%s%s", ways[writer->names % 2], writer->link);
    CHECK_OK(symlink(writer->target, writer->link));
    sync_parent(writer->link);
}

static void punch(const struct file *now, const struct file *after)
{
    int fd = CHECK_OK(open(now->path, O_WRONLY));

    CHECK_OK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, now->start,
                       after->start - now->start));
    CHECK_OK(fsync(fd));
    CHECK_OK(close(fd));
}

static void change_length(const struct file *now, const struct file *after)
{
    int fd = CHECK_OK(open(now->path, O_WRONLY));

    if (after->len > now->len)
        generation_write(fd, after->generation, now->len, after->len);
    else
        CHECK_OK(ftruncate(fd, after->len));
    CHECK_OK(fsync(fd));
    CHECK_OK(close(fd));
}

static void remove_name(const char *path)
{
    CHECK_OK(unlink(path));
    sync_parent(path);
}

static void remove_file(const struct file *now)
{
    if (now->other[0])
        remove_name(now->other);
    remove_name(now->path);
}

/* The file is written on without a name, until the next one takes its place. */
static void make_orphan(struct writer *writer, const struct file *now)
{
    if (writer->orphan >= 0)
        CHECK_OK(close(writer->orphan));
    writer->orphan = CHECK_OK(open(now->path, O_WRONLY));
    remove_file(now);
    generation_write(writer->orphan, now->generation, now->len, now->len + 20 * KIB);
    CHECK_OK(fsync(writer->orphan));
}

static void carry_out(struct writer *writer, const struct step *step)
{
    struct file *now = &writer->files[step->file];
    const struct file *after = &step->after;

    switch (step->verb) {
    case MAKE:
        write_file(after->path, after);
        break;
    case GROW:
    case CUT:
        change_length(now, after);
        break;
    case PUNCH:
        punch(now, after);
        break;
    case REPLACE:
        if (now->other[0])
            CHECK_OK(unlink(now->other));
        replace(writer, after);
        break;
    case MOVE:
        CHECK_OK(rename(now->path, after->path));
        sync_file(after->path);
        break;
    case LINK:
        CHECK_OK(link(now->path, after->other));
        sync_file(after->other);
        break;
    case REMOVE:
        remove_file(now);
        break;
    case ORPHAN:
        make_orphan(writer, now);
        break;
    }
    if (!after->exists || step->verb == MOVE)
        strcpy(writer->gone, now->path);
    *now = *after;
}

static void make_directories(struct writer *writer)
{
    static const char *const names[] = {"", "/a", "/b", "/a/c"};
    char path[16];

    for (unsigned n = 0; n < ARRAY_SIZE(names); n++) {
        snprintf(path, sizeof(path), "w%d%s", writer->number, names[n]);
        CHECK_OK(mkdir(path, 0755));
    }
}

static void write_files(void *arg)
{
    struct writer *writer = arg;

    CHECK(mark_open(&writer->mark, writer->number));
    make_directories(writer);
    struct step step = plan(writer);
    for (int n = 0; n < STEPS; n++) {
        carry_out(writer, &step);
        if (n % 16 == 8)
            link_symbolically(writer);
        step = plan(writer);
        mark_state(writer, &step);
    }
    if (writer->orphan >= 0)
        CHECK_OK(close(writer->orphan));
    mark_close(&writer->mark);
}

static void files_are_changed_and_synced(void)
{
    static struct writer writers[WRITERS];
    pid_t children[WRITERS];
    const char *seed = getenv("TEST_SEED");
    uint64_t random = seed ? strtoul(seed, NULL, 10) : 1;

    for (int n = 0; n < WRITERS; n++) {
        writers[n] = (struct writer){.number = n, .random = random_next(&random), .orphan = -1};
        children[n] = start_child(write_files, &writers[n]);
    }
    for (int n = 0; n < WRITERS; n++)
        CHECK(exited_with(wait_child(children[n]), 0));
}

int main(void)
{
    struct mark mark;

    pagoda_only();
    if (!mark_open(&mark, 0))
        return TEST_SKIPPED;
    mark_close(&mark);
    CHECK_OK(chdir("/disk"));
    RUN(files_are_changed_and_synced);
    return test_end();
}
