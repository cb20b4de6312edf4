#include "test.h"

const struct test_file pitfall_tests = {NULL, 0};
