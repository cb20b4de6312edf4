/* Process groups and sessions: who is a member, and whom a signal or a wait to a group means, among
   members of other groups. */
#include "test.h"

#define GROUPS  3
#define MEMBERS 4

/* Makes a child that is in the group `pgid`, or in one of its own if that is 0, before this
   returns. */
static pid_t start_member(pid_t pgid)
{
    pid_t pid = start_child(wait_for_ever, NULL);

    CHECK_OK(setpgid(pid, pgid));
    return pid;
}

static void end_member(pid_t pid)
{
    CHECK_OK(kill(pid, SIGKILL));
    CHECK(killed_by(wait_child(pid), SIGKILL));
}

static void a_signal_reaches_the_members_of_one_group(void)
{
    pid_t pids[MEMBERS][GROUPS];

    for (int n = 0; n < MEMBERS; n++) /* the pids of the groups alternate */
        for (int group = 0; group < GROUPS; group++)
            pids[n][group] = start_member(n ? pids[0][group] : 0);
    for (int group = GROUPS - 1; group >= 0; group--) {
        CHECK_OK(kill(-pids[0][group], SIGTERM));
        for (int n = 0; n < MEMBERS; n++)
            CHECK(killed_by(wait_child(pids[n][group]), SIGTERM));
        for (int n = 0; n < MEMBERS && group > 0; n++)
            CHECK_EQ(CHECK_OK(waitpid(pids[n][0], NULL, WNOHANG)), 0);
    }
}

/* The leader need not be among them, and a zombie counts until it is reaped. */
static void a_group_lasts_as_long_as_it_has_members(void)
{
    pid_t leader = start_member(0), second = start_member(leader), other = start_member(0);

    end_member(leader);
    CHECK_OK(kill(-leader, 0));
    CHECK_OK(setpgid(other, leader));
    CHECK_EQ(CHECK_OK(getpgid(other)), leader);
    end_member(second);
    CHECK_OK(kill(other, SIGKILL));
    await_state(other, 'Z');
    CHECK_OK(kill(-leader, 0));
    CHECK(killed_by(wait_child(other), SIGKILL));
    CHECK_ERR(ESRCH, kill(-leader, 0));
    pid_t late = start_child(wait_for_ever, NULL);
    CHECK_ERR(EPERM, setpgid(late, leader));
    end_member(late);
}

static void a_wait_for_a_group_takes_its_members(void)
{
    pid_t first = start_member(0), second = start_member(0), third = start_member(first);

    CHECK_OK(kill(second, SIGKILL));
    await_state(second, 'Z');
    CHECK_EQ(CHECK_OK(waitpid(-first, NULL, WNOHANG)), 0);
    CHECK_OK(kill(third, SIGKILL));
    CHECK_EQ(CHECK_OK(waitpid(-first, NULL, 0)), third);
    end_member(first);
    CHECK_ERR(ECHILD, waitpid(-first, NULL, 0));
    CHECK(killed_by(wait_child(second), SIGKILL));
}

static void a_wait_by_number_is_for_children_only(void)
{
    CHECK_ERR(ECHILD, waitpid(getppid(), NULL, WNOHANG));
    CHECK_ERR(ECHILD, waitpid(getpid(), NULL, WNOHANG));
}

static void lead_a_session(void *other)
{
    pid_t group = *(pid_t *)other;

    CHECK_EQ(CHECK_OK(setsid()), getpid());
    CHECK_EQ(getpgrp(), getpid());
    CHECK_EQ(CHECK_OK(getsid(0)), getpid());
    CHECK_ERR(EPERM, setsid());
    CHECK_ERR(EPERM, setpgid(0, 0)); /* the leader of a session stays in its group */
    CHECK_ERR(EPERM, setpgid(0, group));
    pid_t child = start_member(0);
    CHECK_ERR(EPERM, setpgid(child, group)); /* a group of another session */
    CHECK_EQ(CHECK_OK(getsid(child)), getpid());
    CHECK_OK(setpgid(child, getpid()));
    end_member(child);
}

static void a_session_has_groups_of_its_own(void)
{
    pid_t other = start_member(0);

    CHECK(exits_with(0, lead_a_session, &other));
    end_member(other);
}

static void leave_orphans(void *fds)
{
    for (int n = 0; n < 50; n++) {
        pid_t pid = fork();

        CHECK_OK(pid);
        if (pid == 0) {
            char byte;

            CHECK_OK(setpgid(0, 0));
            CHECK_EQ(CHECK_OK(write(((int *)fds)[1], "x", 1)), 1);
            kill(getpid(), SIGSTOP); /* its parent's end continues it, after a hang-up */
            (void)!read(((int *)fds)[0], &byte, 1);
            _exit(0);
        }
        await_state(pid, 'T');
    }
}

/* A stopped group whose last connection to its session ends gets SIGHUP, which ends it: the pipe
   has no writer then. */
static void stopped_groups_of_a_parent_that_ends_are_hung_up(void)
{
    int fds[2], bytes = 0;
    char byte;

    make_pipe(fds);
    CHECK(exits_with(0, leave_orphans, fds));
    CHECK_OK(close(fds[1]));
    while (CHECK_OK(read(fds[0], &byte, 1)) == 1)
        bytes++;
    CHECK_EQ(bytes, 50);
    CHECK_OK(close(fds[0]));
}

int main(void)
{
    RUN(a_signal_reaches_the_members_of_one_group);
    RUN(a_group_lasts_as_long_as_it_has_members);
    RUN(a_wait_for_a_group_takes_its_members);
    RUN(a_wait_by_number_is_for_children_only);
    RUN(a_session_has_groups_of_its_own);
    RUN(stopped_groups_of_a_parent_that_ends_are_hung_up);
    return test_end();
}
