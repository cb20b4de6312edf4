/* The names of signals. */
#pragma once

/* One more than the highest signal that has a name. */
int signal_names_end(void);

/* "SEGV", for SIGSEGV. => NULL if the number has no name */
const char *signal_short_name(int signal);
