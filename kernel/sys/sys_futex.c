/* futex(2), and other calls for the locks of threads. */

#include <linux/errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/time.h>
#include <arch/atomic.h>
#include <arch/clock.h>
#include <arch/tlb.h>
#include <proc/futex.h>
#include <proc/process.h>
#include <proc/restart.h>
#include <sys/convert.h>
#include <sys/syscall.h>
#include <vm/usercopy.h>

/* A call of futex(2). */
struct futex_call {
    struct futex_word word;
    unsigned op; /* with its flags */
    uint32_t value;
    const struct __kernel_timespec __user *timeout; /* NULL: none */
    uint32_t bits;
    struct futex_word word2;
    uint32_t expected; /* FUTEX_CMP_REQUEUE */
};

/* Computes the deadline of a wait. FUTEX_WAIT takes a timeout, FUTEX_WAIT_BITSET a time of one of
   two clocks. Errors: -EINVAL, -EFAULT. */
static int futex_deadline(const struct futex_call *call, uint64_t *deadline_ns)
{
    struct __kernel_timespec time;
    uint64_t ns, now_ns = clock_monotonic_ns();

    if (!call->timeout) {
        *deadline_ns = UINT64_MAX;
        return 0;
    }
    if (get_user(&time, call->timeout))
        return -EFAULT;
    if (!timespec_to_ns(&time, &ns))
        return -EINVAL;
    if ((call->op & FUTEX_CMD_MASK) == FUTEX_WAIT) {
        *deadline_ns = now_ns + ns;
    } else {
        uint64_t base_ns = call->op & FUTEX_CLOCK_REALTIME ? clock_realtime_ns() : now_ns;

        *deadline_ns = now_ns + (ns > base_ns ? ns - base_ns : 0);
    }
    *deadline_ns = restart_deadline(*deadline_ns);
    return 0;
}

/* Checks what all operations share. -EINVAL, -EFAULT. */
static int check_word(const struct futex_call *call)
{
    const uint32_t __user *word = call->word.at;

    if (call->bits == 0 || (uaddr_t)word % sizeof(*word))
        return -EINVAL;
    return user_access_ok(word, sizeof(*word)) ? 0 : -EFAULT;
}

static long futex_call_wait(const struct futex_call *call)
{
    uint64_t deadline_ns;
    int err = futex_deadline(call, &deadline_ns);

    if (err)
        return err;
    if ((call->op & FUTEX_CLOCK_REALTIME) && (call->op & FUTEX_CMD_MASK) == FUTEX_WAIT)
        return -ENOSYS;
    err = check_word(call);
    if (!err)
        err = futex_wait(&call->word, call->value, call->bits, deadline_ns);
    if (err == -EINTR && deadline_ns != UINT64_MAX)
        restart_keep_deadline(deadline_ns);
    return err;
}

/* Without FUTEX_PRIVATE_FLAG, Linux looks at the page of the word, which must be there. */
static long futex_call_wake(const struct futex_call *call)
{
    uint32_t value;
    int err = call->op & FUTEX_CLOCK_REALTIME ? -ENOSYS : check_word(call);

    if (err)
        return err;
    if (!(call->op & FUTEX_PRIVATE_FLAG) && get_user(&value, call->word.at))
        return -EFAULT;
    return futex_wake(&call->word, call->value, call->bits);
}

/* Checks the words of an operation on two. -EINVAL, -EFAULT. */
static int check_words(const struct futex_call *call)
{
    int err = check_word(call);

    if (err)
        return err;
    return check_word(&(struct futex_call){.word = call->word2, .bits = FUTEX_ANY_BITS});
}

/* Another thread may change the word after it was compared, and before waiters move. The waiters
   that join after that change do not sleep, because they compare too. */
