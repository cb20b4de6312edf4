/* The locks that a thread holds or waits for, for reports. Nothing prevents the answers from being
   outdated. Known in a DEBUG build only. */
#pragma once

#include <lib/base.h>

struct thread;

/* Returns the sleeping lock in whose wait queue a thread stands, or NULL. */
const void *lock_waited_for(const struct thread *thread);

/* Returns true if the thread holds the lock. */
bool lock_is_held_by(const void *lock, const struct thread *thread);
