/* What the start of another CPU needs of the other files of this floor. */
#pragma once

#include <arch/cpu.h>

/* Prepares the record of CPU `id`, which is not running yet. */
struct cpu *cpu_record_init(unsigned id);

/* Prepares the registers and segments of the CPU that calls, as cpu_init did for the boot CPU. */
void cpu_init_other(struct cpu *cpu);

/* Makes cpu_count include the CPU that calls, whose number is `id`. */
void cpu_count_add(unsigned id);

/* Maps the stacks of a CPU: those of its exceptions, and the one that it starts on. Before
   frame_init. */
void cpu_stacks_map(unsigned cpu);

/* Lets the exceptions of this CPU use their stacks. */
void cpu_stacks_use(unsigned cpu);

/* Returns the top of the stack that a CPU starts on. */
uint64_t cpu_stack_top(unsigned cpu);
