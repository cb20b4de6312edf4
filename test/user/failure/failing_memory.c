/* Each allocation fails once: memory, processes and signals (failing.h). */
#include "failing.h"

#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#define AREA_PAGES 4

static char *area;   /* pages of the worker, never touched */
static char *shared; /* pages that worker and judge share since the fork */
static char *border; /* two such pages under two page tables, the second behind the first */

static void map_area(void)
{
    area = map_pages(AREA_PAGES);
}

/* Maps an area far from all others, whose pages need their own page tables. */
static void map_far_area(void)
{
    area = CHECK_OK(mmap((void *)(64 * GIB), AREA_PAGES * PAGE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

static void touch_area(void)
{
    map_area();
    memset(area, 1, AREA_PAGES * PAGE);
}

/* Touching pages. A process that gets no page is killed, so these attempts return 0. */

static int touch_new_pages(void)
{
    for (int i = 0; i < AREA_PAGES; i++)
        poke(area + i * PAGE, 1);
    return 0;
}

static int read_new_page(void)
{
    CHECK_EQ(peek(area), 0);
    return 0;
}

static int write_page_that_was_read(void)
{
    return read_new_page(), touch_new_pages();
}

__attribute__((noinline)) static int grow_stack(void)
{
    char buffer[32 * PAGE];

    poke(buffer, 1);
    return 0;
}

static int write_shared_pages(void)
{
    poke(shared, 2);
    poke(shared + PAGE, 2);
    return 0;
}

static void map_program(void)
{
    int fd = CHECK_OK(open(self_path(), O_RDONLY));

    area = CHECK_OK(mmap((void *)(64 * GIB), AREA_PAGES * PAGE, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_FIXED, fd, 0));
    CHECK_OK(close(fd));
}

static int read_file_page(void)
{
    CHECK_EQ(peek(area + 1), 'E');
    return 0;
}

/* A hole in a file becomes a page of the page cache. */
static void map_hole_in_file(void)
{
    int fd = CHECK_OK(open("hole", O_RDWR | O_CREAT | O_EXCL, 0600));

    CHECK_OK(ftruncate(fd, AREA_PAGES * PAGE));
    area = CHECK_OK(mmap(NULL, AREA_PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0));
    CHECK_OK(close(fd));
}

/* Regions. */

static int map_another(void)
{
    return error_of((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static int file_fd;

static void open_file(void)
{
    file_fd = create_file("file", "text", 4);
}

static int map_file(void)
{
    return error_of((long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file_fd, 0));
}

static int map_over_the_middle(void)
{
    return error_of(
        (long)mmap(area + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

static int unmap_the_middle(void)
{
    return error_of(munmap(area + PAGE, PAGE));
}

static int protect_the_middle(void)
{
    return error_of(mprotect(area + PAGE, PAGE, PROT_READ));
}

/* A call that cannot get its own copy of both tables must leave both unchanged. */
static int check_border(int error)
{
    if (error) {
        CHECK_EQ(peek(border), 1);
        CHECK_EQ(peek(border + PAGE), 1);
    }
    return error;
}

static int unmap_shared_pages(void)
{
    return check_border(error_of(munmap(border, 2 * PAGE)));
}

static int protect_shared_pages(void)
{
    return check_border(error_of(mprotect(border, 2 * PAGE, PROT_NONE)));
}

static int map_over_shared_pages(void)
{
    return check_border(error_of(
        (long)mmap(border, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)));
}

static int forget_shared_pages(void)
{
    return check_border(error_of(madvise(border, 2 * PAGE, MADV_DONTNEED)));
}

/* The heap. The judge has grown it to HEAP pages, which are shared since then. */

#define HEAP 4

static int grow_heap(void)
{
    return error_of((long)pagoda_sbrk(2 * TABLE_BYTES));
}

static int shrink_heap(void)
{
    return error_of((long)pagoda_sbrk(-(intptr_t)(HEAP / 2 * PAGE)));
}

/* Memory that is added behind a hole becomes a region of its own. */
static void unmap_in_heap(void)
{
    CHECK_OK(munmap((char *)pagoda_sbrk(0) - PAGE, PAGE));
}

/* Processes. */

/* Reaps a child, and returns its exit status as an errno. A killed child counts as ENOMEM. */
static int error_of_child_in(int *status, pid_t pid)
{
    if (pid < 0)
        return errno;
    CHECK_EQ(CHECK_OK(waitpid(pid, status, 0)), pid);
    return WIFSIGNALED(*status) ? ENOMEM : WEXITSTATUS(*status);
}

static int error_of_child(pid_t pid)
{
    int status;

    return error_of_child_in(&status, pid);
}

static int fork_child(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return error_of_child(pid);
}

static int fork_grandchild(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(fork_child());
    return error_of_child(pid);
}

static int vfork_child(void)
{
    pid_t pid = vfork();

    if (pid == 0)
        _exit(0);
    return error_of_child(pid);
}

static char *program_argv[] = {NULL, "done", NULL};
static char *no_environment[] = {NULL};

static void name_program(void)
{
    program_argv[0] = (char *)self_path();
}

static int spawn_program(void)
{
    pid_t pid;
    int error = posix_spawn(&pid, program_argv[0], NULL, NULL, program_argv, no_environment);

    return error ? error : error_of_child(pid);
}

/* Executes in a child, so that the attempt can be repeated. */
static int exec_in_child(char **argv)
{
    pid_t pid = fork();

    if (pid == 0) {
        execve(argv[0], argv, no_environment);
        _exit(errno);
    }
    return error_of_child(pid);
}

static int exec_program(void)
{
    return exec_in_child(program_argv);
}

static char *large_argv[8];

static void make_large_arguments(void)
{
    static char large[100 * KIB];

    memset(large, 'x', sizeof(large) - 1);
    name_program();
    large_argv[0] = program_argv[0];
    for (int i = 1; i < 7; i++)
        large_argv[i] = large;
}

static int exec_with_large_arguments(void)
{
    return exec_in_child(large_argv);
}

static char *script_argv[] = {"./script", NULL};

/* Makes a script whose interpreter is a script, so that exec goes two steps. */
static void make_scripts(void)
{
    char line[256];
    int fd = CHECK_OK(open("inner", O_WRONLY | O_CREAT | O_TRUNC, 0755));
    int len = snprintf(line, sizeof(line), "#!%s done\n", self_path());

    CHECK_EQ(CHECK_OK(write(fd, line, len)), len);
    CHECK_OK(close(fd));
    fd = CHECK_OK(open("script", O_WRONLY | O_CREAT | O_TRUNC, 0755));
    CHECK_EQ(CHECK_OK(write(fd, "#!./inner\n", 10)), 10);
    CHECK_OK(close(fd));
}

static int exec_script(void)
{
    return exec_in_child(script_argv);
}

static int exec_itself(void)
{
    execve(program_argv[0], program_argv, no_environment);
    return errno;
}

/* Signals. */

static volatile int handled;

static void handle(int signal)
{
    handled = signal;
}

static void handle_on_untouched_stack(void)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_ONSTACK};

    map_far_area();
    stack_t stack = {.ss_sp = area, .ss_size = AREA_PAGES * PAGE};
    CHECK_OK(sigaltstack(&stack, NULL));
    CHECK_OK(sigaction(SIGUSR1, &action, NULL));
}

static int take_signal(void)
{
    handled = 0;
    CHECK_OK(raise(SIGUSR1));
    CHECK_EQ(handled, SIGUSR1);
    return 0;
}

/* The kernel writes to untouched memory. A process that gets no page there is killed. */

static int read_into_untouched(void)
{
    int fd = open("/dev/zero", O_RDONLY);

    if (fd < 0)
        return errno;
    ssize_t done = read(fd, area, AREA_PAGES * PAGE);
    CHECK_EQ(done, AREA_PAGES * PAGE);
    return error_of(close(fd));
}

static int pipe_into_untouched(void)
{
    return error_of(pipe((int *)area));
}

static int wait_into_untouched(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    return error_of_child_in((int *)area, pid);
}

static int answer_into_untouched(void)
{
    CHECK_OK(clock_gettime(CLOCK_MONOTONIC, (struct timespec *)area));
    CHECK_OK(getrandom(area + PAGE, PAGE, 0));
    CHECK_OK(getrusage(RUSAGE_SELF, (struct rusage *)(area + 2 * PAGE)));
    CHECK_OK(sigaction(SIGUSR1, NULL, (struct sigaction *)(area + 3 * PAGE)));
    return 0;
}

static int name_in_untouched(void)
{
    return getcwd(area, PAGE) ? 0 : errno;
}

static int poll_much(void)
{
    static struct pollfd fds[600];

    return error_of(poll(fds, ARRAY_SIZE(fds), 0));
}

static int select_much(void)
{
    fd_set set;

    FD_ZERO(&set);
    FD_SET(STDOUT_FILENO, &set);
    return error_of(select(FD_SETSIZE, NULL, &set, NULL, NULL));
}

static int read_in_pieces(void)
{
    static struct iovec pieces[200];

    return error_of(readv(file_fd, pieces, ARRAY_SIZE(pieces)));
}

static int sleep_and_set_timers(void)
{
    struct timespec moment = {.tv_nsec = 1000};
    struct itimerval interval = {.it_value.tv_sec = 1000};

    CHECK_OK(nanosleep(&moment, NULL));
    CHECK_OK(setitimer(ITIMER_REAL, &interval, NULL));
    interval.it_value.tv_sec = 0;
    return error_of(setitimer(ITIMER_REAL, &interval, NULL));
}

static void grow_heap_to_share(void)
{
    char *end = pagoda_sbrk(0);

    CHECK_OK(pagoda_sbrk(page_round_up(end) - end));
    memset(CHECK_OK(pagoda_sbrk(HEAP * PAGE)), 1, HEAP * PAGE);
}

static const struct scenario scenarios[] = {
    {"touch_new_pages", map_area, touch_new_pages, 0},
    {"touch_far_pages", map_far_area, touch_new_pages, 0},
    {"read_far_page", map_far_area, read_new_page, 0},
    {"write_page_that_was_read", map_far_area, write_page_that_was_read, 0},
    {"grow_stack", NULL, grow_stack, 0},
    {"write_shared_pages", NULL, write_shared_pages, 0},
    {"read_file_page", map_program, read_file_page, 0},
    {"write_file_pages", map_program, touch_new_pages, 0},
    {"read_hole_in_file", map_hole_in_file, read_new_page, 0},
    {"write_hole_in_file", map_hole_in_file, touch_new_pages, 0},
    {"map_another", NULL, map_another, 0},
    {"map_file", open_file, map_file, 0},
    {"map_over_the_middle", touch_area, map_over_the_middle, 0},
    {"unmap_the_middle", touch_area, unmap_the_middle, 0},
    {"protect_the_middle", touch_area, protect_the_middle, 0},
    {"unmap_shared_pages", NULL, unmap_shared_pages, 0},
    {"protect_shared_pages", NULL, protect_shared_pages, 0},
    {"map_over_shared_pages", NULL, map_over_shared_pages, 0},
    {"forget_shared_pages", NULL, forget_shared_pages, 0},
    {"grow_heap", NULL, grow_heap, 0},
    {"grow_heap_above_hole", unmap_in_heap, grow_heap, 0},
    {"shrink_heap", NULL, shrink_heap, 0},
    {"shrink_heap_above_hole", unmap_in_heap, shrink_heap, 0},
    {"fork_child", NULL, fork_child, 0},
    {"fork_grandchild", NULL, fork_grandchild, 0},
    {"vfork_child", NULL, vfork_child, 0},
    {"spawn_program", name_program, spawn_program, 0},
    {"exec_program", name_program, exec_program, 0},
    {"exec_with_large_arguments", make_large_arguments, exec_with_large_arguments, 0},
    {"exec_script", make_scripts, exec_script, 0},
    {"exec_itself", name_program, exec_itself, ONCE},
    {"take_signal", handle_on_untouched_stack, take_signal, 0},
    {"read_into_untouched", map_far_area, read_into_untouched, MAY_BE_PARTIAL},
    {"pipe_into_untouched", map_far_area, pipe_into_untouched, 0},
    {"wait_into_untouched", map_far_area, wait_into_untouched, 0},
    {"answer_into_untouched", map_far_area, answer_into_untouched, 0},
    {"name_in_untouched", map_far_area, name_in_untouched, 0},
    {"poll_much", NULL, poll_much, 0},
    {"select_much", NULL, select_much, 0},
    {"read_in_pieces", open_file, read_in_pieces, 0},
    {"sleep_and_set_timers", NULL, sleep_and_set_timers, NO_MEMORY},
};

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return 0;
    pagoda_only();
    shared = memset(map_pages(2), 1, 2 * PAGE);
    border = map_border();
    grow_heap_to_share();
    check_scenarios(scenarios, ARRAY_SIZE(scenarios));
    return test_end();
}
