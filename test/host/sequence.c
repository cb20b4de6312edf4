/* Running sequences (sequence.h).

   The kernel runs an operation first. If a request for memory failed and the operation reports
   it, memory must be unchanged, but for what model_run_short does. Otherwise the kernel and the model
   must return the same result. */

#include <linux/errno.h>
#include <stdio.h>
#include "check.h"
#include "platform.h"
#include "sequence.h"
#include "system.h"

struct model model;

static struct sequence_options options;
static uint64_t operations;     /* valid operations, in all sequences */
static unsigned steps;          /* since the beginning of this sequence */
static const struct op *op_now; /* the operation that runs */

static void print_op_now(void)
{
    if (!op_now)
        return;
    fprintf(stderr, "in operation %u:\n", steps);
    op_print(op_now);
}

static uaddr_t any_page(uint32_t random)
{
    return places[page_places[random % NPAGES]].start;
}

void sequence_begin(const struct sequence_options *new_options)
{
    options = *new_options;
    steps = 0;
    finding_hook = print_op_now;
    mmu_reset();
    mmu_set_quiet();
    mmu_walk_ahead_page = any_page;
    model_init(&model);
    check_baseline();
    shortage_at(options.fail);
}

void sequence_end(void)
{
    op_now = NULL;
    mmu_set_quiet();
    check_model(&model);
    check_audit();
    system_end();
    check_audit();
    check_nothing_lost();
}

/* Returns true if the operation reports a shortage of memory. */
static bool is_shortage(const struct op *op, const struct result *result)
{
    if (op_is_copy(op) || op_is_foreign(op))
        return result->err == -EFAULT;
    return result->err == (op_is_access(op) ? (int)FAULT_NO_MEMORY : -ENOMEM);
}

static void compare(const struct op *op, const struct result *got)
{
    if (shortage_seen() && is_shortage(op, got)) {
        model_run_short(&model, op, got->value);
        return;
    }
    struct result want = model_run(&model, op, ~0ul);
    check(got->err == want.err, "the result is %d, and should be %d", got->err, want.err);
    check(got->err || got->value == want.value, "the value is %#lx, and should be %#lx", got->value,
          want.value);
}

struct result sequence_step(const struct op *op)
{
    steps++;
    if (!model_can(&model, op))
        return (struct result){0};
    operations++;
    op_now = op;
    mmu_set_noise(&options.noise, op->chance);
    if (!options.fail)
        shortage_at(op->fail);
    shortage_forget();
    struct result got = system_run(op);
    compare(op, &got);
    if (options.check_every && steps % options.check_every == 0)
        check_model(&model);
    if (options.audit_every && steps % options.audit_every == 0)
        check_audit();
    op_now = NULL;
    return got;
}

uint64_t sequence_operations(void)
{
    return operations;
}

void sequence_run(const struct op *ops, unsigned count, const struct sequence_options *how)
{
    sequence_begin(how);
    for (unsigned n = 0; n < count; n++)
        sequence_step(&ops[n]);
    sequence_end();
}
