/* System calls that do not exist return ENOSYS, and nothing else happens. */
#include "test.h"

#include <limits.h>
#include <sys/syscall.h>

static const long numbers[] = {600,     999,     1000, 1999, 4095, 0x40000000 + 999,
                               INT_MAX, INT_MIN, -1,   -4096};

static void unknown_numbers_are_refused(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        CHECK_ERR(ENOSYS, syscall(numbers[i], 0, 0, 0, 0, 0, 0));
}

static void arguments_do_not_matter(void)
{
    CHECK_ERR(ENOSYS, syscall(999, -1L, 0xffff800000000000, "text", 8, SIZE_MAX, 1));
}

static void a_thousand_unknown_calls_are_refused(void)
{
    for (int i = 0; i < 1000; i++)
        CHECK_ERR(ENOSYS, syscall(999));
}

int main(void)
{
    RUN(unknown_numbers_are_refused);
    RUN(arguments_do_not_matter);
    RUN(a_thousand_unknown_calls_are_refused);
    return test_end();
}
