/* Turning the machine off, restarting and stopping it; and what a panic prints of page
   tables. */
#pragma once

#include <lib/base.h>

/* Turns the machine off. QEMU's isa-debug-exit, if there is one, ends QEMU, and the debug port gets
   the status, 0-255, as "exit status N". */
__noreturn void machine_poweroff(unsigned status);
__noreturn void machine_restart(void);

/* Ends the machine after a panic: tells isa-debug-exit, and stops this CPU for ever. */
__noreturn void machine_stop(void);

/* Prints the four page-table entries for `addr` in the tables that this CPU has loaded, or in those
   whose level-4 table is at `root`. */
void walk_print(uint64_t addr);
void walk_print_from(paddr_t root, uint64_t addr);
