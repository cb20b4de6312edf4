/* Stopping the world: all other threads of processes at rest, so that shared state stands still and
   references can be counted.

   A thread is at rest in four places: in world_rest, on its way to user mode; in waitq_sleep and
   its kin; before its first step; and after thread_exit. At rest it holds no frame reference that
   the audit cannot find. The fast paths pay nothing, because they test the WORK_ bits anyway. */
#pragma once

#include <lib/base.h>

/* Waits until all other threads are at rest, and keeps them there until world_resume. One thread at
   a time stops the world; others wait their turn. Returns -EINTR if a signal came first. The caller
   holds no lock. */
__must_check int world_stop(void);
void world_resume(void);

/* The current thread is at rest between these two. world_leave_rest waits while the world is
   stopped. The caller holds no lock. */
void world_enter_rest(void);
void world_leave_rest(void);

struct thread;

/* Add a new thread to the world, and remove a dead one. */
void world_add(struct thread *thread);
void world_remove(struct thread *thread);

/* Waits while the world is stopped, at rest. Clears WORK_STOP. The caller holds no lock. */
void world_rest(void);

/* Calls `each` for every thread that does not run. Returns false without a call if the list is
   being changed. An NMI handler can call it at any moment. */
__must_check bool world_try_each(void (*each)(const struct thread *thread));

/* Calls `each` for every thread. Only for the `each` of world_try_each. */
void world_each_nmi(void (*each)(const struct thread *thread));
