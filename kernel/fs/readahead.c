/* The window of a reader (fs/readahead.h). */
#include <arch/atomic.h>
#include <fs/pagecache.h>
#include <fs/readahead.h>

#define WINDOW_FIRST 4u
#define WINDOW_MOST  PAGECACHE_RUN

static unsigned next_window(const struct readahead *reader, uint64_t index)
{
    unsigned mode = atomic_load_relaxed(&reader->mode);
    unsigned window = atomic_load_relaxed(&reader->window);

    if (mode == READAHEAD_RANDOM || index != atomic_load_relaxed(&reader->next))
        return 0;
    if (mode == READAHEAD_SEQUENTIAL)
        return WINDOW_MOST;
    return window ? min(window * 2, WINDOW_MOST) : WINDOW_FIRST;
}

/* If files may take no more memory, nothing is read that nobody has asked for. */
unsigned readahead_count(struct readahead *reader, uint64_t index, uint64_t asked)
{
    unsigned window = next_window(reader, index);
    unsigned count = min(asked, WINDOW_MOST);

    if (pagecache_room() > window)
        count = max(count, window);
    atomic_store_relaxed(&reader->window, window);
    atomic_store_relaxed(&reader->next, index + count);
    return count;
}
