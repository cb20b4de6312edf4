/* The locks that a thread holds or waits for, for reports (sched/heldlocks.h). */

#include <sched/heldlocks.h>
#include <sched/thread.h>

/* The wait queues of a lock lie in it, not farther from its start than this. */
#define LOCK_BYTES_MAX 1024u

const void *lock_waited_for(const struct thread *thread)
{
    const struct lock_record *record = &thread->locks;
    uintptr_t queue = (uintptr_t)atomic_load_relaxed(&thread->waiting_on);
    unsigned count = min(record->count, MAX_LOCKS_HELD);

    /* The last sleeping lock in the record is the one that the thread is about to hold. Behind it
       stands the lock of the run queue, which a thread takes when it leaves its CPU. */
    while (count > 0 && record->ranks[count - 1] >= RANK_SPACES)
        count--;
    const void *lock = count > 0 ? record->locks[count - 1] : NULL;

    return lock && queue - (uintptr_t)lock < LOCK_BYTES_MAX ? lock : NULL;
}

bool lock_is_held_by(const void *lock, const struct thread *thread)
{
    const struct lock_record *record = &thread->locks;

    if (lock_waited_for(thread) == lock)
        return false;
    for (unsigned n = 0; n < min(record->count, MAX_LOCKS_HELD); n++)
        if (record->locks[n] == lock)
            return true;
    return false;
}
