/* Sequences of operations. The kernel and the model run each operation, and their results are
   compared. */
#pragma once

#include "mmu.h"
#include "model.h"

/* The thoroughness of a run. */
struct sequence_options {
    struct mmu_noise noise; /* random events; each operation has its own seed */
    unsigned check_every;   /* compare with the model after so many operations */
    unsigned audit_every;   /* audit after so many operations */
    unsigned fail;          /* the request that fails in the run; 0: op.fail decides */
};

/* The model of the current processes. */
extern struct model model;

/* Begin and end a sequence without processes. The end checks that all memory was given back. */
void sequence_begin(const struct sequence_options *options);
void sequence_end(void);

/* Runs one operation and its checks. Returns the kernel's result, or {0} if the operation was
   not valid and was skipped. */
struct result sequence_step(const struct op *op);

/* Returns the number of valid operations so far. */
uint64_t sequence_operations(void);

/* Runs a sequence from its beginning to its end. */
void sequence_run(const struct op *ops, unsigned count, const struct sequence_options *options);
