/* Meters of CPU time. See meter.h. */
#include "meter.h"

#include <time.h>

uint64_t meter_read(struct meter *meter)
{
    struct timespec time;

    CHECK_OK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time));
    uint64_t now_ns = time.tv_sec * 1000 * MS + time.tv_nsec;
    if (now_ns > meter->now_ns + meter->gap_ns)
        meter->gap_ns = now_ns - meter->now_ns;
    meter->now_ns = now_ns;
    return now_ns;
}

void meter_work_until(struct meter *meter, uint64_t ns)
{
    while (meter_read(meter) < ns)
        ;
}

uint64_t meter_ns(const struct meter *meter)
{
    return meter->begin_ns ? meter->now_ns - meter->begin_ns : 0;
}

uint64_t meters_slack_ns(const struct meter *meters, int count)
{
    uint64_t gap_ns = 0;

    for (int n = 0; n < count; n++)
        gap_ns = meters[n].gap_ns > gap_ns ? meters[n].gap_ns : gap_ns;
    return 2 * gap_ns;
}
