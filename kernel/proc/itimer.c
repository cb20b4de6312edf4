/* Alarms: a list in the order of time, and a thread that sleeps until the first.

   A thread, because sending a signal takes the tree lock, which no interrupt can.
   Locks: the tree lock (t) for the list; wake.lock (RANK_PIPE) to tell the thread of a change. */

#include <arch/clock.h>
#include <lib/panic.h>
#include <proc/process.h>

static TAILQ_HEAD(alarm_list, process) alarms = TAILQ_HEAD_INITIALIZER(alarms); /* (t) */

static struct {
    struct spinlock lock;
    struct waitq waitq;
    bool changed; /* (lock) the first of the list is another now */
} wake = {.lock = SPINLOCK(RANK_PIPE), .waitq = WAITQ(wake.waitq)};

/* ---- The list; the tree lock is held ---- */

static void insert(struct process *process)
{
    struct process *later;

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
    if (!process->alarm.deadline_ns)
        return;
    TAILQ_REMOVE(&alarms, process, alarm.link);
    process->alarm = (struct alarm){0};
}

/* The next time from now on that the interval comes to: ticks that nobody could hear are left out. */
static void go_on(struct process *process, uint64_t now_ns)
{
    struct alarm next = process->alarm;

    alarm_forget(process);
    if (!next.interval_ns)
        return;
    uint64_t missed = (now_ns - next.deadline_ns) / next.interval_ns;
    next.deadline_ns += (missed + 1) * next.interval_ns;
    process->alarm = next;
    insert(process);
}

/* Sends what is due; returns when to look again. */
static uint64_t send_due(void)
{
    uint64_t now_ns = clock_monotonic_ns();
    struct process *first;

    while ((first = TAILQ_FIRST(&alarms)) && first->alarm.deadline_ns <= now_ns) {
        go_on(first, now_ns);
        signal_send_kernel(first, SIGALRM);
    }
    return first ? first->alarm.deadline_ns : UINT64_MAX;
}

/* ---- The thread ---- */

static void wait_until(uint64_t deadline_ns)
{
    int err = 0;

    spin_lock(&wake.lock);
    while (!wake.changed && !err)
        err = waitq_sleep_until(&wake.waitq, &wake.lock, deadline_ns);
    wake.changed = false;
    spin_unlock(&wake.lock);
}

static __noreturn void alarm_thread(void *arg __unused)
{
    for (;;) {
        mutex_lock(&process_tree_lock);
        uint64_t next_ns = send_due();
        mutex_unlock(&process_tree_lock);
        wait_until(next_ns);
    }
}

void alarm_init(void)
{
    struct thread *thread = thread_create(alarm_thread, NULL);

    if (!thread)
        panic("no memory for the thread of alarms");
    thread_start(thread);
}

/* ---- One process's ---- */

struct alarm_setting alarm_get(void)
{
    const struct alarm *alarm = &process_current()->alarm;
    struct alarm_setting setting = {0};

    mutex_lock(&process_tree_lock);
    uint64_t now_ns = clock_monotonic_ns();
    if (alarm->deadline_ns) /* one that is due, but was not sent yet, is not over yet */
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
        insert(self);
    }
    mutex_unlock(&process_tree_lock);

    spin_lock(&wake.lock);
    wake.changed = true;
    waitq_wake_all(&wake.waitq);
    spin_unlock(&wake.lock);
}
