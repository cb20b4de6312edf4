/* execve.

   If the file is a script, the program is the one that its first line names (script.c). The path and
   the name of the process stay the script's.

   The new program is built beside the old one, in an address space that no CPU has loaded: segments
   and stack become regions, and the arguments are copied in. Only when all of that has worked does
   the process change over. After that nothing can fail.

   The stack of a new program, from the top down (System V ABI AMD64, 3.4.1):

       0 (8 bytes)
       the path, the strings of envp and argv
       16 random bytes
       auxv, 0, envp, 0, argv, argc      <- rsp, a multiple of 16

   Always true: on failure the process and its old program are unchanged.

   Lock: the tree lock, while the new program becomes visible in the process. */

#include <linux/auxvec.h>
#include <linux/errno.h>
#include <linux/resource.h>
#include <arch/clock.h>
#include <arch/cpu.h>
#include <arch/event.h>
#include <dev/random.h>
#include <fs/vfs.h>
#include <lib/panic.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <proc/access.h>
#include <proc/elf.h>
#include <proc/futex.h>
#include <proc/news.h>
#include <proc/process.h>
#include <proc/ptrace.h>
#include "arguments.h"
#include "script.h"

#define STACK_EXTRA  (32 * PAGE_SIZE) /* promised below the arguments, as on Linux */
#define HEAP_GAP     (16 * PAGE_SIZE) /* between the program and its heap */
#define RANDOM_BYTES 16

/* The arguments may take a quarter of the stack's limit, at least Linux's smallest limit, and at
   most the largest piece of memory; Linux's largest limit is 6 MiB. */
#define ARGUMENTS_MIN (128ul << 10)
#define ARGUMENTS_MAX (PAGE_SIZE << FRAME_MAX_ORDER)

/* A program that is being built. */
struct loading {
    struct vnode *exe; /* from vfs_open_exe; NULL once the process has it */
    struct vspace *vspace;
    struct elf_image image;
    struct exec_arguments args;
    struct fdtable *files;          /* a copy of shared descriptors; NULL: none is needed */
    struct signal_actions *actions; /* to take the place of shared ones; NULL: none is needed */
    uaddr_t strings;                /* where the arguments start on the stack */
    uaddr_t rsp;
    uint64_t auxv[AUXV_ENTRIES][2];
};

/* ---- The stack ---- */

/* Fills in a vector of `count` pointers and its final 0. Returns the string after the last one. */
static const char *fill_vector(uint64_t **word, unsigned count, const char *string, uaddr_t *addr)
{
    for (unsigned n = 0; n < count; n++) {
        size_t len = strlen(string) + 1;

        *(*word)++ = *addr;
        string += len;
        *addr += len;
    }
    *(*word)++ = 0;
    return string;
}

static void fill_auxv(struct loading *loading, uaddr_t path, uaddr_t random)
{
    const struct elf_image *image = &loading->image;
    const uint64_t auxv[AUXV_ENTRIES][2] = {
        {AT_PHDR, image->phdrs},
        {AT_PHENT, 56}, /* sizeof(struct elf64_phdr) */
        {AT_PHNUM, image->nphdrs},
        {AT_PAGESZ, PAGE_SIZE},
        {AT_ENTRY, image->entry},
        {AT_BASE, 0},
        {AT_FLAGS, 0},
        {AT_UID, 0},
        {AT_EUID, 0},
        {AT_GID, 0},
        {AT_EGID, 0},
        {AT_SECURE, 0},
        {AT_HWCAP, cpu_features_edx()},
        {AT_CLKTCK, USER_HZ},
        {AT_RANDOM, random},
        {AT_EXECFN, path},
        {AT_MINSIGSTKSZ, 2048},
        {AT_NULL, 0},
    };

    memcpy(loading->auxv, auxv, sizeof(auxv));
}

/* Writes argc, argv, envp and auxv, below the strings. */
static int write_vectors(struct loading *loading, uaddr_t random)
{
    const struct exec_arguments *args = &loading->args;
    uaddr_t strings = loading->strings;
    size_t nwords = 1 + args->argc + 1 + args->envc + 1 + 2 * AUXV_ENTRIES;
    uint64_t *words = heap_alloc(nwords * sizeof(*words)), *word = words;

    if (!words)
        return -ENOMEM;
    *word++ = args->argc;
    const char *string = fill_vector(&word, args->argc, args->bytes, &strings);
    fill_vector(&word, args->envc, string, &strings);
    fill_auxv(loading, strings, random);
    memcpy(word, loading->auxv, sizeof(loading->auxv));
    loading->rsp = round_down(random - nwords * sizeof(*words), 16);
    int err = vspace_write(loading->vspace, loading->rsp, words, nwords * sizeof(*words));
    heap_free(words);
    return err;
}

