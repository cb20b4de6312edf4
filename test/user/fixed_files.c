/* See fixed_files.h. */
#include "fixed_files.h"

static void open_fixed(int fd, const char *name, int flags)
{
    int opened = CHECK_OK(open(name, flags, 0644));

    CHECK_OK(dup2(opened, fd));
    CHECK_OK(close(opened));
}

void fixed_file_fill(void)
{
    static char bytes[FILE_LEN];

    memset(bytes, 'f', sizeof(bytes));
    CHECK_EQ(CHECK_OK(pwrite(FILE_FD, bytes, sizeof(bytes), 0)), sizeof(bytes));
    CHECK_OK(ftruncate(FILE_FD, sizeof(bytes)));
    CHECK_OK(lseek(FILE_FD, 0, SEEK_SET));
}

char *cliff(void)
{
    char *pages = map_pages(2);

    unmap_pages(pages + PAGE, 1);
    return pages + PAGE;
}

void nothing_has_changed(void)
{
    char bytes[FILE_LEN + 1];
    sigset_t blocked;

    CHECK_EQ(CHECK_OK(lseek(FILE_FD, 0, SEEK_CUR)), 0);
    CHECK_EQ(CHECK_OK(read(FILE_FD, bytes, sizeof(bytes))), FILE_LEN);
    for (size_t i = 0; i < FILE_LEN; i++)
        CHECK_EQ(bytes[i], 'f');
    CHECK_OK(lseek(FILE_FD, 0, SEEK_SET));
    CHECK_OK(access("file", F_OK));
    CHECK_ERR(ENOENT, access("new", F_OK));
    CHECK_OK(sigprocmask(SIG_BLOCK, NULL, &blocked));
    CHECK(!sigismember(&blocked, SIGUSR1));
}

static int lowest_free_descriptor(void)
{
    int fd = CHECK_OK(open("/dev/null", O_RDONLY));

    CHECK_OK(close(fd));
    return fd;
}

static int free_before; /* the lowest descriptor that was free */

void fixed_files_enter(void)
{
    free_before = lowest_free_descriptor();
    temp_dir_enter();
    open_fixed(FILE_FD, "file", O_RDWR | O_CREAT);
    open_fixed(DIR_FD, ".", O_RDONLY | O_DIRECTORY);
    fixed_file_fill();
    CHECK_OK(symlink("file", "link"));
    CHECK_OK(mkdir("dir", 0755));
}

void fixed_files_leave(void)
{
    CHECK_EQ(lowest_free_descriptor(), free_before); /* no pipe was left open */
    CHECK_OK(rmdir("dir"));
    CHECK_OK(unlink("link"));
    CHECK_OK(unlink("file"));
    temp_dir_leave();
}
