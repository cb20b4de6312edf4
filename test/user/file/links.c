/* Hard links, which are several names of a file, and symbolic links, which are names that stand for
   other names. */
#include "test.h"

#include <limits.h>
#include <stdio.h>

static struct stat stat_of(const char *name)
{
    struct stat about;

    CHECK_OK(stat(name, &about));
    return about;
}

static struct stat lstat_of(const char *name)
{
    struct stat about;

    CHECK_OK(lstat(name, &about));
    return about;
}

static void make_file(const char *name)
{
    int fd = create_file(name, "text", 4);

    CHECK_OK(close(fd));
}

static void check_text(const char *name)
{
    char text[16];
    int fd = CHECK_OK(open(name, O_RDONLY));

    CHECK_EQ(CHECK_OK(read(fd, text, sizeof(text))), 4);
    CHECK(memcmp(text, "text", 4) == 0);
    CHECK_OK(close(fd));
}

/* Hard links. */

static void a_file_has_two_names(void)
{
    make_file("file");
    CHECK_OK(link("file", "other"));
    CHECK_EQ(stat_of("file").st_ino, stat_of("other").st_ino);
    CHECK_EQ(stat_of("other").st_nlink, 2);
    CHECK_OK(unlink("file"));
    CHECK_EQ(stat_of("other").st_nlink, 1);
    check_text("other");
    CHECK_OK(unlink("other"));
}

static void link_says_what_is_wrong(void)
{
    make_file("file");
    CHECK_OK(mkdir("d", 0755));
    CHECK_ERR(ENOENT, link("missing", "other"));
    CHECK_ERR(ENOENT, link("file", "missing/other"));
    CHECK_ERR(EEXIST, link("file", "d"));
    CHECK_ERR(EEXIST, link("file", "file"));
    CHECK_ERR(EPERM, link("d", "other")); /* directories form a tree */
    CHECK_ERR(ENOTDIR, link("file", "file/other"));
    CHECK_EQ(stat_of("file").st_nlink, 1);
    CHECK_OK(rmdir("d"));
    CHECK_OK(unlink("file"));
}

static void renaming_one_name_onto_the_other_does_nothing(void)
{
    make_file("file");
    CHECK_OK(link("file", "other"));
    CHECK_OK(rename("file", "other")); /* the same file: nothing happens */
    CHECK_EQ(stat_of("file").st_nlink, 2);
    CHECK_OK(unlink("file"));
    CHECK_OK(unlink("other"));
}

static void directories_count_their_names(void)
{
    CHECK_OK(mkdir("d", 0755));
    nlink_t empty = stat_of("d").st_nlink;
    CHECK_OK(mkdir("d/inner", 0755)); /* whose ".." is one more */
    CHECK(stat_of("d").st_nlink >= empty);
    CHECK_OK(rmdir("d/inner"));
    CHECK_EQ(stat_of("d").st_nlink, empty);
    CHECK_OK(rmdir("d"));
}

/* Symbolic links. */

static void a_link_leads_to_its_target(void)
{
    char target[16];

    make_file("file");
    CHECK_OK(symlink("file", "link"));
    check_text("link");
    CHECK(S_ISREG(stat_of("link").st_mode));
    CHECK(S_ISLNK(lstat_of("link").st_mode));
    CHECK_EQ(lstat_of("link").st_size, 4);
    CHECK_EQ(CHECK_OK(readlink("link", target, sizeof(target))), 4);
    CHECK(memcmp(target, "file", 4) == 0);
    CHECK_EQ(CHECK_OK(readlink("link", target, 2)), 2); /* cut short, and no zero at the end */
    CHECK_ERR(ELOOP, open("link", O_RDONLY | O_NOFOLLOW));
    CHECK_OK(unlink("link")); /* the link, not the file */
    check_text("file");
    CHECK_OK(unlink("file"));
}

