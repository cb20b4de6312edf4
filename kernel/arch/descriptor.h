/* Segments, task-state segments and the interrupt table. */
#pragma once

#include <lib/base.h>

struct cpu;

/* Loads this CPU's GDT, TSS and the IDT, and points GS to its record. */
void descriptors_load(struct cpu *cpu);

/* Where an exception from user mode starts on this CPU. */
void tss_set_stack(unsigned cpu, uint64_t rsp0);

/* From now on #DF, NMI and #MC run on stacks of their own: paging_init has mapped this CPU's. */
void trap_stacks_use(unsigned cpu);

/* The exceptions that have a stack of their own: the numbers in the TSS (SDM 3A, 6.14.5). */
enum trap_stack { STACK_DOUBLE_FAULT, STACK_NMI, STACK_MACHINE_CHECK, TRAP_STACKS };

/* The top of such a stack: a kernel-stack slot behind those of the threads. */
uint64_t trap_stack_top(unsigned cpu, enum trap_stack n);
