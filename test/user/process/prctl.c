/* prctl: the name of a process, and the signal that it gets when its parent ends. */
#include "fixed_files.h"

#include <sys/prctl.h>

#define NAME_SIZE 16

static void check_name(const char *expected)
{
    char name[NAME_SIZE];

    memset(name, 'x', sizeof(name));
    CHECK_OK(prctl(PR_GET_NAME, name));
    CHECK(memcmp(name, expected, strlen(expected) + 1) == 0);
}

static void check_comm(const char *expected)
{
    char line[NAME_SIZE + 1] = {0};
    int fd = CHECK_OK(open("/proc/self/comm", O_RDONLY));
    ssize_t len = CHECK_OK(read(fd, line, sizeof(line)));

    CHECK_OK(close(fd));
    CHECK_EQ(len, strlen(expected) + 1);
    CHECK(memcmp(line, expected, len - 1) == 0);
}

static void a_process_can_be_renamed(void)
{
    check_name("prctl");
    CHECK_OK(prctl(PR_SET_NAME, "another"));
    check_name("another");
    check_comm("another");
    CHECK_OK(prctl(PR_SET_NAME, ""));
    check_name("");
}

static void a_long_name_is_cut_short(void)
{
    char *end = cliff();

    CHECK_OK(prctl(PR_SET_NAME, "a name that is too long"));
    check_name("a name that is ");
    memset(end - 15, 'y', 15); /* the sixteenth byte is not looked at */
    CHECK_OK(prctl(PR_SET_NAME, end - 15));
    check_name("yyyyyyyyyyyyyyy");
    CHECK_ERR(EFAULT, prctl(PR_SET_NAME, end - 14));
    CHECK_ERR(EFAULT, prctl(PR_GET_NAME, end - 15));
    check_name("yyyyyyyyyyyyyyy");
    unmap_pages(end - PAGE, 1);
}

static void check_inherited_name(void *unused)
{
    (void)unused;
    check_name("parent");
    CHECK_OK(prctl(PR_SET_NAME, "child"));
}

static void a_child_has_a_copy_of_the_name(void)
{
    CHECK_OK(prctl(PR_SET_NAME, "parent"));
    CHECK(exits_with(0, check_inherited_name, NULL));
    check_name("parent");
}

/* ---- The death of the parent ---- */

static int death_signal(void)
{
    int signal = -1;

    CHECK_OK(prctl(PR_GET_PDEATHSIG, &signal));
    return signal;
}

static void check_no_death_signal(void *unused)
{
    (void)unused;
    CHECK_EQ(death_signal(), 0);
}

static void the_death_signal_is_kept_and_not_inherited(void)
{
    CHECK_EQ(death_signal(), 0);
    CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
    CHECK_EQ(death_signal(), SIGUSR1);
    CHECK(exits_with(0, check_no_death_signal, NULL));
    CHECK_ERR(EINVAL, prctl(PR_SET_PDEATHSIG, 65));
    CHECK_EQ(death_signal(), SIGUSR1);
    CHECK_OK(prctl(PR_SET_PDEATHSIG, 0));
    CHECK_EQ(death_signal(), 0);
    CHECK_ERR(EFAULT, prctl(PR_GET_PDEATHSIG, 8));
}

/* A grandchild that waits for the death of its parent, and tells what it got. */
struct orphan {
    struct gate ready;
    int told[2];
};

static void be_orphaned(void *arg)
{
    struct orphan *orphan = arg;
    pid_t parent = getppid();
    siginfo_t info;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_OK(sigprocmask(SIG_BLOCK, &set, NULL));
    CHECK_OK(prctl(PR_SET_PDEATHSIG, SIGUSR1));
    gate_open(&orphan->ready);
    CHECK_EQ(CHECK_OK(sigwaitinfo(&set, &info)), SIGUSR1);
    char result = info.si_code == SI_USER && info.si_pid == parent ? 'y' : 'n';
    CHECK_EQ(CHECK_OK(write(orphan->told[1], &result, 1)), 1);
}

static void have_a_child_and_die(void *arg)
{
    struct orphan *orphan = arg;

    start_child(be_orphaned, orphan);
    gate_pass(&orphan->ready);
}

static void the_death_of_the_parent_is_signalled(void)
{
    static struct orphan orphan;
    char result;

    orphan.ready = gate_make();
    make_pipe(orphan.told);
    CHECK(exits_with(0, have_a_child_and_die, &orphan));
    CHECK_OK(close(orphan.told[1]));
    CHECK_EQ(CHECK_OK(read(orphan.told[0], &result, 1)), 1);
    CHECK_EQ(result, 'y');
    CHECK_EQ(CHECK_OK(read(orphan.told[0], &result, 1)), 0); /* the grandchild has ended */
    CHECK_OK(close(orphan.told[0]));
    gate_destroy(&orphan.ready);
}

static void other_options_are_refused(void)
{
    CHECK_ERR(EINVAL, prctl(12345, 0, 0, 0, 0));
}

int main(void)
{
    RUN(a_process_can_be_renamed);
    RUN(a_long_name_is_cut_short);
    RUN(a_child_has_a_copy_of_the_name);
    RUN(the_death_signal_is_kept_and_not_inherited);
    RUN(the_death_of_the_parent_is_signalled);
    RUN(other_options_are_refused);
    return test_end();
}
