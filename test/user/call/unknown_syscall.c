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

/* Linux has this call, for profilers, and Pagoda never will. */
#define MISSING_CALL 212

static int lines_with(const char *text, size_t len, const char *line)
{
    size_t line_len = strlen(line);
    int count = 0;

    for (size_t at = 0; at + line_len <= len; at++)
        count += memcmp(text + at, line, line_len) == 0;
    return count;
}

static void a_missing_call_is_reported_once(void)
{
    static char log[16 * KIB];

    CHECK_ERR(ENOSYS, syscall(MISSING_CALL));
    CHECK_ERR(ENOSYS, syscall(MISSING_CALL));
    size_t len = CHECK_OK(syscall(SYS_syslog, 3, log, sizeof(log)));
    CHECK_EQ(lines_with(log, len, "\nunknown_syscall: system call 212 is not implemented\n"), 1);
}

int main(void)
{
    RUN(unknown_numbers_are_refused);
    RUN(arguments_do_not_matter);
    RUN(a_thousand_unknown_calls_are_refused);
    RUN_ON_PAGODA(a_missing_call_is_reported_once);
    return test_end();
}
