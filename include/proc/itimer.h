/* Interval timers, which send a signal once or periodically.

       itimer.c       alarms: SIGALRM at a time (alarm(2), ITIMER_REAL)
       cputimer.c     CPU time: SIGVTALRM (ITIMER_VIRTUAL), SIGPROF (ITIMER_PROF), RLIMIT_CPU */
#pragma once

#include <sys/queue.h>
#include <lib/base.h>

struct process;

/* A process's real-time timer. Lock: the tree lock, for all fields. */
struct alarm {
    TAILQ_ENTRY(process) link; /* in the list of alarms that are set, in the order of time */
    uint64_t deadline_ns;      /* monotonic; 0: not set */
    uint64_t interval_ns;      /* 0: once */
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

/* Removes the alarm of a process. The tree lock is held. */
void alarm_forget(struct process *process);

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
