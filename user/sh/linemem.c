/* Memory for one command line. Pieces are cut from the front of chunks, and all chunks are freed
   together. */
#include "linemem.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../lib/memory.h"

enum { CHUNK_BYTES = 4000, TEXT_BYTES_MIN = 32 };

struct chunk {
    struct chunk *next;
    size_t used, size; /* bytes in `memory` */
    alignas(max_align_t) char memory[];
};

static struct chunk *chunks; /* the newest chunk, which may have room, is first */

static void chunk_add(size_t size)
{
    size = size > CHUNK_BYTES ? size : CHUNK_BYTES;
    struct chunk *chunk = must_alloc(sizeof(*chunk) + size);
    *chunk = (struct chunk){.next = chunks, .size = size};
    chunks = chunk;
}

void *line_alloc(size_t size)
{
    size = (size + alignof(max_align_t) - 1) & -alignof(max_align_t);
    if (!chunks || chunks->size - chunks->used < size)
        chunk_add(size);
    void *memory = chunks->memory + chunks->used;
    chunks->used += size;
    return memset(memory, 0, size);
}

char *line_copy(const char *bytes, size_t len)
{
    char *copy = line_alloc(len + 1);

    if (len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

char *line_format(const char *format, ...)
{
    va_list args, args_again;

    va_start(args, format);
    va_copy(args_again, args);
    int size = vsnprintf(NULL, 0, format, args) + 1;
    char *text = line_alloc(size);
    vsnprintf(text, size, format, args_again);
    va_end(args_again);
    va_end(args);
    return text;
}

void text_put(struct text *text, char byte)
{
    if (text->len == text->capacity) {
        text->capacity = text->capacity ? 2 * text->capacity : TEXT_BYTES_MIN;
        char *larger = line_alloc(text->capacity);
        if (text->len > 0)
            memcpy(larger, text->bytes, text->len);
        text->bytes = larger;
    }
    text->bytes[text->len++] = byte;
}

char *text_string(const struct text *text)
{
    return line_copy(text->bytes, text->len);
}

void line_release(void)
{
    while (chunks) {
        struct chunk *next = chunks->next;
        free(chunks);
        chunks = next;
    }
}
