/* What a person is told when a program, or the kernel, has done something that it must not. */
#pragma once

#include <vm/fault.h>

/* One line, in the tradition of xk: who, what, where, why, "--kill proc". For a page fault, and for any other
   exception. Of the current process. */
void report_fault(const struct trapframe *tf, uint64_t addr, unsigned access,
                  enum fault_outcome outcome);
void report_exception(const struct trapframe *tf);

/* All that is known of a fault of the kernel's own code, and the end. */
__noreturn void report_panic(const struct trapframe *tf, uint64_t addr, unsigned access);
