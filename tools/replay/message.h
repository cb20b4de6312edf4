/* Messages to the person at the terminal. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Print "replay: ..." on standard error, and return false. complain_errno adds the reason of
   errno. */
bool complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
bool complain_errno(const char *what);

/* Resizes memory from malloc; ends the program with a message if there is none. */
void *must_resize(void *memory, size_t size);
