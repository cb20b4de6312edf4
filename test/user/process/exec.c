/* execve: what reaches the new program, what is closed, and what stays.

   The program executes itself. The word after its name says which part it plays then. The parts are
   in the first half of the file, the cases that start them in the second. */
#include "test.h"

#include <stdio.h>
#include <sys/auxv.h>
#include <sys/resource.h>

/* The parts. Each is a new program, which checks its own state. */

/* The bytes of bss do not exist in the file. Other bytes of the file share their page, and must not
   show. */
static char bss[2 * PAGE + 100];

extern char
    edata[]; /* the linker's name for the end of the initialised data, where the bss begins */

static void bss_is_zero(char **args)
{
    (void)args;
    CHECK(bss < page_round_up(edata)); /* or nothing would be tested */
    CHECK(is_zero(bss, sizeof(bss)));
}

static void arguments_are_these(char **args)
{
    CHECK(strcmp(args[0], "") == 0);
    CHECK(strcmp(args[1], "two words") == 0);
    CHECK(!args[2]);
    CHECK(strcmp(environ[0], "NAME=value") == 0);
    CHECK(strcmp(environ[1], "EMPTY=") == 0);
    CHECK(!environ[2]);
}

#define LARGE_COUNT 8
#define LARGE_LEN   30000

static void fill_large_argument(char *text, int number)
{
    for (int i = 0; i < LARGE_LEN; i++)
        text[i] = 'a' + (i + number) % 26;
    text[LARGE_LEN] = '\0';
}

static void arguments_are_large(char **args)
{
    char *expected = map_pages(LARGE_LEN / PAGE + 1);

    for (int i = 0; i < LARGE_COUNT; i++) {
        fill_large_argument(expected, i);
        CHECK(strcmp(args[i], expected) == 0);
    }
    CHECK(!args[LARGE_COUNT]);
}

/* The stack holds argc, argv, NULL, the environment, NULL and the auxiliary vector, from an address
   divisible by 16 on. */
static void stack_is_in_order(char **args)
{
    char **argv = args - 2;
    long argc = *(long *)(argv - 1);

    CHECK_EQ((uintptr_t)(argv - 1) % 16, 0);
    CHECK(!argv[argc]);
    CHECK_EQ(argv + argc + 1, environ);
    char **end = environ;
    while (*end)
        end++;
    Elf64_auxv_t *aux = (Elf64_auxv_t *)(end + 1);
    while (aux->a_type != AT_PAGESZ && aux->a_type != AT_NULL)
        aux++;
    CHECK_EQ(aux->a_type, AT_PAGESZ);
}

/* argv[0] was empty too, so the name of a part is missing. */
static void check_no_arguments(int argc, char **argv)
{
    CHECK_EQ(argc, 1);
    CHECK(!argv[1]);
    CHECK(strcmp(environ[0], "NO_ARGUMENTS=1") == 0);
    CHECK(!environ[1]);
}

/* args: the length of the second argument. */
static void one_long_argument(char **args)
{
    CHECK_EQ(strlen(args[1]), strtoul(args[0], NULL, 10));
}

static void executed_as(char **args)
{
    CHECK(strcmp((const char *)getauxval(AT_EXECFN), args[0]) == 0);
}

static void tell_random_bytes(char **args)
{
    CHECK_EQ(CHECK_OK(write(atoi(args[0]), (void *)getauxval(AT_RANDOM), 16)), 16);
}

/* args: a descriptor that is open, and three that are closed. */
static void descriptors_are_these(char **args)
{
    CHECK_EQ(CHECK_OK(fcntl(atoi(args[0]), F_GETFD)), 0);
    for (int i = 1; i <= 3; i++)
        CHECK_ERR(EBADF, fcntl(atoi(args[i]), F_GETFD));
}

/* args: the pid, and the current directory */
static void the_process_is_the_same(char **args)
{
    struct sigaction action;
    sigset_t blocked;
    char cwd[256];

    CHECK_EQ(getpid(), atoi(args[0]));
    CHECK(getcwd(cwd, sizeof(cwd)));
    CHECK(strcmp(cwd, args[1]) == 0);
    CHECK_OK(sigaction(SIGTERM, NULL, &action));
    CHECK_EQ(action.sa_handler, SIG_IGN);
    CHECK_EQ(action.sa_flags, 0); /* and the mask: they were the old program's */
    CHECK(!sigismember(&action.sa_mask, SIGUSR2));
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &blocked));
    CHECK(sigismember(&blocked, SIGUSR1));
    CHECK(!sigismember(&blocked, SIGUSR2));
}

