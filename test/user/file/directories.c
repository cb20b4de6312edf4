/* Directories and paths: making, listing, renaming, removing, and where relative names begin. */
#include "test.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/syscall.h>

static void touch(const char *name)
{
    CHECK_OK(close(create_file(name, name, strlen(name))));
}

/* Returns true if this name leads to a file that touch made. */
static bool is_found_as(const char *name, const char *original_name)
{
    char text[64] = {0};
    int fd = open(name, O_RDONLY);

    if (fd < 0)
        return false;
    CHECK_OK(read(fd, text, sizeof(text) - 1));
    CHECK_OK(close(fd));
    return strcmp(text, original_name) == 0;
}

static ino_t inode_of(const char *name)
{
    struct stat about;

    CHECK_OK(stat(name, &about));
    return about.st_ino;
}

/* Making and removing. */

static void directories_are_made_and_removed(void)
{
    struct stat about;

    CHECK_OK(mkdir("d", 0755));
    CHECK_OK(stat("d", &about));
    CHECK(S_ISDIR(about.st_mode));
    CHECK_ERR(EEXIST, mkdir("d", 0755));
    CHECK_OK(mkdir("d/inner", 0755));
    CHECK_ERR(ENOTEMPTY, rmdir("d"));
    CHECK_OK(rmdir("d/inner"));
    CHECK_OK(rmdir("d/"));
    CHECK_ERR(ENOENT, stat("d", &about));
    CHECK_ERR(ENOENT, rmdir("d"));
}

static void each_kind_is_removed_in_its_own_way(void)
{
    touch("file");
    CHECK_OK(mkdir("d", 0755));
    CHECK_ERR(ENOTDIR, rmdir("file"));
    CHECK_ERR(EISDIR, unlink("d"));
    CHECK_ERR(ENOENT, unlink("missing"));
    CHECK_ERR(ENOTDIR, unlink("file/inner"));
    CHECK_ERR(ENOTDIR, mkdir("file/inner", 0755));
    CHECK_ERR(EEXIST, mkdir("file", 0755));
    CHECK_ERR(ENOENT, mkdir("missing/inner", 0755));
    CHECK_ERR(EINVAL, rmdir("d/."));
    CHECK_ERR(ENOTEMPTY, rmdir("d/.."));
    CHECK_OK(unlink("file"));
    CHECK_OK(rmdir("d"));
}

static void a_directory_is_not_read_as_a_file(void)
{
    char byte;
    int fd = CHECK_OK(open(".", O_RDONLY | O_DIRECTORY));

    CHECK_ERR(EISDIR, read(fd, &byte, 1));
    CHECK_ERR(EBADF, write(fd, "x", 1));
    CHECK_OK(close(fd));
}

/* Paths. */

static void paths_may_be_roundabout(void)
{
    CHECK_OK(mkdir("d", 0755));
    touch("d/file");
    CHECK(is_found_as("d//file", "d/file"));
    CHECK(is_found_as("./d/./file", "d/file"));
    CHECK(is_found_as("d/../d/file", "d/file"));
    CHECK(!is_found_as("d/file/.", "d/file"));
    CHECK_ERR(ENOTDIR, access("d/file/..", F_OK));
    CHECK_ERR(ENOENT, access("missing/..", F_OK));
    CHECK_EQ(inode_of("d"), inode_of("d/"));
    CHECK_EQ(inode_of("d/.."), inode_of("."));
    CHECK_EQ(inode_of("/.."), inode_of("/"));
    CHECK_OK(unlink("d/file"));
    CHECK_OK(rmdir("d"));
}

static void relative_names_begin_at_the_current_directory(void)
{
    char before[256], inside[256];

    CHECK(getcwd(before, sizeof(before)));
    CHECK_OK(mkdir("d", 0755));
    CHECK_OK(chdir("d"));
    CHECK(getcwd(inside, sizeof(inside)));
    CHECK_EQ(strlen(inside), strlen(before) + 2);
    CHECK(strncmp(inside, before, strlen(before)) == 0);
    CHECK(strcmp(inside + strlen(before), "/d") == 0);
    touch("file");
    CHECK_OK(chdir(".."));
    CHECK(is_found_as("d/file", "file"));
    CHECK_OK(unlink("d/file"));
    CHECK_OK(rmdir("d"));
}

static void chdir_and_getcwd_say_what_is_wrong(void)
{
    char path[256];

    touch("file");
    CHECK_ERR(ENOTDIR, chdir("file"));
    CHECK_ERR(ENOENT, chdir("missing"));
    CHECK_ERR(ENOENT, chdir(""));
    CHECK_OK(unlink("file"));
    long len = syscall(SYS_getcwd, path, sizeof(path));
    CHECK_EQ(len, strlen(path) + 1); /* with its final zero */
    CHECK_ERR(ERANGE, syscall(SYS_getcwd, path, strlen(path)));
}

