/* Operations, carried out by kernel/vm (system.h). */

#include <linux/errno.h>
#include <lib/panic.h>
#include <proc/access.h>
#include <proc/populate.h>
#include <proc/survey.h>
#include <vm/fault.h>
#include <vm/usercopy.h>
#include <vm/zero.h>
#include "mmu.h"
#include "object.h"
#include "places.h"
#include "platform.h"
#include "system.h"

struct process processes[NPROCESSES];

void system_init(void)
{
    platform_init();
    zero_page_init();
    objects_init();
}

/* ---- CPUs ---- */

/* Ends the CPU's thread. */
static void unload(unsigned cpu)
{
    unsigned before = this_cpu_id;

    this_cpu_id = cpu;
    mmu_load(NULL);
    this_cpu_id = before;
}

static bool runs_on(const struct process *process, unsigned cpu)
{
    return vspace_loaded(cpu) == process->vspace;
}

/* Unloads CPUs that run threads of the process, until at most `keep` are left. */
static void unload_threads(const struct process *process, unsigned keep)
{
    for (unsigned cpu = 0; cpu < NCPUS; cpu++)
        if (runs_on(process, cpu) && keep-- == 0) {
            unload(cpu);
            keep = 0;
        }
}

static void load(unsigned cpu, const struct process *process)
{
    this_cpu_id = cpu;
    if (runs_on(process, cpu))
        return;
    unload_threads(process, process->threads - 1);
    mmu_load(&process->vspace->pagetable.mmu);
}

/* ---- Accesses ---- */

static struct result run_access(const struct op *op)
{
    uaddr_t addr = places[op->first].start + word_offsets[op->word];
    struct result result = {0};

    if (op->kind == OP_WRITE)
        result.err = cpu_store(addr, op_stored(op));
    else if (op->kind == OP_FETCH)
        result.err = cpu_fetch(addr, &result.value);
    else
        result.err = cpu_load(addr, &result.value);
    return result;
}

/* Copies to or from user memory, or clears it. The result has only the number of bytes, because
   the checks compare memory with the model afterwards. */
static struct result run_copy(const struct op *op)
{
    void __user *at = (void __user *)op_copy_start(op);
    uint64_t words[] = {op_stored(op), op_stored(op)};
    uint64_t left;

    if (op->kind == OP_COPY_IN)
        left = copy_from_user_partial(words, at, COPY_LEN);
    else if (op->kind == OP_COPY_OUT)
        left = copy_to_user_partial(at, words, COPY_LEN);
    else
        left = clear_user_partial(at, COPY_LEN);
    return (struct result){.err = left ? -EFAULT : 0, .value = COPY_LEN - left};
}

static struct result run_string(const struct op *op)
{
    char text[COPY_LEN];
    ssize_t len = copy_string_from_user(text, (const char __user *)op_copy_start(op), COPY_LEN);

    return len < 0 ? (struct result){.err = len} : (struct result){.value = len};
}

/* Reads or writes for another process, as /proc and ptrace do, with a reference on the vspace. */
static struct result run_foreign(struct vspace *vspace, const struct op *op)
{
    uaddr_t addr = places[op->first].start + word_offsets[op->word];
    uint64_t word = op_stored(op);
    struct result result = {0};
    size_t len;

    vspace_get(vspace);
    if (op->kind == OP_POKE)
        len = vspace_poke(vspace, addr, &word, sizeof(word));
    else if (op->kind == OP_FORCED_PEEK)
        len = vspace_peek(vspace, addr, &result.value, sizeof(word));
    else
        len = vspace_read(vspace, addr, &result.value, sizeof(word));
    vspace_put(vspace);
    if (len < sizeof(word))
        result.err = -EFAULT;
    return result;
}

/* Lets the thread sleep, while the CPU keeps the space loaded. Then the thread reads. */
static struct result run_rest(const struct process *process, const struct op *op)
{
    mmu_become_lazy();
    step();
    mmu_load(&process->vspace->pagetable.mmu);
    return run_access(op);
}

/* Lets a thread without the space run on the CPU, then the thread again. It reads. */
static struct result run_away(const struct process *process, const struct op *op)
{
    mmu_load(NULL);
    step();
    mmu_load(&process->vspace->pagetable.mmu);
    return run_access(op);
}

/* ---- Ranges ---- */

static uaddr_t range_start(const struct op *op)
{
    return places[op->first].start;
}

