/* Time: the TSC counts it, the local APIC's timer interrupts, and the RTC gives the date at boot.

   The rates of the TSC and of the APIC timer are measured against the first clock of known rate
   that the machine has:

       PIT       channel 2; nearly every PC has it
       HPET      tells its own rate
       PM timer  of ACPI
       TSC       if CPUID tells its rate

   A measurement compares how far the clocks have come between two instants. On a busy host, this
   CPU may stand still at any time, for longer than a measurement should take. So an instant is a
   reading of all clocks with two readings of the TSC around it, which are close only if the CPU did
   not stand still. How long it is between the instants does not matter.

   Nanoseconds are TSC ticks * tsc_mult / 2^32, and APIC ticks are nanoseconds * apic_mult / 2^32,
   without a division. clock_init writes the rates once, so no lock is needed.

   Sources: Intel 8254 datasheet (PIT); IA-PC HPET specification 1.0a, 2.3; ACPI 4.8.3.3 (PM timer);
   Motorola MC146818A (RTC); SDM 3B 17.17 (TSC), SDM 2A CPUID, leaves 15H and 16H. */
#include <arch/boot.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <arch/init.h>
#include <arch/page.h>
#include <arch/port.h>
#include <lib/string.h>
#include "acpi.h"
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

#define PIT_LATCH    0x80       /* channel 2: the next two reads give its count of now */
#define PIT_NO_COUNT UINT16_MAX /* what the ports read as without a PIT */

#define PM_TIMER_HZ   3579545u
#define PM_TIMER_MASK 0xffffffu

#define HPET_PERIOD     1 /* word of the registers: femtoseconds for each tick */
#define HPET_CONFIG     4
#define HPET_COUNTER    0x3c
#define HPET_ENABLE     (1u << 0)
#define HPET_PERIOD_MIN 1000000u
#define HPET_PERIOD_MAX 100000000u
#define FS_PER_S        1000000000000000ul

#define MEASURE_HZ   100 /* a measurement takes at least 10 ms */
#define MEASUREMENTS 3
#define TRIES        10 /* measurements may fail */
#define READINGS     8  /* for each instant; the best one counts */

/* A device that has not counted for so many ticks of the TSC is broken, and a measurement is too
   long: 0.1 to 4 seconds. */
#define TSC_PATIENCE (1ul << 30)

/* The measured rate of the APIC timer may be wrong by one part in TIMER_RATE_ERROR. After a longer
   time than TIMER_EXACT_NS, this would be more than microseconds. */
#define TIMER_RATE_ERROR 256
#define TIMER_EXACT_NS   16000000

static uint64_t tsc_start, tsc_hz, tsc_mult;
static uint64_t apic_hz, apic_mult;
static uint64_t boot_realtime_ns;

/* ---- Clocks of known rate ----

   The *_start functions return the rate of a clock, or 0 if the machine lacks it. Its counter
   grows, and has the bits of `mask`. */

#define PIT_START 60000u /* it counts down from there to 0, which takes 50 ms, and then on */

static uint32_t pit_left(void)
{
    port_write8(PIT_COMMAND, PIT_LATCH);
    uint16_t low = port_read8(PIT_CHANNEL_2);
    return low | port_read8(PIT_CHANNEL_2) << 8;
}

static bool pit_has_ended(void)
{
    return port_read8(GATE_PORT) & GATE_OUTPUT;
}

static uint64_t pit_start(void)
{
    uint8_t gate = port_read8(GATE_PORT) & ~(GATE_SPEAKER | GATE_ENABLE);
    port_write8(GATE_PORT, gate);
    port_write8(PIT_COMMAND, PIT_ONE_SHOT);
    port_write8(PIT_CHANNEL_2, PIT_START & 0xff);
    port_write8(PIT_CHANNEL_2, PIT_START >> 8);
    /* The output is low until the count ends; some machines have a PIT, but no such port. */
    if (pit_left() == PIT_NO_COUNT || pit_has_ended())
        return 0;
    port_write8(GATE_PORT, gate | GATE_ENABLE);
    return PIT_HZ;
}

static uint32_t pit_count(void)
{
    return PIT_START - pit_left();
}

static volatile uint32_t *hpet; /* its registers */

