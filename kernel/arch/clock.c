/* Time: the TSC counts it, the local APIC's timer interrupts, and the RTC gives the date at boot.

   The rates of the TSC and of the APIC timer are measured against channel 2 of the PIT, which has
   the same rate in every PC. A measurement on a busy host can only be too long, so the shortest of
   several counts. Nanoseconds are ticks * mult / 2^32, without a division. clock_init writes the
   rates once, so no lock is needed.

   Sources: Intel 8254 datasheet (PIT); Motorola MC146818A (RTC); SDM 3B 17.17 (TSC). */
#include <arch/clock.h>
#include <arch/init.h>
#include <arch/port.h>
#include <lib/panic.h>
#include <lib/string.h>
#include "apic.h"
#include "regs.h"

#define NS_PER_S 1000000000ul

#define PIT_HZ        1193182u
#define PIT_CHANNEL_2 0x42
#define PIT_COMMAND   0x43
#define PIT_ONE_SHOT  0xb0 /* channel 2, low byte then high, mode 0: the output rises at 0 */
#define GATE_PORT     0x61
#define GATE_ENABLE   (1u << 0)
#define GATE_SPEAKER  (1u << 1)
#define GATE_OUTPUT   (1u << 5)

#define MEASURE_HZ   100 /* each measurement takes 10 ms */
#define MEASUREMENTS 3

static uint64_t tsc_start, tsc_hz, tsc_mult;
static uint64_t apic_hz;
static uint64_t boot_realtime_ns;

/* Waits 1/MEASURE_HZ seconds by the PIT. */
static void pit_wait(void)
{
    uint16_t count = PIT_HZ / MEASURE_HZ;
    uint8_t gate = port_read8(GATE_PORT) & ~(GATE_SPEAKER | GATE_ENABLE);
    port_write8(GATE_PORT, gate);
    port_write8(PIT_COMMAND, PIT_ONE_SHOT);
    port_write8(PIT_CHANNEL_2, count & 0xff);
    port_write8(PIT_CHANNEL_2, count >> 8);
    port_write8(GATE_PORT, gate | GATE_ENABLE);
    while (!(port_read8(GATE_PORT) & GATE_OUTPUT))
        ;
}

static void rates_measure(void)
{
    uint64_t tsc_best = UINT64_MAX;
    uint32_t apic_best = UINT32_MAX;
    for (unsigned i = 0; i < MEASUREMENTS; i++) {
        apic_timer_count_from(UINT32_MAX);
        uint64_t start = tsc_read();
        pit_wait();
        tsc_best = min(tsc_best, tsc_read() - start);
        apic_best = min(apic_best, UINT32_MAX - apic_timer_left());
    }
    tsc_hz = tsc_best * MEASURE_HZ;
    apic_hz = (uint64_t)apic_best * MEASURE_HZ;
}

/* ---- The RTC ---- */

#define RTC_INDEX        0x70
#define RTC_DATA         0x71
#define RTC_STATUS_A     0x0a
#define RTC_STATUS_B     0x0b
#define RTC_UPDATING     (1u << 7) /* of status A */
#define RTC_BINARY       (1u << 2) /* of status B: not BCD */
#define RTC_24_HOURS     (1u << 1)
#define RTC_PM           0x80 /* of the hour */
#define RTC_FIELDS       6
#define DAYS_BEFORE_2000 10957 /* since 1970 */

enum rtc_field { SECOND, MINUTE, HOUR, DAY, MONTH, YEAR };

static uint8_t rtc_read(uint8_t reg)
{
    port_write8(RTC_INDEX, reg);
    return port_read8(RTC_DATA);
}

static void rtc_read_fields(uint8_t fields[RTC_FIELDS])
{
    static const uint8_t regs[RTC_FIELDS] = {0, 2, 4, 7, 8, 9};
    while (rtc_read(RTC_STATUS_A) & RTC_UPDATING)
        ;
    for (unsigned i = 0; i < RTC_FIELDS; i++)
        fields[i] = rtc_read(regs[i]);
}

/* Reads until two readings agree, because an update may fall between two registers. */
static void rtc_read_stable(uint8_t fields[RTC_FIELDS])
{
    uint8_t before[RTC_FIELDS];
    rtc_read_fields(fields);
    do {
        memcpy(before, fields, RTC_FIELDS);
        rtc_read_fields(fields);
    } while (memcmp(before, fields, RTC_FIELDS) != 0);
}

static uint8_t bcd_to_binary(uint8_t value)
{
    return (value >> 4) * 10 + (value & 0xf);
}

static void rtc_decode(uint8_t fields[RTC_FIELDS])
{
    uint8_t status = rtc_read(RTC_STATUS_B);
    bool pm = fields[HOUR] & RTC_PM;
    fields[HOUR] &= ~RTC_PM;
    if (!(status & RTC_BINARY))
        for (unsigned i = 0; i < RTC_FIELDS; i++)
            fields[i] = bcd_to_binary(fields[i]);
    if (!(status & RTC_24_HOURS))
        fields[HOUR] = fields[HOUR] % 12 + (pm ? 12 : 0);
}

/* Returns the days from 1970 to a day in 2000-2099, in which every fourth year is a leap year. */
static uint64_t date_to_days(unsigned years, unsigned month, unsigned day)
{
    static const uint16_t before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    uint64_t days = DAYS_BEFORE_2000 + years * 365 + (years + 3) / 4;
    days += before[(month - 1) % 12] + day - 1;
    return days + (years % 4 == 0 && month > 2 ? 1 : 0);
}

static uint64_t rtc_seconds(void)
{
    uint8_t f[RTC_FIELDS];
    rtc_read_stable(f);
    rtc_decode(f);
    return ((date_to_days(f[YEAR], f[MONTH], f[DAY]) * 24 + f[HOUR]) * 60 + f[MINUTE]) * 60 +
           f[SECOND];
}

void clock_init(void)
{
    rates_measure();
    if (tsc_hz < NS_PER_S / 4) /* mult would overflow; no 64-bit CPU is that slow */
        panic("the TSC runs at only %lu Hz", tsc_hz);
    tsc_mult = (NS_PER_S << 32) / tsc_hz;
    tsc_start = tsc_read();
    boot_realtime_ns = rtc_seconds() * NS_PER_S - clock_monotonic_ns();
}

uint64_t clock_monotonic_ns(void)
{
    return (unsigned __int128)(tsc_read() - tsc_start) * tsc_mult >> 32;
}

uint64_t clock_realtime_ns(void)
{
    return boot_realtime_ns + clock_monotonic_ns();
}

void timer_start(unsigned hz)
{
    apic_timer_periodic(max(apic_hz / hz, 1ul));
}
