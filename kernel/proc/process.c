/* The process tree: parents, children, and finding a process by its pid.

   Always true: every process but init has a parent, and orphans become children of init. A pid is
   unique among the processes, zombies included. No new pid is the number of a group or session that
   still has members.

   Lock: process_tree_lock (RANK_PROCESS, sleeps) for all that is marked (t). */

#include <linux/errno.h>
#include <linux/resource.h>
#include <arch/atomic.h>
#include <arch/clock.h>
#include <lib/panic.h>
#include <mm/heap.h>
#include <proc/group.h>
#include <proc/oom.h>
#include <proc/process.h>
#include <sched/run.h>
#include <proc/session.h>

#define STACK_DEFAULT (8ul << 20)
#define FILES_DEFAULT 1024
#define FILES_MAX     4096
#define PROCESSES_MIN 32u

static int pid_compare(const struct process *a, const struct process *b)
{
    return (a->pid > b->pid) - (a->pid < b->pid);
}

RB_HEAD(process_tree, process);
RB_GENERATE_STATIC(process_tree, process, by_pid, pid_compare)

static struct process_tree processes = RB_INITIALIZER(processes);       /* (t) */
static int last_pid;                                                    /* (t) */
static struct process_list disowned = TAILQ_HEAD_INITIALIZER(disowned); /* (t) by `sibling` */
static bool pids_reused;       /* (t) last_pid has wrapped around */
static uint64_t births;        /* (t) */
static unsigned process_count; /* (t) in the tree, zombies included */
static unsigned further_tasks; /* (t) that run, but for the leaders */

/* Half of the processes whose kernel stacks would fill an eighth of memory, as on Linux. */
static uint64_t processes_default(void)
{
    return max(frame_count / 8 / (KSTACK_SIZE / PAGE_SIZE) / 2, PROCESSES_MIN);
}

static void rlimits_init(struct process_rlimit *limits)
{
    for (unsigned n = 0; n < PROCESS_RLIMITS; n++)
        limits[n] = (struct process_rlimit){.soft = ~0ul, .hard = ~0ul};
    limits[RLIMIT_STACK].soft = STACK_DEFAULT;
    limits[RLIMIT_NOFILE] = (struct process_rlimit){.soft = FILES_DEFAULT, .hard = FILES_MAX};
    limits[RLIMIT_NPROC] =
        (struct process_rlimit){.soft = processes_default(), .hard = processes_default()};
    limits[RLIMIT_SIGPENDING] = limits[RLIMIT_NPROC];
    limits[RLIMIT_CORE] = (struct process_rlimit){0};
}

struct process *process_alloc(void)
{
    struct process *process = heap_alloc_zeroed(sizeof(*process));

    if (!process)
        return NULL;
    process->start_ns = clock_monotonic_ns();
    rlimits_init(process->rlimits);
    signal_init(&process->signals);
    TAILQ_INIT(&process->children);
    TAILQ_INIT(&process->tracees);
    TAILQ_INIT(&process->timers);
    TAILQ_INIT(&process->tasks);
    TAILQ_INIT(&process->ended);
    spin_init(&process->news_lock, RANK_PIPE);
    waitq_init(&process->news_waitq);
    return process;
}

void process_free(struct process *process)
{
    signal_destroy(&process->signals);
    heap_free(process);
}

struct process *process_find_from(int from)
{
    struct process key = {.pid = from};

    assert(mutex_is_held(&process_tree_lock));
    return RB_NFIND(process_tree, &processes, &key);
}

struct process *process_find(int pid)
{
    struct process *process = process_find_from(pid);

    return process && process->pid == pid ? process : NULL;
}

static bool is_number_free(int number)
{
    return !process_find(number) && !task_find_even_ended(number) && !is_group_or_session(number);
}

int process_choose_number(void)
{
    for (int tries = 0; tries < PID_MAX; tries++) {
        pids_reused |= last_pid == PID_MAX;
        last_pid = last_pid % PID_MAX + 1;
        /* Before the first wrap-around no number was ever used. */
        if (!pids_reused || is_number_free(last_pid))
            return last_pid;
    }
    return 0;
}

static bool is_vital(const struct process *process)
{
    return process->pid == INIT_PID || process->is_inits ||
           (process->pid == process->sid && process->has_terminal);
}

bool process_is_vital(const struct process *process)
{
    assert(mutex_is_held(&process_tree_lock));
    return is_vital(process);
}

bool process_is_vital_now(void)
{
    return is_vital(process_current());
}

bool process_may_fork(const struct process *parent)
{
    assert(mutex_is_held(&process_tree_lock));
    return process_is_vital(parent) ||
           process_count + further_tasks < parent->rlimits[RLIMIT_NPROC].soft;
}

void process_count_further_task(int change)
{
    assert(mutex_is_held(&process_tree_lock));
    further_tasks += change;
}