static long futex_call_requeue(const struct futex_call *call)
{
    int move_limit = (int)(uintptr_t)call->timeout; /* the argument in the place of a timeout */
    bool compares = (call->op & FUTEX_CMD_MASK) == FUTEX_CMP_REQUEUE;
    int err = check_words(call), moved;
    uint32_t value;

    if (err)
        return err;
    if ((int)call->value < 0 || move_limit < 0)
        return -EINVAL;
    if (compares && get_user(&value, call->word.at))
        return -EFAULT;
    if (compares && value != call->expected)
        return -EAGAIN;
    int woken = futex_requeue(&call->word, call->value, &call->word2, move_limit, &moved);
    return woken + moved;
}

static long futex_call_wake_op(const struct futex_call *call)
{
    int second_limit = (int)(uintptr_t)call->timeout; /* the argument in the place of a timeout */
    int err = check_words(call);

    if (err)
        return err;
    return futex_wake_op(&call->word, call->value, &call->word2, second_limit, call->expected);
}

SYSCALL6(sys_futex, uint32_t __user *, word, unsigned, op, uint32_t, value,
         const struct __kernel_timespec __user *, timeout, uint32_t __user *, word2, uint32_t, bits)
{
    bool is_private = op & FUTEX_PRIVATE_FLAG;
    struct futex_call call = {.word = {word, is_private},
                              .op = op,
                              .value = value,
                              .timeout = timeout,
                              .bits = bits,
                              .word2 = {word2, is_private},
                              .expected = bits};

    switch (op & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
        call.bits = FUTEX_ANY_BITS;
        return futex_call_wait(&call);
    case FUTEX_WAIT_BITSET:
        return futex_call_wait(&call);
    case FUTEX_WAKE:
        call.bits = FUTEX_ANY_BITS;
        return futex_call_wake(&call);
    case FUTEX_WAKE_BITSET:
        return futex_call_wake(&call);
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE:
        call.bits = FUTEX_ANY_BITS;
        return futex_call_requeue(&call);
    case FUTEX_WAKE_OP:
        call.bits = FUTEX_ANY_BITS;
        return futex_call_wake_op(&call);
    default: /* those with priority inheritance too */
        return -ENOSYS;
    }
}

/* ---- Robust lists ---- */

SYSCALL2(sys_set_robust_list, uaddr_t, head, size_t, len)
{
    if (len != sizeof(struct robust_list_head))
        return -EINVAL;
    atomic_store_relaxed(&task_current()->robust_list, head);
    return 0;
}

SYSCALL3(sys_get_robust_list, int, tid, uaddr_t __user *, head, size_t __user *, len)
{
    const size_t size = sizeof(struct robust_list_head);

    mutex_lock(&process_tree_lock);
    const struct task *task = tid ? task_find(tid) : task_current();
    uaddr_t list = task ? atomic_load_relaxed(&task->robust_list) : 0;
    mutex_unlock(&process_tree_lock);
    if (!task)
        return -ESRCH;
    return put_user(len, &size) || put_user(head, &list) ? -EFAULT : 0;
}

/* rseq(2) is refused, and C libraries do without it. */
SYSCALL0(sys_rseq)
{
    return -ENOSYS;
}

/* ---- Barriers ---- */

/* Makes each CPU that runs a thread of the process pass a memory barrier. To flush a page of the
   address space interrupts every such CPU, and returns when all have answered. A CPU that does not
   run the space now passes a barrier when it loads it. The first page of a space is never mapped,
   so the flush drops nothing. */
static void barrier_everywhere(struct process *process)
{
    tlb_flush_page(&process->vspace->pagetable.mmu, 0);
}

SYSCALL3(sys_membarrier, int, command, unsigned, flags, int, cpu __unused)
{
    struct process *self = process_current();

    if (flags)
        return -EINVAL;
    switch (command) {
    case MEMBARRIER_CMD_QUERY:
        return MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED;
    case MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED:
        atomic_set(&self->has_barriers, true);
        return 0;
    case MEMBARRIER_CMD_PRIVATE_EXPEDITED:
        if (!atomic_load(&self->has_barriers))
            return -EPERM;
        barrier_everywhere(self);
        return 0;
    default:
        return -EINVAL;
    }
}
