/* The transitions of struct tracing, which proc/tracing.h draws.

   Lock: signals.lock of the process. */

#include <lib/panic.h>
#include <proc/process.h>
#include <proc/tracing.h>
#include <sched/run.h>
#include "signal_set.h"

static struct tracing *tracing_of(struct task *task)
{
    assert(spin_is_held(&task->process->signals.lock));
    return &task->signals.tracing;
}

static const struct tracing *tracing_seen(const struct task *task)
{
    assert(spin_is_held(&task->process->signals.lock));
    return &task->signals.tracing;
}

void tracing_begin(struct task *task, bool is_seized)
{
    struct tracing *tracing = tracing_of(task);

    assert(tracing->state == TRACING_NONE && tracing->due == DUE_NOTHING);
    *tracing = (struct tracing){.state = TRACING_RUNNING, .is_seized = is_seized};
}

void tracing_end(struct task *task)
{
    struct tracing *tracing = tracing_of(task);

    assert(tracing->state != TRACING_NONE);
    *tracing = (struct tracing){.state = TRACING_NONE};
    waitq_wake_all(&task->process->signals.continued);
    if (task->signals.overruled_stop && !task->has_ended)
        thread_interrupt(task->thread, WORK_SIGNAL);
    task->signals.overruled_stop = 0;
}

void tracing_hold(struct task *self, enum tracing_stop stop)
{
    struct tracing *tracing = tracing_of(self);

    assert(tracing->state == TRACING_RUNNING);
    tracing->state = TRACING_HELD;
    if (stop == TRACING_STOP_OWN || tracing->due == DUE_TRAP)
        tracing->due = DUE_NOTHING;
}

void tracing_release(struct task *task)
{
    struct tracing *tracing = tracing_of(task);

    if (tracing->state != TRACING_HELD)
        return;
    tracing->state = TRACING_RUNNING;
    waitq_wake_all(&task->process->signals.continued);
}

void tracing_want_trap(struct task *task)
{
    struct tracing *tracing = tracing_of(task);

    assert(tracing->state != TRACING_NONE);
    if (tracing->due == DUE_NOTHING)
        tracing->due = DUE_TRAP;
    waitq_wake_all(&task->process->signals.continued);
}

void tracing_tell_continue(struct task *task)
{
    struct tracing *tracing = tracing_of(task);

    if (!tracing->is_seized)
        return;
    tracing->due = DUE_TRAP_OF_CONTINUE;
    thread_interrupt(task->thread, WORK_SIGNAL);
}

bool is_traced(const struct task *task)
{
    return tracing_seen(task)->state != TRACING_NONE;
}

bool is_held(const struct task *task)
{
    return tracing_seen(task)->state == TRACING_HELD;
}

bool is_trap_due(const struct task *task)
{
    return tracing_seen(task)->due != DUE_NOTHING;
}
