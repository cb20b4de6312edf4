/* xk, lab 3: bad accesses kill the process that makes them, and only that.

   The lab reads; its solution stumbles over writes, which it hands to its copy-on-write code
   without a region. So here the forty addresses in the kernel's half are written and jumped to as
   well. What the kernel says of all this is checked in bad_access. */
#include "test.h"

#define FORKS  40
#define STRIDE 50000

static void forty_forks_end_at(uintptr_t start, void (*access)(void *))
{
    for (uintptr_t i = 0; i < FORKS; i++)
        CHECK(dies_by(SIGSEGV, access, (void *)(start + i * STRIDE)));
}

static void forty_reads_of_the_kernel(void)
{
    forty_forks_end_at(0xffff800000000000, read_byte);
    forty_forks_end_at(0xffffffff80100000, read_byte);
}

static void forty_writes_to_the_kernel(void)
{
    forty_forks_end_at(0xffff800000000000, write_byte);
    forty_forks_end_at(0xffffffff80100000, write_byte);
}

static void forty_jumps_to_the_kernel(void)
{
    forty_forks_end_at(0xffff800000000000, call_code);
    forty_forks_end_at(0xffffffff80100000, call_code);
}

static void addresses_that_are_not_canonical(void)
{
    forty_forks_end_at(0x800000000000, read_byte);
    forty_forks_end_at(0x4141414141414141, write_byte);
}

static void ten_pages_above_the_break(void)
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
    RUN(forty_reads_of_the_kernel);
    RUN(forty_writes_to_the_kernel);
    RUN(forty_jumps_to_the_kernel);
    RUN(addresses_that_are_not_canonical);
    RUN(ten_pages_above_the_break);
    return test_end();
}
