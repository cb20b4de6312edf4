/* Making operations and putting them into words (op.h). */

#include <stdio.h>
#include <string.h>
#include "op.h"
#include "object.h"
#include "places.h"

const uint16_t word_offsets[NWORDS] = {0, 8, 2048, PAGE_SIZE - 8};

#define RX (PROT_R | PROT_X)
#define RW (PROT_R | PROT_W)

const struct op program_maps[PROGRAM_MAPS] = {
    {.kind = OP_MAP, .first = PROGRAM, .last = PROGRAM + 1, .prot = RX, .flags = F_OBJECT},
    {.kind = OP_MAP,
     .first = PROGRAM + 2,
     .last = PROGRAM + 3,
     .prot = RW,
     .flags = F_OBJECT | F_PARTIAL,
     .index = 2},
    {.kind = OP_MAP, .first = STACK, .last = STACK + 7, .prot = RW, .flags = F_STACK},
};

uint64_t op_stored(const struct op *op)
{
    return (op->value + 1ul) * 0x9e3779b97f4a7c15ul;
}

bool op_is_access(const struct op *op)
{
    return op->kind <= OP_STRING;
}

bool op_is_copy(const struct op *op)
{
    return op->kind >= OP_COPY_IN && op->kind <= OP_STRING;
}

unsigned op_access(const struct op *op)
{
    switch (op->kind) {
    case OP_WRITE:
    case OP_COPY_OUT:
    case OP_CLEAR:
        return FAULT_WRITE_ACCESS;
    case OP_FETCH:
        return FAULT_EXEC_ACCESS;
    default:
        return 0;
    }
}
