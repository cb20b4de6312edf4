/* A file that two processes have mapped shared, and change at once:  mapped_changes [FILE]

   Each process adds to the bytes that are its own: chunks that share lines and pages with those of
   the other. Every byte is changed once. With a FILE, it is changed, and nothing is checked:
   tools/halt_test.py looks at it on the disk. */
#include "test.h"

#include <stdio.h>

#define CHANGERS 2
#define CHUNK    100 /* bytes; tools/halt_test.py has this number, too */

static char *bytes;
static size_t len;
static struct gate start;

static int owner_of(size_t at)
{
    return at / CHUNK % CHANGERS;
}

static void change(void *arg)
{
    int number = (uintptr_t)arg;

    gate_pass(&start);
    for (size_t at = 0; at < len; at++)
        if (owner_of(at) == number)
            bytes[at] += number + 1;
}

static void change_at_once(int fd)
{
    struct stat stat;
    pid_t children[CHANGERS];

    CHECK_OK(fstat(fd, &stat));
    len = stat.st_size;
    bytes = CHECK_OK(mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    start = gate_make();
    for (uintptr_t n = 0; n < CHANGERS; n++)
        children[n] = start_child(change, (void *)n);
    for (int n = 0; n < CHANGERS; n++)
        gate_open(&start);
    for (int n = 0; n < CHANGERS; n++)
        CHECK(exited_with(wait_child(children[n]), 0));
    gate_destroy(&start);
    CHECK_OK(munmap(bytes, len));
}

static void each_byte_is_changed_once(void)
{
    enum { SIZE = 50 * PAGE + 123 };
    static unsigned char before[SIZE], after[SIZE];

    for (int n = 0; n < SIZE; n++)
        before[n] = n * 7;
    int fd = create_file("changed", before, SIZE);
    change_at_once(fd);
    CHECK_EQ(pread(fd, after, SIZE, 0), SIZE);
    for (int n = 0; n < SIZE; n++)
        CHECK_EQ(after[n], (unsigned char)(before[n] + owner_of(n) + 1));
    CHECK_OK(close(fd));
    CHECK_OK(unlink("changed"));
}

int main(int argc, char **argv)
{
    if (argc == 2) {
        int fd = CHECK_OK(open(argv[1], O_RDWR));

        change_at_once(fd);
        CHECK_OK(close(fd));
        return TEST_PASSED;
    }
    temp_dir_enter();
    RUN(each_byte_is_changed_once);
    temp_dir_leave();
    return test_end();
}
