/* Shares of the CPU: niceness, policy, affinity, and where a thread runs. All belong to one
   task. Policies that promise a response time (SCHED_FIFO, SCHED_RR) are refused. */

#include <linux/errno.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <lib/string.h>
#include <proc/group.h>
#include <proc/process.h>
#include <sched/run.h>
#include <sched/tick.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

SYSCALL0(sys_sched_yield)
{
    thread_yield();
    return 0;
}

/* Returns the task with that number, or the current one for 0. The tree lock is held. */
static struct task *task_meant(int tid)
{
    return tid ? task_find(tid) : task_current();
}

/* ---- Affinity ---- */

/* Copies a set of CPUs; those beyond `len` bytes are not in it. */
static int get_cpus(const char __user *in, size_t len, cpumask_t *cpus)
{
    *cpus = 0;
    return copy_from_user(cpus, in, min(len, sizeof(*cpus))) ? -EFAULT : 0;
}

SYSCALL3(sys_sched_setaffinity, int, tid, unsigned, len, const char __user *, in)
{
    cpumask_t cpus;
    int err = get_cpus(in, len, &cpus);

    if (err)
        return err;
    mutex_lock(&process_tree_lock);
    struct task *task = task_meant(tid);
    err = task ? thread_set_affinity(task->thread, cpus) : -ESRCH;
    mutex_unlock(&process_tree_lock);
    return err;
}

SYSCALL3(sys_sched_getaffinity, int, tid, unsigned, len, cpumask_t __user *, out)
{
    cpumask_t cpus = 0;

    if (len < sizeof(cpus) || len % sizeof(cpus))
        return -EINVAL;
    mutex_lock(&process_tree_lock);
    struct task *task = task_meant(tid);
    if (task)
        cpus = thread_affinity(task->thread);
    mutex_unlock(&process_tree_lock);
    if (!task)
        return -ESRCH;
    return put_user(out, &cpus) ? -EFAULT : (long)sizeof(cpus);
}

/* The third argument, a cache, has no meaning. */
SYSCALL2(sys_getcpu, unsigned __user *, cpu, unsigned __user *, node)
{
    unsigned id = cpu_id(), zero = 0;

    if (cpu && put_user(cpu, &id))
        return -EFAULT;
    return node ? put_user(node, &zero) : 0;
}

/* ---- Niceness ---- */

/* The tasks that setpriority(2) and getpriority(2) select, and what they do with each. */
struct nice_request {
    int which, who; /* as in the call; not 0 */
    bool sets;
    int nice;  /* to set, or the least of all */
    int count; /* how many tasks were selected */
};

static void nice_one(struct task *task, void *arg)
{
    struct nice_request *request = arg;
    struct thread_share share = thread_share(task->thread);
    request->count++;
    if (request->sets) {
        share.nice = request->nice;
        thread_set_share(task->thread, &share);
    } else {
        request->nice = min(request->nice, (int)share.nice);
    }
}

static void nice_group(struct nice_request *request)
{
    struct task *task;

    for (struct process *p = group_first(request->who); p; p = group_next(p))
        TAILQ_FOREACH (task, &p->tasks, link)
            nice_one(task, request);
}

/* Goes through the tasks that are selected. The tree lock is held. */
static void nice_selected(struct nice_request *request)
{
    struct task *task;

    switch (request->which) {
    case PRIO_PROCESS:
        task = task_find(request->who ? request->who : task_current()->tid);
        if (task)
            nice_one(task, request);
        break;
    case PRIO_PGRP:
        if (request->who == 0)
            request->who = process_current()->pgid;
        nice_group(request);
        break;
    default: /* PRIO_USER; every user is root */
        if (request->who == 0)
            task_each(nice_one, request);
    }
}

static int nice_all(struct nice_request *request)
{
    if (request->which < PRIO_PROCESS || request->which > PRIO_USER)
        return -EINVAL;
    mutex_lock(&process_tree_lock);
    nice_selected(request);
    mutex_unlock(&process_tree_lock);
    return request->count ? 0 : -ESRCH;
}

SYSCALL3(sys_setpriority, int, which, int, who, int, nice)
{
    struct nice_request request = {.which = which, .who = who, .sets = true};

    request.nice = min(max(nice, NICE_MIN), NICE_MAX);
    return nice_all(&request);
}

