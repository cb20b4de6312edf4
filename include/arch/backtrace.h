/* Backtraces: the calls that lead to a point in the kernel, with function names. The host adds
   files and lines (tools/places.py). */
#pragma once

#include <lib/base.h>

struct context;
struct trapframe;

/* Print the calls that lead to a point: the code that `tf` interrupted, the switch at which a
   thread that does not run left the CPU, or the return address `rip` with the frame at `rbp`. */
void backtrace_of_trap(const struct trapframe *tf);
void backtrace_of_context(const struct context *context);
void backtrace_of_call(uint64_t rip, uint64_t rbp);

/* Returns the oldest exception on the way to `rbp` that kernel code caused, or NULL. `count` gets
   the number of such exceptions. */
const struct trapframe *backtrace_oldest_fault(uint64_t rbp, unsigned *count);
