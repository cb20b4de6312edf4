/* The memory of a machine, rebuilt from the events of a recording alone: frames and their counts,
   tables, regions, address spaces, and what runs on each CPU.

   machine_apply checks each event against what the events before have made. So an event that is
   missing, invented or out of order is found. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#define __unused __attribute__((unused)) /* for the next header */
#include <bsd/sys/tree.h>
#include <pagoda/event.h>

#define TABLE_ENTRIES 512u
#define ROOT_LEVEL    4
#define USER_ENTRIES  256u /* of a root; the others are the kernel's */
#define PAGE_SHIFT    12
#define MAX_CPUS      8u

/* Bits of an entry (include/arch/page.h). The CPU sets the accessed and dirty bits at any time, so
   comparisons leave them out. */
#define PTE_WRITE     (1ul << 1)
#define PTE_SHARED    (1ul << 9)
#define PTE_ADDR      0x000ffffffffff000ul
#define PTE_SET_BY_US (~(uint64_t)(1u << 5 | 1u << 6))

#define NEVER UINT64_MAX /* no event */

struct entry {
    uint64_t value;
    uint64_t last; /* the event that has changed it */
};

enum frame_state {
    STATE_RESERVED, /* not given out by the kernel */
    STATE_FREE,
    STATE_USED,   /* the first of a run */
    STATE_INSIDE, /* a later one */
};

struct frame {
    uint8_t state; /* enum frame_state */
    uint8_t kind, order;
    uint8_t level; /* of a table */
    uint32_t count;
    uint32_t shown;        /* by entries */
    uint64_t last;         /* the event that has changed it */
    uint64_t allocated;    /* the event */
    struct entry *entries; /* NULL: no table */
    struct vspace *vspace; /* of a root */
};

struct region {
    RB_ENTRY(region) node;
    uint64_t start, end;
    uint64_t attributes; /* EVENT_REGION */
    uint64_t pager, page, data_end;
    uint64_t last; /* the event that has changed it */
};

RB_HEAD(region_tree, region);

struct vspace {
    uint64_t number, address, tree;
    uint32_t root; /* its frame */
    uint64_t generation;
    uint64_t parent;     /* the number of the space that it is a fork of; 0: none */
    unsigned processes;  /* that live, and use it */
    uint64_t born, last; /* events */
    struct region_tree regions;
    struct vspace *next; /* in its chain of machine.by_tree */
};

struct process {
    bool lives;
    unsigned threads; /* that have not ended */
    uint64_t vspace;  /* 0: none yet */
    char name[17];
};

/* What is between fault_begin and fault_end. */
struct fault {
    bool is_open;
    uint64_t address;
    uint64_t begin; /* the event */
};

struct thread {
    bool has_started;
    int32_t pid; /* 0: it has ended */
    struct fault fault;
};

#define TREE_CHAINS 1024u
#define PIDS        (1u << 22)

struct machine {
    struct recording_layout layout;
    uint64_t events; /* applied so far */
    bool has_ended;
    uint64_t descriptors, image, direct; /* of the event `memory` */
    struct frame *frames;
    uint32_t nframes;
    struct vspace **vspaces; /* by number; NULL: ended, or not made yet */
    uint64_t nvspaces;
    struct vspace *by_tree[TREE_CHAINS];
    struct process *processes; /* PIDS */
    struct thread *threads;    /* PIDS */
    struct {
        uint32_t thread;
        uint64_t asked;     /* the CPUs that have not answered */
        uint64_t time;      /* of its last event */
        struct fault fault; /* of a thread without a number */
    } cpus[MAX_CPUS];
    uint64_t kinds[EVENT_KINDS]; /* how many of each */
    char problem[256];
};

void machine_init(struct machine *machine, const struct recording_layout *layout);

/* Frees what the machine has. */
void machine_free(struct machine *machine);

/* Applies the next event. Returns false if it cannot be: machine->problem says why. */
bool machine_apply(struct machine *machine, const struct event *event);

/* Return the address space of that number, and the one whose regions are at `tree`; NULL: none. */
struct vspace *machine_vspace(struct machine *machine, uint64_t number);
struct vspace *machine_vspace_of_tree(struct machine *machine, uint64_t tree);

/* Returns the frame, or NULL if there is none of this number. */
struct frame *machine_frame(struct machine *machine, uint64_t number);

/* Returns the first region of the space, and the next one; NULL: none. */
struct region *region_first(struct vspace *vspace);
struct region *region_next(struct region *region);

/* Returns the name of a kind of events, and of one of its words ("": it has no such word). */
const char *event_name(unsigned kind);
const char *event_word(unsigned kind, unsigned n);

/* Writes an event into `buf`, for a person. */
void event_text(uint64_t number, const struct event *event, char *buf, size_t size);

/* Compares the rebuilt memory with the real one: `ram` is the machine's memory from address 0 on.
   Prints differences, at most `most`, and returns how many there are. */
unsigned machine_compare(struct machine *machine, const char *ram, uint64_t size, unsigned most);
