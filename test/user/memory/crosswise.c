/* Files that are read and written from their own mappings, and from each other's, at the same time.

   A read or a write holds the lock of its file while it touches its buffer. If the buffer is a
   mapping of another file, the fault may need a page of that file. A second thread may read or
   write that file meanwhile, with a buffer that is a mapping of the first. None may wait for ever,
   even if both files are truncated, or their pages take their time. A debug build of Pagoda holds
   back the pages of files with the sticky bit; elsewhere they are there at once. */
#include "test.h"

#include <pthread.h>
#include <sys/vfs.h>

#define RW (PROT_READ | PROT_WRITE)

#define TMPFS_MAGIC 0x01021994 /* linux/magic.h */

enum { PAGES = 4, ROUNDS = 100 };

static const char *const names[2] = {"one", "two"};

/* Two files and their mappings. */
static struct {
    int fds[2];
    char *maps[2];
} files;

static void files_make(void)
{
    for (int n = 0; n < 2; n++) {
        files.fds[n] = create_file(names[n], names[n], 3);
        CHECK_OK(ftruncate(files.fds[n], PAGES * PAGE));
        files.maps[n] = CHECK_OK(mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, files.fds[n], 0));
    }
}

static void files_remove(void)
{
    for (int n = 0; n < 2; n++) {
        unmap_pages(files.maps[n], PAGES);
        CHECK_OK(close(files.fds[n]));
        CHECK_OK(unlink(names[n]));
    }
}

/* Checks the result of a read or a write of PAGES pages, which a truncation may have cut short. */
static void check_moved(ssize_t moved)
{
    CHECK(moved >= 0 ? moved <= (ssize_t)(PAGES * PAGE) : errno == EFAULT);
}

/* Reads the file `from` into the mapping of `to`, and writes it from there. */
static void copy(int from, int to)
{
    CHECK_OK(madvise(files.maps[to], PAGES * PAGE, MADV_DONTNEED));
    check_moved(pread(files.fds[from], files.maps[to], PAGES * PAGE, 0));
    CHECK_OK(madvise(files.maps[to], PAGES * PAGE, MADV_DONTNEED));
    check_moved(pwrite(files.fds[from], files.maps[to], PAGES * PAGE, 0));
}

struct way {
    int from, to;
};
static struct way there = {0, 1}, back = {1, 0}, itself = {0, 0};

static void copy_often(void *arg)
{
    const struct way *way = arg;

    for (int n = 0; n < ROUNDS; n++)
        copy(way->from, way->to);
}

static void truncate_often(void *unused)
{
    (void)unused;
    for (int n = 0; n < ROUNDS; n++) {
        CHECK_OK(ftruncate(files.fds[n % 2], n % (PAGES * PAGE)));
        CHECK_OK(ftruncate(files.fds[n % 2], PAGES * PAGE));
    }
}

static void in_processes(struct way *one, struct way *other)
{
    files_make();
    pid_t children[] = {
        start_child(copy_often, one),
        start_child(copy_often, other),
        start_child(truncate_often, NULL),
    };
    for (size_t n = 0; n < ARRAY_SIZE(children); n++)
        CHECK(exited_with(wait_child(children[n]), 0));
    files_remove();
}

static void processes_copy_a_file_onto_itself_while_it_is_truncated(void)
{
    in_processes(&itself, &itself);
}

static void processes_copy_crosswise_while_files_are_truncated(void)
{
    in_processes(&there, &back);
}

/* ---- Threads, whose faults share the lock of one address space ---- */

static void *copy_in_thread(void *way)
{
    copy_often(way);
    return NULL;
}

static void *truncate_in_thread(void *unused)
{
    truncate_often(NULL);
    return unused;
}

/* Changes regions, for which no fault of the process may be under way. */
static void *change_regions(void *unused)
{
    for (int n = 0; n < ROUNDS; n++) {
        char *pages = map_pages(2);
        poke(pages, 1);
        CHECK_OK(mprotect(pages, PAGE, PROT_READ));
        unmap_pages(pages, 2);
    }
    return unused;
}

