/* System V shared memory: segments, who finds and attaches them, and when they go. */
#include "test.h"

#include <stdio.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <time.h>

#define PAGES 4
#define KEY   0x50a90da1 /* of no other program */

static int make_segment(void)
{
    return CHECK_OK(shmget(IPC_PRIVATE, PAGES * PAGE, IPC_CREAT | 0600));
}

static void remove_segment(int id)
{
    CHECK_OK(shmctl(id, IPC_RMID, NULL));
}

static char *attach(int id, int flags)
{
    return CHECK_OK((char *)shmat(id, NULL, flags));
}

static void detach(const void *at)
{
    CHECK_OK(shmdt(at));
}

static struct shmid_ds status_of(int id)
{
    struct shmid_ds status;

    CHECK_OK(shmctl(id, IPC_STAT, &status));
    return status;
}

static long attached(int id)
{
    return status_of(id).shm_nattch;
}

static bool is_gone(int id)
{
    struct shmid_ds status;

    return shmctl(id, IPC_STAT, &status) < 0 && errno == EINVAL;
}

/* ---- Finding ---- */

static void a_key_finds_its_segment(void)
{
    int id = CHECK_OK(shmget(KEY, PAGE + 1, IPC_CREAT | IPC_EXCL | 0640));

    CHECK_EQ(CHECK_OK(shmget(KEY, 0, 0)), id);
    CHECK_EQ(CHECK_OK(shmget(KEY, PAGE + 1, IPC_CREAT)), id);
    CHECK_ERR(EEXIST, shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL));
    CHECK_ERR(EINVAL, shmget(KEY, PAGE + 2, 0));
    remove_segment(id);
    CHECK_ERR(ENOENT, shmget(KEY, 0, 0));
}

static void private_segments_have_no_key(void)
{
    int one = make_segment(), two = make_segment();

    CHECK(one != two);
    CHECK_ERR(ENOENT, shmget(KEY, 0, 0));
    remove_segment(one);
    remove_segment(two);
}

static void sizes_are_checked(void)
{
    CHECK_ERR(EINVAL, shmget(IPC_PRIVATE, 0, IPC_CREAT));
    CHECK_ERR(EINVAL, shmget(KEY, 0, IPC_CREAT));
    CHECK_ERR(EINVAL, shmget(IPC_PRIVATE, -1ul, IPC_CREAT));
    CHECK_ERR(EINVAL, shmget(IPC_PRIVATE, 1ul << 63, IPC_CREAT | SHM_NORESERVE));
    /* larger than any address space */
    int id = CHECK_OK(shmget(IPC_PRIVATE, 1ul << 62, IPC_CREAT | SHM_NORESERVE));
    CHECK_ERR(ENOMEM, shmat(id, NULL, 0));
    CHECK_EQ(attached(id), 0);
    remove_segment(id);
}

static void an_old_id_names_no_new_segment(void)
{
    int old = make_segment();

    remove_segment(old);
    CHECK_ERR(EINVAL, shmat(old, NULL, 0));
    for (int n = 0; n < 200; n++) {
        int id = make_segment();
        CHECK(id != old);
        remove_segment(id);
    }
    CHECK(is_gone(old));
}

/* At most 4096 segments, of which other programs on Linux may have some. */
static void there_is_a_limit_of_segments(void)
{
    static int ids[4097];
    int count = 0;

    while (count < 4097 && (ids[count] = shmget(IPC_PRIVATE, 1, IPC_CREAT)) >= 0)
        count++;
    int error = errno;
    for (int n = 0; n < count; n++)
        remove_segment(ids[n]);
    CHECK(count > 4000 && count <= 4096);
    CHECK_EQ(error, ENOSPC);
}

static void make_one_with_key(void *unused)
{
    (void)unused;
    for (int n = 0; n < 100; n++)
        CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | 0600));
}

