/* Memory from malloc for programs that cannot work without it. If there is none, these functions
   print a message and end the program. */
#pragma once

#include <stddef.h>

void *must_alloc(size_t size);
void *must_resize(void *memory, size_t size);
char *must_copy(const char *text);
