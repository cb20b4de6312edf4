/* /proc/PID/status, stat and statm: the identity, the usage and the memory of a process, in
   numbers. The same files of a task show its own number, name, state, CPU time and signals.

   The memory is measured first, without the tree lock, because that takes long; then all is printed
   under it. If the process exits or calls exec in between, its memory is that of before.

   Locks: vspace->lock, for reading, while the memory is measured; then the tree lock. */

#include <linux/errno.h>
#include <linux/kdev_t.h>
#include <arch/atomic.h>
#include <arch/clock.h>
#include <tty/terminal.h>
#include <sched/run.h>
#include <proc/survey.h>
#include "files.h"
#include "visit.h"

#define CONSOLE_DEV MKDEV(5, 1)

/* The sizes of a process's memory; all 0 for a zombie. */
struct memory {
    bool is_there;
    struct vspace_sizes sizes;
    struct survey survey;
};

/* Measures the memory of the process with pid `key`. -ESRCH. */
static int measure(uint64_t key, struct memory *memory)
{
    struct vspace *vspace;
    int err = procfs_visit(key, &vspace, NULL);

    *memory = (struct memory){0};
    if (err || !vspace)
        return err;
    memory->is_there = true;
    memory->sizes = vspace_sizes(vspace);
    vspace_survey(vspace, 0, USER_END, &memory->survey);
    vspace_put(vspace);
    return 0;
}

/* Returns the size of the program's code, in bytes, rounded up to whole pages. */
static uint64_t code_bytes(const struct process *process)
{
    return page_ceil(process->layout.code_end) - page_floor(process->layout.code_start);
}

static uint64_t file_pages(const struct survey *survey)
{
    return survey_pages(survey) - survey->anon;
}

static int parent_pid(const struct process *process)
{
    return process->parent ? process->parent->pid : 0;
}

static int tracer_pid(const struct task *task)
{
    return task->ptrace.tracer ? task->ptrace.tracer->pid : 0;
}

/* Returns the number of tasks, as Linux counts them: a first task that has left counts. The list is
   as long as the process has tasks. */
static unsigned count_tasks(const struct process *process)
{
    const struct task *task;
    unsigned count = process->leader->has_ended;

    TAILQ_FOREACH (task, &process->tasks, link)
        count++;
    return count;
}

/* The state of a process is that of its leader, as on Linux. D is a sleep for a lock, for a page
   that is being read, or, in a copy of the kernel, for memory; no signal but SIGKILL ends it. A
   test that sends a signal to a sleeper waits for S. */
static char state_letter(struct task *task)
{
    if (task->has_ended)
        return 'Z';
    if (task->ptrace.stop != PTRACE_STOP_NONE)
        return 't';
    if (signal_has_stopped(task))
        return 'T';
    if (task->thread->state != THREAD_SLEEPING)
        return 'R';
    return atomic_load_relaxed(&task->thread->at_rest) ? 'S' : 'D';
}

static const char *state_name(char letter)
{
    switch (letter) {
    case 'Z':
        return "zombie";
    case 'T':
        return "stopped";
    case 't':
        return "tracing stop";
    case 'R':
        return "running";
    case 'D':
        return "disk sleep";
    default:
        return "sleeping";
    }
}

/* ---- status ---- */

/* A name may have any characters: a new line and a backslash are escaped, as on Linux. */
static void print_name(struct text_sink *sink, const char *name)
{
    sink_printf(sink, "Name:\t");
    for (; *name; name++) {
        if (*name == '\n')
            sink_printf(sink, "\\n");
        else
            sink_printf(sink, *name == '\\' ? "\\\\" : "%c", *name);
    }
}

static void print_identity(struct text_sink *sink, struct task *task)
{
    const struct process *process = task->process;
    char letter = state_letter(task);

    print_name(sink, task->name);
    sink_printf(sink, "\n");
    if (task->workdir) /* as on Linux, a zombie has no umask */
        sink_printf(sink, "Umask:\t%04o\n", workdir_umask(task->workdir));
    sink_printf(sink, "State:\t%c (%s)\n", letter, state_name(letter));
    sink_printf(sink, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t%d\n", process->pid,
                task->tid, parent_pid(process), tracer_pid(task));
    sink_printf(sink, "Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nGroups:\t0 \n");
}