static void many_find_one_segment_by_its_key(void)
{
    pid_t children[4];

    for (size_t n = 0; n < ARRAY_SIZE(children); n++)
        children[n] = start_child(make_one_with_key, NULL);
    for (size_t n = 0; n < ARRAY_SIZE(children); n++)
        CHECK(exited_with(wait_child(children[n]), 0));
    remove_segment(CHECK_OK(shmget(KEY, PAGE, 0)));
    CHECK_ERR(ENOENT, shmget(KEY, PAGE, 0));
}

/* ---- Attaching ---- */

static void a_segment_is_shared_and_stays(void)
{
    int id = make_segment();
    char *one = attach(id, 0), *two = attach(id, 0);

    CHECK(is_zero(one, PAGES * PAGE));
    poke(one + PAGE, 'x');
    CHECK_EQ(peek(two + PAGE), 'x');
    CHECK(exits_with(0, write_byte, two + 2 * PAGE));
    CHECK(peek(one + 2 * PAGE) != 0);
    detach(one);
    detach(two);
    CHECK_EQ(attached(id), 0);
    one = attach(id, 0);
    CHECK_EQ(peek(one + PAGE), 'x');
    detach(one);
    remove_segment(id);
}

static void the_place_is_chosen(void)
{
    int id = make_segment();
    char *hole = map_hole(3 * PAGES);

    CHECK_ERR(EINVAL, shmat(id, hole + 1, 0));
    CHECK(CHECK_OK((char *)shmat(id, hole, 0)) == hole);
    CHECK_ERR(EINVAL, shmat(id, hole, 0));
    CHECK_ERR(EINVAL, shmat(id, hole + (PAGES - 1) * PAGE, 0));
    char *next = hole + PAGES * PAGE;
    CHECK(CHECK_OK((char *)shmat(id, next + 1, SHM_RND)) == next);
    CHECK_EQ(attached(id), 2);
    detach(hole);
    CHECK_ERR(EINVAL, shmdt(hole));
    detach(next);
    CHECK_ERR(EINVAL, shmat(id, (void *)(0ul - PAGE), 0));
    CHECK_ERR(ENOMEM, shmat(id, (void *)(1ul << 63), 0));
    remove_segment(id);
}

static void an_attach_replaces_if_it_is_told_to(void)
{
    int id = make_segment();
    char *pages = map_pages(PAGES + 1);

    memset(pages, 'p', (PAGES + 1) * PAGE);
    CHECK_ERR(EINVAL, shmat(id, NULL, SHM_REMAP));
    CHECK_ERR(EINVAL, shmat(id, (void *)1, SHM_REMAP | SHM_RND));
    CHECK(CHECK_OK((char *)shmat(id, pages, SHM_REMAP)) == pages);
    CHECK_EQ(peek(pages), 0);
    CHECK_EQ(peek(pages + PAGES * PAGE), 'p');
    detach(pages);
    unmap_pages(pages + PAGES * PAGE, 1);
    remove_segment(id);
}

static void an_attach_for_reading_stays_one(void)
{
    int id = make_segment();
    char *reads = attach(id, SHM_RDONLY), *writes = attach(id, 0);

    poke(writes, 'x');
    CHECK_EQ(peek(reads), 'x');
    CHECK(dies_by(SIGSEGV, write_byte, reads));
    CHECK_ERR(EACCES, mprotect(reads, PAGE, PROT_READ | PROT_WRITE));
    detach(reads);
    detach(writes);
    remove_segment(id);
}

static void code_runs_where_it_is_asked_for(void)
{
    int id = make_segment();
    char *code = attach(id, SHM_EXEC), *data = attach(id, 0);

    poke(code, (char)0xc3); /* ret */
    CHECK(exits_with(0, call_code, code));
    CHECK(dies_by(SIGSEGV, call_code, data));
    detach(code);
    detach(data);
    remove_segment(id);
}