static int fill_stack(struct loading *loading)
{
    const struct exec_arguments *args = &loading->args;
    uaddr_t strings = USER_END - sizeof(uint64_t) - args->len;
    uaddr_t random = round_down(strings - RANDOM_BYTES, 16);
    char bytes[RANDOM_BYTES];

    loading->strings = strings;
    random_bytes(bytes, sizeof(bytes));
    int err = vspace_write(loading->vspace, strings, args->bytes, args->len);
    if (!err)
        err = vspace_write(loading->vspace, random, bytes, sizeof(bytes));
    if (!err)
        err = write_vectors(loading, random);
    return err == -EFAULT ? -E2BIG : err; /* the stack is too small for it */
}

/* Maps the first page of the stack, which grows while it is filled. */
static int map_stack(const struct loading *loading)
{
    const struct map_request request = {
        .start = USER_END - PAGE_SIZE,
        .len = PAGE_SIZE,
        .prot = PROT_R | PROT_W | (loading->image.has_exec_stack ? PROT_X : 0),
        .kind = VREGION_STACK,
        .fixed = true,
        .no_replace = true,
    };
    uaddr_t start;
    int err = vspace_map(loading->vspace, &request, &start);

    return err == -EEXIST ? -ENOEXEC : err; /* a segment is where the stack must be */
}

/* Grows the stack by what the program is sure to use, as far as the limit allows. */
static int grow_stack(const struct loading *loading, uint64_t limit)
{
    uaddr_t start = page_floor(loading->rsp) - STACK_EXTRA;

    start = max(start, USER_END - min(page_floor(limit), USER_END - start));
    if (start >= page_floor(loading->rsp) || vspace_grow_stack(loading->vspace, start))
        return 0;
    return -ENOMEM;
}

static int make_stack(struct loading *loading, uint64_t limit)
{
    int err = map_stack(loading);

    if (!err)
        err = fill_stack(loading);
    return err ? err : grow_stack(loading, limit);
}

/* ---- Building, and changing over ---- */

/* Leaves room for the stack to grow to its present limit, and to 128 MiB if the limit is raised
   later, but not more than five sixths of all, as on Linux. */
static uaddr_t mmap_top(uint64_t stack_limit)
{
    uint64_t most = USER_END / 6 * 5, least = 128ul << 20;
    uint64_t room = min(stack_limit, most - STACK_GUARD_SIZE) + STACK_GUARD_SIZE;

    return page_floor(USER_END - max(room, least));
}

static size_t arguments_max(const struct process *process)
{
    uint64_t quarter = process_limit(process, RLIMIT_STACK) / 4;

    return max(min(quarter, ARGUMENTS_MAX), ARGUMENTS_MIN);
}

static int loading_build(struct loading *loading, const struct process *process)
{
    struct vspace_limits limits = process_vspace_limits(process);
    int err = vspace_create(&limits, &loading->vspace);

    if (!err)
        err = elf_load(loading->exe, loading->vspace, &loading->image);
    if (err)
        return err;
    loading->vspace->account.heap_start = page_ceil(loading->image.end) + HEAP_GAP;
    loading->vspace->account.brk = loading->vspace->account.heap_start;
    loading->vspace->account.mmap_top = mmap_top(limits.stack);
    return make_stack(loading, limits.stack);
}

static struct process_layout loading_layout(const struct loading *loading)
{
    const struct elf_image *image = &loading->image;
    const struct exec_arguments *args = &loading->args;

    struct process_layout layout = {
        .code_start = image->code_start,
        .code_end = image->code_end,
        .data_start = image->data_start,
        .data_end = image->data_end,
        .stack_top = loading->rsp,
        .args_start = loading->strings,
        .env_start = loading->strings + args->env,
        .env_end = loading->strings + args->path,
    };
    memcpy(layout.auxv, loading->auxv, sizeof(layout.auxv));
    return layout;
}

/* ---- Scripts ---- */

/* A script's interpreter may be a script, and so on: as many in a row, as on Linux. */
#define SCRIPTS_MAX 5

/* Puts the strings of a script's first line before the arguments. */
static int push_script(struct exec_arguments *args, const struct script *script)
{
    int err = script->argument ? arguments_push(args, script->argument) : 0;

    return err ? err : arguments_push(args, script->interpreter);
}

/* Holds the program at `path` in the place of the script. Linux takes an empty path for a
   directory. */
static int exchange_exe(struct loading *loading, struct vnode *cwd, const char *path)
{
    struct vnode *exe;
    int err = *path ? vfs_open_exe(cwd, path, &exe) : -EACCES;

    if (err)
        return err;
    vnode_exe_put(loading->exe);
    loading->exe = exe;
    return 0;
}

