/* The end of the machine. */
#pragma once

#include <lib/base.h>

/* Turns the machine off, telling QEMU's isa-debug-exit (if it is there) and the debug port ("exit status N") the
   status, 0-255. */
__noreturn void machine_poweroff(unsigned status);
__noreturn void machine_restart(void);

/* After a panic: tells isa-debug-exit, and stops this CPU for ever. */
__noreturn void machine_stop(void);

/* Prints a backtrace of the caller, or of the frame at `rbp`, with symbol names. */
void backtrace_print(uint64_t rip, uint64_t rbp);

/* Prints the four entries that the CPU's current tables have for `addr`. */
void walk_print(uint64_t addr);
