/* Interval timers, which send a signal once or periodically.

       itimer.c       alarms, and SIGALRM at a time (alarm(2), ITIMER_REAL)
       posixtimer.c   the timers of timer_create(2)
       cputimer.c     CPU time: SIGVTALRM (ITIMER_VIRTUAL), SIGPROF (ITIMER_PROF), RLIMIT_CPU */
#pragma once

#include <sys/queue.h>
#include <sys/tree.h>
#include <lib/base.h>

struct process;

/* A function that is to be called at a time, or periodically. Lock: the tree lock, for all fields. */
struct alarm {
    RB_ENTRY(alarm) link; /* in the tree of alarms that are set, in the order of time */
    uint64_t deadline_ns; /* monotonic; 0: not set */
    uint64_t interval_ns; /* 0: once */
    /* Called with the tree lock held, when the alarm is set to its next time already. `missed` is
       the number of expiries that were skipped since. */
    void (*expire)(struct alarm *alarm, uint64_t missed);
};

/* A timer as setitimer(2) sees it; left_ns 0: not set, interval_ns 0: once. */
struct alarm_setting {
    uint64_t left_ns, interval_ns;
};

/* Makes the thread that sends the signals. Called once, at boot. */
void alarm_init(void);

/* Get and set the alarm of the current process. They take the tree lock. */
struct alarm_setting alarm_get(void);
void alarm_set(const struct alarm_setting *setting);

/* Returns what is left until an alarm expires. The tree lock is held. */
struct alarm_setting alarm_left(const struct alarm *alarm);

/* Sets an alarm, whose `expire` is set, to a time of the monotonic clock; 0: to none. The tree lock
   is held; the caller calls alarm_notify later. */
void alarm_start(struct alarm *alarm, uint64_t deadline_ns, uint64_t interval_ns);

/* Removes an alarm if it is set. The tree lock is held. */
void alarm_stop(struct alarm *alarm);

/* Makes the thread look at the first alarm, which may be another now. No lock is held. */
void alarm_notify(void);

/* ---- Timers of timer_create(2). The functions take the tree lock, unless it is held ---- */

/* How a timer tells that it has expired: SIGEV_NONE, or a signal to the process or to a task. */
struct timer_target {
    int notify; /* SIGEV_NONE, SIGEV_SIGNAL, SIGEV_THREAD_ID */
    int signo;
    int tid; /* SIGEV_THREAD_ID */
    uint64_t value;
    bool has_value; /* false: the value is the number of the timer */
    int clock;      /* CLOCK_, of absolute times */
};

/* Makes a timer of the current process. Returns its number. -EINVAL: the task is none of the process.
   -EAGAIN: it has as many timers as RLIMIT_SIGPENDING allows, or memory is out. */
__must_check int posix_timer_create(const struct timer_target *target);

/* Get and set a timer of the current process. If the time is absolute, `left_ns` is a time of the
   timer's clock. -EINVAL: the process has no such timer. */
__must_check int posix_timer_get(int id, struct alarm_setting *setting);
__must_check int posix_timer_set(int id, const struct alarm_setting *setting, bool is_absolute,
                                 struct alarm_setting *old);

/* Returns how many expiries the last signal of the timer has stood for, but for one. -EINVAL. */
__must_check int posix_timer_overrun(int id);

__must_check int posix_timer_delete(int id);

/* Deletes all timers of the current process: for exec. */
void posix_timers_delete(void);

/* Deletes all timers of a process, which exits. The tree lock is held. */
void posix_timers_forget(struct process *process);

/* Notes that the current process has taken the signal of a timer. signals.lock is held. */
void posix_timer_taken(struct process *process, int id, int overrun);

/* ---- Timers of CPU time, and its limit ---- */

enum cpu_timer_kind { CPU_TIMER_VIRTUAL, CPU_TIMER_PROF, CPU_TIMERS };

/* A CPU timer, which counts all tasks of a process. Lock: the tree lock. */
struct cpu_timer {
    uint64_t deadline_ns; /* of CPU time, in user mode only or in both; 0: not set */
    uint64_t interval_ns; /* 0: once */
};

/* Get and set a timer of the current process. They take the tree lock. */
struct alarm_setting cpu_timer_get(enum cpu_timer_kind kind);
void cpu_timer_set(enum cpu_timer_kind kind, const struct alarm_setting *setting);

/* Makes ticks check the timers and the limit of a process, or no more. One of them has changed. The
   tree lock is held. */
void cpu_timer_watch(struct process *process);

/* Called after each tick: if the current process counts its CPU time, the task checks it on its way
   to user mode. */
void cpu_timer_tick(void);

/* Clears WORK_TIMER and sends the current process the signals that are due. RLIMIT_CPU sends
   SIGXCPU for every second of CPU time from the soft limit on, and SIGKILL at the hard limit. Takes
   the tree lock. */
void cpu_timer_expire(void);