/* Goes from a script to the program that runs it. Argument 0 becomes the interpreter, its argument,
   if any, and the path of the script. If the interpreter is a script, argument 0 is its path
   already. -ELOOP: too many scripts. -ENOENT: the interpreter could not open the script. */
static int follow_scripts(struct loading *loading, struct vnode *cwd,
                          const struct exec_request *request)
{
    struct script script;
    int is_script, err;

    for (unsigned n = 0; (is_script = script_read(loading->exe, &script)) > 0; n++) {
        if (n == SCRIPTS_MAX)
            return -ELOOP;
        if (request->is_hidden)
            return -ENOENT;
        err = n == 0 ? arguments_rename(&loading->args, request->path) : 0;
        if (!err)
            err = push_script(&loading->args, &script);
        if (!err)
            err = exchange_exe(loading, cwd, script.interpreter);
        if (err)
            return err;
    }
    return is_script;
}

static int find_program(struct loading *loading, const struct exec_request *request)
{
    struct vnode *cwd = workdir_get(task_current()->workdir);
    int err = follow_scripts(loading, cwd, request);

    vnode_put(cwd);
    return err;
}

/* Makes copies of descriptors and actions that are shared, because the new program changes both.
   If only other tasks of the process share the descriptors, the copy turns out to be unneeded when
   they have ended, and record locks stay with the descriptors. */
static int prepare_unsharing(struct loading *loading)
{
    struct fdtable *files = task_current()->files;
    int err = fdtable_is_shared(files) ? fdtable_fork(files, &loading->files) : 0;

    return err ? err : signal_exec_prepare(&loading->actions);
}

/* Ends the sharing of descriptors. */
static void unshare_files(struct loading *loading, struct task *self)
{
    if (!loading->files || !fdtable_is_shared(self->files))
        return;
    task_replace_files(self, loading->files);
    loading->files = NULL;
}

/* Makes the event of an exec, which has the first 16 bytes of the name. */
static void exec_tell(const struct process *process, const struct vspace *vspace, const char *name)
{
    uint64_t words[2] = {0};

    strlcpy((char *)words, name, sizeof(words));
    EVENT(exec, process->pid, vspace->number, words[0], words[1]);
}

/* Replaces the old program of the process by the new one. */
static void change_over(struct loading *loading, struct process *process, const char *name)
{
    struct vspace *old = process->vspace;
    struct vnode *old_exe = process->exe;
    struct trapframe *tf = thread_trapframe(thread_current());
    uint64_t vector = tf->vector, number = tf->error;

    futex_leave();
    mutex_lock(&process_tree_lock);
    process->earlier_faults = process_usage(process).minor_faults;
    exec_tell(process, loading->vspace, name);
    process->vspace = loading->vspace;
    process->borrows_vspace = false;
    process->has_barriers = false;
    process->layout = loading_layout(loading);
    process->exe = loading->exe;
    process->has_execed = true;
    process->exit_signal = SIGCHLD;
    strlcpy(task_current()->name, name, sizeof(task_current()->name));
    mutex_unlock(&process_tree_lock);

    loading->exe = NULL;
    loading->vspace = NULL;
    thread_set_space(&process->vspace->pagetable.mmu);
    if (old)
        vspace_leave(old);
    vnode_exe_put(old_exe);
    unshare_files(loading, task_current());
    fdtable_close_on_exec(task_current()->files);
    task_current()->repeats = (struct fault_repeats){0};
    posix_timers_delete();
    signal_exec(&loading->actions);
    news_of_vfork_end(process);
    context_exec(&thread_current()->context, tf, loading->image.entry, loading->rsp);
    tf->vector = vector; /* of the call, whose exit a tracer sees later */
    tf->error = number;
}

int process_exec(const struct exec_request *request)
{
    struct process *process = process_current();
    struct loading loading = {.args.max = arguments_max(process)};
    int tid = task_current()->tid;
    int err = vnode_open_exe(request->file);

    if (err)
        return err;
    loading.exe = request->file;
    err = arguments_collect(&loading.args, request->path, request->argv, request->envp);
    if (!err && !process->vspace) /* the first program, which has no caller to name it */
        err = arguments_rename(&loading.args, request->path);
    if (!err)
        err = find_program(&loading, request);
    if (!err)
        err = loading_build(&loading, process);
    if (!err)
        err = prepare_unsharing(&loading);
    if (!err)
        err = task_end_others();
    if (!err)
        change_over(&loading, process, request->name);
    if (loading.vspace)
        vspace_leave(loading.vspace);
    if (loading.files)
        fdtable_put(loading.files);
    signal_exec_discard(loading.actions);
    heap_free(loading.args.bytes);
    vnode_exe_put(loading.exe);
    if (!err)
        ptrace_execed(tid);
    return err;
}
