/* Threads and clones: what they share. Descriptors, the working directory and the umask are used by
   several threads at once, and by processes that clone has made to share them; names, CPU time and
   the files of /proc are those of one thread or of all. */
#include "threading.h"

#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#define STACK_BYTES (64 * KIB)
#define ROUNDS      500

/* Fields of the process, changed by one thread and used by another. */

static volatile bool is_over;

static void *change_directory(void *unused)
{
    while (!is_over) {
        CHECK_OK(chdir("one"));
        CHECK_OK(chdir(".."));
    }
    return unused;
}

/* The directory may be freed as soon as it is left, if it was removed. */
static void *leave_removed_directories(void *unused)
{
    while (!is_over) {
        CHECK_OK(mkdir("gone", 0755));
        CHECK_OK(chdir("gone"));
        CHECK_OK(rmdir("../gone"));
        CHECK_OK(chdir("/tmp"));
    }
    return unused;
}

static void *change_umask(void *unused)
{
    while (!is_over) {
        mode_t old = umask(077);
        CHECK(old == 022 || old == 077);
        umask(022);
    }
    return unused;
}

static void *change_limit(void *unused)
{
    struct rlimit limit;

    CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
    for (rlim_t n = 0; !is_over; n++) {
        limit.rlim_cur = limit.rlim_max - n % 2;
        CHECK_OK(setrlimit(RLIMIT_NOFILE, &limit));
    }
    return unused;
}

static void paths_are_used_beside_a_change_of_directory(void)
{
    temp_dir_enter();
    CHECK_OK(mkdir("one", 0755));
    is_over = false;
    pthread_t thread = thread_start(change_directory, NULL);
    for (int n = 0; n < ROUNDS; n++) {
        char path[256];

        CHECK(getcwd(path, sizeof(path)));
        CHECK_OK(access(".", F_OK));
        CHECK_OK(close(CHECK_OK(open(".", O_RDONLY))));
    }
    is_over = true;
    thread_join(thread);
    CHECK_OK(rmdir("one"));
    temp_dir_leave();
}

static void use_removed_directories(void *unused)
{
    (void)unused;
    CHECK_OK(chdir("/tmp"));
    is_over = false;
    pthread_t thread = thread_start(leave_removed_directories, NULL);
    for (int n = 0; n < ROUNDS; n++) {
        int fd = open(".", O_RDONLY);

        if (fd >= 0)
            close(fd);
        (void)!access("none", F_OK);
    }
    is_over = true;
    thread_join(thread);
}

static void a_removed_directory_is_left_beside_its_use(void)
{
    CHECK(exits_with(0, use_removed_directories, NULL));
}

static void limits_and_masks_change_beside_their_use(void)
{
    umask(022);
    is_over = false;
    pthread_t mask = thread_start(change_umask, NULL), limit = thread_start(change_limit, NULL);
    for (int n = 0; n < ROUNDS; n++) {
        struct stat status;
        int fd = CHECK_OK(open("/tmp/masked", O_CREAT | O_RDWR, 0666));

        CHECK_OK(fstat(fd, &status));
        CHECK((status.st_mode & 0777) == 0644 || (status.st_mode & 0777) == 0600);
        CHECK_OK(close(fd));
        CHECK_OK(unlink("/tmp/masked"));
    }
    is_over = true;
    thread_join(mask);
    thread_join(limit);
    umask(022);
}

/* Clones. */

static int open_and_leave(void *fd)
{
    *(int *)fd = open("/", O_RDONLY);
    return 0;
}

static int move_and_leave(void *unused)
{
    (void)unused;
    umask(027);
    return chdir("/tmp");
}

static pid_t clone_child(int (*body)(void *), void *arg, int flags)
{
    static char stack[STACK_BYTES] __attribute__((aligned(16)));

    return CHECK_OK(clone(body, stack + sizeof(stack), flags | CLONE_VM | SIGCHLD, arg));
}

