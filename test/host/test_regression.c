#include "test.h"

const struct test_file regression_tests = {NULL, 0};
