/* A fault in words: how it ended, and why an address could not be had. */

#include <lib/printf.h>
#include <vm/fault.h>

const char *fault_outcome_name(enum fault_outcome outcome)
{
    static const char *const names[FAULT_OUTCOMES] = {
        [FAULT_ZERO_MAPPED] = "zero_mapped",
        [FAULT_ZERO_FILLED] = "zero_filled",
        [FAULT_FILE_MAPPED] = "file_mapped",
        [FAULT_FILE_COPIED] = "file_copied",
        [FAULT_SHARED_MAPPED] = "shared_mapped",
        [FAULT_SHARED_DIRTIED] = "shared_dirtied",
        [FAULT_REUSED] = "reused",
        [FAULT_COPIED] = "copied",
        [FAULT_SPURIOUS] = "spurious",
        [FAULT_NOT_MAPPED] = "not_mapped",
        [FAULT_NOT_ALLOWED] = "not_allowed",
        [FAULT_NO_PAGE] = "no_page",
        [FAULT_NO_MEMORY] = "no_memory",
        [FAULT_INTERRUPTED] = "interrupted",
    };
    return names[outcome];
}

static const char *missing_right(unsigned access)
{
    if (access & FAULT_WRITE)
        return "writable";
    return access & FAULT_EXEC ? "executable" : "readable";
}

/* Bytes above the break that still look like a heap that was too small. */
#define NEAR_THE_BREAK (1ul << 30)

/* Says why there is no region at `addr`. */
static void explain_hole(struct vspace *vspace, uaddr_t addr, char *buf, size_t size)
{
    const struct vspace_account *account = &vspace->account;
    const struct vregion *below = vregion_find_below(&vspace->regions, addr);
    const struct vregion *above = vregion_find_from(&vspace->regions, addr);
    uint64_t depth = above && above->kind == VREGION_STACK ? above->end - addr : 0;
    uint64_t limit = min(account->limits.stack, USER_END);

    if (addr < USER_START)
        snprintf(buf, size, "not mapped: a null pointer");
    else if (addr >= USER_END)
        snprintf(buf, size, "not a user address");
    else if (depth > limit && depth <= limit + STACK_GUARD_SIZE)
        snprintf(buf, size, "not mapped: below the stack limit, in the guard");
    else if (depth && depth <= limit)
        snprintf(buf, size, "not mapped: the stack above cannot grow so far");
    else if (addr >= account->brk && addr - account->brk < NEAR_THE_BREAK && below &&
             below->end <= page_ceil(account->brk))
        snprintf(buf, size, "not mapped: %lu bytes above the break", addr - account->brk);
    else
        snprintf(buf, size, "not mapped");
}

void fault_explain(struct vspace *vspace, uaddr_t addr, unsigned access, enum fault_outcome outcome,
                   char *buf, size_t size)
{
    rwlock_read_lock(&vspace->lock);
    const struct vregion *region = vregion_find(&vspace->regions, addr);
    if (outcome == FAULT_NO_MEMORY)
        snprintf(buf, size, "out of memory");
    else if (!region)
        explain_hole(vspace, addr, buf, size);
    else if (outcome == FAULT_NO_PAGE)
        snprintf(buf, size, "no page: beyond the end of the file, or unreadable");
    else
        snprintf(buf, size, "not allowed: region %lx-%lx is not %s", region->start, region->end,
                 missing_right(access));
    rwlock_read_unlock(&vspace->lock);
}
