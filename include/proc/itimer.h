/* Alarms: SIGALRM at a time, once or again and again (alarm(2), ITIMER_REAL). */
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
