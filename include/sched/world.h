/* Stopping the world: every other thread at rest, so that what is shared stands still and can be counted.

   A thread is at rest when it runs user code and is held at the door (world_rest, on its way out of the kernel), when
   it sleeps in waitq_sleep, or when it has not started yet: in all three it holds no reference that is not written
   down somewhere. The fast paths pay nothing: the bit WORK_STOP is one of those that they test anyway. */
#pragma once

#include <lib/base.h>

/* Returns when all other threads are at rest; one caller at a time, others wait their turn. May sleep; the caller
   holds no lock. -EINTR if a signal came first. */
__must_check int world_stop(void);
void world_resume(void);

/* What waitq_sleep says of the current thread around a sleep: from world_enter_rest to world_leave_rest it is at rest.
   world_leave_rest waits while the world is stopped. No lock is held. */
void world_enter_rest(void);
void world_leave_rest(void);

/* thread_create and thread_destroy: threads that the world consists of, and goes without. */
struct thread;
void world_add(struct thread *thread);
void world_remove(struct thread *thread);

/* Holds the current thread while the world is stopped. Called at the points of rest; holds no lock. */
void world_rest(void);