int process_link(struct process *process, struct process *parent)
{
    assert(mutex_is_held(&process_tree_lock));
    if (parent && !process_may_fork(parent))
        return -EAGAIN;
    process->pid = process_choose_number();
    if (!process->pid)
        return -EAGAIN;
    births++;
    process_count++;
    process->parent = parent;
    process->creator = parent ? task_current() : NULL;
    process->is_inits = parent && parent->pid == INIT_PID;
    process->oom_score_adj = parent ? parent->oom_score_adj : 0;
    process->reserve_left = parent && process_is_vital_now() ? OOM_CHILD_RESERVE : 0;
    process->has_terminal = parent && parent->has_terminal;
    if (parent)
        TAILQ_INSERT_TAIL(&parent->children, process, sibling);
    RB_INSERT(process_tree, &processes, process);
    group_join(process, parent ? parent->pgid : process->pid, parent ? parent->sid : process->pid);
    return 0;
}

uint64_t process_births(int *last)
{
    assert(mutex_is_held(&process_tree_lock));
    *last = last_pid;
    return births;
}

void process_unlink(struct process *process)
{
    assert(mutex_is_held(&process_tree_lock));
    TAILQ_REMOVE(&process->parent->children, process, sibling);
    RB_REMOVE(process_tree, &processes, process);
    group_leave(process);
    process_count--;
}

void process_disown(struct process *process)
{
    process_unlink(process);
    TAILQ_INSERT_TAIL(&disowned, process, sibling);
}

struct process *process_take_disowned(void)
{
    mutex_lock(&process_tree_lock);
    struct process *process = TAILQ_FIRST(&disowned);
    if (process)
        TAILQ_REMOVE(&disowned, process, sibling);
    mutex_unlock(&process_tree_lock);
    return process;
}

void process_give_to_init(struct process *process)
{
    struct process *init = process_find(INIT_PID);

    TAILQ_REMOVE(&process->parent->children, process, sibling);
    TAILQ_INSERT_TAIL(&init->children, process, sibling);
    process->parent = init;
    process->creator = init->leader;
    process->exit_signal = SIGCHLD;
}

void process_give_to_parent(struct process *process)
{
    struct process *self = process->parent;

    assert(mutex_is_held(&process_tree_lock) && self->parent);
    TAILQ_REMOVE(&self->children, process, sibling);
    TAILQ_INSERT_TAIL(&self->parent->children, process, sibling);
    process->parent = self->parent;
    process->creator = self->creator;
    process->exit_signal = self->exit_signal;
}

struct vspace *process_get_vspace(int pid)
{
    mutex_lock(&process_tree_lock);
    const struct task *task = task_find(pid);
    const struct process *process = task ? task->process : process_find(pid);
    struct vspace *vspace = process ? process->vspace : NULL;
    if (vspace)
        vspace_get(vspace);
    mutex_unlock(&process_tree_lock);
    return vspace;
}

static void add_cputime(struct cputime *sum, struct task *task)
{
    struct cputime cpu = task_cputime(task);

    sum->user_ns += cpu.user_ns;
    sum->kernel_ns += cpu.kernel_ns;
}

struct process_usage process_usage(struct process *process)
{
    struct process_usage usage = {
        .minor_faults = process->earlier_faults,
        .cpu = process->freed_cpu,
    };
    struct task *task;

    assert(mutex_is_held(&process_tree_lock));
    TAILQ_FOREACH (task, &process->tasks, link)
        add_cputime(&usage.cpu, task);
    TAILQ_FOREACH (task, &process->ended, link)
        add_cputime(&usage.cpu, task);
    for (enum fault_outcome n = 0; process->vspace && n < FAULT_NOT_MAPPED; n++)
        usage.minor_faults += vspace_fault_count(process->vspace, n);
    return usage;
}

struct process_usage process_usage_current(struct process_usage *children)
{
    struct process *self = process_current();

    mutex_lock(&process_tree_lock);
    struct process_usage usage = process_usage(self);
    if (children)
        *children = self->children_usage;
    mutex_unlock(&process_tree_lock);
    return usage;
}

struct vspace_limits process_vspace_limits(const struct process *process)
{
    return (struct vspace_limits){
        .data = process_limit(process, RLIMIT_DATA),
        .space = process_limit(process, RLIMIT_AS),
        .stack = process_limit(process, RLIMIT_STACK),
        .locked = process_limit(process, RLIMIT_MEMLOCK),
    };
}

void process_limit_vspace(struct process *process)
{
    struct vspace *vspace = process->vspace;

    if (process->borrows_vspace)
        return;
    rwlock_write_lock(&vspace->lock);
    vspace->account.limits = process_vspace_limits(process);
    rwlock_write_unlock(&vspace->lock);
}
