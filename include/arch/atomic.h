/* Atomic operations on words that several CPUs change, or a CPU and the page walker. They are
   sequentially consistent unless the name says otherwise. */
#pragma once

#include <lib/base.h>

#define atomic_load(p)             __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define atomic_store(p, v)         __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define atomic_set(p, v)           __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define atomic_exchange(p, v)      __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define atomic_add_fetch(p, n)     __atomic_add_fetch((p), (n), __ATOMIC_SEQ_CST)
#define atomic_sub_fetch(p, n)     __atomic_sub_fetch((p), (n), __ATOMIC_SEQ_CST)
#define atomic_or(p, bits)         ((void)__atomic_or_fetch((p), (bits), __ATOMIC_SEQ_CST))
#define atomic_fetch_or(p, bits)   __atomic_fetch_or((p), (bits), __ATOMIC_SEQ_CST)
#define atomic_and(p, bits)        ((void)__atomic_and_fetch((p), (bits), __ATOMIC_SEQ_CST))
#define atomic_fetch_and(p, bits)  __atomic_fetch_and((p), (bits), __ATOMIC_SEQ_CST)
#define atomic_load_relaxed(p)     __atomic_load_n((p), __ATOMIC_RELAXED)
#define atomic_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)

/* Stores `to` if *p is still `from`. Returns true if it did. */
#define atomic_compare_exchange(p, from, to)                                                       \
    ({                                                                                             \
        __typeof__(*(p)) from_ = (from);                                                           \
        __atomic_compare_exchange_n((p), &from_, (to), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
    })
