/* The end of a process.

   Exit gives back all that the process has, and only then does the process become a zombie. So a
   parent that has waited for it finds every frame free again, but for the kernel stack, which the
   waiter frees (wait.c). Exit never allocates.

   The end of init is the end of the machine: it turns off with init's status, or, if a signal has
   killed init, panics. A DEBUG build runs the audit whenever a signal of the kernel ends a process.

   Always true: a zombie has no vspace, no files and no children, and its thread has left user mode
   for ever.

   Lock: the tree lock, while parents, children and zombies change; none while memory and files are
   given back. */

#include <linux/errno.h>
#include <arch/console.h>
#include <arch/power.h>
#include <lib/panic.h>
#include <proc/futex.h>
#include <proc/news.h>
#include <proc/process.h>
#include <proc/ptrace.h>
#include <proc/session.h>
#include <sched/world.h>
#include <vm/audit.h>

/* Drops memory and files. The fields are cleared first, under the lock, so that observers do not
   find them half gone. */
static void give_back(struct process *process)
{
    mutex_lock(&process_tree_lock);
    process->earlier_faults = process_usage(process).minor_faults;
    struct vspace *vspace = process->vspace;
    struct fdtable *files = process->files;
    struct vnode *cwd = process->cwd, *exe = process->exe;
    process->vspace = NULL;
    process->files = NULL;
    process->cwd = process->exe = NULL;
    mutex_unlock(&process_tree_lock);

    fdtable_destroy(files);
    vnode_put(cwd);
    thread_set_space(NULL);
    if (vspace)
        vspace_leave(vspace);
    vnode_exe_put(exe);
    news_of_vfork_end(process);
}

/* Makes init the parent of all children, and notifies it if one of them is a zombie. */
static void orphan_children(struct process *process)
{
    struct process *child, *zombie = NULL;

    while ((child = TAILQ_FIRST(&process->children))) {
        process_give_to_init(child);
        if (child->death_signal && !child->zombie)
            signal_send(child, &(struct signal_info){.signo = child->death_signal,
                                                     .code = SI_USER,
                                                     .pid = process->pid});
        if (child->zombie)
            zombie = child;
        group_check_orphaned(child, process, NULL);
    }
    if (zombie)
        news_wake(zombie->parent);
}

static void become_zombie(struct process *process, int status)
{
    mutex_lock(&process_tree_lock);
    alarm_forget(process);
    session_leave(process);
    ptrace_tracer_exits(process);
    orphan_children(process);
    group_check_orphaned(process, process->parent, process);
    process->exit_status = status;
    process->zombie = true;
    news_of_end(process);
    mutex_unlock(&process_tree_lock);
}

/* Runs the audit. Returns the number of differences. */
static unsigned audit_at_end(void)
{
    while (world_stop())
        world_rest(); /* until another audit ends */
    unsigned differences = audit_run();
    world_resume();
    return differences;
}

/* Returns what has caused a signal that the kernel forces on a process. */
static const char *signal_meaning(int signo)
{
    switch (signo) {
    case SIGSEGV:
        return "a bad address";
    case SIGBUS:
        return "a page that its file does not have";
    case SIGILL:
        return "an invalid instruction";
    case SIGFPE:
        return "an arithmetic error";
    case SIGTRAP:
        return "a breakpoint";
    case SIGKILL:
        return "no memory";
    default:
        return "unexpected";
    }
}

/* Ends the machine, because init has ended. Only a mistake of the kernel or of init, or the end of
   memory, can kill init: the signals of others do nothing to it. */
static __noreturn void init_ends(int status)
{
    if (!(status & 0x7f)) {
        if (status)
            printk("the first process ended with status %d\n", status >> 8);
        machine_poweroff(status >> 8);
    }
    console_panic_mode(); /* "quiet" does not silence this */
    printk("audit: %u differences\n", audit_at_end());
    panic("the first process ended: signal %d (%s) has killed it", status, signal_meaning(status));
}

void process_exit(int status)
{
    struct process *process = process_current();

    if (process->pid == INIT_PID)
        init_ends(status);
    futex_leave();
    give_back(process);
    become_zombie(process, status);
    thread_exit();
}

#ifdef DEBUG
#define IS_DEBUG true
#else
#define IS_DEBUG false
#endif

void process_exit_by_signal(const struct signal_info *info)
{
    int pid = process_current()->pid;
    bool is_from_kernel = info->code > 0;

    if (IS_DEBUG && is_from_kernel && pid != INIT_PID && audit_at_end())
        panic("pid %d ends by signal %d, and the audit finds differences", pid, info->signo);
    process_exit(info->signo);
}
