/* Formatted text: %d %i %u %x %X %o %c %s %p %% with the flags - 0 + space #, a width, a precision,
   * and the lengths hh h l ll z j t. No floating point. */
#pragma once

#include <stdarg.h>
#include <lib/base.h>

/* The destination of formatted text. `put` is called for each piece of it, `len` bytes without a
   final 0. */
struct text_sink {
    void (*put)(struct text_sink *sink, const char *text, size_t len);
};

void sink_vprintf(struct text_sink *sink, const char *fmt, va_list list);
__printf(2, 3) void sink_printf(struct text_sink *sink, const char *fmt, ...);

/* Writes at most `size` bytes, the final 0 included. Returns the length of the whole text, as in
   C. */
__printf(3, 4) int snprintf(char *buf, size_t size, const char *fmt, ...);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list args);
