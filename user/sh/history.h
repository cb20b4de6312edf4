/* The history: the last lines that were typed. */
#pragma once

/* Adds a line, unless it is empty or equal to the previous one. */
void history_add(const char *line);

/* Returns the line `age` lines ago, or NULL if there is none. 1 is the newest. */
const char *history_get(unsigned age);
