/* Alarms: a list in the order of their times, and a thread that sleeps until the first is due.

   A thread sends the signals, because the tree lock sleeps and an interrupt cannot take it.

   Always true: the list holds the processes whose deadline_ns is not 0.

   Locks: the tree lock (t) for the list; alarm_wake.lock (RANK_PIPE) to notify the thread of a
   change. */

#include <arch/clock.h>
#include <lib/panic.h>
#include <proc/process.h>

static TAILQ_HEAD(alarm_list, process) alarms = TAILQ_HEAD_INITIALIZER(alarms); /* (t) */

static struct {
    struct spinlock lock;
    struct waitq waitq;
    bool changed; /* (lock) the first alarm may be another now */
} alarm_wake = {.lock = SPINLOCK(RANK_PIPE), .waitq = WAITQ(alarm_wake.waitq)};

/* ---- The list; the tree lock is held ---- */

static void alarm_insert(struct process *process)
{
    struct process *later;

    assert(mutex_is_held(&process_tree_lock));
    TAILQ_FOREACH (later, &alarms, alarm.link)
        if (later->alarm.deadline_ns > process->alarm.deadline_ns)
            break;
    if (later)
        TAILQ_INSERT_BEFORE(later, process, alarm.link);
    else
        TAILQ_INSERT_TAIL(&alarms, process, alarm.link);
}

void alarm_forget(struct process *process)
{
    assert(mutex_is_held(&process_tree_lock));
    if (!process->alarm.deadline_ns)
        return;
    TAILQ_REMOVE(&alarms, process, alarm.link);
    process->alarm = (struct alarm){0};
}

/* Sets an alarm that is due to its next time, or removes it if it has no interval. Expiries that
   were missed in between are skipped, not queued. */
static void alarm_rearm(struct process *process, uint64_t now_ns)
{
    struct alarm next = process->alarm;

    alarm_forget(process);
    if (!next.interval_ns)
        return;
    uint64_t missed = (now_ns - next.deadline_ns) / next.interval_ns;
    next.deadline_ns += (missed + 1) * next.interval_ns;
    process->alarm = next;
    alarm_insert(process);
}

/* Sends the signals that are due. Returns the time of the next alarm; UINT64_MAX: none. */
static uint64_t alarm_send_due(void)
{
    uint64_t now_ns = clock_monotonic_ns();
    struct process *first;

    while ((first = TAILQ_FIRST(&alarms)) && first->alarm.deadline_ns <= now_ns) {
        alarm_rearm(first, now_ns);
        signal_send_kernel(first, SIGALRM);
    }
    return first ? first->alarm.deadline_ns : UINT64_MAX;
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
        uint64_t next_ns = alarm_send_due();
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

/* ---- The alarm of the current process ---- */

struct alarm_setting alarm_get(void)
{
    const struct alarm *alarm = &process_current()->alarm;
    struct alarm_setting setting = {0};

    mutex_lock(&process_tree_lock);
    uint64_t now_ns = clock_monotonic_ns();
    if (alarm->deadline_ns) /* if it is due but not sent yet, a nanosecond is left */
        setting = (struct alarm_setting){
            .left_ns = alarm->deadline_ns > now_ns ? alarm->deadline_ns - now_ns : 1,
            .interval_ns = alarm->interval_ns,
        };
    mutex_unlock(&process_tree_lock);
    return setting;
}

void alarm_set(const struct alarm_setting *setting)
{
    struct process *self = process_current();

    mutex_lock(&process_tree_lock);
    alarm_forget(self);
    if (setting->left_ns) {
        self->alarm.deadline_ns = clock_monotonic_ns() + setting->left_ns;
        self->alarm.interval_ns = setting->interval_ns;
        alarm_insert(self);
    }
    mutex_unlock(&process_tree_lock);

    spin_lock(&alarm_wake.lock);
    alarm_wake.changed = true;
    waitq_wake_all(&alarm_wake.waitq);
    spin_unlock(&alarm_wake.lock);
}
