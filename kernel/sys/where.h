/* The report of where the machine is. */
#pragma once

struct trapframe;

/* Prints the backtrace of the code that an NMI interrupted, and, on CPU 0, of every thread that
   does not run. Takes no lock. */
void where_report(const struct trapframe *tf);