static uaddr_t range_end(const struct op *op)
{
    return places[op->last].end;
}

static struct map_request request_for(const struct op *op)
{
    bool object = op->flags & (F_SHARED | F_OBJECT);

    return (struct map_request){
        .start = range_start(op),
        .len = range_end(op) - range_start(op),
        .prot = op->prot,
        .kind = op->flags & F_STACK ? VREGION_STACK : VREGION_MAP,
        .shared = op->flags & F_SHARED,
        .fixed = true,
        .no_replace = op->flags & F_NO_REPLACE,
        .pager = object ? object_pager(op->object) : NULL,
        .pager_page = object ? op->index : 0,
        .data_end = op_data_end(op),
    };
}

static struct result map(struct vspace *vspace, const struct map_request *request)
{
    uaddr_t start = 0;
    int err = vspace_map(vspace, request, &start);

    return (struct result){.err = err, .value = err ? 0 : start};
}

static struct result run_map(struct vspace *vspace, const struct op *op)
{
    struct map_request request = request_for(op);

    return map(vspace, &request);
}

static struct result run_map_anywhere(struct vspace *vspace, const struct op *op)
{
    struct map_request request = request_for(op);

    request.fixed = false;
    request.no_replace = false;
    request.start = op->flags & F_HINT ? range_start(op) : 0;
    request.len = (op->last % 4 + 1) * PAGE_SIZE;
    request.data_end = 0;
    return map(vspace, &request);
}

static int run_advise(struct vspace *vspace, const struct op *op)
{
    uaddr_t start = range_start(op), end = range_end(op);
    struct flags_change change;

    if (op_advice_flags(op, &change))
        return vspace_change_flags(vspace, start, end, &change);
    if (op->index < ADVISE_POPULATE_READ)
        return vspace_discard(vspace, start, end, op_advice_forbidden(op));
    return vspace_populate(vspace, &start, end,
                           op->index == ADVISE_POPULATE_READ ? POPULATE_READ : POPULATE_WRITE);
}

static struct result run_remap(struct vspace *vspace, const struct op *op)
{
    bool moves = op->flags & (F_FIXED | F_KEEP);
    struct remap_request request = {
        .from = range_start(op),
        .old_len = op->flags & F_DOUBLE ? 0 : range_end(op) - range_start(op),
        .new_len = range_end(op) - range_start(op) + op->more * (int64_t)PAGE_SIZE,
        .to = moves ? places[op->to].start : 0,
        .may_move = op->flags & F_MAY_MOVE,
        .fixed = op->flags & F_FIXED,
        .keep = op->flags & F_KEEP,
    };
    struct result result = {0};

    if ((int64_t)request.new_len <= 0)
        request.new_len = PAGE_SIZE;
    result.err = vspace_remap(vspace, &request, &result.value);
    return result;
}

static struct result run_sbrk(struct vspace *vspace, const struct op *op)
{
    struct result result = {0};

    result.err = vspace_sbrk(vspace, op_delta(op), &result.value);
    return result;
}

/* ---- Processes ---- */

/* Ends `n` threads of a process. Threads that run on CPUs end last. */
static void end_threads(struct process *process, unsigned n)
{
    unload_threads(process, process->threads - n);
    for (; n > 0; n--) {
        process->threads--;
        struct vspace *vspace = process->vspace;
        if (!process->threads)
            process->vspace = NULL;
        vspace_leave(vspace);
    }
}

/* Fills a new vspace as exec does: the segments, the heap, the stack and the arguments on it. */
static int fill_program(struct vspace *vspace, const struct op *op)
{
    uint64_t argument = op_stored(op);
    uaddr_t at = places[STACK + 7].start + word_offsets[NWORDS - 1];

    vspace->account.heap_start = places[HEAP].start;
    vspace->account.brk = vspace->account.heap_start;
    vspace->account.mmap_top = places[GUARD].start;
    for (unsigned n = 0; n < PROGRAM_MAPS; n++) {
        struct result result = run_map(vspace, &program_maps[n]);

        if (result.err)
            return result.err;
    }
    return vspace_write(vspace, at, &argument, sizeof(argument));
}

static struct result run_program(struct process *process, const struct op *op)
{
    struct vspace_limits limits = op_limits(op);
    struct vspace *vspace;
    int err = vspace_create(&limits, &vspace);

