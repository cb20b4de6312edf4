/* The kernel's side of the tests: processes on simulated CPUs, and operations carried out by
   kernel/vm.

   A process is a vspace and a number of threads. A CPU that has the vspace loaded runs one of
   the threads. There is no system-call layer: each operation is the one call that sys/ or proc/
   would make. */
#pragma once

#include <vm/vspace.h>
#include "op.h"

struct process {
    struct vspace *vspace; /* NULL: there is no process */
    unsigned threads;      /* each has entered the vspace */
};

extern struct process processes[NPROCESSES];

/* Boots the platform, the zero page and the objects. Called once. */
void system_init(void);

/* Loads a thread of the operation's process on its CPU, and runs the operation there. The
   operation is valid (model_can). */
struct result system_run(const struct op *op);

/* Runs an operation on a CPU that has the process loaded already. Other CPUs may operate at the
   same time. */
struct result system_run_loaded(const struct op *op);

/* Ends all processes, and drops the pages of the objects. */
void system_end(void);
