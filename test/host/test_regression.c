/* Tests for bugs in kernel/mm and kernel/vm, one test per bug. */

#include "test.h"

/* vspace_forget_pages dropped all pages of a region, even those behind the object's bytes, which
   never showed the object. */
static void truncation_keeps_what_lies_behind_the_objects_bytes(void)
{
    start(P);
    map_file_to_last_but_one(BOTTOM, 2, RW, 2, 1);
    store(BOTTOM);
    store(BOTTOM + 1);
    truncate_object(2, 1);
    load(BOTTOM);
    expect_error(FAULT_NO_PAGE);
    load(BOTTOM + 1);
    expect_error(0);
}

static const struct test tests[] = {
    TEST(truncation_keeps_what_lies_behind_the_objects_bytes),
};

const struct test_file regression_tests = {tests, ARRAY_SIZE(tests)};