static void only_the_start_of_an_attach_is_detached(void)
{
    int id = make_segment();
    char *at = attach(id, 0), *pages = map_pages(1);

    CHECK_ERR(EINVAL, shmdt(at + PAGE));
    CHECK_ERR(EINVAL, shmdt(at + 1));
    CHECK_ERR(EINVAL, shmdt(pages));
    CHECK_ERR(EINVAL, shmdt((void *)(1ul << 63)));
    detach(at);
    CHECK_ERR(EINVAL, shmdt(at));
    unmap_pages(pages, 1);
    remove_segment(id);
}

/* ---- Counting ---- */

static void a_region_that_is_split_counts_twice(void)
{
    int id = make_segment();
    char *at = attach(id, 0);

    CHECK_OK(mprotect(at + PAGE, PAGE, PROT_READ));
    CHECK_EQ(attached(id), 3);
    CHECK_OK(mprotect(at + PAGE, PAGE, PROT_READ | PROT_WRITE));
    CHECK_EQ(attached(id), 3);
    CHECK_EQ(regions_within(at, PAGES * PAGE), 3);
    detach(at);
    CHECK_EQ(attached(id), 0);
    CHECK_EQ(regions_within(at, PAGES * PAGE), 0);
    remove_segment(id);
}

static void what_is_left_of_an_attach_is_detached(void)
{
    int id = make_segment();
    char *at = attach(id, 0);

    unmap_pages(at, 1);
    CHECK_EQ(attached(id), 1);
    unmap_pages(at + 2 * PAGE, 1);
    CHECK_EQ(attached(id), 2);
    char *page = CHECK_OK((char *)mmap(at + 2 * PAGE, PAGE, PROT_READ,
                                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    detach(at);
    CHECK_EQ(attached(id), 0);
    CHECK_EQ(regions_within(at, PAGES * PAGE), 1);
    unmap_pages(page, 1);
    remove_segment(id);
}

static void a_neighbour_is_not_detached(void)
{
    int id = make_segment();
    char *hole = map_hole(2 * PAGES);
    char *one = CHECK_OK((char *)shmat(id, hole, 0));
    char *two = CHECK_OK((char *)shmat(id, hole + PAGES * PAGE, 0));

    detach(one);
    CHECK_EQ(attached(id), 1);
    poke(two, 1);
    detach(two);
    remove_segment(id);
}

static void a_moved_attach_is_detached_where_it_is(void)
{
    int id = make_segment();
    char *at = attach(id, 0), *hole = map_hole(PAGES);

    poke(at, 'x');
    char *moved = CHECK_OK(
        (char *)mremap(at, PAGES * PAGE, PAGES * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, hole));
    CHECK_EQ(attached(id), 1);
    CHECK_EQ(peek(moved), 'x');
    char *twin = CHECK_OK((char *)mremap(moved, 0, 2 * PAGE, MREMAP_MAYMOVE));
    CHECK_EQ(attached(id), 2);
    CHECK_EQ(peek(twin), 'x');
    detach(twin);
    detach(moved);
    remove_segment(id);
}

static void see_two(void *id)
{
    CHECK_EQ(attached(*(int *)id), 2);
}

static void detach_again(void *at)
{
    detach(at);
    CHECK_ERR(EINVAL, shmdt(at));
}

/* Starts this program again, which stops at once. */
static void exec_and_stop(void *unused)
{
    (void)unused;
    CHECK_OK(execl(self_path(), self_path(), "stop", (char *)NULL));
}

static void a_child_inherits_and_exits(void)
{
    int id = make_segment();
    char *at = attach(id, 0);

    CHECK(exits_with(0, see_two, &id));
    CHECK_EQ(attached(id), 1);
    CHECK(exits_with(0, detach_again, at));
    CHECK_EQ(attached(id), 1);
    detach(at);
    remove_segment(id);
}

static void exec_detaches(void)
{
    int id = make_segment(), status;
    char *at = attach(id, 0);
    pid_t child = start_child(exec_and_stop, NULL);

    CHECK_EQ(CHECK_OK(waitpid(child, &status, WUNTRACED)), child);
    CHECK(WIFSTOPPED(status));
    CHECK_EQ(attached(id), 1);
    CHECK_OK(kill(child, SIGCONT));
    CHECK(exited_with(wait_child(child), 0));
    detach(at);
    remove_segment(id);
}

static void a_child_that_is_killed_detaches(void)
{
    int id = make_segment();
    char *at = attach(id, 0);
    pid_t child = start_child(wait_for_ever, NULL);

    CHECK_EQ(attached(id), 2);
    CHECK_OK(kill(child, SIGKILL));
    CHECK(killed_by(wait_child(child), SIGKILL));
    CHECK_EQ(attached(id), 1);
    detach(at);
    remove_segment(id);
}

/* A waiter has a reference on what holds the word; that is no attach. */
static void wait_at_word(void *word)
{
    syscall(SYS_futex, word, 0 /* FUTEX_WAIT */, 0, NULL, NULL, 0);
    CHECK_EQ(*(volatile int *)word, 1);
}

static void a_waiter_at_a_futex_does_not_count(void)
{
    int id = make_segment();
    char *at = attach(id, 0);
    pid_t child = start_child(wait_at_word, at);

    await_state(child, 'S');
    CHECK_EQ(attached(id), 2);
    *(volatile int *)at = 1;
    CHECK_EQ(CHECK_OK(syscall(SYS_futex, at, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0)), 1);
    CHECK(exited_with(wait_child(child), 0));
    detach(at);
    remove_segment(id);
}

/* ---- Removing ---- */

static void a_removed_segment_stays_while_it_is_attached(void)
{
    int id = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL | 0600));
    char *at = attach(id, 0);

    poke(at, 'x');
    remove_segment(id);
    CHECK_EQ(status_of(id).shm_perm.mode, 01000 | 0600);
    CHECK_EQ(status_of(id).shm_perm.__key, IPC_PRIVATE);
    CHECK_ERR(ENOENT, shmget(KEY, 0, 0));
    int other = CHECK_OK(shmget(KEY, PAGE, IPC_CREAT | IPC_EXCL | 0600));
    CHECK(other != id);
    char *again = attach(id, 0);
    CHECK_EQ(peek(again), 'x');
    remove_segment(id);
    detach(at);
    CHECK_EQ(attached(id), 1);
    detach(again);
    CHECK(is_gone(id));
    CHECK_ERR(EINVAL, shmctl(id, IPC_RMID, NULL));
    remove_segment(other);
}