static void in_a_directory_that_is_no_more(void *unused)
{
    char path[256];

    (void)unused;
    CHECK_OK(mkdir("doomed", 0755));
    CHECK_OK(chdir("doomed"));
    CHECK_OK(rmdir("../doomed"));
    CHECK_ERR(ENOENT, open("file", O_RDWR | O_CREAT, 0644));
    CHECK_ERR(ENOENT, mkdir("d", 0755));
    CHECK_ERR(ENOENT, syscall(SYS_getcwd, path, sizeof(path)));
    CHECK_OK(chdir("/"));
}

static void the_current_directory_may_be_removed(void)
{
    CHECK(exits_with(0, in_a_directory_that_is_no_more, NULL));
}

static void names_may_begin_at_a_descriptor(void)
{
    struct stat about;
    int directory, fd;

    CHECK_OK(mkdir("d", 0755));
    touch("d/file");
    directory = CHECK_OK(open("d", O_RDONLY | O_DIRECTORY));
    fd = CHECK_OK(openat(directory, "file", O_RDONLY));
    CHECK_OK(syscall(SYS_newfstatat, directory, "file", &about, 0));
    CHECK_EQ(about.st_ino, inode_of("d/file"));
    CHECK_ERR(ENOTDIR, openat(fd, "file", O_RDONLY));
    CHECK_ERR(EBADF, openat(99, "file", O_RDONLY));
    CHECK_OK(close(fd));
    fd = CHECK_OK(openat(99, "/dev/null", O_RDONLY)); /* an absolute path needs none */
    CHECK_OK(close(fd));
    CHECK_OK(close(directory));
    CHECK_OK(unlink("d/file"));
    CHECK_OK(rmdir("d"));
}

static void fchdir_goes_to_a_descriptor(void)
{
    int here = CHECK_OK(open(".", O_RDONLY | O_DIRECTORY)), file;

    CHECK_OK(mkdir("d", 0755));
    touch("d/file");
    CHECK_OK(chdir("d"));
    file = CHECK_OK(open("file", O_RDONLY));
    CHECK_OK(fchdir(here));
    CHECK(is_found_as("d/file", "d/file"));
    CHECK_ERR(ENOTDIR, fchdir(file));
    CHECK_ERR(EBADF, fchdir(99));
    CHECK_OK(close(file));
    CHECK_OK(close(here));
    CHECK_OK(unlink("d/file"));
    CHECK_OK(rmdir("d"));
}

/* Renaming. */

static void a_file_gets_another_name(void)
{
    touch("old");
    ino_t inode = inode_of("old");
    CHECK_OK(rename("old", "new"));
    CHECK_ERR(ENOENT, access("old", F_OK));
    CHECK_EQ(inode_of("new"), inode);
    CHECK(is_found_as("new", "old"));
    CHECK_OK(rename("new", "new")); /* to itself: nothing happens */
    CHECK_OK(mkdir("d", 0755));
    CHECK_OK(rename("new", "d/newer"));
    CHECK_EQ(inode_of("d/newer"), inode);
    CHECK_OK(unlink("d/newer"));
    CHECK_OK(rmdir("d"));
}

static void a_name_is_taken_from_another_file(void)
{
    char text[16] = {0};

    touch("one");
    touch("two");
    int two = CHECK_OK(open("two", O_RDONLY));
    CHECK_OK(rename("one", "two"));
    CHECK(is_found_as("two", "one"));
    CHECK_EQ(CHECK_OK(read(two, text, sizeof(text))), 3); /* the other is still open */
    CHECK(strcmp(text, "two") == 0);
    CHECK_OK(close(two));
    CHECK_OK(unlink("two"));
}

static void a_directory_is_moved_with_its_contents(void)
{
    CHECK_OK(mkdir("d", 0755));
    CHECK_OK(mkdir("d/inner", 0755));
    CHECK_OK(mkdir("other", 0755));
    touch("d/inner/file");
    CHECK_OK(rename("d/inner", "other/moved"));
    CHECK(is_found_as("other/moved/file", "d/inner/file"));
    CHECK_EQ(inode_of("other/moved/.."), inode_of("other"));
    CHECK_OK(rename("other", "d")); /* in place of an empty directory */
    CHECK(is_found_as("d/moved/file", "d/inner/file"));
    CHECK_OK(unlink("d/moved/file"));
    CHECK_OK(rmdir("d/moved"));
    CHECK_OK(rmdir("d"));
}

static void rename_says_what_is_wrong(void)
{
    touch("file");
    CHECK_OK(mkdir("d", 0755));
    CHECK_OK(mkdir("d/inner", 0755));
    CHECK_OK(mkdir("empty", 0755));
    CHECK_ERR(ENOENT, rename("missing", "new"));
    CHECK_ERR(ENOENT, rename("file", "missing/new"));
    CHECK_ERR(EISDIR, rename("file", "empty"));
    CHECK_ERR(ENOTDIR, rename("empty", "file"));
    CHECK_ERR(ENOTEMPTY, rename("empty", "d"));
    CHECK_ERR(EINVAL, rename("d", "d/inner/new")); /* into itself */
    CHECK_ERR(EINVAL, rename("d", "d/new"));
    CHECK(is_found_as("file", "file"));
    CHECK_OK(rmdir("empty"));
    CHECK_OK(rmdir("d/inner"));
    CHECK_OK(rmdir("d"));
    CHECK_OK(unlink("file"));
}

