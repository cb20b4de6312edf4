/* Arguments of system calls about times and timers. */
#define _GNU_SOURCE
#include "argprint.h"

#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

#include "names.h"
#include "output.h"

static void show_timespec(const struct timespec *time)
{
    print("{tv_sec=%lld, tv_nsec=%ld}", (long long)time->tv_sec, time->tv_nsec);
}

static void print_time(const struct tracee *tracee, int n)
{
    struct timespec time;

    if (fetch(tracee, tracee->args[n], &time, sizeof(time)))
        show_timespec(&time);
}

static void print_out_time(const struct tracee *tracee, int n)
{
    struct timespec time;

    if (fetch_output(tracee, n, &time, sizeof(time)))
        show_timespec(&time);
}

#define ERESTART_RESTARTBLOCK 516

/* Prints the time left of a sleep, if the sleep was interrupted. */
static void print_left_time(const struct tracee *tracee, int n)
{
    struct timespec time;

    if (tracee->has_failed && tracee->result == -ERESTART_RESTARTBLOCK) {
        if (fetch(tracee, tracee->args[n], &time, sizeof(time)))
            show_timespec(&time);
    } else {
        print_address(tracee->args[n]);
    }
}

static void show_file_time(const struct tracee *tracee, const void *element, size_t index)
{
    const struct timespec *time = element;
    char date[32], zone[8];

    (void)tracee, (void)index;
    if (time->tv_nsec == UTIME_NOW || time->tv_nsec == UTIME_OMIT) {
        print("%s", time->tv_nsec == UTIME_NOW ? "UTIME_NOW" : "UTIME_OMIT");
        return;
    }
    show_timespec(time);
    const struct tm *tm = localtime(&time->tv_sec);
    if (!tm)
        return;
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", tm);
    strftime(zone, sizeof(zone), "%z", tm);
    print(" /* %s", date);
    if (time->tv_nsec)
        print(".%09ld", time->tv_nsec);
    print("%s */", zone);
}

static void print_times(const struct tracee *tracee, int n)
{
    print_array(tracee, tracee->args[n], 2, sizeof(struct timespec), show_file_time);
}

void show_timeval(const char *name, const struct timeval *time)
{
    print("%s={tv_sec=%lld, tv_usec=%ld}", name, (long long)time->tv_sec, (long)time->tv_usec);
}

static void show_itimer(const struct itimerval *timer)
{
    print("{");
    show_timeval("it_interval", &timer->it_interval);
    print(", ");
    show_timeval("it_value", &timer->it_value);
    print("}");
}

static void print_itimer(const struct tracee *tracee, int n)
{
    struct itimerval timer;

    if (fetch(tracee, tracee->args[n], &timer, sizeof(timer)))
        show_itimer(&timer);
}

static void print_out_itimer(const struct tracee *tracee, int n)
{
    struct itimerval timer;

    if (fetch_output(tracee, n, &timer, sizeof(timer)))
        show_itimer(&timer);
}

/* As <linux/futex.h> has them. */
#define FUTEX_PRIVATE        128u
#define FUTEX_CLOCK_REALTIME 256u
#define FUTEX_WAKE           1
#define FUTEX_WAIT_BITSET    9
#define FUTEX_WAKE_BITSET    10

/* Prints the operation of a futex, and the arguments that it takes: a value, for a wait the time,
   and for the operations with bits those. */
static void print_futex(const struct tracee *tracee, int n)
{
    const uint64_t *args = &tracee->args[n];
    unsigned operation = args[0] & ~(FUTEX_PRIVATE | FUTEX_CLOCK_REALTIME);

    print_one_of(&futex_names, args[0] & ~(uint64_t)FUTEX_CLOCK_REALTIME);
    print("%s, %u", args[0] & FUTEX_CLOCK_REALTIME ? "|FUTEX_CLOCK_REALTIME" : "",
          (unsigned)args[1]);
    if (operation != FUTEX_WAKE && operation != FUTEX_WAKE_BITSET) {
        print(", ");
        print_time(tracee, n + 2);
    }
    if (operation == FUTEX_WAIT_BITSET || operation == FUTEX_WAKE_BITSET) {
        if ((unsigned)args[4] == UINT32_MAX)
            print(", FUTEX_BITSET_MATCH_ANY");
        else
            print(", %#x", (unsigned)args[4]);
    }
}

/* ---- The kinds ---- */

INPUT(time, print_time);
INPUT(times, print_times);
INPUT(itimer, print_itimer);
LAST(futex, print_futex);
OUTPUT(out_time, print_out_time);
OUTPUT(left_time, print_left_time);
OUTPUT(out_itimer, print_out_itimer);
