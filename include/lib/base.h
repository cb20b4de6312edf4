/* What every file uses: basic types, attributes, and small arithmetic. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define __packed       __attribute__((packed))
#define __aligned(n)   __attribute__((aligned(n)))
#define __must_check   __attribute__((warn_unused_result))
#define __noreturn     __attribute__((noreturn))
#define __noinline     __attribute__((noinline))
#define __printf(f, a) __attribute__((format(printf, f, a)))
#define __unused       __attribute__((unused))

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Marks a pointer to user memory. The kernel never dereferences it, but hands it to vm/usercopy.h;
   sparse checks that. */
#ifdef __CHECKER__
#define __user  __attribute__((noderef, address_space(1)))
#define __force __attribute__((force)) /* an intended cast between user and kernel pointers */
#else
#define __user
#define __force
#endif

typedef uint64_t paddr_t; /* a physical address, in bytes */
typedef uint64_t uaddr_t; /* an address in the user's half, in bytes */
typedef int64_t ssize_t;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

#define min(a, b)                          \
    ({                                     \
        __typeof__(a) min_a_ = (a);        \
        __typeof__(b) min_b_ = (b);        \
        min_a_ < min_b_ ? min_a_ : min_b_; \
    })
#define max(a, b)                          \
    ({                                     \
        __typeof__(a) max_a_ = (a);        \
        __typeof__(b) max_b_ = (b);        \
        max_a_ > max_b_ ? max_a_ : max_b_; \
    })

/* Round to a power of two. The caller of round_up checks that the result does not exceed the type:
   it would wrap to 0. */
#define round_down(x, to) ((x) & ~((__typeof__(x))(to)-1))
#define round_up(x, to)   round_down((x) + ((to)-1), to)