static void clone_files_shares_descriptors(void)
{
    int fd = -1;

    CHECK(exited_with(wait_child(clone_child(open_and_leave, &fd, CLONE_FILES)), 0));
    CHECK(fd >= 0);
    CHECK_OK(fcntl(fd, F_GETFD)); /* the child's end has closed nothing */
    CHECK_OK(close(fd));
    CHECK(exited_with(wait_child(clone_child(open_and_leave, &fd, 0)), 0));
    CHECK_ERR(EBADF, fcntl(fd, F_GETFD));
}

static void clone_fs_shares_the_directory_and_the_umask(void)
{
    char path[256];

    CHECK_OK(chdir("/"));
    umask(022);
    CHECK(exited_with(wait_child(clone_child(move_and_leave, NULL, 0)), 0));
    CHECK(getcwd(path, sizeof(path)) && strcmp(path, "/") == 0);
    CHECK_EQ(umask(022), 022);
    CHECK(exited_with(wait_child(clone_child(move_and_leave, NULL, CLONE_FS)), 0));
    CHECK(getcwd(path, sizeof(path)) && strcmp(path, "/tmp") == 0);
    CHECK_EQ(umask(022), 027);
}

static int run_program(void *fd)
{
    char *argv[] = {(char *)self_path(), "exits-with", "5", NULL};

    (void)fd;
    execv(argv[0], argv);
    return 1;
}

/* A program that runs closes its descriptors with FD_CLOEXEC, and not those of its sharer. */
static void exec_ends_the_sharing_of_descriptors(void)
{
    int fd = CHECK_OK(open("/", O_RDONLY | O_CLOEXEC));

    CHECK(exited_with(wait_child(clone_child(run_program, NULL, CLONE_FILES)), 5));
    CHECK_OK(fcntl(fd, F_GETFD));
    CHECK_OK(close(fd));
}

static void clone_refuses_flags_that_do_not_agree(void)
{
    CHECK_ERR(EINVAL, syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0));
    CHECK_ERR(EINVAL, syscall(SYS_clone, CLONE_THREAD, 0, 0, 0, 0));
    CHECK_ERR(EINVAL, syscall(SYS_clone, CLONE_THREAD | CLONE_VM, 0, 0, 0, 0));
    CHECK_ERR(EINVAL, syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND, 0, 0, 0, 0));
}

/* Names, numbers and states. */

static sem_t ready, done;

static void *take_name(void *tid)
{
    *(volatile int *)tid = syscall(SYS_gettid);
    CHECK_OK(prctl(PR_SET_NAME, "worker"));
    sem_post(&ready);
    sem_wait(&done);
    return NULL;
}

static void read_line(const char *path, char *line, size_t size)
{
    int fd = CHECK_OK(open(path, O_RDONLY));
    long len = CHECK_OK(read(fd, line, size - 1));

    line[len] = '\0';
    line[strcspn(line, "\n")] = '\0';
    CHECK_OK(close(fd));
}

static bool count_entry(const char *name, void *count)
{
    (void)name;
    ++*(int *)count;
    return true;
}

static void a_thread_has_a_name_and_files_of_its_own(void)
{
    char path[64], line[512], name[16];
    volatile int tid;
    int count = 0;

    CHECK_OK(sem_init(&ready, 0, 0));
    CHECK_OK(sem_init(&done, 0, 0));
    CHECK_OK(prctl(PR_SET_NAME, "boss"));
    pthread_t thread = thread_start(take_name, (void *)&tid);
    sem_wait(&ready);
    CHECK_OK(prctl(PR_GET_NAME, name));
    CHECK(strcmp(name, "boss") == 0);
    read_line("/proc/self/comm", line, sizeof(line));
    CHECK(strcmp(line, "boss") == 0);
    snprintf(path, sizeof(path), "/proc/self/task/%d/comm", tid);
    read_line(path, line, sizeof(line));
    CHECK(strcmp(line, "worker") == 0);
    snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
    read_line(path, line, sizeof(line));
    CHECK_EQ(atoi(line), tid);
    CHECK(strstr(line, "(worker) "));
    snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
    CHECK_EQ(number_in(path, "Pid"), tid);
    CHECK_EQ(number_in(path, "Tgid"), getpid());
    CHECK_EQ(number_in("/proc/self/status", "Threads"), 2);
    CHECK(each_entry("/proc/self/task", count_entry, &count));
    CHECK_EQ(count, 2);
    sem_post(&done);
    thread_join(thread);
    CHECK_ERR(ENOENT, open(path, O_RDONLY));
    CHECK_ERR(ENOENT, open("/proc/self/task/1/stat", O_RDONLY));
}