static void exit_drops_the_last_attach(void)
{
    int id = make_segment();
    char *at = attach(id, 0);
    pid_t child = start_child(wait_for_ever, NULL);

    remove_segment(id);
    detach(at);
    CHECK(!is_gone(id));
    CHECK_OK(kill(child, SIGKILL));
    CHECK(killed_by(wait_child(child), SIGKILL));
    CHECK(is_gone(id));
}

static void attach_and_detach(void *id)
{
    for (int n = 0; n < 100; n++) {
        char *at = shmat(*(int *)id, NULL, 0);

        if (at == (char *)-1) {
            CHECK_EQ(errno, EINVAL);
            return;
        }
        poke(at, 1);
        detach(at);
    }
}

static void a_segment_is_removed_while_others_attach(void)
{
    for (int n = 0; n < 10; n++) {
        int id = make_segment();
        pid_t children[3];

        for (size_t c = 0; c < ARRAY_SIZE(children); c++)
            children[c] = start_child(attach_and_detach, &id);
        remove_segment(id);
        for (size_t c = 0; c < ARRAY_SIZE(children); c++)
            CHECK(exited_with(wait_child(children[c]), 0));
        CHECK(is_gone(id));
    }
}

/* ---- Looking and changing ---- */

static void the_status_tells_who_and_when(void)
{
    time_t before = time(NULL);
    int id = CHECK_OK(shmget(KEY, PAGE + 1, IPC_CREAT | IPC_EXCL | 0640));
    struct shmid_ds status = status_of(id);

    CHECK_EQ(status.shm_perm.__key, KEY);
    CHECK_EQ(status.shm_perm.mode, 0640);
    CHECK_EQ(status.shm_perm.__seq, id >> 15);
    CHECK_EQ(status.shm_segsz, PAGE + 1);
    CHECK_EQ(status.shm_cpid, getpid());
    CHECK_EQ(status.shm_lpid, 0);
    CHECK_EQ(status.shm_atime, 0);
    CHECK_EQ(status.shm_dtime, 0);
    CHECK(status.shm_ctime >= before);
    char *at = attach(id, 0);
    status = status_of(id);
    CHECK_EQ(status.shm_lpid, getpid());
    CHECK(status.shm_atime >= before && status.shm_dtime == 0);
    pid_t child = start_child(detach_again, at);
    CHECK(exited_with(wait_child(child), 0));
    status = status_of(id);
    CHECK_EQ(status.shm_lpid, child);
    CHECK(status.shm_dtime >= before);
    detach(at);
    remove_segment(id);
}