static void floating_point_is_fresh(char **args)
{
    uint16_t x87_control;
    uint32_t sse_control;

    (void)args;
    __asm__ volatile("fnstcw %0; stmxcsr %1" : "=m"(x87_control), "=m"(sse_control));
    CHECK_EQ(x87_control, 0x37f);
    CHECK_EQ(sse_control, 0x1f80);
}

static void touch_address(char **args)
{
    peek((void *)strtoul(args[0], NULL, 16));
}

/* args: the number of AnonPages before the old program took 1024 more. */
static void memory_came_back(char **args)
{
    CHECK(counters_now().anon_pages < atol(args[0]) + 100);
}

/* args: a pipe for saying that the program runs, and one to wait on. */
static void say_and_wait(char **args)
{
    char byte;

    CHECK_OK(write(atoi(args[0]), "", 1));
    CHECK_OK(read(atoi(args[1]), &byte, 1));
}

static void come_to_life(char **args)
{
    (void)args;
    _exit(99);
}

static const struct part {
    const char *name;
    void (*play)(char **args);
} parts[] = {
#define PART(name)  \
    {               \
#name, name \
    }
    PART(bss_is_zero),
    PART(arguments_are_these),
    PART(arguments_are_large),
    PART(stack_is_in_order),
    PART(one_long_argument),
    PART(executed_as),
    PART(tell_random_bytes),
    PART(descriptors_are_these),
    PART(the_process_is_the_same),
    PART(floating_point_is_fresh),
    PART(touch_address),
    PART(memory_came_back),
    PART(say_and_wait),
    PART(come_to_life),
};

static int play_part(char **argv)
{
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        if (strcmp(parts[i].name, argv[1]) == 0) {
            test_begin(argv[1]);
            parts[i].play(argv + 2);
            return TEST_PASSED;
        }
    }
    test_fail(__FILE__, __LINE__, "there is no part %s", argv[1]);
}

/* The cases. */

#define PLAY(part, ...) ((char *[]){(char *)self_path(), #part, ##__VA_ARGS__, NULL})

static void exec_argv(void *argv)
{
    execv(self_path(), argv);
    test_fail(__FILE__, __LINE__, "exec of %s: %s", self_path(), strerror(errno));
}

static void a_new_program_is_as_it_should_be(void)
{
    CHECK(exits_with(0, exec_argv, PLAY(bss_is_zero)));
    CHECK(exits_with(0, exec_argv, PLAY(stack_is_in_order)));
    CHECK(exits_with(0, exec_argv, PLAY(stack_is_in_order, "of any")));
    CHECK(exits_with(0, exec_argv, PLAY(stack_is_in_order, "number", "and length")));
}

static void exec_with_environment(void *unused)
{
    char *environment[] = {"NAME=value", "EMPTY=", NULL};

    (void)unused;
    CHECK_OK(execve(self_path(), PLAY(arguments_are_these, "", "two words"), environment));
}

static void arguments_and_environment_arrive(void)
{
    CHECK(exits_with(0, exec_with_environment, NULL));
}

static void large_arguments_arrive(void)
{
    char *argv[2 + LARGE_COUNT + 1] = {(char *)self_path(), "arguments_are_large"};

    for (int i = 0; i < LARGE_COUNT; i++) {
        argv[2 + i] = map_pages(LARGE_LEN / PAGE + 1);
        fill_large_argument(argv[2 + i], i);
    }
    CHECK(exits_with(0, exec_argv, argv));
    for (int i = 0; i < LARGE_COUNT; i++)
        unmap_pages(argv[2 + i], LARGE_LEN / PAGE + 1);
}

/* One string may have 128 KiB. All together may have a quarter of the stack's limit, here 2 MiB. */
static void too_large_arguments_are_refused(void)
{
    size_t len = 128 * KIB;
    char *text = map_pages(len / PAGE + 1);
    char *argv[100] = {(char *)self_path(), "come_to_life", memset(text, 'x', len)};

    CHECK_ERR(E2BIG, execv(self_path(), argv));
    text[len / 2] = '\0';
    for (int i = 3; i < 99; i++)
        argv[i] = text;
    CHECK_ERR(E2BIG, execv(self_path(), argv));
    unmap_pages(text, len / PAGE + 1);
}

struct limited_exec {
    size_t stack, strings, len; /* bytes: the limit, how many strings there are, and their length */
};

