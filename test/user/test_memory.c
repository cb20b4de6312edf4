/* The harness: memory of this process. See test.h. */
#include "test.h"

char *map_pages(size_t npages)
{
    return CHECK_OK(
        mmap(NULL, npages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

char *map_border(void)
{
    uintptr_t start = (uintptr_t)map_pages(3 * TABLE_BYTES / PAGE);
    uintptr_t second = (start + 2 * TABLE_BYTES - 1) & ~(TABLE_BYTES - 1);

    return memset((char *)second - PAGE, 1, 2 * PAGE);
}

char *map_hole(size_t npages)
{
    char *hole = map_pages(npages);

    unmap_pages(hole, npages);
    return hole;
}

void unmap_pages(void *start, size_t npages)
{
    CHECK_OK(munmap(start, npages * PAGE));
}

bool is_zero(const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

void touch_stack(size_t len)
{
    char *room = alloca(len);

    for (size_t at = 0; at < len; at += PAGE)
        poke(room + at, 0);
}
