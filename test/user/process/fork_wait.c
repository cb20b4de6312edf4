/* Processes: how they begin (fork, vfork, posix_spawn), how they end, and which process is told.

   The program can also be started as "runs-and-exits N", which exits with N at once. */
#include "test.h"

#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static void exit_with(void *code)
{
    _exit(*(int *)code);
}

static pid_t start_waiting(void)
{
    return start_child(wait_for_ever, NULL);
}

static void kill_and_reap(pid_t pid)
{
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

/* Statuses. */

static void every_exit_status_arrives(void)
{
    for (int code = 0; code < 256; code += 5)
        CHECK(exits_with(code, exit_with, &code));
    CHECK(exits_with(3, exit_with, &(int){256 + 3})); /* its low byte */
    CHECK(exits_with(255, exit_with, &(int){-1}));
}

static void fork_tells_both_who_they_are(void)
{
    pid_t parent = getpid(), child = CHECK_OK(fork());

    if (child == 0) {
        CHECK_EQ(getppid(), parent);
        CHECK(getpid() != parent);
        _exit(getpid() % 100);
    }
    CHECK(child > 0 && child != parent);
    CHECK(exited_with(wait_child(child), child % 100));
}

static void wait_without_children_fails(void)
{
    int status = 0x5a5a;

    CHECK_ERR(ECHILD, wait(&status));
    CHECK_ERR(ECHILD, waitpid(-1, &status, WNOHANG));
    CHECK_ERR(ECHILD, waitpid(getpid(), &status, 0));
    CHECK_ERR(ECHILD, waitpid(getppid(), &status, 0));
    CHECK_ERR(ECHILD, waitpid(1 << 22, &status, 0));
    CHECK_EQ(status, 0x5a5a);
    CHECK_ERR(EINVAL, waitpid(-1, &status, 0x100000)); /* no such option */
}

static void a_child_is_waited_for_once(void)
{
    pid_t pid = start_child(do_nothing, NULL);

    CHECK(exited_with(wait_child(pid), 0));
    CHECK_ERR(ECHILD, waitpid(pid, NULL, 0));
}

static void nohang_does_not_wait(void)
{
    struct held_child child;
    int status;

    hold_child(&child, do_nothing, NULL);
    CHECK_EQ(CHECK_OK(waitpid(-1, &status, WNOHANG)), 0);
    CHECK_EQ(CHECK_OK(waitpid(child.pid, &status, WNOHANG)), 0);
    CHECK(exited_with(release_child(&child), 0));
}

static void children_are_waited_for_by_name(void)
{
    struct held_child children[3];

    for (int i = 0; i < 3; i++)
        hold_child(&children[i], exit_with, &(int){i + 10});
    for (int i = 2; i >= 0; i--)
        CHECK(exited_with(release_child(&children[i]), i + 10));
}

static void any_child_will_do(void)
{
    pid_t pids[3];
    int status, seen = 0;

    for (int i = 0; i < 3; i++)
        pids[i] = start_child(exit_with, &(int){i});
    for (int i = 0; i < 3; i++) {
        pid_t pid = CHECK_OK(wait(&status));
        CHECK(WIFEXITED(status));
        CHECK_EQ(pid, pids[WEXITSTATUS(status)]);
        seen |= 1 << WEXITSTATUS(status);
    }
    CHECK_EQ(seen, 7);
    CHECK_ERR(ECHILD, wait(&status));
}

static void a_zombie_stays_until_it_is_waited_for(void)
{
    int fds[2];
    char byte;

    make_pipe(fds);
    pid_t pid = start_child(do_nothing, NULL);
    CHECK_OK(close(fds[1]));
    CHECK_EQ(CHECK_OK(read(fds[0], &byte, 1)), 0); /* it has closed its files, so it is ending */
    CHECK_OK(kill(pid, 0));
    CHECK_OK(kill(pid, SIGKILL)); /* comes too late */
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_ERR(ESRCH, kill(pid, 0));
    CHECK_OK(close(fds[0]));
}

/* Reads the usage of children through wait4 and through getrusage. */
static void usage_of_children_is_known(void)
{
    struct rusage usage = {.ru_minflt = -1};
    pid_t pid = start_child(do_nothing, NULL);

    CHECK_EQ(CHECK_OK(wait4(pid, NULL, 0, &usage)), pid);
    CHECK(usage.ru_minflt >= 0);
    CHECK_OK(getrusage(RUSAGE_CHILDREN, &usage));
    CHECK_ERR(EINVAL, getrusage(1234, &usage));
}

/* Orphans. The parent of the orphan is reaped before the orphan looks who its parent is. */

struct orphanage {
    struct gate gate;
    int fds[2]; /* where the orphan reports its new parent */
};

static void report_parent(void *arg)
{
    struct orphanage *orphanage = arg;

    gate_pass(&orphanage->gate);
    pid_t parent = getppid();
    CHECK_EQ(CHECK_OK(write(orphanage->fds[1], &parent, sizeof(parent))), sizeof(parent));
}

static void leave_an_orphan(void *orphanage)
{
    start_child(report_parent, orphanage);
}

static void init_adopts_orphans(void)
{
    struct orphanage orphanage = {.gate = gate_make()};
    pid_t new_parent;

    make_pipe(orphanage.fds);
    pid_t parent = start_child(leave_an_orphan, &orphanage);
    CHECK(exited_with(wait_child(parent), 0));
    gate_open(&orphanage.gate);
    CHECK_EQ(CHECK_OK(read(orphanage.fds[0], &new_parent, sizeof(new_parent))), sizeof(new_parent));
    CHECK(new_parent != parent);
    if (on_pagoda()) /* on Linux, another process may have asked for orphans */
        CHECK_EQ(new_parent, 1);
    CHECK_ERR(ECHILD, wait(NULL)); /* it is not our child */
    gate_destroy(&orphanage.gate);
    CHECK_OK(close(orphanage.fds[0]));
    CHECK_OK(close(orphanage.fds[1]));
}

/* Many. */

/* Starts a child that writes a byte at once, without a page fault before it, and then loops.
   Returns its pid. */
static pid_t fork_and_write(int fd)
{
    long pid;

    asm volatile("syscall\n"
                 "test %%rax, %%rax\n"
                 "jnz 2f\n"
                 "mov %[write], %%eax\n"
                 "syscall\n"
                 "1: jmp 1b\n"
                 "2:"
                 : "=a"(pid)
                 : "a"(SYS_fork), "D"(fd), "S"("x"), "d"(1), [write] "i"(SYS_write)
                 : "rcx", "r11", "memory");
    return pid;
}

/* Returns true if the child ran before it was killed. */
static bool child_outruns_its_killer(int fds[2])
{
    pid_t pid = fork_and_write(fds[1]);
    char byte;

    CHECK(pid > 0);
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
    return read(fds[0], &byte, 1) == 1;
}

/* Either process may run first, on one CPU. A child that is killed first must have done nothing. */
static void a_child_that_is_killed_first_does_nothing(void)
{
    int fds[2], i = 0;

    stay_on_this_cpu();
    CHECK_OK(pipe2(fds, O_NONBLOCK));
    while (child_outruns_its_killer(fds))
        CHECK(++i < 50);
    use_all_cpus();
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

static void a_thousand_forks_succeed_in_sequence(void)
{
    for (int i = 0; i < 1000; i++)
        CHECK(exits_with(i % 256, exit_with, &(int){i % 256}));
}

static void fifty_children_live_at_once(void)
{
    pid_t pids[50];

    for (int i = 0; i < 50; i++)
        pids[i] = start_waiting();
    for (int i = 0; i < 50; i++)
        kill_and_reap(pids[(i * 7) % 50]);
}

/* The children of a dying parent live on, and leave it nothing to wait for. */
static void start_ten_and_die(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++)
        start_child(do_nothing, NULL);
    raise(SIGKILL);
}

static void parents_may_die_first(void)
{
    for (int i = 0; i < 5; i++)
        CHECK(dies_by(SIGKILL, start_ten_and_die, NULL));
}

/* Other ways to begin. */

static void vfork_lends_the_memory(void)
{
    volatile int written = 0;
    pid_t pid = CHECK_OK(vfork());

    if (pid == 0) {
        written = 42; /* in the parent's memory, while the parent waits */
        _exit(7);
    }
    CHECK_EQ(written, 42);
    CHECK(exited_with(wait_child(pid), 7));
}

static void vfork_ends_with_exec(void)
{
    char *argv[] = {(char *)self_path(), "runs-and-exits", "9", NULL};
    pid_t pid = CHECK_OK(vfork());

    if (pid == 0) {
        execv(argv[0], argv);
        _exit(1);
    }
    CHECK(exited_with(wait_child(pid), 9));
}

static void vfork_without_burying(void *unused)
{
    (void)unused;
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 300; i++) {
        pid_t pid = CHECK_OK(vfork());

        if (pid == 0)
            _exit(0);
    }
    CHECK_ERR(ECHILD, wait(NULL));
}