/* Returns 20 - niceness, so that no result looks like an error. */
SYSCALL2(sys_getpriority, int, which, int, who)
{
    struct nice_request request = {.which = which, .who = who, .nice = NICE_MAX};
    int err = nice_all(&request);

    return err ? err : 20 - request.nice;
}

/* ---- Policies ---- */

/* Linux's sched_param, which its headers for programs do not have. */
struct sched_param {
    int sched_priority;
};

static int share_policy(const struct thread_share *share)
{
    return share->is_idle ? SCHED_IDLE : share->is_batch ? SCHED_BATCH : SCHED_NORMAL;
}

/* Returns 0 if the policy may have this priority. */
static int check_policy(int policy, int priority)
{
    switch (policy) {
    case SCHED_NORMAL:
    case SCHED_BATCH:
    case SCHED_IDLE:
        return priority == 0 ? 0 : -EINVAL;
    case SCHED_FIFO:
    case SCHED_RR:
        return priority >= 1 && priority <= 99 ? -EPERM : -EINVAL;
    default:
        return -EINVAL;
    }
}

/* Sets the policy of a task; -1: as it is. The tree lock is held. */
static int set_policy(struct task *task, int policy, int priority)
{
    struct thread_share share = thread_share(task->thread);

    if (policy < 0)
        policy = share_policy(&share);
    int err = check_policy(policy, priority);
    if (err)
        return err;
    share.is_idle = policy == SCHED_IDLE;
    share.is_batch = policy == SCHED_BATCH;
    thread_set_share(task->thread, &share);
    return 0;
}

static long set_scheduler(int tid, int policy, const struct sched_param __user *in)
{
    struct sched_param param;

    if (!in || tid < 0)
        return -EINVAL;
    if (get_user(&param, in))
        return -EFAULT;
    mutex_lock(&process_tree_lock);
    struct task *task = task_meant(tid);
    int err = task ? set_policy(task, policy, param.sched_priority) : -ESRCH;
    mutex_unlock(&process_tree_lock);
    return err;
}

SYSCALL3(sys_sched_setscheduler, int, tid, int, policy, const struct sched_param __user *, param)
{
    return policy < 0 ? -EINVAL : set_scheduler(tid, policy, param);
}

SYSCALL2(sys_sched_setparam, int, tid, const struct sched_param __user *, param)
{
    return set_scheduler(tid, -1, param);
}

/* Returns the policy of a task, or an error. */
static int policy_of(int tid)
{
    int policy = -ESRCH;

    if (tid < 0)
        return -EINVAL;
    mutex_lock(&process_tree_lock);
    struct task *task = task_meant(tid);
    if (task) {
        struct thread_share share = thread_share(task->thread);
        policy = share_policy(&share);
    }
    mutex_unlock(&process_tree_lock);
    return policy;
}

SYSCALL1(sys_sched_getscheduler, int, tid)
{
    return policy_of(tid);
}

SYSCALL2(sys_sched_getparam, int, tid, struct sched_param __user *, out)
{
    const struct sched_param param = {0};
    int policy = out ? policy_of(tid) : -EINVAL;

    return policy < 0 ? policy : put_user(out, &param);
}

/* Return the range of priorities, whether the policy is refused or not. */
SYSCALL1(sys_sched_get_priority_max, int, policy)
{
    if (policy == SCHED_FIFO || policy == SCHED_RR)
        return 99;
    return policy == SCHED_DEADLINE ? 0 : check_policy(policy, 0);
}

SYSCALL1(sys_sched_get_priority_min, int, policy)
{
    if (policy == SCHED_FIFO || policy == SCHED_RR)
        return 1;
    return policy == SCHED_DEADLINE ? 0 : check_policy(policy, 0);
}

/* Returns the shortest turn. */
SYSCALL2(sys_sched_rr_get_interval, int, tid, struct __kernel_timespec __user *, out)
{
    const struct __kernel_timespec turn = {.tv_nsec = TICK_NS};
    int policy = policy_of(tid);

    return policy < 0 ? policy : put_user(out, &turn);
}
