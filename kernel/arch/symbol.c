/* The names of the kernel's functions: a table, sorted by address, that tools/ksyms.sh makes from
   the linked kernel. It is linked into the final kernel; the first link has an empty one. */
#include <arch/page.h>
#include "image.h"
#include "symbol.h"

struct symbol {
    uint32_t offset; /* from image_start */
    uint32_t name;   /* offset in ksyms_names */
};

extern const struct symbol ksyms_start[], ksyms_end[];
extern const char ksyms_names[];

const char *symbol_find(uint64_t addr, uint64_t *offset)
{
    uint64_t start = (uint64_t)image_start;
    if (addr < start || addr >= (uint64_t)image_text_end)
        return NULL;
    const struct symbol *low = ksyms_start, *high = ksyms_end;
    /* Symbols before `low` begin at or before addr, those from `high` on behind it. */
    while (low < high) {
        const struct symbol *middle = low + (high - low) / 2;
        if (middle->offset <= addr - start)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == ksyms_start)
        return NULL;
    *offset = addr - start - low[-1].offset;
    return ksyms_names + low[-1].name;
}