static void status_print_kb(struct text_sink *sink, const char *name, uint64_t kb)
{
    sink_printf(sink, "%s:\t%8lu kB\n", name, kb);
}

static void print_memory(struct text_sink *sink, const struct process *process,
                         const struct memory *memory)
{
    const struct vspace_sizes *sizes = &memory->sizes;
    uint64_t code = code_bytes(process);

    status_print_kb(sink, "VmPeak", sizes->mapped_peak / 1024);
    status_print_kb(sink, "VmSize", sizes->mapped / 1024);
    status_print_kb(sink, "VmLck", sizes->locked / 1024);
    status_print_kb(sink, "VmRSS", survey_pages(&memory->survey) * PAGE_KB);
    status_print_kb(sink, "RssAnon", memory->survey.anon * PAGE_KB);
    status_print_kb(sink, "RssFile", file_pages(&memory->survey) * PAGE_KB);
    status_print_kb(sink, "VmData", sizes->data / 1024);
    status_print_kb(sink, "VmStk", sizes->stack / 1024);
    status_print_kb(sink, "VmExe", code / 1024);
    status_print_kb(sink, "VmLib", (max(sizes->exec, code) - code) / 1024);
    status_print_kb(sink, "VmPTE", sizes->tables / 1024);
}

static void print_signals(struct text_sink *sink, struct task *task)
{
    struct signal_masks masks = signal_masks_of(task);

    sink_printf(sink, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", masks.pending,
                masks.shared_pending, masks.blocked);
    sink_printf(sink, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", masks.ignored, masks.caught);
}

/* The CPUs are shown as a mask and as a list of ranges. The loop has at most MAX_CPUS steps. */
static void print_affinity(struct text_sink *sink, struct task *task)
{
    cpumask_t left = thread_affinity(task->thread);
    const char *separator = "";

    sink_printf(sink, "Cpus_allowed:\t%lx\nCpus_allowed_list:\t", left);
    while (left) {
        unsigned first = __builtin_ctzl(left), last = first;

        for (; left >> last & 1; last++)
            left &= ~(1ul << last);
        sink_printf(sink, "%s%u", separator, first);
        if (--last > first)
            sink_printf(sink, "-%u", last);
        separator = ",";
    }
    sink_printf(sink, "\n");
}

int procfs_status(struct text_sink *sink, uint64_t key)
{
    struct memory memory;
    int err = measure(key, &memory);
    struct task *task = err ? NULL : procfs_hold_task(key);

    if (!task)
        return -ESRCH;
    print_identity(sink, task);
    if (memory.is_there)
        print_memory(sink, task->process, &memory);
    sink_printf(sink, "Threads:\t%u\n", count_tasks(task->process));
    print_signals(sink, task);
    print_affinity(sink, task);
    procfs_release();
    return 0;
}

/* ---- stat: the 52 fields of proc(5); the comments give their numbers ---- */

/* The flag of Linux that is true here sometimes: fork made the process, and it has not called exec
   since. */
#define FLAG_FORKED 0x40u

/* Fields 1 to 9: pids, the terminal, and flags. */
static void print_who(struct text_sink *sink, struct task *task)
{
    const struct process *process = task->process;
    int foreground = terminal_foreground(process);

    sink_printf(sink, "%d (%s) %c %d %d %d %u %d %u", task->tid, task->name, state_letter(task),
                parent_pid(process), process->pgid, process->sid,
                foreground < 0 ? 0 : (unsigned)CONSOLE_DEV, foreground,
                process->has_execed ? 0 : FLAG_FORKED);
}

/* Whether the numbers are those of a task alone or of all tasks of its process. */
enum scope { SCOPE_TASK, SCOPE_PROCESS };

static enum scope scope_of(uint64_t key)
{
    return key >> 32 ? SCOPE_TASK : SCOPE_PROCESS;
}

/* Fields 10 to 22: minor and major faults, and times, each of the process (or the task) and of its
   children; priority, niceness, number of threads, and the time of its start. */
static void print_usage(struct text_sink *sink, struct task *task, enum scope scope)
{
    struct process *process = task->process;
    struct process_usage own = process_usage(process);
    const struct process_usage *children = &process->children_usage;
    int8_t nice = thread_share(task->thread).nice;

    if (scope == SCOPE_TASK)
        own.cpu = task_cputime(task);
    sink_printf(sink, " %lu %lu 0 0 %lu %lu %lu %lu %d %d %u 0 %lu", own.minor_faults,
                children->minor_faults, clock_ticks(own.cpu.user_ns),
                clock_ticks(own.cpu.kernel_ns), clock_ticks(children->cpu.user_ns),
                clock_ticks(children->cpu.kernel_ns), 20 + nice, nice, count_tasks(process),
                clock_ticks(process->start_ns));
}

/* Fields 23 to 30: sizes, the limit of RSS, code, the stack's start; its registers are not
   shown. */
static void print_space(struct text_sink *sink, const struct process *process,
                        const struct memory *memory)
{
    const struct process_layout *layout = &process->layout;

    sink_printf(sink, " %lu %lu %lu", memory->sizes.mapped, survey_pages(&memory->survey), ~0ul);
    if (memory->is_there)
        sink_printf(sink, " %lu %lu %lu 0 0", layout->code_start, layout->code_end,
                    layout->stack_top);
    else
        sink_printf(sink, " 0 0 0 0 0");
}

/* Fields 31 to 44: signals, cut to 31 bits; wait channel and swaps; exit signal, CPU, and fields
   that are always 0 here. */
static void print_more(struct text_sink *sink, struct task *task)
{
    const uint64_t low = (1ul << 31) - 1;
    struct signal_masks masks = signal_masks_of(task);

    sink_printf(sink, " %lu %lu %lu %lu 0 0 0 %d %u 0 0 0 0 0", masks.pending & low,
                masks.blocked & low, masks.ignored & low, masks.caught & low, SIGCHLD,
                task->thread->cpu);
}

/* Fields 45 to 52: data, heap, arguments and environment; the exit status. */
static void print_rest(struct text_sink *sink, const struct process *process,
                       const struct memory *memory)
{
    const struct process_layout *layout = &process->layout;

    if (memory->is_there && process->vspace)
        sink_printf(sink, " %lu %lu %lu %lu %lu %lu %lu", layout->data_start, layout->data_end,
                    process->vspace->account.heap_start, layout->args_start, layout->env_start,
                    layout->env_start, layout->env_end);
    else
        sink_printf(sink, " 0 0 0 0 0 0 0");
    sink_printf(sink, " %d\n", process->zombie ? process->exit_status : 0);
}

int procfs_stat(struct text_sink *sink, uint64_t key)
{
    struct memory memory;
    int err = measure(key, &memory);
    struct task *task = err ? NULL : procfs_hold_task(key);

    if (!task)
        return -ESRCH;
    print_who(sink, task);
    print_usage(sink, task, scope_of(key));
    print_space(sink, task->process, &memory);
    print_more(sink, task);
    print_rest(sink, task->process, &memory);
    procfs_release();
    return 0;
}

/* ---- statm ---- */

/* Prints, in pages: mapped, present, present of files, code, libraries (0), data and stack, dirty
   (0). */
int procfs_statm(struct text_sink *sink, uint64_t key)
{
    struct memory memory;
    int err = measure(key, &memory);
    const struct process *process = err ? NULL : procfs_hold(key);

    if (!process)
        return -ESRCH;
    sink_printf(sink, "%lu %lu %lu %lu 0 %lu 0\n", memory.sizes.mapped / PAGE_SIZE,
                survey_pages(&memory.survey), file_pages(&memory.survey),
                memory.is_there ? code_bytes(process) / PAGE_SIZE : 0,
                (memory.sizes.data + memory.sizes.stack) / PAGE_SIZE);
    procfs_release();
    return 0;
}
