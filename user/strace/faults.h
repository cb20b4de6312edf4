/* strace -F: the page faults of the tracees, among the calls that have caused them. */
#pragma once

#include <stdbool.h>

/* Begins with the faults from now on. Returns false, after a message, if the kernel tells none. */
bool faults_open(void);

/* Prints the page faults of all tracees since the last time. A tracee that has just stopped has
   made no others. */
void faults_print(void);

/* Says so if some faults may have been left out, because the kernel has kept too few events. */
void faults_close(void);
