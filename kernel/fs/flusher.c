/* The flusher: a thread of the kernel that writes everything to the disks now and then, so that a
   loss of power costs the work of some seconds. It takes references as threads of processes do, so
   the audit waits for it. */
#include <arch/clock.h>
#include <fs/flusher.h>
#include <fs/mount.h>
#include <lib/panic.h>
#include <sched/thread.h>

#define FLUSH_PERIOD_NS 5000000000ul

static __noreturn void flusher_thread(void *arg __unused)
{
    for (;;) {
        /* The thread gets no signals, so the sleep always ends in time. */
        if (thread_sleep_until(clock_monotonic_ns() + FLUSH_PERIOD_NS) == 0)
            mount_sync_all();
    }
}

void flusher_start(void)
{
    struct thread *thread = thread_create(flusher_thread, NULL);

    if (!thread)
        panic("no memory for the thread that writes to the disks");
    thread->has_references = true;
    thread_start(thread);
}