static void owner_and_permissions_are_set(void)
{
    int id = make_segment();
    struct shmid_ds status = status_of(id);

    status.shm_perm.mode = 0777644;
    status.shm_perm.uid = 7;
    status.shm_perm.gid = 8;
    status.shm_segsz = 1; /* not taken over */
    CHECK_OK(shmctl(id, IPC_SET, &status));
    status = status_of(id);
    CHECK_EQ(status.shm_perm.mode, 0644);
    CHECK_EQ(status.shm_perm.uid, 7);
    CHECK_EQ(status.shm_perm.gid, 8);
    CHECK_EQ(status.shm_perm.cuid, 0);
    CHECK_EQ(status.shm_segsz, PAGES * PAGE);
    status.shm_perm.uid = -1;
    CHECK_ERR(EINVAL, shmctl(id, IPC_SET, &status));
    remove_segment(id);
}

static void a_lock_is_told(void)
{
    int id = make_segment();

    CHECK_OK(shmctl(id, SHM_LOCK, NULL));
    CHECK_EQ(status_of(id).shm_perm.mode, 02000 | 0600);
    CHECK_OK(shmctl(id, SHM_UNLOCK, NULL));
    CHECK_EQ(status_of(id).shm_perm.mode, 0600);
    remove_segment(id);
}

static void limits_and_sums_are_told(void)
{
    struct shminfo limits;
    struct shm_info before, after;
    struct shmid_ds status;
    int id = make_segment();
    char *at = attach(id, 0);

    CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&before));
    poke(at + PAGE, 1);
    int last = CHECK_OK(shmctl(0, SHM_INFO, (struct shmid_ds *)&after));
    CHECK(after.used_ids >= 1 && after.shm_tot >= PAGES);
    CHECK_EQ(after.shm_rss - before.shm_rss, 1);
    CHECK(last >= (id & 0x7fff));
    CHECK_EQ(CHECK_OK(shmctl(0, IPC_INFO, (struct shmid_ds *)&limits)), last);
    CHECK_EQ(limits.shmmin, 1);
    CHECK_EQ(limits.shmmni, 4096);
    CHECK_EQ(limits.shmmax, -1ul - (1ul << 24));
    CHECK_EQ(CHECK_OK(shmctl(id & 0x7fff, SHM_STAT, &status)), id);
    CHECK_EQ(status.shm_nattch, 1);
    detach(at);
    remove_segment(id);
    CHECK_ERR(EINVAL, shmctl(id & 0x7fff, SHM_STAT, &status));
}