static uint64_t hpet_start(void)
{
    if (!acpi.hpet)
        return 0;
    if (!hpet)
        hpet = device_map(acpi.hpet, PAGE_SIZE);
    uint32_t period_fs = hpet[HPET_PERIOD];
    if (period_fs < HPET_PERIOD_MIN || period_fs > HPET_PERIOD_MAX)
        return 0;
    hpet[HPET_CONFIG] |= HPET_ENABLE;
    return FS_PER_S / period_fs;
}

static uint32_t hpet_count(void)
{
    return hpet[HPET_COUNTER];
}

static uint64_t pm_timer_start(void)
{
    return acpi.pm_timer ? PM_TIMER_HZ : 0;
}

static uint32_t pm_timer_count(void)
{
    return port_read32(acpi.pm_timer);
}

/* Returns the rate of the TSC, or 0 if CPUID does not tell it. */
static uint64_t tsc_rate_by_cpuid(void)
{
    struct cpuid crystal = cpuid(0x15);

    if (crystal.eax && crystal.ebx && crystal.ecx)
        return (uint64_t)crystal.ecx * crystal.ebx / crystal.eax;
    return (cpuid(0x16).eax & 0xffff) * 1000000ul;
}

static uint32_t tsc_count(void)
{
    return tsc_read();
}

static const struct reference {
    const char *name;
    uint64_t (*start)(void);
    uint32_t (*count)(void);
    uint32_t mask;
    bool (*has_ended)(void); /* its count means nothing any more; NULL: never */
} references[] = {
    {"PIT", pit_start, pit_count, UINT16_MAX, pit_has_ended},
    {"HPET", hpet_start, hpet_count, UINT32_MAX, NULL},
    {"PM timer", pm_timer_start, pm_timer_count, PM_TIMER_MASK, NULL},
    {"TSC", tsc_rate_by_cpuid, tsc_count, UINT32_MAX, NULL},
};

/* ---- Measurements ---- */

/* What the clocks read at one time. */
struct instant {
    uint64_t tsc, width; /* the TSC before the others, and how far it came until after them */
    uint32_t count;      /* of the reference */
    uint32_t apic_left;
};

static struct instant instant_read(const struct reference *reference)
{
    struct instant best = {.width = UINT64_MAX};

    for (unsigned n = 0; n < READINGS; n++) {
        struct instant now = {.tsc = tsc_read()};

        now.count = reference->count();
        now.apic_left = apic_timer_left();
        now.width = tsc_read() - now.tsc;
        if (now.width < best.width)
            best = now;
    }
    return best;
}

/* How far the clocks have come between two instants. */
struct measurement {
    uint64_t tsc, apic, count;
    uint64_t hz;    /* the rate of `count` */
    uint64_t width; /* of both instants: the error of `tsc` is at most this */
};

/* Measures for 1/MEASURE_HZ s or longer. Returns false if the machine lacks the clock, if it stands
   still, or if it has ended because this CPU did not run for too long. */
static bool rate_measure(const struct reference *reference, struct measurement *result)
{
    uint64_t hz = reference->start(), tsc;
    struct instant last;

    if (hz == 0)
        return false;
    apic_timer_count_from(UINT32_MAX);
    struct instant first = instant_read(reference);
    do {
        last = instant_read(reference);
        result->count = (last.count - first.count) & reference->mask;
        tsc = last.tsc - first.tsc;
    } while (result->count < hz / MEASURE_HZ && tsc < TSC_PATIENCE);
    result->hz = hz;
    result->tsc = tsc;
    result->apic = first.apic_left - last.apic_left;
    result->width = first.width + last.width;
    return result->count > 0 && tsc < TSC_PATIENCE &&
           !(reference->has_ended && reference->has_ended());
}

/* Measures a few times, and keeps the best result. Returns false if none succeeds. */
static bool measure_best(const struct reference *reference, struct measurement *best)
{
    struct measurement result;
    unsigned done = 0;

    *best = (struct measurement){.width = UINT64_MAX};
    for (unsigned n = 0; n < TRIES && done < MEASUREMENTS; n++) {
        if (!rate_measure(reference, &result))
            continue;
        if (result.width < best->width)
            *best = result;
        done++;
    }
    return done > 0;
}

