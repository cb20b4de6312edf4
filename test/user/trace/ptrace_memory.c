/* The memory of another process: PTRACE_PEEKDATA and process_vm_readv. */
#include "tracee.h"

#include <sched.h>
#include <sys/uio.h>

static void write_and_stop(void *pages)
{
    memset(pages, 'c', PAGE + 8);
    raise(SIGUSR1);
}

static void the_memory_of_a_tracee_can_be_read(void)
{
    char *pages = map_pages(4), *hole = map_hole(1);
    char buffer[3 * PAGE];

    poke(pages, 'p');
    CHECK_OK(mprotect(pages + 3 * PAGE, PAGE, PROT_NONE));
    pid_t pid = tracee_start(write_and_stop, pages, 0);
    tracee_continue(pid);
    CHECK_EQ(tracee_next_stop(pid), SIGUSR1);
    CHECK_EQ(peek(pages), 'p'); /* it is the child's page that was written */
    CHECK_EQ(read_from(pid, buffer, pages + 1, 3 * PAGE - 1), 3 * PAGE - 1);
    CHECK_EQ(buffer[0], 'c');
    CHECK_EQ(buffer[PAGE + 6], 'c');
    CHECK(is_zero(buffer + PAGE + 7,
                  2 * PAGE - 8)); /* the last page had not been touched by anybody */
    CHECK_EQ(read_from(pid, buffer, pages + 2 * PAGE + 8, 2 * PAGE),
             PAGE - 8); /* up to what may not be read */
    CHECK_ERR(EFAULT, read_from(pid, buffer, hole, 1));
    CHECK_ERR(EFAULT, read_from(pid, buffer, NULL, 1));
    CHECK_ERR(EFAULT, read_from(pid, buffer, (void *)0xffff800000100000, 8));
    CHECK_ERR(EFAULT, read_from(pid, buffer, (void *)-8, 8));
    CHECK_ERR(EFAULT, read_from(pid, hole, pages, 8));
    CHECK_ERR(EFAULT, read_from(pid, (void *)0xffff800000100000, pages, 8));
    unsigned long word;
    CHECK_OK(trace(PTRACE_PEEKDATA, pid, (uintptr_t)pages + PAGE - 4, (uintptr_t)&word));
    CHECK_EQ(word, 0x6363636363636363);
    CHECK_ERR(EIO, trace(PTRACE_PEEKDATA, pid, (uintptr_t)hole, (uintptr_t)&word));
    CHECK_ERR(EIO, trace(PTRACE_PEEKDATA, pid, (uintptr_t)hole - 4 + PAGE, (uintptr_t)&word));
    CHECK_ERR(EFAULT, trace(PTRACE_PEEKDATA, pid, (uintptr_t)pages, (uintptr_t)hole));
    tracee_kill(pid);
    unmap_pages(pages, 4);
}

static void memory_can_be_read_in_pieces(void)
{
    static const char text[] = "abcdefgh";
    char a[4] = "", b[8] = "";
    struct iovec local[] = {{a, 3}, {NULL, 0}, {b, 8}};
    struct iovec remote[] = {
        {(void *)text, 2}, {(void *)text, 0}, {(void *)(text + 5), 3}, {NULL, 1}};

    CHECK_EQ(process_vm_readv(getpid(), local, 3, remote, 3, 0), 5);
    CHECK_EQ(memcmp(a, "abf", 4), 0);
    CHECK_EQ(memcmp(b, "gh", 3), 0);
    CHECK_EQ(process_vm_readv(getpid(), local, 3, remote, 4, 0), 5); /* the last is a hole */
    CHECK_EQ(process_vm_readv(getpid(), local, 3, remote, 0, 0), 0);
    CHECK_EQ(process_vm_readv(getpid(), local, 0, remote, 3, 0), 0);
    CHECK_ERR(EINVAL, process_vm_readv(getpid(), local, 3, remote, 3, 1));
    CHECK_ERR(EINVAL, process_vm_readv(getpid(), local, 1025, remote, 3, 0));
    CHECK_ERR(EINVAL, process_vm_readv(getpid(), local, 3, remote, 1025, 0));
    CHECK_ERR(ESRCH, process_vm_readv(4194300, local, 3, remote, 3, 0));
    CHECK_ERR(ESRCH, process_vm_readv(-1, local, 3, remote, 3, 0));
    local[0].iov_len = -1;
    CHECK_ERR(EINVAL, process_vm_readv(getpid(), local, 3, remote, 3, 0));
}

/* A negative length is refused, although no more would be read than there is room for. */
static void reading_from_outside_needs_prot_read(void)
{
    char *pages = map_pages(2), bytes[20];
    struct iovec to = {bytes, sizeof(bytes)}, from = {pages + PAGE - 10, sizeof(bytes)};

    CHECK_OK(mprotect(pages + PAGE, PAGE, PROT_WRITE));
    CHECK_EQ(peek(pages + PAGE), 0); /* the program itself can read it */
    CHECK_EQ(CHECK_OK(process_vm_readv(getpid(), &to, 1, &from, 1, 0)), 10);
    CHECK_OK(mprotect(pages, PAGE, PROT_EXEC));
    CHECK_ERR(EFAULT, process_vm_readv(getpid(), &to, 1, &from, 1, 0));
    unmap_pages(pages, 2);
}

static void a_negative_length_is_refused(void)
{
    char byte = 1, to;
    struct iovec local = {&to, 1}, remote[] = {{&byte, 1}, {&byte, -1}};

    CHECK_ERR(EINVAL, process_vm_readv(getpid(), &local, 1, remote, 2, 0));
}

static void exec_again_and_again(void *unused)
{
    (void)unused;
    execl(self_path(), self_path(), "again", (char *)NULL);
}

#define READS 200

/* The memory is replaced, unmapped and freed during the read. */
static void memory_may_go_while_it_is_read(void)
{
    pid_t pid = start_child(exec_again_and_again, NULL);
    struct region stack = {0};
    char *buffer = map_pages(16);

    CHECK(region_find(&stack, &stack));
    for (int n = 0; n < READS; n++) {
        ssize_t len = read_from(pid, buffer, (char *)stack.end - 16 * PAGE, 16 * PAGE);
        CHECK(len > 0 || errno == EFAULT || errno == ESRCH);
        sched_yield();
    }
    tracee_kill(pid);
    unmap_pages(buffer, 16);
}

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1)
        exec_again_and_again(NULL);
    RUN(the_memory_of_a_tracee_can_be_read);
    RUN(memory_can_be_read_in_pieces);
    RUN(reading_from_outside_needs_prot_read);
    RUN(a_negative_length_is_refused);
    RUN(memory_may_go_while_it_is_read);
    return test_end();
}
