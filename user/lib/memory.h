/* Memory from malloc for programs that cannot go on without it: where there is none, they say so
   and end. */
#pragma once

#include <stddef.h>

void *must_alloc(size_t size);
void *must_resize(void *memory, size_t size);
char *must_copy(const char *text);
