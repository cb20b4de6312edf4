/* The random generator: xoshiro256** (Blackman and Vigna). splitmix64 fills its state from the
   sources of chance that the machine has. Lock: random_lock (RANK_PIPE), held for one number at a
   time. */
#include <arch/clock.h>
#include <arch/spinlock.h>
#include <dev/random.h>
#include <lib/string.h>

static struct spinlock random_lock = SPINLOCK(RANK_PIPE);
static uint64_t random_state[4]; /* (random_lock) not all 0 once random_init has run */

static uint64_t rotate_left(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static uint64_t next_word(void)
{
    uint64_t result = rotate_left(random_state[1] * 5, 7) * 9;
    uint64_t shifted = random_state[1] << 17;

    random_state[2] ^= random_state[0];
    random_state[3] ^= random_state[1];
    random_state[1] ^= random_state[2];
    random_state[0] ^= random_state[3];
    random_state[2] ^= shifted;
    random_state[3] = rotate_left(random_state[3], 45);
    return result;
}

#define CPUID_1_ECX_RDRAND (1u << 30)

static bool has_rdrand(void)
{
    uint32_t eax = 1, ebx, ecx = 0, edx;

    asm volatile("cpuid" : "+a"(eax), "=b"(ebx), "+c"(ecx), "=d"(edx));
    return ecx & CPUID_1_ECX_RDRAND;
}

/* Returns 0 if the CPU lacks RDRAND, or if RDRAND has no number ready (SDM 1, 7.3.17.1). */
static uint64_t hardware_word(void)
{
    uint64_t word;
    uint8_t ok;

    if (!has_rdrand())
        return 0;
    asm volatile("rdrand %0; setc %1" : "=r"(word), "=qm"(ok) : : "cc");
    return ok ? word : 0;
}

static uint64_t time_stamp(void)
{
    uint32_t low, high;

    asm volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static uint64_t splitmix(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void random_init(void)
{
    for (size_t i = 0; i < 4; i++) {
        uint64_t seed = clock_realtime_ns() ^ time_stamp() ^ hardware_word();

        random_state[i] ^= splitmix(&seed);
    }
    random_state[0] |= 1;
}

void random_bytes(void *buf, size_t len)
{
    char *to = buf;

    while (len > 0) {
        spin_lock(&random_lock);
        uint64_t word = next_word();
        spin_unlock(&random_lock);
        size_t n = min(len, sizeof(word));
        memcpy(to, &word, n);
        to += n;
        len -= n;
    }
}
