/* The end of memory: a process is killed, so that others go on.

   A task that finds no frame asks, and sleeps. A thread of the kernel answers all that ask, in
   rounds:

       frames are free above the reserve     the askers try again
       a process gives its memory back       wait for it
       other CPUs cache free frames          take them out of the caches
       clean pages of disks are cached       drop them
       a process is ending                   wait for its memory, at most PATIENCE_NS
       else choose: the process that holds   kill it, and wait for its memory; after PATIENCE_NS the
       most, by these classes                next round passes it over
           ordinary    first
           vital       the terminal's shell (process.h), or oom_score_adj is the lowest
           init        never; if only init is left, it ends by itself, with a panic

   Among those that hold as much, the youngest goes first. A process holds its page tables, the
   pages of no file that they show, and the stacks of its threads in the kernel. Pages that it
   shares since a fork count in full: so of a family that holds much together one is killed, and not
   a small bystander. /proc/PID/oom_score_adj adds thousandths of the machine's memory, as on Linux.

   A thread of its own chooses, because an asker may hold locks: a copy to or from user memory is
   made under the lock of a file. The chosen process may need that lock to end. So the wait of such
   an asker is limited, by COPY_PATIENCE_NS, and then the asker ends and releases its lock; only
   later, after PATIENCE_NS, another process is chosen.

   The reserve (mm/frame.h) is for vital processes and for the threads of the kernel. The shell can
   fork, and its child can take OOM_CHILD_RESERVE frames for a small program, such as kill, while
   other processes have taken all that they can.

   Locks: the tree lock for the choice, below it each vspace's in turn, for reading. oom.lock
   (RANK_PIPE) for the requests. The choice goes through all processes once, through the tasks of
   each, and through 512 entries for each leaf table; so it takes as long as a few faults for each
   megabyte that processes show, and it is made once for each process that is killed. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <arch/clock.h>
#include <arch/console.h>
#include <fs/pagecache.h>
#include <lib/panic.h>
#include <lib/printf.h>
#include <lib/string.h>
#include <mm/frame.h>
#include <proc/oom.h>
#include <proc/process.h>
#include <proc/survey.h>
#include <sched/run.h>
#include "signal_set.h"

/* The frames of the reserve: for a child of the shell, and what the shell needs to fork it. A small
   machine has fewer, a part of its memory. */
#define RESERVE_MOST 256u
#define RESERVE_PART 32u

#define LOOK_NS          20000000ul   /* how often the thread looks whether memory is back */
#define PATIENCE_NS      2000000000ul /* for a process to end, until another one is chosen */
#define FILES_BATCH      256u         /* pages of files that are given up at once */
#define COPY_PATIENCE_NS 1500000000ul /* of an asker that may hold a lock */

static struct {
    struct spinlock lock;
    struct waitq thread;       /* where the thread sleeps */
    struct waitq askers;       /* where they sleep */
    bool is_asked;             /* (lock) a task waits for the end of this round or the next */
    uint32_t room;             /* (lock) the frames above the reserve that askers need */
    int pid;                   /* (lock) of the task that asked first */
    char name[TASK_NAME_SIZE]; /* (lock) */
    uint64_t rounds;           /* (lock) that have ended */
    bool is_hopeless;          /* (lock) only init is left */
    unsigned returning;        /* (lock) processes that are giving their memory back */
    uint64_t returns;          /* (lock) processes that have given it back */
} oom = {.lock = SPINLOCK(RANK_PIPE), .thread = WAITQ(oom.thread), .askers = WAITQ(oom.askers)};

/* ---- The choice ---- */

enum rank { RANK_OF_INIT, RANK_OF_VITAL, RANK_OF_ORDINARY };

struct candidate {
    struct process *process; /* NULL: none */
    enum rank rank;
    int64_t score; /* frames, with oom_score_adj */
    uint64_t held; /* that it holds */
    bool is_ending;
};

static bool is_protected(const struct process *process)
{
    return process_is_vital(process) || process->oom_score_adj == OOM_SCORE_ADJ_MIN;
}

/* A process that shares its address space can be killed only with all that share it. The list has
   all processes. The tree lock is held. */
static enum rank rank_of(const struct process *process)
{
    enum rank rank = RANK_OF_ORDINARY;

    if (process->pid == INIT_PID)
        return RANK_OF_INIT;
    if (!process->borrows_vspace)
        return is_protected(process) ? RANK_OF_VITAL : RANK_OF_ORDINARY;
    for (struct process *p = process_find_from(1); p; p = process_find_from(p->pid + 1)) {
        if (p->vspace != process->vspace)
            continue;
        if (p->pid == INIT_PID)
            return RANK_OF_INIT;
        if (is_protected(p))
            rank = RANK_OF_VITAL;
    }
    return rank;
}

static bool is_ending(struct process *process)
{
    struct signal_state *state = &process->signals;

    spin_lock(&state->lock);
    bool is_ending = state->exiting || (state->pending.set & BIT(SIGKILL));
    spin_unlock(&state->lock);
    return is_ending;
}

