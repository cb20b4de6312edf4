/* The signals that are pending for a process or a task.

       1 to 31     each once at most; the information is that of the first
       32 to 64    real-time: as often as they were sent, in the order of sending, while all queues of
                   the machine hold fewer than the receiver's RLIMIT_SIGPENDING

   The first signal of each number stands in an array, so that a signal of the kernel or of kill(2)
   is posted without memory. Further real-time signals stand in a list on the heap.

   Lock: signals.lock of the process, but for a queue that nobody else knows any more. */

#include <linux/errno.h>
#include <arch/atomic.h>
#include <lib/panic.h>
#include <mm/heap.h>
#include "signal_set.h"

/* A real-time signal behind the first of its number. */
struct queued_signal {
    STAILQ_ENTRY(queued_signal) link;
    struct signal_info info;
};

#define REALTIME (~0ul << 31) /* from signal 32 on */

static unsigned queued; /* (a) real-time signals in all queues, as RLIMIT_SIGPENDING counts them */

void signal_queue_init(struct signal_queue *queue)
{
    STAILQ_INIT(&queue->more);
}

/* Counts a real-time signal. Returns false if there are as many as `limit` already. */
static bool count_up(uint64_t limit)
{
    if (atomic_add_fetch(&queued, 1u) <= limit)
        return true;
    atomic_sub_fetch(&queued, 1u);
    return false;
}

static void count_down(void)
{
    unsigned left = atomic_sub_fetch(&queued, 1u);

    assert(left != UINT32_MAX);
}

/* Adds the first signal of its number. */
static void add_first(struct signal_queue *queue, const struct signal_info *info, bool is_counted)
{
    uint64_t bit = BIT(info->signo);

    queue->infos[info->signo - 1] = *info;
    queue->set |= bit;
    queue->counted |= is_counted ? bit : 0;
}

/* Adds a real-time signal behind others. Returns false if memory is out. */
static bool add_behind(struct signal_queue *queue, const struct signal_info *info)
{
    struct queued_signal *entry = heap_alloc(sizeof(*entry));

    if (!entry)
        return false;
    entry->info = *info;
    STAILQ_INSERT_TAIL(&queue->more, entry, link);
    return true;
}

static int add_realtime(struct signal_queue *queue, const struct signal_info *info, uint64_t limit)
{
    bool is_first = !(queue->set & BIT(info->signo));

    if (count_up(limit)) {
        if (is_first)
            add_first(queue, info, true);
        if (is_first || add_behind(queue, info))
            return 0;
        count_down();
    }
    if (info->code != SI_USER && info->code != SI_KERNEL)
        return -EAGAIN;
    if (is_first) /* as on Linux, it arrives without its information */
        add_first(queue, &(struct signal_info){.signo = info->signo, .code = SI_USER}, false);
    return 0;
}

/* Adds the expiry of a timer to the overrun of its signal, if that is pending. Returns false if it is
   not. */
static bool add_overrun(struct signal_queue *queue, const struct signal_info *info)
{
    struct signal_info *first = &queue->infos[info->signo - 1];
    struct queued_signal *entry;

    if (!(queue->set & BIT(info->signo)))
        return false;
    if (first->is_timer && first->pid == info->pid) {
        first->uid = min(first->uid + 1ul + info->uid, (uint64_t)INT32_MAX);
        return true;
    }
    STAILQ_FOREACH (entry, &queue->more, link) {
        if (!entry->info.is_timer || entry->info.pid != info->pid)
            continue;
        entry->info.uid = min(entry->info.uid + 1ul + info->uid, (uint64_t)INT32_MAX);
        return true;
    }
    return false;
}

int signal_queue_add(struct signal_queue *queue, const struct signal_info *info, uint64_t limit)
{
    if (info->is_timer && add_overrun(queue, info))
        return 0;
    if (BIT(info->signo) & REALTIME)
        return add_realtime(queue, info, limit);
    if (!(queue->set & BIT(info->signo)))
        add_first(queue, info, false);
    return 0;
}

bool signal_queue_force(struct signal_queue *queue, const struct signal_info *info)
{
    bool is_new = !(queue->set & BIT(info->signo));

    assert(!(BIT(info->signo) & REALTIME));
    add_first(queue, info, false);
    return is_new;
}

/* Returns the first signal of this number in the list; NULL: there is none. The list is as long as
   RLIMIT_SIGPENDING allows. */
static struct queued_signal *find_behind(struct signal_queue *queue, int signo)
{
    struct queued_signal *entry;

    STAILQ_FOREACH (entry, &queue->more, link)
        if (entry->info.signo == signo)
            return entry;
    return NULL;
}

/* Takes the first signal of this number away. The next one in the list takes its place. */
static void drop_first(struct signal_queue *queue, int signo)
{
    struct queued_signal *next = BIT(signo) & REALTIME ? find_behind(queue, signo) : NULL;

    if (queue->counted & BIT(signo))
        count_down();
    queue->set &= ~BIT(signo);
    queue->counted &= ~BIT(signo);
    if (!next)
        return;
    add_first(queue, &next->info, true);
    STAILQ_REMOVE(&queue->more, next, queued_signal, link);
    heap_free(next);
}

bool signal_queue_take(struct signal_queue *queue, uint64_t set, struct signal_info *info)
{
    uint64_t ready = queue->set & set;

    if (!ready)
        return false;
    if (ready & BIT(SIGKILL))
        ready = BIT(SIGKILL);
    else if (ready & SYNCHRONOUS)
        ready &= SYNCHRONOUS;
    int signo = __builtin_ctzl(ready) + 1;
    *info = queue->infos[signo - 1];
    if (signo != SIGKILL) /* it stays pending, so that no other task of the process forks */
        drop_first(queue, signo);
    return true;
}

/* Goes through the list once, because it may be long when its process ends. */
static void discard_behind(struct signal_queue *queue, uint64_t set)
{
    STAILQ_HEAD(, queued_signal) kept = STAILQ_HEAD_INITIALIZER(kept);
    struct queued_signal *entry;

    while ((entry = STAILQ_FIRST(&queue->more))) {
        STAILQ_REMOVE_HEAD(&queue->more, link);
        if (BIT(entry->info.signo) & set) {
            count_down();
            heap_free(entry);
        } else {
            STAILQ_INSERT_TAIL(&kept, entry, link);
        }
    }
    STAILQ_CONCAT(&queue->more, &kept);
}

void signal_queue_discard(struct signal_queue *queue, uint64_t set)
{
    if (set & REALTIME)
        discard_behind(queue, set);
    for (uint64_t left; (left = queue->set & set);)
        drop_first(queue, __builtin_ctzl(left) + 1);
}
