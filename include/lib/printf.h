/* Formatted text: %d %i %u %x %X %o %c %s %p %% with flags - 0 + space #, width, precision, * and the lengths
   hh h l ll z j t. No floating point. */
#pragma once

#include <stdarg.h>
#include <lib/base.h>

/* Where characters go: called once for each piece, `len` bytes, not terminated. */
struct text_sink {
    void (*put)(struct text_sink *sink, const char *text, size_t len);
};

void sink_vprintf(struct text_sink *sink, const char *fmt, va_list list);
__printf(2, 3) void sink_printf(struct text_sink *sink, const char *fmt, ...);

/* As in C: at most `size` bytes with the final 0; returns the length that the whole text would have. */
__printf(3, 4) int snprintf(char *buf, size_t size, const char *fmt, ...);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
