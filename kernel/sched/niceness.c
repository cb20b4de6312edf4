/* The weights of niceness, Linux's: one step changes the weight by about a quarter, so that of two
   threads that differ by one, the nicer gets a tenth of the CPU less. */

#include <lib/panic.h>
#include "niceness.h"

#define WEIGHT_NORMAL 1024u /* of niceness 0 */
#define WEIGHT_IDLE   3u    /* of SCHED_IDLE */

static const unsigned weights[NICE_MAX - NICE_MIN + 1] = {
    88761, 71755, 56483, 46273, 36291, /* -20 */
    29154, 23254, 18705, 14949, 11916, /* -15 */
    9548,  7620,  6100,  4904,  3906,  /* -10 */
    3121,  2501,  1991,  1586,  1277,  /*  -5 */
    1024,  820,   655,   526,   423,   /*   0 */
    335,   272,   215,   172,   137,   /*   5 */
    110,   87,    70,    56,    45,    /*  10 */
    36,    29,    23,    18,    15,    /*  15 */
};

unsigned niceness_rate(const struct thread_share *share)
{
    assert(share->nice >= NICE_MIN && share->nice <= NICE_MAX);
    unsigned weight = share->is_idle ? WEIGHT_IDLE : weights[share->nice - NICE_MIN];
    return WEIGHT_NORMAL * TURN_RATE_ONE / weight;
}
