/* The lists of libbsd, as in the kernel. */
#pragma once

#include <bsd/sys/queue.h>