/* Returns true if the process has been waited for, and has not ended. */
static bool is_passed_over(const struct process *process)
{
    return process->oom_deadline_ns && clock_monotonic_ns() >= process->oom_deadline_ns;
}

/* Returns the frames that come back when the process ends, or, if it shares some, when all that
   share them end. The tree lock is held. */
static uint64_t held_by(const struct process *process)
{
    uint64_t held = vspace_held(process->vspace);
    struct task *task;

    TAILQ_FOREACH (task, &process->tasks, link)
        held += KSTACK_SIZE / PAGE_SIZE;
    return held;
}

static struct candidate candidate_from(struct process *process)
{
    uint64_t held = held_by(process);

    return (struct candidate){
        .process = process,
        .rank = rank_of(process),
        .score = (int64_t)held + process->oom_score_adj * (int64_t)frame_count / 1000,
        .held = held,
        .is_ending = is_ending(process),
    };
}

/* Returns true if `a` is killed, or waited for, before `b`. The memory of a process that is ending
   comes back without another's end, as on Linux. */
static bool goes_first(const struct candidate *a, const struct candidate *b)
{
    if (a->is_ending != b->is_ending)
        return a->is_ending;
    if (a->rank != b->rank)
        return a->rank > b->rank;
    if (a->score != b->score)
        return a->score > b->score;
    return a->process->start_ns >= b->process->start_ns;
}

/* Returns the process that is to end; NULL: all that may end have been waited for. The tree lock is
   held. */
static struct candidate choose_victim(void)
{
    struct candidate best = {.process = NULL};

    for (struct process *p = process_find_from(1); p; p = process_find_from(p->pid + 1)) {
        if (!p->vspace || is_passed_over(p))
            continue;
        struct candidate other = candidate_from(p);
        if (!best.process || goes_first(&other, &best))
            best = other;
    }
    return best;
}

/* Returns true if a process other than init is left. The tree lock is held. */
static bool is_any_left(void)
{
    for (struct process *p = process_find_from(INIT_PID + 1); p; p = process_find_from(p->pid + 1))
        if (p->vspace)
            return true;
    return false;
}

/* ---- The end of the chosen process ---- */

/* Kills all that share the address space of a process. SI_USER, because the end of the process is
   no sign of a mistake of the kernel: no audit follows. The tree lock is held. */
static void kill_sharers(const struct process *victim)
{
    const struct signal_info info = {.signo = SIGKILL, .code = SI_USER};

    for (struct process *p = process_find_from(1); p; p = process_find_from(p->pid + 1)) {
        if (p->vspace != victim->vspace)
            continue;
        p->oom_deadline_ns = clock_monotonic_ns() + PATIENCE_NS;
        signal_send(p, &info);
    }
}

static void report(const struct candidate *victim)
{
    printk("pid %d %s: out of memory: it holds %lu KiB, %s, and pid %d %s needs a page "
           "--kill proc\n",
           victim->process->pid, victim->process->leader->name, victim->held * PAGE_SIZE / 1024,
           victim->rank == RANK_OF_ORDINARY ? "more than others" : "and no other process is left",
           oom.pid, oom.name);
}

/* Returns how many processes will have given their memory back since boot when those that are about
   it have. */
static uint64_t returns_ahead(void)
{
    spin_lock(&oom.lock);
    uint64_t returns = oom.returns + oom.returning;
    spin_unlock(&oom.lock);
    return returns;
}

/* Chooses a process, and kills it unless it is ending already. Returns false if only init is left.
   Chooses none if more than `ahead` processes have begun to give their memory back since boot. Takes
   the tree lock. */
static bool choose_and_kill(uint64_t ahead)
{
    bool is_hopeless = false;

    mutex_lock(&process_tree_lock);
    if (returns_ahead() > ahead) { /* this memory was not waited for yet */
        mutex_unlock(&process_tree_lock);
        return true;
    }
    struct candidate victim = choose_victim();
    if (!victim.process || victim.rank == RANK_OF_INIT) {
        is_hopeless = !is_any_left();
    } else if (victim.is_ending) {
        if (!victim.process->oom_deadline_ns)
            victim.process->oom_deadline_ns = clock_monotonic_ns() + PATIENCE_NS;
    } else {
        kill_sharers(victim.process);
        report(&victim);
    }
    mutex_unlock(&process_tree_lock);
    return !is_hopeless;
}

/* ---- The thread ---- */

static bool memory_has_come(void)
{
    return frame_has_room(atomic_load_relaxed(&oom.room));
}

/* Sleeps until `returns` processes have given their memory back since boot, or there is room, or it
   has taken too long. */
static void wait_for_returns(uint64_t returns, uint64_t patience_ns)
{
    uint64_t end_ns = clock_monotonic_ns() + patience_ns;

    spin_lock(&oom.lock);
    while (oom.returns < returns && !memory_has_come() && clock_monotonic_ns() < end_ns)
        (void)!waitq_sleep_until(&oom.thread, &oom.lock, clock_monotonic_ns() + LOOK_NS);
    spin_unlock(&oom.lock);
}

