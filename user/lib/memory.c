/* malloc and its family, which end the program if there is no memory. */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "message.h"

void *must_resize(void *memory, size_t size)
{
    void *resized = realloc(memory, size);

    if (!resized) {
        complain("out of memory");
        exit(2);
    }
    return resized;
}

void *must_alloc(size_t size)
{
    return must_resize(NULL, size);
}

char *must_copy(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(must_alloc(size), text, size);
}
