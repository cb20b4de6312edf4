/* A disk that answers what was not asked (tools/user_disk.py). It is given up: all requests fail,
   those that it has not answered too, and the machine goes on. Pagoda only. */
#include "disk.h"

#define WAITERS 3

static int disk_fd;

static void a_true_answer_is_taken(void)
{
    char byte = 1;

    CHECK_EQ(pread(disk_fd, &byte, 1, 0), 1);
    CHECK_EQ(byte, 0);
}

static void wait_for_error(void *arg)
{
    char byte;

    CHECK_ERR(EIO, pread(disk_fd, &byte, 1, DISK_HELD_SECTOR * SECTOR + (uintptr_t)arg * PAGE));
}

static void a_lie_ends_all_requests(void)
{
    pid_t waiters[WAITERS];
    char byte;

    for (uintptr_t n = 0; n < WAITERS; n++) {
        waiters[n] = start_child(wait_for_error, (void *)n);
        await_state(waiters[n], 'D');
    }
    CHECK_ERR(EIO, pread(disk_fd, &byte, 1, DISK_TRIGGER_SECTOR * SECTOR));
    for (unsigned n = 0; n < WAITERS; n++)
        CHECK(exited_with(wait_child(waiters[n]), 0));
}

static void later_requests_fail_at_once(void)
{
    char byte;

    CHECK_ERR(EIO, pread(disk_fd, &byte, 1, 2 * PAGE));
    CHECK_ERR(EIO, pread(disk_fd, &byte, 1, DISK_TRIGGER_SECTOR * SECTOR));
    CHECK_EQ(pread(disk_fd, &byte, 1, 0), 1); /* it is in the cache */
}

static void its_cache_can_still_be_dropped(void)
{
    disk_drop_cache(disk_fd);
    CHECK_OK(close(disk_fd));
}

int main(void)
{
    pagoda_only();
    const char *path = disk_find(DISK_LYING);
    if (!path)
        return TEST_SKIPPED;
    disk_fd = CHECK_OK(open(path, O_RDONLY));
    CHECK_EQ(posix_fadvise(disk_fd, 0, 0, POSIX_FADV_RANDOM), 0); /* no page is read ahead */
    RUN(a_true_answer_is_taken);
    RUN(a_lie_ends_all_requests);
    RUN(later_requests_fail_at_once);
    RUN(its_cache_can_still_be_dropped);
    return test_end();
}