/* Goes to each CPU in turn, and gives the free frames that it caches to all. */
static void drain_caches(void)
{
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
        if (thread_set_affinity(thread_current(), (cpumask_t)1 << cpu))
            continue; /* there is no such CPU */
        while (cpu_id() != cpu)
            thread_yield();
        frame_cache_drain();
    }
    (void)!thread_set_affinity(thread_current(), AFFINITY_ALL);
}

/* Gives up clean pages of files until there is room. Returns false if they are not enough. */
static bool memory_from_files(void)
{
    while (!memory_has_come()) {
        if (!pagecache_reclaim(FILES_BATCH))
            return false;
        frame_cache_drain();
    }
    return true;
}

/* Makes room. Returns false if only init is left. */
static bool run_round(void)
{
    uint64_t ahead = returns_ahead();

    wait_for_returns(ahead, PATIENCE_NS);
    if (memory_has_come())
        return true;
    drain_caches();
    if (memory_has_come() || memory_from_files())
        return true;
    if (!choose_and_kill(ahead))
        return false;
    wait_for_returns(ahead + 1, PATIENCE_NS);
    return true;
}

static void wait_for_asker(void)
{
    spin_lock(&oom.lock);
    while (!oom.is_asked)
        (void)!waitq_sleep(&oom.thread, &oom.lock);
    spin_unlock(&oom.lock);
}

static void end_round(bool is_hopeless)
{
    spin_lock(&oom.lock);
    oom.is_asked = false;
    atomic_store_relaxed(&oom.room, 0u);
    oom.is_hopeless = is_hopeless;
    oom.rounds++;
    waitq_wake_all(&oom.askers);
    spin_unlock(&oom.lock);
}

static __noreturn void oom_thread(void *arg __unused)
{
    for (;;) {
        wait_for_asker();
        end_round(!run_round());
    }
}

void oom_return_begins(void)
{
    spin_lock(&oom.lock);
    oom.returning++;
    spin_unlock(&oom.lock);
}

void oom_return_ends(void)
{
    spin_lock(&oom.lock);
    oom.returning--;
    oom.returns++;
    waitq_wake_all(&oom.thread);
    spin_unlock(&oom.lock);
}

/* ---- The askers ---- */

/* Makes the thread begin a round, unless it has begun. oom.lock is held. */
static void request(uint32_t nframes)
{
    atomic_store_relaxed(&oom.room, max(oom.room, nframes));
    if (oom.is_asked)
        return;
    oom.is_asked = true;
    oom.pid = process_current()->pid;
    strlcpy(oom.name, task_current()->name, sizeof(oom.name));
    waitq_wake_all(&oom.thread);
}

/* Sleeps until the round has ended that has begun, or begins now. */
static int oom_ask(uint32_t nframes,
                   int (*sleep)(struct waitq *wq, struct spinlock *lock, uint64_t deadline_ns),
                   uint64_t deadline_ns)
{
    int err = 0;

    task_current()->lacks_frames = false;
    spin_lock(&oom.lock);
    request(nframes);
    for (uint64_t round = oom.rounds; oom.rounds == round && !err;)
        err = sleep(&oom.askers, &oom.lock, deadline_ns);
    if (!err && oom.is_hopeless)
        err = -ENOMEM;
    spin_unlock(&oom.lock);
    return err == -ETIMEDOUT ? -ENOMEM : err;
}

int oom_wait_for(uint32_t nframes)
{
    return oom_ask(nframes, waitq_sleep_until, UINT64_MAX);
}

int oom_wait(void)
{
    return oom_wait_for(OOM_ROOM);
}

int oom_wait_holding(void)
{
    int err = oom_ask(OOM_ROOM, waitq_sleep_holding, clock_monotonic_ns() + COPY_PATIENCE_NS);

    if (err != -EINTR)
        return err;
    /* WORK_KILL may be left from a signal that was fatal before a tracer came. */
    atomic_and(&thread_current()->work, ~WORK_KILL);
    if (!signal_is_killed())
        return 0;
    thread_set_work(thread_current(), WORK_KILL);
    return err;
}

/* ---- The reserve ---- */

/* Called with the lock of the frames, so one at a time. */
static bool may_take_reserve(uint32_t nframes)
{
    const struct task *task = task_current();

    if (!task || process_is_vital_now())
        return true; /* a thread of the kernel works for all */
    if (task->process->reserve_left < nframes)
        return false;
    task->process->reserve_left -= nframes;
    return true;
}

/* Called with the lock of the frames. */
static void note_refusal(void)
{
    struct task *task = task_current();

    if (task)
        task->lacks_frames = true;
}

void oom_init(void)
{
    struct thread *thread = thread_create(oom_thread, NULL);

    if (!thread)
        panic("no memory for the thread that chooses who is killed when memory is out");
    thread->has_references = true; /* on files, whose pages it gives up */
    thread_start(thread);
    frame_set_reserve(min(RESERVE_MOST, frame_count / RESERVE_PART), may_take_reserve,
                      note_refusal);
}