/* If a process ignores SIGCHLD, its children are gone at once, perhaps before the parent has
   begun to wait for the end of the vfork. Several children run at a time, so that a time slice ends
   in between. */
static void a_vforked_child_may_be_buried_early(void)
{
    pid_t pids[8];

    for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
        pids[i] = start_child(vfork_without_burying, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
        CHECK(exited_with(wait_child(pids[i]), 0));
}

static void a_child_of_vfork_may_die(void)
{
    pid_t pid = CHECK_OK(vfork());

    if (pid == 0) {
        kill(getpid(), SIGKILL);
        _exit(1);
    }
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

static void posix_spawn_starts_a_program(void)
{
    char *argv[] = {(char *)self_path(), "runs-and-exits", "11", NULL};
    pid_t pid;

    CHECK_EQ(posix_spawn(&pid, argv[0], NULL, NULL, argv, environ), 0);
    CHECK(exited_with(wait_child(pid), 11));
    CHECK_EQ(posix_spawn(&pid, "/there/is/no/such/program", NULL, NULL, argv, environ), ENOENT);
    CHECK_ERR(ECHILD, wait(NULL)); /* the failed child was reaped */
}

static void posix_spawn_redirects(void)
{
    char *argv[] = {(char *)self_path(), "says-hello", NULL};
    posix_spawn_file_actions_t actions;
    char text[16] = {0};
    int fds[2];
    pid_t pid;

    make_pipe(fds);
    CHECK_EQ(posix_spawn_file_actions_init(&actions), 0);
    CHECK_EQ(posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO), 0);
    CHECK_EQ(posix_spawn(&pid, argv[0], &actions, NULL, argv, environ), 0);
    CHECK_EQ(posix_spawn_file_actions_destroy(&actions), 0);
    CHECK(exited_with(wait_child(pid), 0));
    CHECK_EQ(CHECK_OK(read(fds[0], text, sizeof(text) - 1)), 6);
    CHECK(strcmp(text, "hello\n") == 0);
    CHECK_OK(close(fds[0]));
    CHECK_OK(close(fds[1]));
}

/* What a child inherits, besides memory. */

static void check_inheritance(void *fd)
{
    char cwd[64];

    CHECK(getcwd(cwd, sizeof(cwd)));
    CHECK(strcmp(cwd, "/tmp") == 0);
    CHECK_EQ(umask(0), 027);
    CHECK_EQ(CHECK_OK(lseek(*(int *)fd, 0, SEEK_CUR)), 2);
    CHECK_OK(lseek(*(int *)fd, 4, SEEK_SET)); /* the offset is shared with the parent */
    CHECK_OK(chdir("/"));
}

static void a_child_inherits_files_and_directory(void)
{
    char cwd[64];

    temp_dir_enter();
    int fd = create_file("file", "hello", 5);
    CHECK_OK(unlink("file"));
    temp_dir_leave();
    CHECK_OK(lseek(fd, 2, SEEK_SET));
    CHECK_OK(chdir("/tmp"));
    mode_t mask_before = umask(027);
    CHECK(exits_with(0, check_inheritance, &fd));
    CHECK_EQ(umask(mask_before), 027);
    CHECK_EQ(CHECK_OK(lseek(fd, 0, SEEK_CUR)), 4);
    CHECK(getcwd(cwd, sizeof(cwd)));
    CHECK(strcmp(cwd, "/tmp") == 0);
    CHECK_OK(chdir("/"));
    CHECK_OK(close(fd));
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "says-hello") == 0)
        return write(STDOUT_FILENO, "hello\n", 6) == 6 ? TEST_PASSED : TEST_FAILED;
    if (argc > 2)
        return atoi(argv[2]);
    RUN(wait_without_children_fails);
    RUN(every_exit_status_arrives);
    RUN(fork_tells_both_who_they_are);
    RUN(a_child_is_waited_for_once);
    RUN(nohang_does_not_wait);
    RUN(children_are_waited_for_by_name);
    RUN(any_child_will_do);
    RUN(a_zombie_stays_until_it_is_waited_for);
    RUN(usage_of_children_is_known);
    RUN(init_adopts_orphans);
    RUN(a_child_that_is_killed_first_does_nothing);
    RUN(a_thousand_forks_succeed_in_sequence);
    RUN(fifty_children_live_at_once);
    RUN(parents_may_die_first);
    RUN(vfork_lends_the_memory);
    RUN(vfork_ends_with_exec);
    RUN(a_vforked_child_may_be_buried_early);
    RUN(a_child_of_vfork_may_die);
    RUN(posix_spawn_starts_a_program);
    RUN(posix_spawn_redirects);
    RUN(a_child_inherits_files_and_directory);
    return test_end();
}