/* CPU time. */

static volatile int alarms;

static void count_alarm(int unused)
{
    (void)unused;
    alarms++;
}

static void *use_cpu(void *unused)
{
    while (!alarms)
        ;
    return unused;
}

/* The thread that sets the timer sleeps, and another one uses the CPU. */
static void a_cpu_timer_counts_all_threads(void)
{
    const struct itimerval soon = {.it_value.tv_usec = 50000};

    for (int n = 0; n < 2; n++) {
        alarms = 0;
        signal(n ? SIGPROF : SIGVTALRM, count_alarm);
        CHECK_OK(setitimer(n ? ITIMER_PROF : ITIMER_VIRTUAL, &soon, NULL));
        thread_join(thread_start(use_cpu, NULL));
        CHECK_EQ(alarms, 1);
        signal(n ? SIGPROF : SIGVTALRM, SIG_DFL);
    }
}

static uint64_t clock_ns(int clock)
{
    struct timespec time;

    CHECK_OK(clock_gettime(clock, &time));
    return time.tv_sec * 1000000000ul + time.tv_nsec;
}

#define WORK_NS 30000000

static void *work(void *unused)
{
    while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < WORK_NS)
        ;
    return unused;
}

/* The clock of a thread begins with it, and stands still while others work. */
static void a_thread_has_a_clock_of_cpu_time(void)
{
    uint64_t all_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    uint64_t own_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    thread_join(thread_start(work, NULL));
    own_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - own_ns; /* all that it has also counts below */
    uint64_t others_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - all_ns - own_ns;

    CHECK((int64_t)others_ns + 1000000 > WORK_NS); /* Linux rounds */
}

static long own_faults(void)
{
    struct rusage usage;

    CHECK_OK(getrusage(RUSAGE_THREAD, &usage));
    return usage.ru_minflt;
}

#define TOUCHED 64

static void *touch(void *pages)
{
    long before = own_faults();

    for (int n = 0; n < TOUCHED; n++)
        poke((char *)pages + n * PAGE, 1);
    return (void *)(own_faults() - before);
}

static void a_thread_has_a_count_of_faults(void)
{
    char *pages = map_pages(TOUCHED);
    long before = own_faults();

    CHECK((long)thread_join(thread_start(touch, pages)) >= TOUCHED);
    CHECK(own_faults() - before < TOUCHED);
    unmap_pages(pages, TOUCHED);
}

static void use_cpu_beyond_the_limit(void *unused)
{
    const struct rlimit limit = {.rlim_cur = 1, .rlim_max = 2};

    (void)unused;
    CHECK_OK(setrlimit(RLIMIT_CPU, &limit));
    alarms = 0;
    thread_start(use_cpu, NULL);
    use_cpu(NULL);
}

static void the_limit_of_cpu_time_counts_all_threads(void)
{
    CHECK(dies_by(SIGXCPU, use_cpu_beyond_the_limit, NULL));
}

int main(int argc, char **argv)
{
    if (argc > 2)
        return atoi(argv[2]);
    RUN(paths_are_used_beside_a_change_of_directory);
    RUN(a_removed_directory_is_left_beside_its_use);
    RUN(limits_and_masks_change_beside_their_use);
    RUN(clone_files_shares_descriptors);
    RUN(clone_fs_shares_the_directory_and_the_umask);
    RUN(exec_ends_the_sharing_of_descriptors);
    RUN(clone_refuses_flags_that_do_not_agree);
    RUN(a_thread_has_a_name_and_files_of_its_own);
    RUN(a_thread_has_a_clock_of_cpu_time);
    RUN(a_thread_has_a_count_of_faults);
    RUN(a_cpu_timer_counts_all_threads);
    RUN(the_limit_of_cpu_time_counts_all_threads);
    return test_end();
}