/* Exits with 0 if the exec succeeds, else with its error. */
static void exec_limited(void *arg)
{
    const struct limited_exec *exec = arg;
    char *text = memset(map_pages(exec->len / PAGE + 1), 'x', exec->len), len[20];
    char **argv = (char **)map_pages(exec->strings * sizeof(char *) / PAGE + 1);

    snprintf(len, sizeof(len), "%zu", exec->len);
    argv[0] = (char *)self_path();
    argv[1] = "one_long_argument";
    argv[2] = len;
    for (size_t i = 0; i < exec->strings; i++)
        argv[3 + i] = text;
    CHECK_OK(setrlimit(RLIMIT_STACK, &(struct rlimit){exec->stack, RLIM_INFINITY}));
    execve(argv[0], argv, (char *[]){NULL});
    _exit(errno);
}

static bool exec_gives(int error, size_t stack, size_t strings, size_t len)
{
    return exits_with(error, exec_limited, &(struct limited_exec){stack, strings, len});
}

/* The limit is a quarter of the stack's limit, but at least 128 KiB and at most a few MiB. The
   pointers count, too. */
static void arguments_have_a_limit(void)
{
    CHECK(exec_gives(0, 256 * KIB, 1, 100 * KIB));
    CHECK(exec_gives(0, 256 * KIB, 10, 10 * KIB));
    CHECK(exec_gives(E2BIG, 256 * KIB, 14, 10 * KIB));
    CHECK(exec_gives(E2BIG, 256 * KIB, 128 * KIB / 9, 1));
    CHECK(exec_gives(0, MIB, 240, KIB));
    CHECK(exec_gives(E2BIG, MIB, 260, KIB));
    CHECK(exec_gives(E2BIG, 64 * KIB, 1, 100 * KIB)); /* the stack is too small */
    CHECK(exec_gives(0, RLIM_INFINITY, 30, 100 * KIB));
    CHECK(exec_gives(E2BIG, RLIM_INFINITY, 63, 100 * KIB));
}

static void exec_nothing(void *argv)
{
    char *environment[] = {"NO_ARGUMENTS=1", NULL};

    execve(self_path(), argv, environment);
    _exit(99);
}

static void there_is_always_an_argument(void)
{
    char *none[] = {NULL};

    CHECK(exits_with(0, exec_nothing, none));
    CHECK(exits_with(0, exec_nothing, NULL));
}

static void the_auxiliary_vector_is_right(void)
{
    const Elf64_Phdr *headers = (const Elf64_Phdr *)getauxval(AT_PHDR);
    uintptr_t entry = getauxval(AT_ENTRY);
    bool is_entry_in_text = false;

    CHECK_EQ(getauxval(AT_PAGESZ), PAGE);
    CHECK_EQ(getauxval(AT_PHENT), sizeof(*headers));
    CHECK_EQ(getauxval(AT_SECURE), 0);
    CHECK_EQ(getauxval(AT_UID), getuid());
    CHECK_EQ(getauxval(AT_EUID), geteuid());
    CHECK_EQ(getauxval(AT_GID), getgid());
    CHECK_EQ(getauxval(AT_EGID), getegid());
    for (size_t i = 0; i < getauxval(AT_PHNUM); i++) {
        if (headers[i].p_type == PT_LOAD && (headers[i].p_flags & PF_X))
            is_entry_in_text |= entry - headers[i].p_vaddr < headers[i].p_filesz;
    }
    CHECK(is_entry_in_text);
}

static void exec_other_name(void *path)
{
    CHECK_OK(execv(path, PLAY(executed_as, path)));
}

static void the_path_is_told_as_it_was_given(void)
{
    char path[512];

    snprintf(path, sizeof(path), "//%s", self_path());
    CHECK(exits_with(0, exec_other_name, path));
}

static void random_bytes_differ(void)
{
    char bytes[2][16], fd[12];
    int fds[2];

    make_pipe(fds);
    snprintf(fd, sizeof(fd), "%d", fds[1]);
    for (int i = 0; i < 2; i++) {
        CHECK(exits_with(0, exec_argv, PLAY(tell_random_bytes, fd)));
        CHECK_EQ(CHECK_OK(read(fds[0], bytes[i], 16)), 16);
    }
    CHECK(memcmp(bytes[0], bytes[1], 16) != 0);
    close(fds[0]);
    close(fds[1]);
}

static void descriptors_stay_unless_they_are_marked(void)
{
    int fds[4] = {CHECK_OK(open("/dev/null", O_RDONLY)),
                  CHECK_OK(open("/dev/null", O_RDONLY | O_CLOEXEC))};
    char text[4][12];

    fds[2] = CHECK_OK(dup(fds[0]));
    CHECK_OK(fcntl(fds[2], F_SETFD, FD_CLOEXEC));
    fds[3] = CHECK_OK(fcntl(fds[0], F_DUPFD_CLOEXEC, 50));
    for (int i = 0; i < 4; i++)
        snprintf(text[i], sizeof(text[i]), "%d", fds[i]);
    CHECK(
        exits_with(0, exec_argv, PLAY(descriptors_are_these, text[0], text[1], text[2], text[3])));
    for (int i = 0; i < 4; i++)
        CHECK_OK(close(fds[i]));
}

