/* /proc/PID/maps and smaps: the regions of a process, and how much of each is present.

   The text is made as it is read, some regions at a time; a place in it is an address. Each region
   is copied under the lock of the address space and printed without it. So the lines show several
   moments if the process changes its memory meanwhile; their addresses always ascend.

   Lock: vspace->lock, for reading, for one region at a time. */

#include <linux/errno.h>
#include <linux/limits.h>
#include <lib/string.h>
#include <mm/heap.h>
#include <proc/survey.h>
#include "files.h"
#include "visit.h"

/* A copy of a region, made under the lock of its address space. */
struct region_view {
    uaddr_t start, end;
    uint64_t offset, ino;
    unsigned prot, flags;
    bool is_shared, is_stack;
    char name[PATH_MAX];
};

static bool maps_is_stack(const struct vregion *region)
{
    return region->kind == VREGION_STACK && region->end == USER_END;
}

static const char *region_name(const struct vspace *vspace, const struct vregion *region)
{
    if (maps_is_stack(region))
        return "[stack]";
    if (region->kind == VREGION_HEAP || region->start == vspace->account.heap_start)
        return "[heap]";
    return "";
}

/* Copies the first region that ends above `from`, without its part below `from`. Returns false if
   there is none. */
static bool view_next(struct vspace *vspace, uaddr_t from, struct region_view *view)
{
    rwlock_read_lock(&vspace->lock);
    const struct vregion *region = vregion_find_from(&vspace->regions, from);
    if (region) {
        struct pager *pager = region->pager;
        uaddr_t start = max(region->start, from);

        view->start = start;
        view->end = region->end;
        view->prot = region->prot;
        view->flags = region->flags;
        view->is_shared = region->shared;
        view->is_stack = maps_is_stack(region);
        strlcpy(view->name, region_name(vspace, region), sizeof(view->name));
        view->ino = pager ? pager->ops->name(pager, view->name, sizeof(view->name)) : 0;
        view->offset = pager ? (region->pager_page << PAGE_SHIFT) + (start - region->start) : 0;
    }
    rwlock_read_unlock(&vspace->lock);
    return region;
}

/* Prints one line of proc(5): range, rights, offset, device, inode, and the name from column 73
   on. */
static void maps_print_region(struct text_sink *sink, const struct region_view *view)
{
    char line[100];

    snprintf(line, sizeof(line), "%08lx-%08lx %c%c%c%c %08lx 00:%02x %lu", view->start, view->end,
             view->prot & PROT_R ? 'r' : '-', view->prot & PROT_W ? 'w' : '-',
             view->prot & PROT_X ? 'x' : '-', view->is_shared ? 's' : 'p', view->offset,
             view->ino ? 1 : 0, view->ino);
    sink_printf(sink, view->name[0] ? "%-72s %s\n" : "%s %s\n", line, view->name);
}

static void maps_print_kb(struct text_sink *sink, const char *name, uint64_t kb)
{
    sink_printf(sink, "%-16s%8lu kB\n", name, kb);
}

/* Prints the flags of smaps: the rights, the rights that mprotect may give, and `gd` for a
   region that grows downwards. */
static void print_flags(struct text_sink *sink, const struct region_view *view)
{
    sink_printf(
        sink, "VmFlags: %s%s%s%smr mw me %s%s%s%s%s%s%s\n", view->prot & PROT_R ? "rd " : "",
        view->prot & PROT_W ? "wr " : "", view->prot & PROT_X ? "ex " : "",
        view->is_shared ? "sh " : "", view->is_stack ? "gd " : "",
        view->flags & VREGION_LOCKED ? "lo " : "", view->flags & VREGION_SEQUENTIAL ? "sr " : "",
        view->flags & VREGION_RANDOM ? "rr " : "", view->flags & VREGION_DONTFORK ? "dc " : "",
        view->flags & VREGION_WIPEONFORK ? "wf " : "", view->flags & VREGION_DONTDUMP ? "dd " : "");
}

static void print_survey(struct text_sink *sink, const struct region_view *view,
                         const struct survey *survey)
{
    const unsigned kb_shift = SURVEY_SHIFT + 10;

    maps_print_kb(sink, "Size:", (view->end - view->start) / 1024);
    maps_print_kb(sink, "KernelPageSize:", PAGE_KB);
    maps_print_kb(sink, "MMUPageSize:", PAGE_KB);
    maps_print_kb(sink, "Rss:", survey_pages(survey) * PAGE_KB);
    maps_print_kb(sink, "Pss:", survey->share >> kb_shift);
    maps_print_kb(sink, "Pss_Dirty:", survey->share_dirty >> kb_shift);
    maps_print_kb(sink, "Shared_Clean:", survey->shared_clean * PAGE_KB);
    maps_print_kb(sink, "Shared_Dirty:", survey->shared_dirty * PAGE_KB);
    maps_print_kb(sink, "Private_Clean:", survey->private_clean * PAGE_KB);
    maps_print_kb(sink, "Private_Dirty:", survey->private_dirty * PAGE_KB);
    maps_print_kb(sink, "Referenced:", survey->referenced * PAGE_KB);
    maps_print_kb(sink, "Anonymous:", survey->anon * PAGE_KB);
    if (view->flags & VREGION_LOCKED)
        maps_print_kb(sink, "Locked:", survey->share >> kb_shift);
    else
        maps_print_kb(sink, "Locked:", 0);
    print_flags(sink, view);
}

/* The amount of output for each region: its line, as in maps, or its sizes too, as in smaps. */
enum detail { DETAIL_LINE, DETAIL_SIZES };

#define REGIONS_AT_ONCE 32 /* that one part of the text has */

/* Prints regions from the address *place on. */
static int print_regions(struct text_sink *sink, uint64_t key, uint64_t *place, enum detail detail)
{
    struct region_view *view = heap_alloc(sizeof(*view));
    struct vspace *vspace = NULL;
    int err = view ? procfs_visit(key, &vspace, NULL) : -ENOMEM;

    for (int n = 0; vspace && n < REGIONS_AT_ONCE && view_next(vspace, *place, view); n++) {
        *place = view->end;
        maps_print_region(sink, view);
        if (detail == DETAIL_SIZES) {
            struct survey survey = {0};

            vspace_survey(vspace, view->start, view->end, &survey);
            print_survey(sink, view, &survey);
        }
    }
    if (vspace)
        vspace_put(vspace);
    heap_free(view);
    return err;
}

int procfs_maps(struct text_sink *sink, uint64_t key, uint64_t *place)
{
    return print_regions(sink, key, place, DETAIL_LINE);
}

int procfs_smaps(struct text_sink *sink, uint64_t key, uint64_t *place)
{
    return print_regions(sink, key, place, DETAIL_SIZES);
}
