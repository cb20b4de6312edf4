/* The debug port of QEMU and Bochs, for the test runner. */
#pragma once

#include <lib/base.h>

void debugport_send(const char *text, size_t len);
__printf(1, 2) void debugport_printf(const char *fmt, ...);
