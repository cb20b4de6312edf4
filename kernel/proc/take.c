/* Taking a signal that is pending for a task or for its process.

   Lock: signals.lock. */

#include <lib/panic.h>
#include <proc/process.h>
#include "signal_set.h"

bool signal_take(struct task *task, uint64_t set, struct signal_info *info)
{
    struct signal_state *state = &task->process->signals;

    assert(spin_is_held(&state->lock));
    if (!signal_queue_take(&task->signals.pending, set, info) &&
        !signal_queue_take(&state->pending, set, info))
        return false;
    if (info->is_timer)
        posix_timer_taken(task->process, info->pid, info->uid);
    task->signals.may_stop = true; /* even if it is no stop signal: a tracer may exchange it */
    task->signals.sent_to_all &= ~BIT(info->signo);
    return true;
}
