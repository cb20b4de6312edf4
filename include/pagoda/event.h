/* The events of the memory system, and a recording of them: the format that the kernel writes, and
   that tools/replay and others read. docs/recording.md tells the rules.

   A recording is a header of one page and records of 64 bytes, in the order of their numbers, which
   begin at 0 and have no gap. */
#pragma once

#include <stdint.h>

#define RECORDING_MAGIC   "PAGODAEV"
#define RECORDING_VERSION 1
#define RECORDING_HEADER  4096 /* bytes */

#define EVENT_WORDS 5

/* Each event: its name, and those of its words. "table", "frame", "copy" and "source" are numbers
   of frames. A region is named by the address of the tree that holds it, and by its start. */
#define EVENTS(X)                                                  \
    X(memory, "frames", "count", "image", "direct", "")            \
    X(frames_added, "start", "end", "", "", "")                    \
    X(frame_alloc, "frame", "kind", "order", "caller", "")         \
    X(frame_free, "frame", "kind", "order", "caller", "")          \
    X(frame_get, "count", "frame", "caller", "", "")               \
    X(frame_put, "count", "frame", "caller", "", "")               \
    X(table_new, "table", "level", "", "", "")                     \
    X(table_copy, "copy", "source", "level", "entries", "")        \
    X(entry_set, "table", "index", "old", "new", "")               \
    X(vspace_new, "vspace", "address", "tree", "root", "")         \
    X(vspace_fork, "vspace", "parent", "", "", "")                 \
    X(vspace_end, "vspace", "", "", "", "")                        \
    X(region_map, "tree", "start", "end", "attributes", "page")    \
    X(region_change, "tree", "start", "end", "attributes", "was")  \
    X(region_unmap, "tree", "start", "end", "attributes", "")      \
    X(region_object, "tree", "start", "pager", "page", "data_end") \
    X(fault_begin, "vspace", "address", "access", "", "")          \
    X(fault_end, "vspace", "address", "outcome", "", "")           \
    X(tlb_flush, "generation", "root", "start", "end", "")         \
    X(tlb_ask, "cpus", "kind", "start", "end", "generation")       \
    X(tlb_answer, "asker", "kind", "start", "end", "generation")   \
    X(fork, "pid", "parent", "vspace", "", "")                     \
    X(exec, "pid", "vspace", "name", "name_rest", "")              \
    X(exit, "pid", "status", "", "", "")                           \
    X(thread_start, "tid", "pid", "", "", "")                      \
    X(thread_end, "tid", "pid", "", "", "")                        \
    X(thread_rename, "tid", "was", "", "", "")                     \
    X(switch, "from", "to", "root", "", "")                        \
    X(page_in, "object", "index", "frame", "error", "")            \
    X(page_out, "object", "index", "frame", "error", "")           \
    X(end, "status", "", "", "", "")

#define EVENT_AS_KIND(name, ...) EVENT_##name,
enum event_kind { EVENT_none, EVENTS(EVENT_AS_KIND) EVENT_KINDS };

struct event {
    uint32_t seq;   /* the low half of its number */
    uint32_t place; /* the low half of the address behind the call that has made it */
    uint64_t time;  /* the TSC: instructions where these are counted */
    uint8_t kind;   /* enum event_kind */
    uint8_t cpu;
    uint16_t unused;
    uint32_t thread; /* the tid of the thread; 0: one of the kernel */
    uint64_t words[EVENT_WORDS];
};

_Static_assert(sizeof(struct event) == 64, "a record takes 64 bytes");

/* The attributes of a region. An event has the new ones, and the old ones 32 bits above. */
#define EVENT_REGION_OBJECT (1u << 26) /* it has a pager */
#define EVENT_REGION(prot, kind, flags, shared, no_write, object)               \
    ((prot) | (kind) << 8 | (flags) << 16 | (shared) << 24 | (no_write) << 25 | \
     ((object) ? EVENT_REGION_OBJECT : 0))

/* Where the kernel keeps what a recording describes: offsets in bytes. */
struct recording_layout {
    uint32_t frame_size, frame_refcount, frame_kind, frame_order;
    uint32_t vspace_number, vspace_root, vspace_generation, vspace_tree, vspace_next;
    uint32_t region_left, region_right, region_start, region_end, region_prot, region_kind,
        region_flags, region_shared, region_no_write, region_pager, region_page, region_data_end;
    uint32_t kind_free, kind_cached, kind_table, kind_zero;
};

/* The first page of a recording, and of the memory through which the kernel hands it out. There,
   the records stand in a ring of `slots` behind this page: number n is in slot n % slots. */
struct recording {
    char magic[8];
    uint32_t version;
    uint32_t event_size;
    uint64_t slots; /* of the ring; the reader writes it before the kernel starts */
    struct recording_layout layout;
    uint64_t made __attribute__((aligned(64))); /* records that the kernel has written */
    uint64_t lost; /* 1: the reader was too slow, and some are missing */
    uint64_t read __attribute__((aligned(64))); /* records that the reader has taken */
};