static void threads_copy_crosswise_while_regions_change(void)
{
    static const struct {
        void *(*body)(void *);
        void *arg;
    } bodies[] = {
        {copy_in_thread, &there},
        {copy_in_thread, &back},
        {truncate_in_thread, NULL},
        {change_regions, NULL},
    };
    pthread_t threads[ARRAY_SIZE(bodies)];

    files_make();
    for (size_t n = 0; n < ARRAY_SIZE(bodies); n++)
        CHECK_EQ(pthread_create(&threads[n], NULL, bodies[n].body, bodies[n].arg), 0);
    for (size_t n = 0; n < ARRAY_SIZE(bodies); n++)
        CHECK_EQ(pthread_join(threads[n], NULL), 0);
    files_remove();
}

/* ---- Pages that take their time ---- */

static bool is_held; /* the build holds pages back; it does so with files in memory only */

static bool is_in_memory(const char *path)
{
    struct statfs about;

    CHECK_OK(statfs(path, &about));
    return about.f_type == TMPFS_MAGIC;
}

static void hold_back(void)
{
    for (int n = 0; n < 2; n++)
        CHECK_OK(chmod(names[n], 01644));
}

static void let_go(void)
{
    for (int n = 0; n < 2; n++)
        CHECK_OK(chmod(names[n], 0644));
}

static void copy_once(void *arg)
{
    const struct way *way = arg;

    copy(way->from, way->to);
}

/* Waits until a child waits for a page, or for the lock of a file. */
static void await_wait(pid_t child)
{
    if (is_held)
        await_state(child, 'D');
}

/* Each holds the lock of the file that it reads, and waits for a page of the other. */
static void slow_pages_are_waited_for_crosswise(void)
{
    files_make();
    hold_back();
    pid_t one = start_child(copy_once, &there), other = start_child(copy_once, &back);
    await_wait(one);
    await_wait(other);
    let_go();
    CHECK(exited_with(wait_child(one), 0));
    CHECK(exited_with(wait_child(other), 0));
    files_remove();
}

static void cut_off(void *unused)
{
    (void)unused;
    CHECK_OK(ftruncate(files.fds[0], PAGE));
    CHECK_OK(ftruncate(files.fds[1], 0));
}

/* The truncation needs the locks that the others hold, which go on as soon as their pages come. */
static void files_are_truncated_while_slow_pages_are_waited_for(void)
{
    files_make();
    hold_back();
    pid_t one = start_child(copy_once, &there), other = start_child(copy_once, &back);
    await_wait(one);
    await_wait(other);
    pid_t cutter = start_child(cut_off, NULL);
    await_wait(cutter);
    let_go();
    CHECK(exited_with(wait_child(one), 0));
    CHECK(exited_with(wait_child(other), 0));
    CHECK(exited_with(wait_child(cutter), 0));
    files_remove();
}

static void a_copy_that_waits_crosswise_can_be_killed(void)
{
    files_make();
    hold_back();
    pid_t one = start_child(is_held ? copy_once : wait_for_ever, &there);
    pid_t other = start_child(copy_once, &back);
    await_wait(one);
    await_wait(other);
    CHECK_OK(kill(one, SIGKILL));
    CHECK(killed_by(wait_child(one), SIGKILL));
    let_go();
    CHECK(exited_with(wait_child(other), 0));
    files_remove();
}

int main(void)
{
    temp_dir_enter();
    is_held = is_debug_build() && is_in_memory(".");
    RUN(processes_copy_a_file_onto_itself_while_it_is_truncated);
    RUN(processes_copy_crosswise_while_files_are_truncated);
    RUN(threads_copy_crosswise_while_regions_change);
    RUN(slow_pages_are_waited_for_crosswise);
    RUN(files_are_truncated_while_slow_pages_are_waited_for);
    RUN(a_copy_that_waits_crosswise_can_be_killed);
    temp_dir_leave();
    return test_end();
}
