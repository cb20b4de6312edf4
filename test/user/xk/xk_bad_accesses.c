/* xk, lab 3: bad accesses kill the process that makes them, and only that process.

   The lab reads. Its solution fails on writes, because it passes them to its copy-on-write code
   without a region. So this program also writes and jumps to the forty addresses in the kernel's
   half. bad_access checks what the kernel says of them. */
#include "test.h"

#define FORKS  40
#define STRIDE 50000

static void forty_forks_end_at(uintptr_t start, void (*access)(void *))
{
    for (uintptr_t i = 0; i < FORKS; i++)
        CHECK(dies_by(SIGSEGV, access, (void *)(start + i * STRIDE)));
}

static void forty_reads_of_the_kernel_kill(void)
{
    forty_forks_end_at(0xffff800000000000, read_byte);
    forty_forks_end_at(0xffffffff80100000, read_byte);
}

static void forty_writes_to_the_kernel_kill(void)
{
    forty_forks_end_at(0xffff800000000000, write_byte);
    forty_forks_end_at(0xffffffff80100000, write_byte);
}

static void forty_jumps_to_the_kernel_kill(void)
{
    forty_forks_end_at(0xffff800000000000, call_code);
    forty_forks_end_at(0xffffffff80100000, call_code);
}

static void addresses_that_are_not_canonical_kill(void)
{
    forty_forks_end_at(0x800000000000, read_byte);
    forty_forks_end_at(0x4141414141414141, write_byte);
}

static void ten_pages_above_the_break_kill(void)
{
    char *end = page_round_up(pagoda_sbrk(0));

    CHECK(dies_by(SIGSEGV, read_byte, end + 10 * PAGE));
    CHECK(dies_by(SIGSEGV, write_byte, end + 10 * PAGE));
    CHECK(dies_by(SIGSEGV, call_code, end + 10 * PAGE));
}

int main(int argc, char **argv)
{
    (void)argc;
    with_ten_page_stack(argv);
    RUN(forty_reads_of_the_kernel_kill);
    RUN(forty_writes_to_the_kernel_kill);
    RUN(forty_jumps_to_the_kernel_kill);
    RUN(addresses_that_are_not_canonical_kill);
    RUN(ten_pages_above_the_break_kill);
    return test_end();
}
