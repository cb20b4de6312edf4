/* System calls that a signal has interrupted.

   Such a call has returned -EINTR. It is started again as signal(7) has it: the program goes back
   by the length of its SYSCALL instruction, with the call's number in rax.

       no handler is called        always, so that nobody sees a stop and its end
       a handler is called         if it has SA_RESTART, by the rule of the call:
                                   fork always, sleeps and polls never; a futex never if it
                                   has a timeout

   A wait for an epoll is never started again, as on Linux, not even after a stop.

   A sleep that is started again ends at its old deadline: resume_ns keeps it.

   Locks: none; the trapframe and resume_ns are the thread's own. */

#include <asm/unistd.h>
#include <linux/errno.h>
#include <proc/process.h>
#include <proc/restart.h>

#define SYSCALL_LEN 2 /* bytes of the instruction */

/* Linux's names for these rules, which its tracers see; they are not in its public headers. */
#define ERESTARTSYS           512
#define ERESTARTNOINTR        513
#define ERESTARTNOHAND        514
#define ERESTART_RESTARTBLOCK 516

enum restart { RESTART_ALWAYS, RESTART_IF_ASKED, RESTART_NEVER };

/* Returns true if the interrupted call has kept its deadline. */
static bool keeps_deadline(void)
{
    return task_current()->signals.resume_ns;
}

/* Returns the rule of a call for the case that a handler is called. */
static enum restart restart_rule(uint64_t number)
{
    switch (number) {
    case __NR_fork:
    case __NR_vfork:
    case __NR_clone:
        return RESTART_ALWAYS;
    case __NR_poll:
    case __NR_ppoll:
    case __NR_select:
    case __NR_pselect6:
    case __NR_nanosleep:
    case __NR_clock_nanosleep:
    case __NR_pause:
    case __NR_rt_sigsuspend:
    case __NR_rt_sigtimedwait:
    case __NR_epoll_wait:
    case __NR_epoll_pwait:
    case __NR_epoll_pwait2:
        return RESTART_NEVER;
    case __NR_futex:
        return keeps_deadline() ? RESTART_NEVER : RESTART_IF_ASKED;
    default:
        return RESTART_IF_ASKED;
    }
}

static bool is_interrupted_call(const struct trapframe *tf)
{
    return tf->vector == VECTOR_SYSCALL && tf->error != SYSCALL_DONE && (int64_t)tf->rax == -EINTR;
}

static bool waits_for_epoll(uint64_t number)
{
    return number == __NR_epoll_wait || number == __NR_epoll_pwait || number == __NR_epoll_pwait2;
}

/* Returns true if the call is to be started again. `action` may be NULL: no handler is called. */
static bool restart_is_due(uint64_t number, const struct signal_action *action)
{
    if (!action)
        return !waits_for_epoll(number);
    enum restart rule = restart_rule(number);
    return rule == RESTART_IF_ASKED ? action->flags & SA_RESTART : rule == RESTART_ALWAYS;
}

void restart_always(struct trapframe *tf)
{
    tf->rip -= SYSCALL_LEN;
    tf->rax = tf->error;
    tf->error = SYSCALL_DONE;
}

void restart_finish(struct trapframe *tf, const struct signal_action *action)
{
    if (!is_interrupted_call(tf))
        return;
    if (restart_is_due(tf->error, action))
        restart_always(tf);
    tf->error = SYSCALL_DONE;
}

static int restart_errno(uint64_t number)
{
    switch (number) {
    case __NR_poll:
    case __NR_nanosleep:
    case __NR_clock_nanosleep:
        return ERESTART_RESTARTBLOCK;
    case __NR_rt_sigtimedwait:
    case __NR_epoll_wait:
    case __NR_epoll_pwait:
    case __NR_epoll_pwait2:
        return EINTR;
    case __NR_futex:
        return keeps_deadline() ? ERESTART_RESTARTBLOCK : ERESTARTSYS;
    default:
        break;
    }
    enum restart rule = restart_rule(number);
    if (rule == RESTART_NEVER)
        return ERESTARTNOHAND;
    return rule == RESTART_ALWAYS ? ERESTARTNOINTR : ERESTARTSYS;
}

void restart_show(struct trapframe *tf)
{
    if (is_interrupted_call(tf))
        tf->rax = -restart_errno(tf->error);
}

uint64_t restart_deadline(uint64_t deadline_ns)
{
    struct task_signals *mine = &task_current()->signals;
    uint64_t resumed_ns = mine->resume_ns;

    mine->resume_ns = 0;
    return resumed_ns ? resumed_ns : deadline_ns;
}

void restart_keep_deadline(uint64_t deadline_ns)
{
    task_current()->signals.resume_ns = deadline_ns;
}
