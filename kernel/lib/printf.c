/* Formatted text. A format is cut into literal runs and conversions, and the text of each goes to a
   sink in pieces.

   A number has four parts, any of which may be empty:

       pad   prefix   zeros   digits   pad
       "   " "0x"     "00"    "1f"     "  "

   The width counts all of them, the precision zeros and digits. No state, no allocation, no
   floating point. */
#include <lib/printf.h>
#include <lib/string.h>

struct spec {
    bool left, plus, space, alt, zero; /* the flags - + space # 0 */
    int width;
    int precision; /* -1: none */
    int size;      /* bytes of an integer argument */
    char conversion;
};

/* A va_list that functions can share by a pointer, whatever its type is. */
struct arguments {
    va_list list;
};

#define MAX_DIGITS 22 /* of 64 bits, in octal */

static void put_repeated(struct text_sink *sink, char c, int count)
{
    char piece[16];
    memset(piece, c, sizeof piece);
    for (; count > 0; count -= sizeof piece)
        sink->put(sink, piece, min(count, (int)sizeof piece));
}

static void put_padded(struct text_sink *sink, const struct spec *spec, const char *text, int len)
{
    if (!spec->left)
        put_repeated(sink, ' ', spec->width - len);
    sink->put(sink, text, len);
    if (spec->left)
        put_repeated(sink, ' ', spec->width - len);
}

/* Writes the digits of `value` so that they end at `end`. Returns where they start; 0 has no
   digits. */
static char *digits_make(char *end, uint64_t value, unsigned base, bool upper)
{
    const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
    for (; value > 0; value /= base)
        *--end = digits[value % base];
    return end;
}

static void put_number(struct text_sink *sink, const struct spec *spec, const char *prefix,
                       uint64_t value, unsigned base)
{
    char buf[MAX_DIGITS];
    char *digits = digits_make(buf + sizeof buf, value, base, spec->conversion == 'X');
    int ndigits = buf + sizeof buf - digits, nprefix = strlen(prefix);
    int zeros = max(0, (spec->precision < 0 ? 1 : spec->precision) - ndigits);
    int pad = max(0, spec->width - nprefix - zeros - ndigits);
    if (spec->zero && !spec->left && spec->precision < 0) {
        zeros += pad;
        pad = 0;
    }
    if (!spec->left)
        put_repeated(sink, ' ', pad);
    sink->put(sink, prefix, nprefix);
    put_repeated(sink, '0', zeros);
    sink->put(sink, digits, ndigits);
    if (spec->left)
        put_repeated(sink, ' ', pad);
}

static uint64_t next_unsigned(const struct spec *spec, struct arguments *args)
{
    if (spec->size == 8)
        return va_arg(args->list, uint64_t);
    unsigned value = va_arg(args->list, unsigned);
    return spec->size == 4 ? value : value & ((1u << 8 * spec->size) - 1);
}

static int64_t next_signed(const struct spec *spec, struct arguments *args)
{
    unsigned unused = 64 - 8 * spec->size;
    return (int64_t)(next_unsigned(spec, args) << unused) >> unused;
}

static void put_signed(struct text_sink *sink, const struct spec *spec, int64_t value)
{
    const char *plus = spec->plus ? "+" : spec->space ? " " : "";
    put_number(sink, spec, value < 0 ? "-" : plus, value < 0 ? -(uint64_t)value : (uint64_t)value,
               10);
}

static void put_unsigned(struct text_sink *sink, const struct spec *spec, uint64_t value)
{
    bool alt = spec->alt && value != 0;
    switch (spec->conversion) {
    case 'x':
        return put_number(sink, spec, alt ? "0x" : "", value, 16);
    case 'X':
        return put_number(sink, spec, alt ? "0X" : "", value, 16);
    case 'o':
        return put_number(sink, spec, alt ? "0" : "", value, 8);
    default:
        return put_number(sink, spec, "", value, 10);
    }
}

static void put_string(struct text_sink *sink, const struct spec *spec, const char *text)
{
    if (!text)
        text = "(null)";
    size_t len = spec->precision < 0 ? strlen(text) : strnlen(text, spec->precision);
    put_padded(sink, spec, text, len);
}