/* Measures by the first clock that the machine has. */
static struct measurement measure_by_any(void)
{
    struct measurement best;

    for (size_t n = 0; n < ARRAY_SIZE(references); n++) {
        if (!measure_best(&references[n], &best))
            continue;
        if (n > 0)
            printk("clock: no %s; rates are measured by the %s\n", references[0].name,
                   references[n].name);
        return best;
    }
    boot_fail("no clock has a known rate: no PIT, HPET or ACPI timer, and no rate in CPUID");
}

/* Stores the rate of the TSC and that of the APIC timer. */
static void rates_measure(void)
{
    struct measurement found = measure_by_any();

    tsc_hz = found.tsc * found.hz / found.count;
    apic_hz = found.apic * found.hz / found.count;
    if (apic_hz == 0)
        boot_fail("the timer of the local APIC stands still");
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
#define RTC_READINGS     10    /* two agree, unless each takes a second or the RTC is broken */
#define DAYS_BEFORE_2000 10957 /* since 1970 */

enum rtc_field { SECOND, MINUTE, HOUR, DAY, MONTH, YEAR };

static uint8_t rtc_read(uint8_t reg)
{
    port_write8(RTC_INDEX, reg);
    return port_read8(RTC_DATA);
}

/* Returns false if there is no RTC: its ports read as all ones, so an update never ends. */
static bool rtc_read_fields(uint8_t fields[RTC_FIELDS])
{
    static const uint8_t regs[RTC_FIELDS] = {0, 2, 4, 7, 8, 9};
    uint64_t start = tsc_read();
    while (rtc_read(RTC_STATUS_A) & RTC_UPDATING)
        if (tsc_read() - start > TSC_PATIENCE)
            return false;
    for (unsigned i = 0; i < RTC_FIELDS; i++)
        fields[i] = rtc_read(regs[i]);
    return true;
}

/* Reads until two readings agree, because an update may fall between two registers. */
static bool rtc_read_stable(uint8_t fields[RTC_FIELDS])
{
    uint8_t before[RTC_FIELDS];
    if (!rtc_read_fields(fields))
        return false;
    for (unsigned n = 1; n < RTC_READINGS; n++) {
        memcpy(before, fields, RTC_FIELDS);
        if (!rtc_read_fields(fields))
            return false;
        if (memcmp(before, fields, RTC_FIELDS) == 0)
            return true;
    }
    return false;
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

/* Returns the time since 1970, or 0 if the machine has no RTC. */
static uint64_t rtc_seconds(void)
{
    uint8_t f[RTC_FIELDS];
    if (!rtc_read_stable(f)) {
        printk("clock: no RTC; it is 1970 now\n");
        return 0;
    }
    rtc_decode(f);
    return ((date_to_days(f[YEAR], f[MONTH], f[DAY]) * 24 + f[HOUR]) * 60 + f[MINUTE]) * 60 +
           f[SECOND];
}

void clock_init(void)
{
    rates_measure();
    if (tsc_hz < NS_PER_S / 4) /* mult would overflow; no 64-bit CPU is that slow */
        boot_fail("the TSC runs at only %lu Hz", tsc_hz);
    tsc_mult = (NS_PER_S << 32) / tsc_hz;
    apic_mult = (apic_hz << 32) / NS_PER_S;
    tsc_start = tsc_read();
    boot_realtime_ns = rtc_seconds() * NS_PER_S - clock_monotonic_ns();
}

uint64_t clock_monotonic_ns(void)
{
    return (unsigned __int128)(tsc_read() - tsc_start) * tsc_mult >> 32;
}

uint64_t clock_tsc_hz(void)
{
    return tsc_hz;
}

uint64_t clock_realtime_ns(void)
{
    return boot_realtime_ns + clock_monotonic_ns();
}

void timer_start(void)
{
    apic_timer_start();
}

void timer_interrupt_at(uint64_t deadline_ns)
{
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t left_ns = deadline_ns > now_ns ? deadline_ns - now_ns : 0;

    if (left_ns > TIMER_EXACT_NS)
        left_ns -= left_ns / TIMER_RATE_ERROR;
    uint64_t count = ((unsigned __int128)left_ns * apic_mult >> 32) + 1;

    apic_timer_interrupt_in(min(count, (uint64_t)UINT32_MAX));
}
