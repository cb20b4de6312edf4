/* The libFuzzer target. The input is an array of operations, `sizeof(struct op)` bytes each;
   invalid fields are brought into range. A change of one byte changes one operation, so coverage
   of kernel/vm guides the fuzzer well. */

#include <string.h>
#include "platform.h"
#include "sequence.h"
#include "system.h"

#define MAX_OPS 256u

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc __unused, char ***argv __unused)
{
    finding_aborts = true;
    system_init();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct sequence_options options = {
        .noise = {.forget_one_in = 20, .keep_at_fault_one_in = 3, .walk_ahead_one_in = 30},
        .check_every = 1,
        .audit_every = 1,
    };
    static struct op ops[MAX_OPS];
    unsigned count = min(size / sizeof(ops[0]), (size_t)MAX_OPS);

    memcpy(ops, data, count * sizeof(ops[0]));
    for (unsigned n = 0; n < count; n++)
        op_normalize(&ops[n]);
    sequence_run(ops, count, &options);
    return 0;
}
