/* The lines that were typed before. */
#pragma once

/* Keeps a line, unless it is empty or the same as the one before. */
void history_add(const char *line);

/* The line `age` lines ago: 1 is the newest. => NULL if there is none so old */
const char *history_get(unsigned age);