static void links_within_paths_are_followed(void)
{
    CHECK_OK(mkdir("d", 0755));
    CHECK_OK(mkdir("d/inner", 0755));
    make_file("d/file");
    CHECK_OK(symlink("d/inner", "link"));
    check_text("link/../file");                /* ".." of where the link leads */
    CHECK(S_ISDIR(lstat_of("link/").st_mode)); /* a slash at the end follows */
    CHECK(S_ISLNK(lstat_of("link").st_mode));
    CHECK_ERR(ENOTDIR, rmdir("link"));
    CHECK_OK(unlink("link"));
    CHECK_OK(unlink("d/file"));
    CHECK_OK(rmdir("d/inner"));
    CHECK_OK(rmdir("d"));
}

static void targets_are_relative_to_the_link(void)
{
    CHECK_OK(mkdir("d", 0755));
    make_file("d/file");
    CHECK_OK(symlink("file", "d/link"));
    CHECK_OK(symlink("/dev/null", "absolute"));
    check_text("d/link");
    CHECK(S_ISCHR(stat_of("absolute").st_mode));
    CHECK_OK(unlink("absolute"));
    CHECK_OK(unlink("d/link"));
    CHECK_OK(unlink("d/file"));
    CHECK_OK(rmdir("d"));
}

static void a_link_may_lead_nowhere(void)
{
    CHECK_OK(symlink("file", "link"));
    CHECK_ERR(ENOENT, open("link", O_RDONLY));
    CHECK_ERR(EEXIST, open("link", O_RDWR | O_CREAT | O_EXCL, 0644));
    CHECK_ERR(EEXIST, symlink("other", "link"));
    CHECK_ERR(EEXIST, mkdir("link", 0755));
    CHECK_ERR(ENOENT, symlink("", "empty"));
    int fd = CHECK_OK(open("link", O_RDWR | O_CREAT, 0644)); /* creates what it leads to */
    CHECK_OK(close(fd));
    CHECK_EQ(stat_of("file").st_ino, stat_of("link").st_ino);
    CHECK_OK(unlink("file"));
    CHECK_OK(unlink("link"));
}

static void links_may_lead_in_circles(void)
{
    CHECK_OK(symlink("two", "one"));
    CHECK_OK(symlink("one", "two"));
    CHECK_OK(symlink("self/x", "self"));
    CHECK_ERR(ELOOP, open("one", O_RDONLY));
    CHECK_ERR(ELOOP, open("one/file", O_RDONLY));
    CHECK_ERR(ELOOP, chdir("self"));
    CHECK_OK(unlink("one"));
    CHECK_OK(unlink("two"));
    CHECK_OK(unlink("self"));
}

static void links_are_renamed_themselves(void)
{
    make_file("file");
    CHECK_OK(symlink("file", "link"));
    CHECK_OK(rename("link", "renamed"));
    CHECK(S_ISLNK(lstat_of("renamed").st_mode));
    CHECK_OK(rename("file", "renamed")); /* replaces the link, not what it leads to */
    CHECK(S_ISREG(lstat_of("renamed").st_mode));
    check_text("renamed");
    CHECK_OK(unlink("renamed"));
}

static void a_target_may_be_long(void)
{
    char target[PATH_MAX + 1], found[PATH_MAX];

    memset(target, 'x', sizeof(target));
    target[PATH_MAX] = '\0';
    CHECK_ERR(ENAMETOOLONG, symlink(target, "link"));
    target[1000] = '\0';
    CHECK_OK(symlink(target, "link"));
    CHECK_EQ(CHECK_OK(readlink("link", found, sizeof(found))), 1000);
    CHECK(memcmp(found, target, 1000) == 0);
    CHECK_OK(unlink("link"));
}

int main(void)
{
    temp_dir_enter();
    RUN(a_file_has_two_names);
    RUN(link_says_what_is_wrong);
    RUN(renaming_one_name_onto_the_other_does_nothing);
    RUN(directories_count_their_names);
    RUN(a_link_leads_to_its_target);
    RUN(links_within_paths_are_followed);
    RUN(targets_are_relative_to_the_link);
    RUN(a_link_may_lead_nowhere);
    RUN(links_may_lead_in_circles);
    RUN(links_are_renamed_themselves);
    RUN(a_target_may_be_long);
    temp_dir_leave();
    return test_end();
}
