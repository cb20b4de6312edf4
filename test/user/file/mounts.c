/* mount and umount2: what cannot be mounted or unmounted, and what /proc tells. The test of a file
   system on a disk is ext2_files.c. */
#include "test.h"

#include <stdio.h>
#include <sys/mount.h>

#include "procfile.h"

static void mount_says_what_is_wrong(void)
{
    temp_dir_enter();
    CHECK_OK(mkdir("dir", 0755));
    CHECK_ERR(ENODEV, mount("/dev/null", "dir", "fat", 0, NULL));
    CHECK_ERR(ENODEV, mount("/dev/null", "dir", "a-type-with-a-long-name", 0, NULL));
    CHECK_ERR(ENOTBLK, mount("/dev/null", "dir", "ext2", 0, NULL));
    CHECK_ERR(ENOTBLK, mount("dir", "dir", "ext2", 0, NULL));
    CHECK_ERR(ENOENT, mount("nothing", "dir", "ext2", 0, NULL));
    CHECK_ERR(ENOENT, mount("/dev/null", "nothing", "ext2", 0, NULL));
    CHECK_ERR(EFAULT, mount("/dev/null", (char *)8, "ext2", 0, NULL));
    CHECK_ERR(EINVAL, mount("/dev/null", "dir", "ext2", MS_BIND, NULL));
    CHECK_ERR(EINVAL, mount("/dev/null", "dir", "ext2", 0, "option"));
    CHECK_OK(rmdir("dir"));
    temp_dir_leave();
}

static void umount_says_what_is_wrong(void)
{
    temp_dir_enter();
    CHECK_ERR(EINVAL, umount2(".", 0));
    CHECK_ERR(EINVAL, umount2("/bin", 0));
    CHECK_ERR(ENOENT, umount2("nothing", 0));
    CHECK_ERR(EINVAL, umount2("/proc", 1 << 30));
    CHECK_ERR(EBUSY, umount2("/", 0));
    CHECK_ERR(EBUSY, umount2("/proc", 0));
    temp_dir_leave();
}

static void count_line(const char *line, void *count)
{
    if (*line)
        ++*(int *)count;
}

static void mountinfo_has_a_line_for_each_mount(void)
{
    int mounts = 0, infos = 0;

    proc_lines("/proc/mounts", count_line, &mounts);
    proc_lines("/proc/self/mountinfo", count_line, &infos);
    CHECK(mounts >= 2);
    CHECK_EQ(infos, mounts);
}

static void syncfs_needs_an_open_file(void)
{
    int fd = CHECK_OK(open("/proc", O_RDONLY));

    CHECK_OK(syncfs(fd));
    CHECK_OK(close(fd));
    CHECK_ERR(EBADF, syncfs(fd));
}

int main(void)
{
    pagoda_only();
    RUN(mount_says_what_is_wrong);
    RUN(umount_says_what_is_wrong);
    RUN(mountinfo_has_a_line_for_each_mount);
    RUN(syncfs_needs_an_open_file);
    return test_end();
}
