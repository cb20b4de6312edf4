/* The tasks of a process: making, finding and freeing them.

       task_create -> task_link -> task_start -> (runs) -> task_unlink -> task_free

   A task that ends cannot free the kernel stack that it runs on. It stands in `ended` of its
   process until the next task of the process ends, or the process is reaped. If it has a tracer,
   that waits for it first; until then the task keeps its number.

   Always true: a task in the tree of numbers runs, is about to, or has ended and is traced. A tid is
   unique among the tasks and is the pid of no other process.

   Locks: the tree lock for the tree and the lists; inside it signals.lock of the process for
   `tasks`, so that a sender of signals needs only one of the two. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <arch/event.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <proc/process.h>
#include <sched/run.h>
#include "signal_set.h"

static int tid_compare(const struct task *a, const struct task *b)
{
    return (a->tid > b->tid) - (a->tid < b->tid);
}

RB_HEAD(task_tree, task);
RB_GENERATE_STATIC(task_tree, task, by_tid, tid_compare)

struct mutex process_tree_lock = {
    .lock = SPINLOCK(RANK_PIPE),
    .rank = RANK_PROCESS,
    .waiters = WAITQ(process_tree_lock.waiters),
};
static struct task_tree tasks = RB_INITIALIZER(tasks); /* (t) */

struct task *task_create(struct process *process, void (*begin)(void *task))
{
    struct task *task = heap_alloc_zeroed(sizeof(*task));

    if (!task)
        return NULL;
    task->thread = thread_create(begin, task);
    if (!task->thread) {
        heap_free(task);
        return NULL;
    }
    task->thread->task = task;
    task->process = process;
    signal_queue_init(&task->signals.pending);
    return task;
}

void task_free(struct task *task)
{
    thread_destroy(task->thread);
    signal_queue_discard(&task->signals.pending, ~0ul);
    heap_free(task);
}

struct task *task_find_even_ended(int tid)
{
    struct task key = {.tid = tid};

    assert(mutex_is_held(&process_tree_lock));
    return RB_FIND(task_tree, &tasks, &key);
}

struct task *task_find(int tid)
{
    struct task *task = task_find_even_ended(tid);

    return task && !task->has_ended ? task : NULL;
}

struct task *task_next(const struct process *process, int tid)
{
    struct task *task, *next = NULL;

    assert(mutex_is_held(&process_tree_lock));
    TAILQ_FOREACH (task, &process->tasks, link)
        if (task->tid > tid && (!next || task->tid < next->tid))
            next = task;
    return next;
}

void task_each(void (*each)(struct task *task, void *arg), void *arg)
{
    struct task *task;

    assert(mutex_is_held(&process_tree_lock));
    RB_FOREACH (task, task_tree, &tasks)
        each(task, arg);
}

int task_link(struct task *task, int tid)
{
    struct signal_state *state = &task->process->signals;

    assert(mutex_is_held(&process_tree_lock));
    task->tid = tid;
    spin_lock(&state->lock);
    bool is_ending = state->exiting || state->execs;
    if (!is_ending) {
        TAILQ_INSERT_TAIL(&task->process->tasks, task, link);
        if (state->stop_signo)
            atomic_or(&task->thread->work, WORK_SIGNAL);
    }
    spin_unlock(&state->lock);
    if (is_ending)
        return -EINTR;
    EVENT(thread_start, tid, task->process->pid);
    task->thread->id = tid;
    RB_INSERT(task_tree, &tasks, task);
    return 0;
}

bool task_unlink(struct task *task, int status)
{
    struct process *process = task->process;

    assert(mutex_is_held(&process_tree_lock));
    EVENT(thread_end, task->tid, process->pid);
    task->has_ended = true;
    task->end_status = status;
    if (!task->ptrace.tracer || task == process->leader)
        task_free_number(task);
    spin_lock(&process->signals.lock);
    TAILQ_REMOVE(&process->tasks, task, link);
    bool is_last = TAILQ_EMPTY(&process->tasks);
    signal_pass_on(process);
    waitq_wake_all(&process->signals.task_ended);
    spin_unlock(&process->signals.lock);
    TAILQ_INSERT_TAIL(&process->ended, task, link);
    return is_last;
}

void task_free_number(struct task *task)
{
    assert(mutex_is_held(&process_tree_lock) && task->has_ended);
    RB_REMOVE(task_tree, &tasks, task);
}

int task_end_status(const struct task *task)
{
    struct process *process = task->process;

    assert(mutex_is_held(&process_tree_lock) && task->has_ended);
    spin_lock(&process->signals.lock);
    int status = process->signals.exiting ? process->exit_status : task->end_status;
    spin_unlock(&process->signals.lock);
    return status;
}

struct cputime task_cputime(struct task *task)
{
    return cputime_divide(&task->thread->times, run_cpu_ns(task->thread));
}

void task_set_name(struct task *task, const char *name)
{
    mutex_lock(&process_tree_lock);
    strlcpy(task->name, name, sizeof(task->name));
    mutex_unlock(&process_tree_lock);
}

void task_renumber(struct task *task, int tid)
{
    assert(mutex_is_held(&process_tree_lock));
    EVENT(thread_rename, tid, task->tid);
    RB_REMOVE(task_tree, &tasks, task);
    task->tid = tid;
    task->thread->id = tid;
    RB_INSERT(task_tree, &tasks, task);
}
