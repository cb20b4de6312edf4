/* Users and groups. A process may ask to be what it is. On Pagoda that is all, because every
   process is root's; what else Linux allows is not tested there. */
#include "test.h"

#include <grp.h>
#include <sys/fsuid.h>
#include <sys/syscall.h>

#define NO_ID (-1u)

static void a_process_may_be_what_it_is(void)
{
    unsigned uid = getuid(), gid = getgid();

    CHECK_OK(setuid(uid));
    CHECK_OK(setgid(gid));
    CHECK_OK(seteuid(uid));
    CHECK_OK(setegid(gid));
    CHECK_OK(setreuid(uid, uid));
    CHECK_OK(setregid(gid, gid));
    CHECK_OK(setresuid(uid, uid, uid));
    CHECK_OK(setresgid(gid, gid, gid));
}

static void an_id_may_be_kept(void)
{
    CHECK_OK(setreuid(NO_ID, NO_ID));
    CHECK_OK(setregid(NO_ID, NO_ID));
    CHECK_OK(setresuid(NO_ID, NO_ID, NO_ID));
    CHECK_OK(setresgid(NO_ID, NO_ID, NO_ID));
    CHECK_ERR(EINVAL, syscall(SYS_setuid, NO_ID));
    CHECK_ERR(EINVAL, syscall(SYS_setgid, NO_ID));
}

static void all_ids_are_told(void)
{
    uid_t users[3] = {1, 2, 3};
    gid_t groups[3] = {1, 2, 3};

    CHECK_OK(getresuid(&users[0], &users[1], &users[2]));
    CHECK_OK(getresgid(&groups[0], &groups[1], &groups[2]));
    for (int n = 0; n < 3; n++) {
        CHECK_EQ(users[n], getuid());
        CHECK_EQ(groups[n], getgid());
    }
    CHECK_EQ(syscall(SYS_setfsuid, NO_ID), getuid());
    CHECK_EQ(syscall(SYS_setfsgid, NO_ID), getgid());
}

static void groups_are_counted(void)
{
    CHECK_ERR(EINVAL, syscall(SYS_getgroups, -1, NULL));
    CHECK(CHECK_OK(getgroups(0, NULL)) >= 0);
}

static void the_only_groups_are_those_of_root(void)
{
    gid_t groups[3] = {0, 0, 5};

    CHECK_EQ(CHECK_OK(getgroups(0, NULL)), 0);
    CHECK_OK(setgroups(0, NULL));
    CHECK_OK(setgroups(2, groups));
    CHECK_ERR(EPERM, setgroups(3, groups));
    CHECK_ERR(EINVAL, syscall(SYS_setgroups, 65537, groups));
    CHECK_ERR(EFAULT, syscall(SYS_setgroups, 1, 8));
}

static void there_is_no_other_user(void)
{
    CHECK_ERR(EPERM, syscall(SYS_setuid, 1));
    CHECK_ERR(EPERM, syscall(SYS_setgid, 1));
    CHECK_ERR(EPERM, syscall(SYS_setreuid, 0, 1));
    CHECK_ERR(EPERM, syscall(SYS_setregid, 1, NO_ID));
    CHECK_ERR(EPERM, syscall(SYS_setresuid, 0, NO_ID, 1));
    CHECK_ERR(EPERM, syscall(SYS_setresgid, 0, 1, 0));
    CHECK_EQ(syscall(SYS_setfsuid, 1), 0);
    CHECK_EQ(syscall(SYS_setfsuid, 1), 0); /* the first has changed nothing */
    CHECK_EQ(syscall(SYS_setfsgid, 1), 0);
    CHECK_EQ(syscall(SYS_setfsgid, 1), 0);
    CHECK_EQ(getuid() + geteuid() + getgid() + getegid(), 0);
}

int main(void)
{
    RUN(a_process_may_be_what_it_is);
    RUN(an_id_may_be_kept);
    RUN(all_ids_are_told);
    RUN(groups_are_counted);
    RUN_ON_PAGODA(the_only_groups_are_those_of_root);
    RUN_ON_PAGODA(there_is_no_other_user);
    return test_end();
}