static void exec_as_the_same_process(void *unused)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN, .sa_flags = SA_NODEFER};
    char pid[12], cwd[256];
    sigset_t blocked;

    (void)unused;
    sigaddset(&ignore.sa_mask, SIGUSR2);
    snprintf(pid, sizeof(pid), "%d", getpid());
    CHECK(getcwd(cwd, sizeof(cwd)));
    CHECK_OK(sigaction(SIGTERM, &ignore, NULL));
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_SETMASK, &blocked, NULL));
    exec_argv(PLAY(the_process_is_the_same, pid, cwd));
}

static void the_process_stays_the_same(void)
{
    CHECK(exits_with(0, exec_as_the_same_process, NULL));
}

static void exec_with_odd_floating_point(void *unused)
{
    uint16_t x87_control = 0xf7f;
    uint32_t sse_control = 0xff80;

    (void)unused;
    __asm__ volatile("fldcw %0; ldmxcsr %1" ::"m"(x87_control), "m"(sse_control));
    exec_argv(PLAY(floating_point_is_fresh));
}

static void floating_point_starts_afresh(void)
{
    CHECK(exits_with(0, exec_with_odd_floating_point, NULL));
}

#define ODD_ADDRESS ((void *)0x10000000)

static void exec_after_mapping(void *unused)
{
    char address[20];

    (void)unused;
    poke(CHECK_OK(mmap(ODD_ADDRESS, PAGE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0)),
         1);
    snprintf(address, sizeof(address), "%p", ODD_ADDRESS);
    exec_argv(PLAY(touch_address, address));
}

static void the_old_memory_is_gone(void)
{
    CHECK(dies_by(SIGSEGV, exec_after_mapping, NULL));
}

static void exec_from_large_process(void *unused)
{
    char anon_pages[20];
    char *memory = map_pages(1024);

    (void)unused;
    snprintf(anon_pages, sizeof(anon_pages), "%ld", counters_now().anon_pages);
    memset(memory, 1, 1024 * PAGE);
    exec_argv(PLAY(memory_came_back, anon_pages));
}

static void its_frames_come_back(void)
{
    CHECK(exits_with(0, exec_from_large_process, NULL));
}

/* The second process that runs a program needs frames only for what it writes, because all text is
   in memory already. */
static void text_is_shared(void)
{
    struct gate running = gate_make(), ending = gate_make();
    char fds[2][12];
    pid_t pids[2];

    snprintf(fds[0], sizeof(fds[0]), "%d", running.fds[1]);
    snprintf(fds[1], sizeof(fds[1]), "%d", ending.fds[0]);
    pids[0] = start_child(exec_argv, PLAY(say_and_wait, fds[0], fds[1]));
    gate_pass(&running);
    struct counters before = counters_now();
    long cached = number_in("/proc/vmstat", "nr_page_cache");
    pids[1] = start_child(exec_argv, PLAY(say_and_wait, fds[0], fds[1]));
    gate_pass(&running);
    CHECK(counters_since(&before).anon_pages <= 16);
    CHECK_EQ(number_in("/proc/vmstat", "nr_page_cache"), cached);
    for (int i = 0; i < 2; i++)
        gate_open(&ending);
    for (int i = 0; i < 2; i++)
        CHECK(exited_with(wait_child(pids[i]), 0));
    gate_destroy(&running);
    gate_destroy(&ending);
}

int main(int argc, char **argv)
{
    if (getenv("NO_ARGUMENTS")) {
        check_no_arguments(argc, argv);
        return TEST_PASSED;
    }
    if (argc > 1)
        return play_part(argv);
    temp_dir_enter();
    RUN(a_new_program_is_as_it_should_be);
    RUN(arguments_and_environment_arrive);
    RUN(large_arguments_arrive);
    RUN(too_large_arguments_are_refused);
    RUN(arguments_have_a_limit);
    RUN(there_is_always_an_argument);
    RUN(the_auxiliary_vector_is_right);
    RUN(the_path_is_told_as_it_was_given);
    RUN(random_bytes_differ);
    RUN(descriptors_stay_unless_they_are_marked);
    RUN(the_process_stays_the_same);
    RUN(floating_point_starts_afresh);
    RUN(the_old_memory_is_gone);
    RUN_ON_PAGODA(its_frames_come_back);
    RUN_ON_PAGODA(text_is_shared);
    temp_dir_leave();
    return test_end();
}
