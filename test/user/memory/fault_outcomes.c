/* The fault handler's table, row by row: the outcome of each kind of access, as /proc/self/faults
   counts it.

   Outcomes that kill a process are caused by the kernel's own copying. The handler refuses them in
   the same way, and the system call returns EFAULT. */
#include "test.h"

#define RW (PROT_READ | PROT_WRITE)

static long count_of(const char *outcome)
{
    long count = number_in("/proc/self/faults", outcome);

    return count < 0 ? 0 : count;
}

static void kernel_writes(void *address)
{
    int fd = CHECK_OK(open("/dev/zero", O_RDONLY));

    CHECK_EQ(CHECK_OK(read(fd, address, 1)), 1);
    CHECK_OK(close(fd));
}

static void kernel_cannot_write(void *address)
{
    int fd = CHECK_OK(open("/dev/zero", O_RDONLY));

    CHECK_ERR(EFAULT, read(fd, address, 1));
    CHECK_OK(close(fd));
}

/* Touches the code of each access, and errno, which a fork shares. Their faults must not be
   counted. */
static void touch_own_pages(void)
{
    char byte = 0;

    read_byte(&byte);
    write_byte(&byte);
    kernel_writes(&byte);
    kernel_cannot_write(NULL);
}

/* Checks that the access causes this one fault, and no other. */
static void resolves_to(const char *outcome, void (*access)(void *), void *address)
{
    touch_own_pages();
    struct counters before = counters_now();
    long count = count_of(outcome);

    access(address);
    long now = count_of(outcome);
    if (now != count + 1)
        test_fail(__FILE__, __LINE__, "%s was counted %ld times", outcome, now - count);
    CHECK_EQ(counters_since(&before).outcomes, 1);
}

static void causes_no_fault(void (*access)(void *), void *address)
{
    touch_own_pages();
    struct counters before = counters_now();

    access(address);
    CHECK_EQ(counters_since(&before).outcomes, 0);
}

static void private_memory_is_zero_filled(void)
{
    char *pages = map_pages(3);

    resolves_to("zero_mapped", read_byte, pages);
    causes_no_fault(read_byte, pages + PAGE - 1);
    resolves_to("zero_filled", write_byte, pages); /* in place of the shared zeros */
    resolves_to("zero_filled", write_byte, pages + PAGE);
    resolves_to("zero_filled", kernel_writes, pages + 2 * PAGE);
    causes_no_fault(write_byte, pages);
    causes_no_fault(kernel_writes, pages);
    unmap_pages(pages, 3);
}

static void the_stack_is_zero_filled(void)
{
    uintptr_t far_below = (uintptr_t)__builtin_frame_address(0) - 64 * KIB;

    resolves_to("zero_filled", read_byte, (void *)far_below);
    causes_no_fault(write_byte, (void *)far_below);
}

static void a_shared_page_is_copied_or_reused(void)
{
    struct held_child sharer;
    char *pages = map_pages(3);

    memset(pages, 'x', 3 * PAGE);
    hold_child(&sharer, read_byte, pages);
    resolves_to("copied", write_byte, pages);
    resolves_to("copied", kernel_writes, pages + PAGE);
    causes_no_fault(read_byte, pages + 2 * PAGE);
    causes_no_fault(write_byte, pages);
    CHECK(exited_with(release_child(&sharer), 0));
    resolves_to("reused", write_byte, pages + 2 * PAGE);
    unmap_pages(pages, 3);
}

static void a_private_file_is_mapped_or_copied(void)
{
    static char bytes[2 * PAGE];
    int fd = create_file("file", bytes, sizeof(bytes));
    char *pages = CHECK_OK(mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0));

    resolves_to("file_mapped", read_byte, pages);
    resolves_to("copied", write_byte, pages);
    resolves_to("file_copied", write_byte, pages + PAGE);
    resolves_to("no_page", kernel_cannot_write, pages + 2 * PAGE);
    unmap_pages(pages, 3);
    CHECK_OK(close(fd));
    CHECK_OK(unlink("file"));
}

static void an_access_without_right_is_refused(void)
{
    char *page = map_pages(1);

    CHECK_OK(mprotect(page, PAGE, PROT_READ));
    resolves_to("not_allowed", kernel_cannot_write, page);
    unmap_pages(page, 1);
    resolves_to("not_mapped", kernel_cannot_write, page);
}

/* Rights that are taken and given back. The page stays present all the time. */
static void regained_rights_cause_no_fault(void)
{
    char *page = map_pages(1);

    poke(page, 1);
    CHECK_OK(mprotect(page, PAGE, PROT_NONE));
    CHECK_OK(mprotect(page, PAGE, RW));
    causes_no_fault(read_byte, page);
    unmap_pages(page, 1);
}

int main(void)
{
    pagoda_only();
    temp_dir_enter();
    RUN(private_memory_is_zero_filled);
    RUN(the_stack_is_zero_filled);
    RUN(a_shared_page_is_copied_or_reused);
    RUN(a_private_file_is_mapped_or_copied);
    RUN(an_access_without_right_is_refused);
    RUN(regained_rights_cause_no_fault);
    temp_dir_leave();
    return test_end();
}
