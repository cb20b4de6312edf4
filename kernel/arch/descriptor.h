/* Segments, task-state segments and the interrupt table. */
#pragma once

#include <lib/base.h>

struct cpu;

/* Loads this CPU's GDT, TSS and the IDT, and points GS to its record. */
void descriptors_load(struct cpu *cpu);

/* Sets the top of the kernel stack on which an exception from user mode starts. */
void tss_set_stack(unsigned cpu, uint64_t rsp0);

/* The exceptions that have a stack of their own, as numbered in the TSS (SDM 3A, 6.14.5). */
enum trap_stack { STACK_DOUBLE_FAULT, STACK_NMI, STACK_MACHINE_CHECK, TRAP_STACKS };

/* Sets the top of a trap stack, which is mapped. From now on the exception uses this stack. */
void tss_set_trap_stack(unsigned cpu, enum trap_stack n, uint64_t top);
