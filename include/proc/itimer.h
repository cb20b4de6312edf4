/* Timers that send signals, once or again and again: alarms, SIGALRM at a time (alarm(2), ITIMER_REAL); and those of
   CPU time, SIGVTALRM and SIGPROF (ITIMER_VIRTUAL, ITIMER_PROF). */
#pragma once

#include <sys/queue.h>
#include <lib/base.h>

struct process;

/* All guarded by the tree lock. */
struct alarm {
    TAILQ_ENTRY(process) link; /* in the list of those that are set, by time */
    uint64_t deadline_ns;      /* monotonic; 0: not set */
    uint64_t interval_ns;      /* 0: once */
};

/* Time left, and the interval. */
struct alarm_setting {
    uint64_t left_ns, interval_ns;
};

/* Makes the thread that sends the signals. Once, at boot. */
void alarm_init(void);

/* The current process's. Take the tree lock. */
struct alarm_setting alarm_get(void);
void alarm_set(const struct alarm_setting *setting);

/* The process ends. The tree lock is held. */
void alarm_forget(struct process *process);

/* ---- Timers of CPU time, and its limit, by the tick ---- */

enum cpu_timer_kind { CPU_TIMER_VIRTUAL, CPU_TIMER_PROF, CPU_TIMERS };

/* Guarded by being the process's own: only its thread looks. */
struct cpu_timer {
    uint64_t deadline_ns; /* of CPU time, in user mode only or in both; 0: not set */
    uint64_t interval_ns; /* 0: once */
};

/* The current process's. No lock. */
struct alarm_setting cpu_timer_get(enum cpu_timer_kind kind);
void cpu_timer_set(enum cpu_timer_kind kind, const struct alarm_setting *setting);

/* From the tick that has interrupted user code. */
void cpu_timer_tick(void);

/* Sends what is due to the current process, which has WORK_TIMER; clears that. By RLIMIT_CPU that is SIGXCPU for every
   second of CPU time beyond the soft limit, and SIGKILL at the hard one. */
void cpu_timer_expire(void);
