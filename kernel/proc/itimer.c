/* Alarms: a tree in the order of their times, and a thread that sleeps until the first is due. The
   real-time timer of a process is one of them.

   A thread calls the functions of alarms, because the tree lock sleeps and an interrupt cannot take
   it.

   Always true: the tree holds the alarms whose deadline_ns is not 0.

   Locks: the tree lock (t) for the alarms; alarm_wake.lock (RANK_PIPE) to notify the thread of a
   change. */

#include <arch/clock.h>
#include <lib/panic.h>
#include <proc/process.h>

static int alarm_compare(const struct alarm *a, const struct alarm *b)
{
    if (a->deadline_ns != b->deadline_ns)
        return a->deadline_ns < b->deadline_ns ? -1 : 1;
    return (a > b) - (a < b);
}

RB_HEAD(alarm_tree, alarm);
RB_GENERATE_STATIC(alarm_tree, alarm, link, alarm_compare)

static struct alarm_tree alarms = RB_INITIALIZER(alarms); /* (t) */

static struct {
    struct spinlock lock;
    struct waitq waitq;
    bool changed; /* (lock) the first alarm may be another now */
} alarm_wake = {.lock = SPINLOCK(RANK_PIPE), .waitq = WAITQ(alarm_wake.waitq)};

/* ---- The tree; the tree lock is held ---- */

void alarm_stop(struct alarm *alarm)
{
    assert(mutex_is_held(&process_tree_lock));
    if (alarm->deadline_ns)
        RB_REMOVE(alarm_tree, &alarms, alarm);
    alarm->deadline_ns = 0;
    alarm->interval_ns = 0;
}

void alarm_start(struct alarm *alarm, uint64_t deadline_ns, uint64_t interval_ns)
{
    alarm_stop(alarm);
    if (!deadline_ns)
        return;
    assert(alarm->expire);
    alarm->deadline_ns = deadline_ns;
    alarm->interval_ns = interval_ns;
    RB_INSERT(alarm_tree, &alarms, alarm);
}

/* The expiries of an alarm in so many nanoseconds count as one, and the others as missed. Without
   it, the thread could do nothing else but serve intervals that are shorter than its work. */
#define ALARM_STEP_NS 100000

/* Sets an alarm that is due to its next time, or removes it if it has no interval. Expiries that
   were missed in between are skipped. Returns their number. */
static uint64_t alarm_rearm(struct alarm *alarm, uint64_t now_ns)
{
    uint64_t deadline_ns = alarm->deadline_ns, interval_ns = alarm->interval_ns;
    uint64_t until_ns = now_ns + (interval_ns < ALARM_STEP_NS ? ALARM_STEP_NS : 0);

    alarm_stop(alarm);
    if (!interval_ns)
        return 0;
    uint64_t missed = (until_ns - deadline_ns) / interval_ns;
    alarm_start(alarm, deadline_ns + (missed + 1) * interval_ns, interval_ns);
    return missed;
}

/* Lets the alarms that are due expire. Returns the time of the next one; UINT64_MAX: none. */
static uint64_t alarm_expire_due(void)
{
    uint64_t now_ns = clock_monotonic_ns();
    struct alarm *first;

    while ((first = RB_MIN(alarm_tree, &alarms)) && first->deadline_ns <= now_ns)
        first->expire(first, alarm_rearm(first, now_ns));
    return first ? first->deadline_ns : UINT64_MAX;
}

struct alarm_setting alarm_left(const struct alarm *alarm)
{
    uint64_t now_ns = clock_monotonic_ns();

    assert(mutex_is_held(&process_tree_lock));
    if (!alarm->deadline_ns)
        return (struct alarm_setting){0};
    return (struct alarm_setting){
        /* if it is due but has not expired yet, a nanosecond is left */
        .left_ns = alarm->deadline_ns > now_ns ? alarm->deadline_ns - now_ns : 1,
        .interval_ns = alarm->interval_ns,
    };
}

/* ---- The thread ---- */

/* Sleeps until the deadline, or until an alarm is set. */
static void alarm_sleep_until(uint64_t deadline_ns)
{
    int err = 0;

    spin_lock(&alarm_wake.lock);
    while (!alarm_wake.changed && !err)
        err = waitq_sleep_until(&alarm_wake.waitq, &alarm_wake.lock, deadline_ns);
    alarm_wake.changed = false;
    spin_unlock(&alarm_wake.lock);
}

static __noreturn void alarm_thread(void *arg __unused)
{
    for (;;) {
        mutex_lock(&process_tree_lock);
        uint64_t next_ns = alarm_expire_due();
        mutex_unlock(&process_tree_lock);
        alarm_sleep_until(next_ns);
    }
}

void alarm_init(void)
{
    struct thread *thread = thread_create(alarm_thread, NULL);

    if (!thread)
        panic("no memory for the thread of alarms");
    thread_start(thread);
}

void alarm_notify(void)
{
    spin_lock(&alarm_wake.lock);
    alarm_wake.changed = true;
    waitq_wake_all(&alarm_wake.waitq);
    spin_unlock(&alarm_wake.lock);
}

/* ---- The real-time timer of the current process ---- */

static void send_sigalrm(struct alarm *alarm, uint64_t missed __unused)
{
    signal_send_kernel(container_of(alarm, struct process, alarm), SIGALRM);
}

struct alarm_setting alarm_get(void)
{
    mutex_lock(&process_tree_lock);
    struct alarm_setting setting = alarm_left(&process_current()->alarm);
    mutex_unlock(&process_tree_lock);
    return setting;
}

void alarm_set(const struct alarm_setting *setting)
{
    struct alarm *alarm = &process_current()->alarm;
    uint64_t left_ns = setting->left_ns;

    mutex_lock(&process_tree_lock);
    alarm->expire = send_sigalrm;
    alarm_start(alarm, left_ns ? clock_monotonic_ns() + left_ns : 0, setting->interval_ns);
    mutex_unlock(&process_tree_lock);
    alarm_notify();
}