static void bad_arguments_are_refused(void)
{
    struct shmid_ds status;
    int id = make_segment();
    void *hole = map_hole(1);

    CHECK_ERR(EINVAL, shmctl(-1, IPC_STAT, &status));
    CHECK_ERR(EINVAL, shmctl(INT32_MAX, IPC_STAT, &status));
    CHECK_ERR(EINVAL, shmctl(id, 99, &status));
    CHECK_ERR(EINVAL, shmctl(id, -1, &status));
    CHECK_ERR(EINVAL, shmat(-1, NULL, 0));
    CHECK_ERR(EFAULT, syscall(SYS_shmctl, id, IPC_STAT, hole));
    CHECK_ERR(EFAULT, syscall(SYS_shmctl, id, IPC_SET, hole));
    CHECK_ERR(EFAULT, syscall(SYS_shmctl, id, IPC_INFO, hole));
    CHECK_ERR(EFAULT, syscall(SYS_shmctl, id, SHM_INFO, hole));
    CHECK_ERR(EFAULT, syscall(SYS_shmctl, id & 0x7fff, SHM_STAT, hole));
    CHECK_EQ(attached(id), 0);
    remove_segment(id);
}

struct row {
    int id;
    unsigned mode;
    unsigned long size, attached, resident;
    bool found;
};

static void match_row(const char *line, void *context)
{
    struct row *row = context, here;
    int key;

    if (sscanf(line, "%d %d %o %lu %*u %*u %lu %*u %*u %*u %*u %*u %*u %*u %lu", &key, &here.id,
               &here.mode, &here.size, &here.attached, &here.resident) != 6)
        return;
    if (here.id != row->id)
        return;
    *row = here;
    row->found = key == KEY;
}

static void proc_lists_segments(void)
{
    int id = CHECK_OK(shmget(KEY, PAGE + 1, IPC_CREAT | IPC_EXCL | 0600));
    struct row row = {.id = id};
    struct region region;
    char *at = attach(id, 0);

    poke(at, 1);
    CHECK(each_line("/proc/sysvipc/shm", match_row, &row));
    CHECK(row.found);
    CHECK_EQ(row.mode, 0600);
    CHECK_EQ(row.size, PAGE + 1);
    CHECK_EQ(row.attached, 1);
    CHECK_EQ(row.resident, PAGE);
    CHECK(region_find(at, &region));
    CHECK_EQ(region.end - region.start, 2 * PAGE);
    CHECK(!strcmp(region.prot, "rw-s"));
    CHECK(!strncmp(region.name, "/SYSV50a90da1", 13));
    detach(at);
    remove_segment(id);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        return raise(SIGSTOP);
    RUN(a_key_finds_its_segment);
    RUN(private_segments_have_no_key);
    RUN(sizes_are_checked);
    RUN(an_old_id_names_no_new_segment);
    RUN(there_is_a_limit_of_segments);
    RUN(many_find_one_segment_by_its_key);
    RUN(a_segment_is_shared_and_stays);
    RUN(the_place_is_chosen);
    RUN(an_attach_replaces_if_it_is_told_to);
    RUN(an_attach_for_reading_stays_one);
    RUN(code_runs_where_it_is_asked_for);
    RUN(only_the_start_of_an_attach_is_detached);
    RUN(a_region_that_is_split_counts_twice);
    RUN(what_is_left_of_an_attach_is_detached);
    RUN(a_neighbour_is_not_detached);
    RUN(a_moved_attach_is_detached_where_it_is);
    RUN(a_child_inherits_and_exits);
    RUN(exec_detaches);
    RUN(a_child_that_is_killed_detaches);
    RUN(a_waiter_at_a_futex_does_not_count);
    RUN(a_removed_segment_stays_while_it_is_attached);
    RUN(exit_drops_the_last_attach);
    RUN(a_segment_is_removed_while_others_attach);
    RUN(the_status_tells_who_and_when);
    RUN(owner_and_permissions_are_set);
    RUN(a_lock_is_told);
    RUN(limits_and_sums_are_told);
    RUN(bad_arguments_are_refused);
    RUN(proc_lists_segments);
    return test_end();
}
