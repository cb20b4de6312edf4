/* The kernel's side of the tests: processes on simulated CPUs, and operations carried out by kernel/vm.

   A process is a vspace and a number of threads in it; a CPU that has the vspace loaded runs one of them. The system-call
   layer is not there: each operation is the one call that sys/ or proc/ would make. */
#pragma once

#include <vm/vspace.h>
#include "op.h"

struct process {
    struct vspace *vspace; /* NULL: the process is not there */
    unsigned threads;      /* that may run in it; each holds a use of the vspace */
};

extern struct process processes[NPROCESSES];

/* Boots: memory, the zero page, the objects. Once. */
void system_init(void);

/* Carries the operation out on its CPU, after loading a thread of its process there. model_can has said that it makes
   sense. */
struct result system_run(const struct op *op);

/* The same for an operation of a CPU that has the process loaded already, while another CPU may be doing something. */
struct result system_run_loaded(const struct op *op);

/* Ends all processes and lets the objects' pages go. */
void system_end(void);
