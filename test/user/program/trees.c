/* The programs that go through directories: names by the thousand, and trees deeper than any path
   is long. */
#include "test.h"

#include <stdio.h>

#include "command.h"

/* At 16384 names the array of names grows by a call that sets errno, and succeeds. */
enum { NAMES = 17000, DEPTH = 20000 };

static void numbered_file(char *name, size_t size, int number)
{
    snprintf(name, size, "many/%05d", number);
}

static void ls_lists_many_names(void)
{
    char name[16];

    temp_dir_enter();
    CHECK_OK(mkdir("many", 0755));
    for (int i = 0; i < NAMES; i++) {
        numbered_file(name, sizeof(name), i);
        CHECK_OK(close(CHECK_OK(open(name, O_CREAT | O_WRONLY, 0644))));
    }
    prints(0, "ls many | grep -c '[0-9]'", "17000\n");
    runs("rm -r many");
    temp_dir_leave();
}

/* Leads from the current directory down to a file, through a name at each level. */
static void deep_tree_make(void)
{
    char top[64];

    CHECK(getcwd(top, sizeof(top)));
    for (int i = 0; i < DEPTH; i++) {
        CHECK_OK(mkdir("down", 0755));
        CHECK_OK(chdir("down"));
    }
    CHECK_OK(close(create_file("file", "x", 1)));
    CHECK_OK(chdir(top));
}

static void rm_removes_deep_trees(void)
{
    temp_dir_enter();
    deep_tree_make();
    CHECK_OK(mkdir("down/beside", 0755));
    CHECK_OK(symlink("/bin", "down/beside/link"));
    runs("rm -r down");
    CHECK_ERR(ENOENT, access("down", F_OK));
    CHECK_OK(access("/bin/sh", X_OK));
    temp_dir_leave();
}

/* A part that cannot be removed stays, with the directories above it; the rest goes. */
static void rm_leaves_what_it_cannot_remove(void)
{
    fails("rm -r /proc/self/fd");
    fails("rm -r /proc/1");
}

int main(void)
{
    pagoda_only(); /* Debian has an ls and an rm of its own, and needs long for so many files */
    RUN(ls_lists_many_names);
    RUN(rm_removes_deep_trees);
    RUN(rm_leaves_what_it_cannot_remove);
    return test_end();
}
