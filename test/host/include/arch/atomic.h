/* The kernel's atomic operations. Before each of them, another simulated CPU can run
   (arch/step.h). Relaxed loads are no such point, because their callers accept any moment. */
#pragma once

#include_next <arch/atomic.h>
#include <arch/step.h>

#undef atomic_load
#undef atomic_store
#undef atomic_set
#undef atomic_exchange
#undef atomic_add_fetch
#undef atomic_sub_fetch
#undef atomic_or
#undef atomic_fetch_or
#undef atomic_and
#undef atomic_compare_exchange

#define atomic_load(p)         (step(), __atomic_load_n((p), __ATOMIC_ACQUIRE))
#define atomic_store(p, v)     (step(), __atomic_store_n((p), (v), __ATOMIC_RELEASE))
#define atomic_set(p, v)       (step(), __atomic_store_n((p), (v), __ATOMIC_SEQ_CST))
#define atomic_exchange(p, v)  (step(), __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST))
#define atomic_add_fetch(p, n) (step(), __atomic_add_fetch((p), (n), __ATOMIC_SEQ_CST))
#define atomic_sub_fetch(p, n) (step(), __atomic_sub_fetch((p), (n), __ATOMIC_SEQ_CST))
#define atomic_or(p, bits)     (step(), (void)__atomic_or_fetch((p), (bits), __ATOMIC_SEQ_CST))
#define atomic_fetch_or(p, b)  (step(), __atomic_fetch_or((p), (b), __ATOMIC_SEQ_CST))
#define atomic_and(p, bits)    (step(), (void)__atomic_and_fetch((p), (bits), __ATOMIC_SEQ_CST))

#define atomic_compare_exchange(p, from, to)                                                       \
    ({                                                                                             \
        __typeof__(*(p)) from_ = (from);                                                           \
        step();                                                                                    \
        __atomic_compare_exchange_n((p), &from_, (to), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
    })