/* Listing. */

#define MANY 200

/* What getdents64 stores (struct linux_dirent64). */
struct entry {
    uint64_t inode;
    int64_t next_offset;
    uint16_t len; /* bytes, of this entry with its name */
    uint8_t type;
    char name[];
};

struct listing {
    int dots;       /* "." and ".." */
    int seen[MANY]; /* how often the file of this number was listed */
    int calls;      /* of getdents64, until it returned 0 */
};

static void list_entry(struct listing *listing, const struct entry *entry)
{
    if (entry->name[0] == '.') {
        CHECK_EQ(entry->type, DT_DIR);
        listing->dots++;
        return;
    }
    CHECK_EQ(entry->type, DT_REG);
    CHECK_EQ(entry->inode, inode_of(entry->name));
    listing->seen[atoi(entry->name + 4)]++;
}

static struct listing list(int fd, size_t at_once)
{
    _Alignas(struct entry) char bytes[1024];
    struct listing listing = {0};
    long len;

    while ((len = CHECK_OK(syscall(SYS_getdents64, fd, bytes, at_once))) > 0) {
        listing.calls++;
        for (long at = 0; at < len; at += ((struct entry *)(bytes + at))->len)
            list_entry(&listing, (struct entry *)(bytes + at));
    }
    return listing;
}

static void check_listing(const struct listing *listing)
{
    CHECK_EQ(listing->dots, 2);
    for (int i = 0; i < MANY; i++)
        CHECK_EQ(listing->seen[i], 1);
}

static void for_many_files(void (*what)(const char *name))
{
    char name[16];

    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "file%d", i);
        what(name);
    }
}

static void remove_file(const char *name)
{
    CHECK_OK(unlink(name));
}

static void many_files_are_each_listed_once(void)
{
    int fd = CHECK_OK(open(".", O_RDONLY | O_DIRECTORY));
    struct listing listing;

    for_many_files(touch);
    listing = list(fd, 1024);
    check_listing(&listing);
    CHECK(listing.calls > 1);
    CHECK_EQ(list(fd, 1024).calls, 0); /* it goes on where it was: at the end */
    CHECK_OK(lseek(fd, 0, SEEK_SET));
    listing = list(fd, 64);
    check_listing(&listing);
    for_many_files(remove_file);
    CHECK_OK(close(fd));
}

static int remove_all(const struct entry *entry, long len)
{
    const char *end = (const char *)entry + len;
    int removed = 0;

    for (; (const char *)entry < end; entry = (const void *)((const char *)entry + entry->len)) {
        if (entry->name[0] != '.') {
            remove_file(entry->name);
            removed++;
        }
    }
    return removed;
}

static void files_are_removed_while_they_are_listed(void)
{
    _Alignas(struct entry) char bytes[256];
    int fd = CHECK_OK(open(".", O_RDONLY | O_DIRECTORY)), removed = 0;
    long len;

    for_many_files(touch);
    while ((len = CHECK_OK(syscall(SYS_getdents64, fd, bytes, sizeof(bytes)))) > 0)
        removed += remove_all((struct entry *)bytes, len);
    CHECK_EQ(removed, MANY);
    CHECK_OK(close(fd));
}

static void a_buffer_too_small_for_an_entry_is_refused(void)
{
    char bytes[100];
    int fd = CHECK_OK(open(".", O_RDONLY | O_DIRECTORY));

    CHECK_ERR(EINVAL, syscall(SYS_getdents64, fd, bytes, 10));
    CHECK_OK(close(fd));
}

static void only_directories_are_listed(void)
{
    char bytes[100];
    int fd = create_file("file", "", 0);

    CHECK_ERR(ENOTDIR, syscall(SYS_getdents64, fd, bytes, sizeof(bytes)));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
}

int main(void)
{
    temp_dir_enter();
    RUN(directories_are_made_and_removed);
    RUN(each_kind_is_removed_in_its_own_way);
    RUN(a_directory_is_not_read_as_a_file);
    RUN(paths_may_be_roundabout);
    RUN(relative_names_begin_at_the_current_directory);
    RUN(chdir_and_getcwd_say_what_is_wrong);
    RUN(the_current_directory_may_be_removed);
    RUN(names_may_begin_at_a_descriptor);
    RUN(fchdir_goes_to_a_descriptor);
    RUN(a_file_gets_another_name);
    RUN(a_name_is_taken_from_another_file);
    RUN(a_directory_is_moved_with_its_contents);
    RUN(rename_says_what_is_wrong);
    RUN(many_files_are_each_listed_once);
    RUN(files_are_removed_while_they_are_listed);
    RUN(a_buffer_too_small_for_an_entry_is_refused);
    RUN(only_directories_are_listed);
    temp_dir_leave();
    return test_end();
}
