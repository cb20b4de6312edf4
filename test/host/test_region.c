#include "test.h"

const struct test_file region_tests = {NULL, 0};
