/* The programs df and stat: what they print is what the system calls say. */
#include "test.h"

#include <stdio.h>
#include <sys/vfs.h>

#define EXT2_MAGIC 0xef53

/* Returns what a command of the shell prints. The next call overwrites it. */
static const char *output_of(const char *command)
{
    static char text[2048];
    FILE *pipe = popen(command, "r");

    CHECK(pipe);
    text[fread(text, 1, sizeof(text) - 1, pipe)] = '\0';
    CHECK(exited_with(pclose(pipe), 0));
    return text;
}

static void check_prints(const char *command, const char *expected)
{
    const char *text = output_of(command);

    if (!strstr(text, expected))
        test_fail(__FILE__, __LINE__, "%s: no \"%s\" in: %s", command, expected, text);
}

static void stat_prints_what_stat_says(void)
{
    char io_block[64];
    struct stat about;

    CHECK_OK(close(create_file("file", "text", 4)));
    CHECK_OK(stat("file", &about));
    snprintf(io_block, sizeof(io_block), " IO Block: %ld   regular file\n", about.st_blksize);
    CHECK_OK(chmod("file", 04751));
    CHECK_OK(symlink("file", "link"));
    check_prints("stat file", "  File: file\n  Size: 4 ");
    check_prints("stat file", io_block);
    check_prints("stat file", "Access: (4751/-rwsr-x--x)  Uid: 0   Gid: 0\n");
    CHECK_OK(chown("file", 7, 8));
    check_prints("stat file", "Access: (0751/-rwxr-x--x)  Uid: 7   Gid: 8\n");
    check_prints("stat link", "  File: link -> file\n");
    check_prints("stat -L link", "regular file\n");
    check_prints("stat /dev/null", "Device type: 1,3\n");
    check_prints("stat nothing 2>&1 || true", "stat: nothing: No such file or directory\n");
    CHECK_OK(unlink("link"));
    CHECK_OK(unlink("file"));
}

/* On a disk, the files of the test are below /tmp (runtests -d). */
static bool is_on_disk(const struct statfs *about)
{
    return about->f_type == EXT2_MAGIC;
}

static void df_prints_what_statfs_says(void)
{
    struct statfs about;
    unsigned long blocks, used, available;
    const char *text = output_of("df .");
    const char *line = strchr(text, '\n');

    CHECK_OK(statfs(".", &about));
    CHECK(line);
    CHECK_EQ(sscanf(line, "\n%*s %lu %lu %lu", &blocks, &used, &available), 3);
    CHECK_EQ(used * KIB, (about.f_blocks - about.f_bfree) * about.f_bsize);
    if (is_on_disk(&about)) {
        CHECK_EQ(blocks * KIB, about.f_blocks * about.f_bsize);
        CHECK_EQ(available * KIB, about.f_bavail * about.f_bsize);
    } else {
        CHECK_EQ(blocks, used + available);
    }
    check_prints("df .", is_on_disk(&about) ? "% /tmp\n" : "% /\n");
    check_prints("df -k .", is_on_disk(&about) ? "% /tmp\n" : "% /\n");
    check_prints("df -h /proc/self/maps",
                 "Filesystem       Size      Used Available Use% Mounted on\n"
                 "proc                0         0         0    - /proc\n");
    check_prints("df /proc/self/maps", " - /proc\n");
    check_prints("df nothing 2>&1 || true", "df: nothing: No such file or directory\n");
}

int main(void)
{
    pagoda_only();
    temp_dir_enter();
    RUN(stat_prints_what_stat_says);
    RUN(df_prints_what_statfs_says);
    temp_dir_leave();
    return test_end();
}
