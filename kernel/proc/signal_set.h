/* Sets of signals, and the steps of posting and taking, for the files of kernel/proc. */
#pragma once

#include <proc/signal.h>

struct process;
struct task;

#define BIT(signo)  (1ul << ((signo)-1))
#define UNBLOCKABLE (BIT(SIGKILL) | BIT(SIGSTOP))
#define LIBC_OWN    (BIT(32) | BIT(33) | BIT(34)) /* musl's and glibc's threads use these */

/* Returns true if a mask blocks every signal of the program, as a library does around its fork. */
static inline bool mask_is_full(uint64_t mask)
{
    return !~(mask | UNBLOCKABLE | LIBC_OWN);
}

/* The default actions: ignore, stop. All other signals end the process. */
#define DEFAULT_IGNORED (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT))
#define DEFAULT_STOP    (BIT(SIGSTOP) | BIT(SIGTSTP) | BIT(SIGTTIN) | BIT(SIGTTOU))

/* The signals of faults, which are taken before others, so that the handler runs where they
   arose. */
#define SYNCHRONOUS \
    (BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGTRAP) | BIT(SIGFPE) | BIT(SIGSYS))

static inline bool is_signal(int signo)
{
    return signo >= 1 && signo <= SIGNALS;
}

static inline bool has_handler(const struct signal_action *action)
{
    return action->handler != (uaddr_t)SIG_DFL && action->handler != (uaddr_t)SIG_IGN;
}

/* ---- actions.c ---- */

/* Makes actions with the defaults, or a copy of `from`. Returns NULL if memory is out. */
struct signal_actions *actions_create(void);
struct signal_actions *actions_clone(struct signal_actions *from);

/* Copies all actions to some that no other process uses yet. */
void actions_copy(struct signal_actions *to, struct signal_actions *from);

/* Add and drop a process that uses them; the last one frees them. actions_put takes NULL too. */
void actions_share(struct signal_actions *actions);
void actions_put(struct signal_actions *actions);
bool actions_are_shared(const struct signal_actions *actions);

/* Gives each signal that is not ignored its default action. */
void actions_reset(struct signal_actions *actions);

struct signal_action action_get(struct signal_actions *actions, int signo);

/* Returns the handler alone, without the lock. */
uaddr_t action_handler(struct signal_actions *actions, int signo);

void action_set(struct signal_actions *actions, int signo, const struct signal_action *action);

/* Returns the action of a signal that was taken. If its handler is to be called once, the signal
   gets the default action. */
struct signal_action action_use(struct signal_actions *actions, int signo);

/* ---- signals.lock is held ---- */

/* Adds a signal. If one of 1 to 31 is pending already, the first one's information stays. -EAGAIN: a
   real-time signal that a program or a timer informs of cannot be queued. Others arrive without
   their information then. */
int signal_queue_add(struct signal_queue *queue, const struct signal_info *info, uint64_t limit);

/* Adds the signal of a fault, and replaces one that is pending. Returns true if none was. */
bool signal_queue_force(struct signal_queue *queue, const struct signal_info *info);

/* Takes the first signal of `set`: SIGKILL, else one of a fault, else the lowest number. Returns
   false if there is none. */
bool signal_queue_take(struct signal_queue *queue, uint64_t set, struct signal_info *info);

/* Returns true if the process ignores the signal, by its action or by default. */
bool signal_is_ignored(const struct signal_state *state, int signo);

/* Takes the first of the signals in `set` that are pending for the task or its process. Returns
   false if there is none. */
bool signal_take(struct task *task, uint64_t set, struct signal_info *info);

/* Returns the signals that the task may take: pending for it or its process. */
uint64_t signal_pending_of(const struct task *task);

/* Returns true if the task is to end: SIGKILL is pending, or its process is ending. */
bool signal_must_end(const struct task *task);

/* Makes all tasks of a process end: none of them goes on in user mode. `status` is the wait status of
   the process, unless it has been ending already. The list is as long as the process has tasks. */
void signal_end_all(struct process *process, int status);

/* Returns true if the process has stopped, and the task is to sleep because of that: no tracer lets
   it run. */
bool is_job_stopped(const struct task *task);

/* Ends a stop by a signal, and those that tasks have taken: all tasks go on. */
void signal_end_stop(struct process *process);

/* ---- Without it ---- */

/* Sets the mask of the current task. Pending signals that it unblocks are taken on the way to
   user mode. */
void signal_change_mask(uint64_t mask);

/* Pushes a frame onto the user's stack, which keeps the registers and `mask`, and makes `tf` a call
   of the handler. -EFAULT: the frame has no room, or the handler is not callable; `tf` stays. */
__must_check int sigframe_push(struct trapframe *tf, const struct signal_info *info,
                               const struct signal_action *action, uint64_t mask);

/* Sends SIGSEGV to the current task, whose stack holds no valid frame, and reports `what`. */
void sigframe_refuse(const struct trapframe *tf, const char *what);