static void put_conversion(struct text_sink *sink, const struct spec *spec, struct arguments *args)
{
    switch (spec->conversion) {
    case 'd':
    case 'i':
        return put_signed(sink, spec, next_signed(spec, args));
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        return put_unsigned(sink, spec, next_unsigned(spec, args));
    case 'c':
        return put_padded(sink, spec, &(char){va_arg(args->list, int)}, 1);
    case 's':
        return put_string(sink, spec, va_arg(args->list, const char *));
    case 'p':
        return put_number(sink, spec, "0x", (uintptr_t)va_arg(args->list, void *), 16);
    default: /* %% and unknown conversions print the character itself */
        sink->put(sink, &spec->conversion, 1);
    }
}

static const char *parse_flags(const char *fmt, struct spec *spec)
{
    for (;; fmt++) {
        switch (*fmt) {
        case '-':
            spec->left = true;
            break;
        case '+':
            spec->plus = true;
            break;
        case ' ':
            spec->space = true;
            break;
        case '#':
            spec->alt = true;
            break;
        case '0':
            spec->zero = true;
            break;
        default:
            return fmt;
        }
    }
}

static const char *parse_number(const char *fmt, int *number, struct arguments *args)
{
    if (*fmt == '*') {
        *number = va_arg(args->list, int);
        return fmt + 1;
    }
    for (*number = 0; *fmt >= '0' && *fmt <= '9'; fmt++)
        *number = *number * 10 + (*fmt - '0');
    return fmt;
}

static const char *parse_size(const char *fmt, int *size)
{
    for (*size = 4;; fmt++) {
        if (*fmt == 'h')
            *size /= 2;
        else if (*fmt == 'l' || *fmt == 'z' || *fmt == 'j' || *fmt == 't')
            *size = 8;
        else
            return fmt;
    }
}

/* Reads one conversion, from behind its %. Returns the address behind it. */
static const char *parse_spec(const char *fmt, struct spec *spec, struct arguments *args)
{
    *spec = (struct spec){.precision = -1};
    fmt = parse_flags(fmt, spec);
    fmt = parse_number(fmt, &spec->width, args);
    if (spec->width < 0) {
        spec->left = true;
        spec->width = -spec->width;
    }
    if (*fmt == '.')
        fmt = parse_number(fmt + 1, &spec->precision, args);
    fmt = parse_size(fmt, &spec->size);
    spec->conversion = *fmt;
    return *fmt ? fmt + 1 : fmt;
}

void sink_vprintf(struct text_sink *sink, const char *fmt, va_list list)
{
    struct arguments args;
    va_copy(args.list, list);
    while (*fmt) {
        size_t literal = 0;
        while (fmt[literal] && fmt[literal] != '%')
            literal++;
        if (literal > 0)
            sink->put(sink, fmt, literal);
        fmt += literal;
        struct spec spec;
        if (*fmt == '%') {
            fmt = parse_spec(fmt + 1, &spec, &args);
            put_conversion(sink, &spec, &args);
        }
    }
    va_end(args.list);
}

void sink_printf(struct text_sink *sink, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    sink_vprintf(sink, fmt, args);
    va_end(args);
}

/* A sink that fills a buffer, and goes on counting when it is full. */
struct buffer_sink {
    struct text_sink sink;
    char *buf;
    size_t size; /* bytes in buf, including the final 0 */
    size_t len;  /* of the whole text so far */
};

static void buffer_put(struct text_sink *sink, const char *text, size_t len)
{
    struct buffer_sink *b = container_of(sink, struct buffer_sink, sink);
    if (b->len + 1 < b->size)
        memcpy(b->buf + b->len, text, min(len, b->size - 1 - b->len));
    b->len += len;
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
    struct buffer_sink b = {.sink.put = buffer_put, .buf = buf, .size = size};
    sink_vprintf(&b.sink, fmt, args);
    if (size > 0)
        buf[min(b.len, size - 1)] = '\0';
    return b.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(buf, size, fmt, args);
    va_end(args);
    return len;
}
