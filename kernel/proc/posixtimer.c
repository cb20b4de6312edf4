/* The timers of timer_create(2): alarms of a process, each with a signal of its own.

   A signal that is still pending when its timer expires again counts the expiry (its overrun), so a
   timer has one signal pending at most.

   Always true: the numbers of the timers of a process are unique. A child inherits none, and exec
   deletes all.

   Locks: the tree lock (t), by which a timer expires; a timer is added and removed under
   signals.lock (l) too, under which its signal is taken. */

#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/time.h>
#include <arch/clock.h>
#include <lib/panic.h>
#include <mm/heap.h>
#include <proc/process.h>

struct posix_timer {
    TAILQ_ENTRY(posix_timer) link; /* (t) and (l), both: among the timers of its process */
    struct process *process;       /* (c) */
    int id;                        /* (c) */
    struct timer_target target;    /* (c) */
    struct alarm alarm;            /* (t) */
    int overrun;                   /* (l) of the signal that was taken last */
    uint64_t lost;                 /* (t) expiries whose signal could not be queued */
};

/* Returns the timer with that number, or NULL. The list is as long as RLIMIT_SIGPENDING allows. The
   tree lock or signals.lock is held. */
static struct posix_timer *posix_timer_find(const struct process *process, int id)
{
    struct posix_timer *timer;

    TAILQ_FOREACH (timer, &process->timers, link)
        if (timer->id == id)
            return timer;
    return NULL;
}

/* Posts the signal. -EAGAIN: it cannot be queued. */
static int send_to_target(const struct posix_timer *timer, const struct signal_info *info)
{
    if (timer->target.notify != SIGEV_THREAD_ID)
        return signal_send(timer->process, info);
    struct task *task = task_find(timer->target.tid);
    if (!task || task->process != timer->process) /* it has ended: nobody is told, as on Linux */
        return 0;
    return signal_send_task(task, info);
}

static void posix_timer_expire(struct alarm *alarm, uint64_t missed)
{
    struct posix_timer *timer = container_of(alarm, struct posix_timer, alarm);
    const struct timer_target *target = &timer->target;
    struct signal_info info = {
        .signo = target->signo,
        .code = SI_TIMER,
        .pid = timer->id,
        .uid = min(missed + timer->lost, (uint64_t)INT32_MAX),
        .value = target->has_value ? target->value : (uint64_t)timer->id,
        .is_timer = true,
    };

    if (target->notify == SIGEV_NONE)
        return;
    if (send_to_target(timer, &info))
        timer->lost += missed + 1;
    else
        timer->lost = 0;
}

/* Gives a timer a number, and adds it to the process. The tree lock is held. -EINVAL, -EAGAIN. */
static int posix_timer_link(struct posix_timer *timer)
{
    struct process *self = timer->process;
    const struct posix_timer *last = TAILQ_LAST(&self->timers, posix_timer_list);
    const struct task *task;

    if (timer->target.notify == SIGEV_THREAD_ID) {
        task = task_find(timer->target.tid);
        if (!task || task->process != self)
            return -EINVAL;
    }
    if (self->timer_count >= process_limit(self, RLIMIT_SIGPENDING) ||
        self->timer_count == INT32_MAX)
        return -EAGAIN;
    /* Numbers grow, so the last one is the highest, until it has grown too high. */
    timer->id = last && last->id < INT32_MAX ? last->id + 1 : 0;
    while (posix_timer_find(self, timer->id))
        timer->id++;
    self->timer_count++;
    spin_lock(&self->signals.lock);
    TAILQ_INSERT_TAIL(&self->timers, timer, link);
    spin_unlock(&self->signals.lock);
    return timer->id;
}

int posix_timer_create(const struct timer_target *target)
{
    struct posix_timer *timer = heap_alloc_zeroed(sizeof(*timer));

    if (!timer)
        return -EAGAIN;
    timer->process = process_current();
    timer->target = *target;
    timer->alarm.expire = posix_timer_expire;
    mutex_lock(&process_tree_lock);
    int id = posix_timer_link(timer);
    mutex_unlock(&process_tree_lock);
    if (id < 0)
        heap_free(timer);
    return id;
}

int posix_timer_get(int id, struct alarm_setting *setting)
{
    mutex_lock(&process_tree_lock);
    const struct posix_timer *timer = posix_timer_find(process_current(), id);
    if (timer)
        *setting = alarm_left(&timer->alarm);
    mutex_unlock(&process_tree_lock);
    return timer ? 0 : -EINVAL;
}

/* Returns the time of the monotonic clock at which a timer expires first; 0: never. */
static uint64_t first_expiry(const struct posix_timer *timer, const struct alarm_setting *setting,
                             bool is_absolute)
{
    uint64_t now_ns = clock_monotonic_ns(), left_ns = setting->left_ns, clock_ns = now_ns;

    if (!left_ns)
        return 0;
    if (timer->target.clock == CLOCK_REALTIME || timer->target.clock == CLOCK_TAI)
        clock_ns = clock_realtime_ns();
    if (is_absolute)
        left_ns = left_ns > clock_ns ? left_ns - clock_ns : 0;
    return left_ns < UINT64_MAX - now_ns ? now_ns + left_ns : UINT64_MAX;
}

int posix_timer_set(int id, const struct alarm_setting *setting, bool is_absolute,
                    struct alarm_setting *old)
{
    mutex_lock(&process_tree_lock);
    struct posix_timer *timer = posix_timer_find(process_current(), id);
    if (timer) {
        *old = alarm_left(&timer->alarm);
        alarm_start(&timer->alarm, first_expiry(timer, setting, is_absolute), setting->interval_ns);
    }
    mutex_unlock(&process_tree_lock);
    if (!timer)
        return -EINVAL;
    alarm_notify();
    return 0;
}

int posix_timer_overrun(int id)
{
    struct process *self = process_current();

    spin_lock(&self->signals.lock);
    const struct posix_timer *timer = posix_timer_find(self, id);
    int overrun = timer ? timer->overrun : -EINVAL;
    spin_unlock(&self->signals.lock);
    return overrun;
}

void posix_timer_taken(struct process *process, int id, int overrun)
{
    struct posix_timer *timer = posix_timer_find(process, id);

    assert(spin_is_held(&process->signals.lock));
    if (timer)
        timer->overrun = overrun;
}

/* Takes a timer from its process, and frees it. The tree lock is held. */
static void posix_timer_remove(struct posix_timer *timer)
{
    struct process *process = timer->process;

    assert(mutex_is_held(&process_tree_lock));
    alarm_stop(&timer->alarm);
    process->timer_count--;
    spin_lock(&process->signals.lock);
    TAILQ_REMOVE(&process->timers, timer, link);
    spin_unlock(&process->signals.lock);
    heap_free(timer);
}

int posix_timer_delete(int id)
{
    mutex_lock(&process_tree_lock);
    struct posix_timer *timer = posix_timer_find(process_current(), id);
    if (timer)
        posix_timer_remove(timer);
    mutex_unlock(&process_tree_lock);
    return timer ? 0 : -EINVAL;
}

void posix_timers_forget(struct process *process)
{
    struct posix_timer *timer;

    while ((timer = TAILQ_FIRST(&process->timers)))
        posix_timer_remove(timer);
}

void posix_timers_delete(void)
{
    mutex_lock(&process_tree_lock);
    posix_timers_forget(process_current());
    mutex_unlock(&process_tree_lock);
}
