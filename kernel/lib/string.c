/* Bytes and strings, as in C.

   Blocks are moved by string instructions, in units of 8 bytes and then of 1. The direction flag is
   clear, as the ABI requires and every entry into the kernel ensures. */
#include <lib/string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
    void *dst = to;
    size_t words = len / 8, bytes = len % 8;
    asm volatile("rep movsq" : "+D"(dst), "+S"(from), "+c"(words) : : "memory");
    asm volatile("rep movsb" : "+D"(dst), "+S"(from), "+c"(bytes) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    if ((uintptr_t)to - (uintptr_t)from >= len)
        return memcpy(to, from, len);
    /* `to` lies in [from, from + len), so the copy runs backwards. */
    char *dst = to;
    const char *src = from;
    while (len-- > 0)
        dst[len] = src[len];
    return to;
}

void *memset(void *to, int byte, size_t len)
{
    void *dst = to;
    size_t words = len / 8, bytes = len % 8;
    uint64_t pattern = (uint8_t)byte * 0x0101010101010101ul;
    asm volatile("rep stosq" : "+D"(dst), "+c"(words) : "a"(pattern) : "memory");
    asm volatile("rep stosb" : "+D"(dst), "+c"(bytes) : "a"(pattern) : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a, *y = b;
    for (; len > 0; len--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *s)
{
    size_t len = 0;
    while (s[len])
        len++;
    return len;
}

size_t strnlen(const char *s, size_t max)
{
    size_t len = 0;
    while (len < max && s[len])
        len++;
    return len;
}

int strcmp(const char *a, const char *b)
{
    for (; *a && *a == *b; a++, b++)
        ;
    return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t max)
{
    for (; max > 0 && *a && *a == *b; a++, b++, max--)
        ;
    return max == 0 ? 0 : (uint8_t)*a - (uint8_t)*b;
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)s;
        if (!*s)
            return NULL;
    }
}

char *strrchr(const char *s, int c)
{
    const char *last = NULL;
    for (;; s++) {
        if (*s == (char)c)
            last = s;
        if (!*s)
            return (char *)last;
    }
}

char *strstr(const char *s, const char *part)
{
    size_t len = strlen(part);
    for (;; s++) {
        if (strncmp(s, part, len) == 0)
            return (char *)s;
        if (!*s)
            return NULL;
    }
}

size_t strlcpy(char *to, const char *from, size_t size)
{
    size_t len = strlen(from);
    if (size > 0) {
        size_t n = min(len, size - 1);
        memcpy(to, from, n);
        to[n] = '\0';
    }
    return len;
}
