/* Sequences of operations, each carried out by the kernel and by the model, and compared. */
#pragma once

#include "mmu.h"
#include "model.h"

/* How thorough a run is. */
struct sequence_options {
    struct mmu_noise noise; /* what the hardware does by chance; the seed is each operation's */
    unsigned check_every;   /* compare everything with the model after so many operations */
    unsigned audit_every;   /* ... and audit */
    unsigned
        fail; /* the request for memory that fails, of all operations together; 0: as each one says */
};

/* The model of the processes that there are now. */
extern struct model model;

/* Begins with no process, and ends with none: everything is given back, which is checked. */
void sequence_begin(const struct sequence_options *options);
void sequence_end(void);

/* One operation and its checks. Returns what the kernel said; {0} if it made no sense and nothing was done. */
struct result sequence_step(const struct op *op);

/* How many operations made sense so far. */
uint64_t sequence_operations(void);

/* All of it. */
void sequence_run(const struct op *ops, unsigned count, const struct sequence_options *options);
