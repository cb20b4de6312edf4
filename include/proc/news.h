/* News: what a process learns of its children and tracees.

   News is a stop, a continuation, or an end. It does two things: it wakes the receiver, which may
   sleep in wait4, and it sends SIGCHLD. The status itself stays in the child until it is waited for
   (proc/wait.h). The end of a vfork wakes the parent only.

   No news is lost: the receiver reads its news_count before it looks at its children, and news_wait
   sleeps only while the count is the same. */
#pragma once

#include <proc/process.h>

/* The statuses in wait4(2) of a stop and a continuation. */
#define STATUS_STOPPED(signo) ((signo) << 8 | 0x7f)
#define STATUS_CONTINUED      0xffff

/* Wakes `to` if it sleeps in news_wait, and keeps it from sleeping if it is about to. */
void news_wake(struct process *to);

/* Sleeps until the news_count of the current process differs from `seen`. `sleep` is waitq_sleep or
   waitq_sleep_killable. -EINTR. */
__must_check int news_wait(unsigned seen, waitq_sleep_fn *sleep);

/* Returns what SIGCHLD and waitid(2) say of a child with that wait status. */
struct signal_info news_child_info(int pid, int status);

/* ---- The sender's side; the tree lock is held ---- */

/* Notifies the parent that signal `signo` has stopped the process. */
void news_of_stop(struct process *process, int signo);

/* Notifies the parent that a stop is over, if this is due. The process does so when it runs again; a
   parent that waits may be earlier, and shall see what a SIGCONT has done. */
void news_check_continue(struct process *process);

/* Notifies the parent of the stop of a process if all tasks that are to sleep because of it do. */
void news_check_stop(struct process *process);

/* Notifies the tracer that the task stops for it; `signo` is the stopping signal in wait4. */
void news_of_ptrace_stop(struct task *task, int signo);

/* Notifies the tracer of a task that is not the leader that the task has ended. */
void news_of_task_end(const struct task *task);

/* Notifies the tracer or parent that the process has exited. The parent of a process that another
   one traces is notified when that has waited, or ends. Nobody is notified while the end of a task
   is unseen. */
void news_of_end(struct process *process);

/* ---- Without the lock ---- */

/* Notifies a parent that sleeps in vfork that the process no longer uses its address space. Takes
   the tree lock. */
void news_of_vfork_end(struct process *process);
