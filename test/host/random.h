/* Reproducible pseudorandom numbers: xorshift64* (Marsaglia). One generator chooses the
   operations of programs, another the random events of the hardware. */
#pragma once

#include <lib/base.h>

struct random {
    uint64_t state; /* never 0 */
};

/* Returns a generator. Neighbouring seeds give unrelated sequences. */
static inline struct random random_from(uint64_t seed)
{
    seed = (seed + 0x9e3779b97f4a7c15ul) * 0xbf58476d1ce4e5b9ul;
    seed ^= seed >> 29;
    return (struct random){.state = seed ? seed : 1};
}

static inline uint64_t random_next(struct random *random)
{
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * 0x2545f4914f6cdd1dul;
}

/* Returns a number from 0 to `limit` - 1. */
static inline uint32_t random_below(struct random *random, uint32_t limit)
{
    return (random_next(random) >> 32) * limit >> 32;
}

static inline bool random_one_in(struct random *random, uint32_t n)
{
    return n && random_below(random, n) == 0;
}