    if (err)
        return (struct result){.err = err};
    err = fill_program(vspace, op);
    if (err) {
        vspace_leave(vspace);
        return (struct result){.err = err};
    }
    end_threads(process, process->threads);
    *process = (struct process){.vspace = vspace, .threads = 1};
    mmu_load(&vspace->pagetable.mmu);
    return (struct result){0};
}

static struct result run_fork(const struct process *parent, struct process *child)
{
    struct vspace *vspace;
    int err = vspace_fork(parent->vspace, &vspace);

    if (!err)
        *child = (struct process){.vspace = vspace, .threads = 1};
    return (struct result){.err = err};
}

/* Adds a thread to the process, or ends the thread of this CPU. */
static void run_thread(struct process *process, bool more)
{
    if (more) {
        vspace_enter(process->vspace);
        process->threads++;
        return;
    }
    mmu_load(NULL);
    end_threads(process, 1);
}

/* Surveys a range. The programs in test/user check the numbers. The test here is that the survey
   uses no table and no page that another CPU has freed meanwhile. */
static void run_survey(struct vspace *vspace, const struct op *op)
{
    struct survey survey = {0};
    uint64_t tables = vspace_sizes(vspace).tables / PAGE_SIZE;

    vspace_survey(vspace, range_start(op), range_end(op), &survey);
    check(survey_pages(&survey) <= NPAGES, "%lu pages are there, of %u", survey_pages(&survey),
          NPAGES);
    check(survey.share <= survey_pages(&survey) * PAGE_SIZE << SURVEY_SHIFT,
          "the share of %lu pages is %lu", survey_pages(&survey), survey.share);
    check(tables >= 1 && tables <= 1 + 3 * NPAGES, "there are %lu tables", tables);
}

/* ---- All operations ---- */

struct result system_run_loaded(const struct op *op)
{
    struct process *process = &processes[op->process];

    switch (op->kind) {
    case OP_READ:
    case OP_WRITE:
    case OP_FETCH:
        return run_access(op);
    case OP_COPY_IN:
    case OP_COPY_OUT:
    case OP_CLEAR:
        return run_copy(op);
    case OP_STRING:
        return run_string(op);
    case OP_MAP:
        return run_map(process->vspace, op);
    case OP_MAP_ANYWHERE:
        return run_map_anywhere(process->vspace, op);
    case OP_UNMAP:
        return (struct result){.err =
                                   vspace_unmap(process->vspace, range_start(op), range_end(op))};
    case OP_PROTECT:
        return (struct result){
            .err = vspace_protect(process->vspace, range_start(op), range_end(op), op->prot)};
    case OP_ADVISE:
        return (struct result){.err = run_advise(process->vspace, op)};
    case OP_REMAP:
        return run_remap(process->vspace, op);
    case OP_SBRK:
        return run_sbrk(process->vspace, op);
    case OP_TRUNCATE:
        object_truncate(op->object, op->index);
        break;
    case OP_EXTEND:
        object_extend(op->object);
        break;
    case OP_PUNCH:
        object_punch(op->object, op->index, op_object_end(op));
        break;
    case OP_WRITEBACK:
        object_writeback(op->object, op->index, op_object_end(op));
        break;
    case OP_FORK:
        return run_fork(process, &processes[op->other]);
    case OP_PROGRAM:
        return run_program(process, op);
    case OP_EXIT:
        end_threads(process, process->threads);
        break;
    case OP_THREAD:
    case OP_THREAD_EXIT:
        run_thread(process, op->kind == OP_THREAD);
        break;
    case OP_WALK_AHEAD:
        mmu_walk_ahead(op->cpu, range_start(op));
        break;
    case OP_REST:
        return run_rest(process, op);
    case OP_AWAY:
        return run_away(process, op);
    case OP_SURVEY:
        run_survey(process->vspace, op);
        break;
    case OP_PEEK:
    case OP_FORCED_PEEK:
    case OP_POKE:
        return run_foreign(process->vspace, op);
    default:
        break;
    }
    return (struct result){0};
}

struct result system_run(const struct op *op)
{
    this_cpu_id = op->cpu;
    if (op->kind == OP_UNLOAD)
        mmu_become_lazy();
    else if (processes[op->process].vspace)
        load(op->cpu, &processes[op->process]);
    return system_run_loaded(op);
}

void system_end(void)
{
    for (unsigned n = 0; n < NPROCESSES; n++)
        if (processes[n].vspace)
            end_threads(&processes[n], processes[n].threads);
    objects_drop();
}
