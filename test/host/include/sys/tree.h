/* The trees of libbsd, as in the kernel. */
#pragma once

#include <bsd/sys/tree.h>
