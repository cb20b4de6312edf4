/* The names of signals. */
#pragma once

/* Returns the highest signal that has a name, plus one. */
int signal_names_end(void);

/* Returns the name of a signal without SIG, or NULL if the number has no name. */
const char *signal_short_name(int signal);
