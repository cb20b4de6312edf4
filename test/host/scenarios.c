/* The tables of scenarios (scenarios.h).

   A scenario of two CPUs has a beginning, which is the history of the pages A and B. One
   operation runs on CPU 0 and two on CPU 1. The CPUs share one address space, or have two that
   share their page tables after a fork.

   A scenario of three CPUs has a beginning in which address spaces share tables, and one
   operation for each CPU. Most often one CPU truncates a file, and so changes tables that others
   share. Another writes, and so copies tables. The third uses the tables, shares them once more,
   or drops them. */

#include <string.h>
#include "places.h"
#include "scenarios.h"

/* Two pages of one leaf table, and a page of the next leaf table. */
#define A HEAP
#define B (HEAP + 1)
#define C (HEAP + 4)

#define RW (PROT_R | PROT_W)
#define RX (PROT_R | PROT_X)

#define OPS_CPU_1     2u
#define MAX_BEGINNING 10u

/* ---- Two CPUs ---- */

/* Ends the other process, if there is one. The other process shares the tables and pages. */
#define EXIT_OTHER                    \
    {                                 \
        .kind = OP_EXIT, .process = 2 \
    }

/* Moves A and B to a place in another leaf table. */
#define REMAP                                                                           \
    {                                                                                   \
        .kind = OP_REMAP, .first = A, .last = B, .to = C, .flags = F_MAY_MOVE | F_FIXED \
    }

/* Operations of each CPU on its own process. scenario_add_op fills in `process` and `other`. */
static const struct op choices_0[] = {
    {.kind = OP_WRITE, .first = A},
    {.kind = OP_READ, .first = A},
    {.kind = OP_UNMAP, .first = A, .last = B},
    {.kind = OP_PROTECT, .first = A, .last = B, .prot = PROT_R},
    {.kind = OP_MAP, .first = A, .last = A, .prot = RW},
    {.kind = OP_FORK},
    {.kind = OP_TRUNCATE, .object = 0, .index = 0},
    {.kind = OP_THREAD_EXIT},
    {.kind = OP_SURVEY, .first = A, .last = B},
    REMAP,
};

static const struct op choices_1[][OPS_CPU_1] = {
    {{.kind = OP_WRITE, .first = A}, {.kind = OP_READ, .first = A}},
    {{.kind = OP_READ, .first = A}, {.kind = OP_WRITE, .first = A}},
    {{.kind = OP_WRITE, .first = A}, {.kind = OP_WRITE, .first = B}},
    {{.kind = OP_WRITE, .first = B}, {.kind = OP_READ, .first = A}},
    {{.kind = OP_FORK}, {.kind = OP_WRITE, .first = A}},
    {{.kind = OP_WRITE, .first = A}, {.kind = OP_FORK}},
    {{.kind = OP_PROTECT, .first = A, .last = A, .prot = PROT_R}, {.kind = OP_WRITE, .first = A}},
    {{.kind = OP_PROTECT, .first = A, .last = A, .prot = RW}, {.kind = OP_WRITE, .first = A}},
    {{.kind = OP_UNMAP, .first = A, .last = A}, {.kind = OP_READ, .first = A}},
    {{.kind = OP_WRITE, .first = A}, {.kind = OP_THREAD_EXIT}},
    {{.kind = OP_WRITE, .first = A}, EXIT_OTHER},
    {EXIT_OTHER, {.kind = OP_READ, .first = A}},
};

#define MAP_RW                                            \
    {                                                     \
        .kind = OP_MAP, .first = A, .last = B, .prot = RW \
    }
#define READ_A                      \
    {                               \
        .kind = OP_READ, .first = A \
    }
#define READ_B                      \
    {                               \
        .kind = OP_READ, .first = B \
    }
#define WRITE_A                      \
    {                                \
        .kind = OP_WRITE, .first = A \
    }
#define WRITE_B                      \
    {                                \
        .kind = OP_WRITE, .first = B \
    }
#define FORK                        \
    {                               \
        .kind = OP_FORK, .other = 2 \
    }

/* The history of the pages before the concurrent operations: operations of process 0. */
static const struct beginning {
    const char *name;
    unsigned nops;
    struct op ops[MAX_BEGINNING];
} beginnings[] = {
    {"absent", 1, {MAP_RW}},
    {"zero page", 2, {MAP_RW, READ_A}},
    {"written", 2, {MAP_RW, WRITE_A}},
    {"copied", 4, {MAP_RW, WRITE_A, WRITE_B, FORK}},
    {"last owner", 5, {MAP_RW, WRITE_A, FORK, EXIT_OTHER, READ_A}},
    {"read-only",
     3,
     {MAP_RW, WRITE_A, {.kind = OP_PROTECT, .first = A, .last = B, .prot = PROT_R}}},
    {"file",
     3,
     {{.kind = OP_MAP, .first = A, .last = B, .prot = RW, .flags = F_OBJECT}, READ_A, READ_B}},
    {"shared",
     3,
     {{.kind = OP_MAP, .first = A, .last = B, .prot = RW, .flags = F_SHARED}, READ_A, READ_B}},
};

#define NCHOICES_0  ARRAY_SIZE(choices_0)
#define NCHOICES_1  ARRAY_SIZE(choices_1)
#define NBEGINNINGS ARRAY_SIZE(beginnings)
#define NPAIRS      (2 * NBEGINNINGS * NCHOICES_0 * NCHOICES_1)

/* The two lowest pages of the stack are unmapped. */
#define CUT_STACK                                                   \
    {                                                               \
        "cut stack", 1,                                             \
        {                                                           \
            {                                                       \
                .kind = OP_UNMAP, .first = STACK, .last = STACK + 1 \
            }                                                       \
        }                                                           \
    }

/* Further scenarios of one operation for each CPU, with the number of preemptions that they
   need. */
static const struct deep {
    struct beginning beginning;
    struct op ops[2];
    unsigned preemptions;
} deep[] = {
    /* Truncation reached a child's address space while fork was still filling it. */
    {{"zero page, deep", 2, {MAP_RW, READ_A}},
     {{.kind = OP_TRUNCATE, .object = 0, .index = 0}, {.kind = OP_FORK}},
     3},
    /* The walk of a truncation comes to regions that are copied, merged, or split, meanwhile. */
    {{"a file, deep",
      2,
      {{.kind = OP_MAP, .first = A, .last = B, .prot = RW, .flags = F_OBJECT}, READ_A}},
     {{.kind = OP_TRUNCATE, .object = 0, .index = 0}, {.kind = OP_FORK}},
     2},
    {{"a file in two regions",
      4,
      {{.kind = OP_MAP, .first = A, .last = B, .prot = RW, .flags = F_OBJECT},
       READ_A,
       READ_B,
       {.kind = OP_PROTECT, .first = A, .last = A, .prot = PROT_R}}},
     {{.kind = OP_TRUNCATE, .object = 0, .index = 0},
      {.kind = OP_PROTECT, .first = A, .last = A, .prot = RW}},
     2},
    {{"a file in one region",
      3,
      {{.kind = OP_MAP, .first = A, .last = B, .prot = RW, .flags = F_OBJECT}, READ_A, READ_B}},
     {{.kind = OP_TRUNCATE, .object = 0, .index = 0},
      {.kind = OP_PROTECT, .first = A, .last = A, .prot = PROT_R}},
     2},
    /* A write-back comes between the mark of a write and W. */
    {{"a shared page that was read",
      2,
      {{.kind = OP_MAP, .first = A, .last = B, .prot = RW, .flags = F_SHARED}, READ_A}},
     {{.kind = OP_WRITEBACK, .object = 0}, WRITE_A},
     2},
    /* A fault comes between the two steps of a hole. */
    {{"shared memory, in two places",
      3,
      {{.kind = OP_MAP, .first = A, .last = A, .prot = RW, .flags = F_SHARED, .object = 2},
       {.kind = OP_MAP, .first = B, .last = B, .prot = RW, .flags = F_SHARED, .object = 2},
       WRITE_A}},
     {{.kind = OP_PUNCH, .object = 2}, WRITE_B},
     2},
    /* A stack grows while another thread changes what lies below it. */
    {CUT_STACK, {{.kind = OP_WRITE, .first = STACK}, {.kind = OP_WRITE, .first = STACK + 1}}, 2},
    {CUT_STACK,
     {{.kind = OP_WRITE, .first = STACK},
      {.kind = OP_UNMAP, .first = STACK + 1, .last = STACK + 3}},
     2},
    {CUT_STACK,
     {{.kind = OP_READ, .first = STACK},
      {.kind = OP_MAP, .first = STACK + 1, .last = STACK + 1, .prot = RW}},
     2},
    {CUT_STACK, {{.kind = OP_READ, .first = STACK}, {.kind = OP_FORK}}, 2},
};

#define NDEEP ARRAY_SIZE(deep)

/* ---- Three CPUs ---- */

/* Operations of the setup, by process 0 and by others. */
#define BY(process_, kind_, page_)                               \
    {                                                            \
        .kind = (kind_), .process = (process_), .first = (page_) \
    }
#define FORK_INTO(child_)                  \
    {                                      \
        .kind = OP_FORK, .other = (child_) \
    }
#define FORK_FROM(parent_, child_)                               \
    {                                                            \
        .kind = OP_FORK, .process = (parent_), .other = (child_) \
    }
#define MAP_ONE(page_, flags_, object_)                                                   \
    {                                                                                     \
        .kind = OP_MAP, .first = (page_), .last = (page_), .prot = RW, .flags = (flags_), \
        .object = (object_)                                                               \
    }

/* Ways in which address spaces share tables. A shows the first page of file 0. B is most often
   anonymous memory that was written. Processes 1 and 2 are forked from process 0. */
enum sharing { ALL, LEAF, TWO, CHAIN, MAPPING, COPIES, CONSTANT, OWNED, MEMORY, APART };

#define IN(sharing) (1u << (sharing))

static const struct beginning sharings[] = {
    [ALL] = {"three share all tables",
             6,
             {MAP_ONE(A, F_OBJECT, 0), MAP_ONE(B, 0, 0), READ_A, WRITE_B, FORK_INTO(1),
              FORK_INTO(2)}},
    [LEAF] = {"three share the leaf table",
              10,
              {MAP_ONE(A, F_OBJECT, 0), MAP_ONE(B, 0, 0), MAP_ONE(C, 0, 0), READ_A, WRITE_B,
               FORK_INTO(1), FORK_INTO(2), BY(0, OP_WRITE, C), BY(1, OP_WRITE, C),
               BY(2, OP_WRITE, C)}},
    [TWO] = {"1 and 2 share, 0 has copies",
             7,
             {MAP_ONE(A, F_OBJECT, 0), MAP_ONE(B, 0, 0), READ_A, WRITE_B, FORK_INTO(1),
              FORK_INTO(2), WRITE_B}},
    [CHAIN] = {"1 and 2 share all tables, 0 the leaf table",
               8,
               {MAP_ONE(A, F_OBJECT, 0), MAP_ONE(B, 0, 0), MAP_ONE(C, 0, 0), READ_A, WRITE_B,
                FORK_INTO(1), BY(1, OP_WRITE, C), FORK_FROM(1, 2)}},
    [MAPPING] = {"three share all tables, and the page of the file",
                 6,
                 {MAP_ONE(A, F_SHARED, 0), MAP_ONE(B, 0, 0), WRITE_A, WRITE_B, FORK_INTO(1),
                  FORK_INTO(2)}},
    [COPIES] = {"three share all tables, a copy of file 0 and the page of file 1",
                6,
                {MAP_ONE(A, F_OBJECT, 0), MAP_ONE(B, F_OBJECT, 1), WRITE_A, READ_B, FORK_INTO(1),
                 FORK_INTO(2)}},
    [CONSTANT] = {"1 and 2 share all tables, and pages that may only be read",
                  8,
                  {MAP_ONE(A, F_OBJECT, 0),
                   MAP_ONE(B, 0, 0),
                   READ_A,
                   WRITE_B,
                   {.kind = OP_PROTECT, .first = A, .last = B, .prot = PROT_R},
                   FORK_INTO(1),
                   FORK_FROM(1, 2),
                   BY(0, OP_EXIT, A)}},
    [MEMORY] = {"three share all tables, and the page of shared memory",
                6,
                {MAP_ONE(A, F_SHARED, 2), MAP_ONE(B, F_OBJECT, 2), WRITE_A, WRITE_B, FORK_INTO(1),
                 FORK_INTO(2)}},
    [APART] = {"three have tables of their own, and share the page of the file",
               9,
               {MAP_ONE(A, F_SHARED, 0), MAP_ONE(B, 0, 0), WRITE_A, WRITE_B, FORK_INTO(1),
                FORK_INTO(2), WRITE_B, BY(1, OP_WRITE, B), BY(2, OP_WRITE, B)}},
    [OWNED] = {"0 and 2 share all tables, 1 has copies",
               7,
               {MAP_ONE(A, F_OBJECT, 0), MAP_ONE(B, 0, 0), READ_A, WRITE_B, FORK_INTO(1),
                FORK_INTO(2), BY(1, OP_WRITE, B)}},
};

/* Operations of three CPUs. If an operation uses no page, `first` is the page to which CPUs walk
   ahead. */
#define TRUNCATE(object_)                                                \
    {                                                                    \
        .kind = OP_TRUNCATE, .object = (object_), .first = A + (object_) \
    }
#define WRITEBACK                                     \
    {                                                 \
        .kind = OP_WRITEBACK, .object = 0, .first = A \
    }
#define PUNCH                                                \
    {                                                        \
        .kind = OP_PUNCH, .object = 2, .first = A, .word = 1 \
    }
#define UNMAP_B                                 \
    {                                           \
        .kind = OP_UNMAP, .first = B, .last = B \
    }
#define UNMAP_A                                 \
    {                                           \
        .kind = OP_UNMAP, .first = A, .last = A \
    }
#define PROTECT_A                                                 \
    {                                                             \
        .kind = OP_PROTECT, .first = A, .last = A, .prot = PROT_R \
    }
#define SURVEY                                   \
    {                                            \
        .kind = OP_SURVEY, .first = A, .last = B \
    }
#define PEEK(page_)                       \
    {                                     \
        .kind = OP_PEEK, .first = (page_) \
    }
#define POKE(page_)                       \
    {                                     \
        .kind = OP_POKE, .first = (page_) \
    }
#define EXIT                        \
    {                               \
        .kind = OP_EXIT, .first = A \
    }
#define FORK_NOW                    \
    {                               \
        .kind = OP_FORK, .first = A \
    }
#define THREAD_EXIT                        \
    {                                      \
        .kind = OP_THREAD_EXIT, .first = A \
    }

#define REST(page_)                       \
    {                                     \
        .kind = OP_REST, .first = (page_) \
    }

#define AWAY(page_)                       \
    {                                     \
        .kind = OP_AWAY, .first = (page_) \
    }
#define WRITE_B_BESIDE                          \
    {                                           \
        .kind = OP_WRITE, .first = B, .word = 1 \
    }

static const uint8_t one_space[MAX_COROUTINES] = {1, 1, 1};
static const uint8_t three_spaces[MAX_COROUTINES] = {0, 1, 2};
static const uint8_t two_threads[MAX_COROUTINES] = {1, 1, 2};

/* One operation for each CPU, and the beginnings to combine them with. */
static const struct trio {
    const uint8_t *process_of;
    unsigned sharings; /* IN() of each beginning */
    struct op ops[MAX_COROUTINES];
} trios[] = {
    /* A table changes in place while other CPUs copy, use or drop it. */
    {three_spaces, IN(ALL) | IN(LEAF) | IN(TWO) | IN(CHAIN), {TRUNCATE(0), WRITE_B, READ_A}},
    {three_spaces, IN(LEAF) | IN(CHAIN) | IN(MAPPING), {TRUNCATE(0), WRITE_B, WRITE_A}},
    {three_spaces, IN(ALL) | IN(LEAF) | IN(TWO), {TRUNCATE(0), WRITE_B, WRITE_B}},
    {three_spaces, IN(LEAF) | IN(TWO) | IN(CHAIN) | IN(COPIES), {TRUNCATE(0), WRITE_B, EXIT}},
    {three_spaces, IN(LEAF) | IN(CHAIN), {TRUNCATE(0), WRITE_B, FORK_NOW}},
    {three_spaces, IN(LEAF) | IN(CHAIN), {TRUNCATE(0), WRITE_B, SURVEY}},
    {three_spaces, IN(LEAF) | IN(TWO) | IN(MAPPING) | IN(COPIES), {TRUNCATE(0), WRITE_A, READ_A}},
    {three_spaces, IN(LEAF) | IN(TWO) | IN(MAPPING), {TRUNCATE(0), WRITE_A, EXIT}},
    {three_spaces, IN(LEAF) | IN(MAPPING) | IN(COPIES), {TRUNCATE(0), WRITE_A, FORK_NOW}},
    {three_spaces, IN(ALL) | IN(LEAF) | IN(TWO), {TRUNCATE(0), READ_A, EXIT}},
    {three_spaces, IN(ALL) | IN(LEAF), {TRUNCATE(0), READ_A, FORK_NOW}},
    {three_spaces,
     IN(ALL) | IN(LEAF) | IN(TWO) | IN(CHAIN) | IN(MAPPING) | IN(COPIES),
     {TRUNCATE(0), EXIT, EXIT}},
    {three_spaces, IN(ALL) | IN(LEAF) | IN(TWO), {TRUNCATE(0), EXIT, FORK_NOW}},
    {three_spaces, IN(LEAF) | IN(TWO), {TRUNCATE(0), EXIT, SURVEY}},
    {three_spaces, IN(ALL) | IN(CHAIN), {TRUNCATE(0), FORK_NOW, FORK_NOW}},
    {three_spaces, IN(LEAF) | IN(TWO), {TRUNCATE(0), UNMAP_B, EXIT}},
    {three_spaces, IN(LEAF) | IN(CHAIN), {TRUNCATE(0), UNMAP_B, WRITE_B}},
    {three_spaces, IN(LEAF) | IN(MAPPING), {TRUNCATE(0), PROTECT_A, WRITE_B}},
    {three_spaces, IN(COPIES), {TRUNCATE(0), TRUNCATE(1), READ_B}},
    {three_spaces, IN(COPIES), {TRUNCATE(0), TRUNCATE(1), WRITE_A}},
    {three_spaces, IN(COPIES), {TRUNCATE(0), TRUNCATE(1), EXIT}},
    {two_threads, IN(ALL) | IN(LEAF), {READ_A, WRITE_B, TRUNCATE(0)}},
    {two_threads, IN(TWO) | IN(MAPPING), {WRITE_A, WRITE_B, TRUNCATE(0)}},
    {two_threads, IN(LEAF), {WRITE_B, THREAD_EXIT, TRUNCATE(0)}},
    {two_threads, IN(ALL) | IN(LEAF), {UNMAP_B, WRITE_A, TRUNCATE(0)}},
    {two_threads, IN(LEAF) | IN(CHAIN), {FORK_NOW, WRITE_B, TRUNCATE(0)}},
    {two_threads, IN(TWO) | IN(CHAIN), {WRITE_B, TRUNCATE(0), EXIT}},
    {two_threads, IN(LEAF) | IN(TWO), {READ_A, TRUNCATE(0), EXIT}},

    /* W is cleared in place while other CPUs write the page, copy its tables, use or drop them. */
    {three_spaces, IN(MAPPING) | IN(APART), {WRITEBACK, WRITE_A, READ_A}},
    {three_spaces, IN(MAPPING) | IN(APART), {WRITEBACK, WRITE_A, WRITE_A}},
    {three_spaces, IN(MAPPING) | IN(APART), {WRITEBACK, WRITEBACK, WRITE_A}},
    {three_spaces, IN(MAPPING) | IN(APART), {WRITEBACK, TRUNCATE(0), WRITE_A}},
    {three_spaces, IN(MAPPING) | IN(APART), {WRITEBACK, FORK_NOW, WRITE_A}},
    {three_spaces, IN(MAPPING) | IN(APART), {WRITEBACK, UNMAP_A, WRITE_A}},
    {three_spaces, IN(MAPPING) | IN(APART), {WRITEBACK, PROTECT_A, WRITE_A}},
    {three_spaces, IN(MAPPING) | IN(APART), {WRITEBACK, EXIT, WRITE_A}},
    {three_spaces, IN(MAPPING), {WRITEBACK, WRITE_B, WRITE_A}},
    {three_spaces, IN(MAPPING), {WRITEBACK, REMAP, WRITE_A}},
    {two_threads, IN(MAPPING) | IN(APART), {WRITE_A, READ_A, WRITEBACK}},
    {two_threads, IN(MAPPING) | IN(APART), {WRITE_A, FORK_NOW, WRITEBACK}},
    {two_threads, IN(MAPPING), {WRITE_A, POKE(A), WRITEBACK}},
    {one_space, IN(MAPPING) | IN(APART), {WRITEBACK, WRITE_A, WRITE_A}},

    /* A hole is made of a page that other CPUs write, read, share or copy. */
    {three_spaces, IN(MEMORY), {PUNCH, WRITE_A, READ_A}},
    {three_spaces, IN(MEMORY), {PUNCH, WRITE_A, WRITE_A}},
    {three_spaces, IN(MEMORY), {PUNCH, WRITE_A, FORK_NOW}},
    {three_spaces, IN(MEMORY), {PUNCH, WRITE_B, READ_B}},
    {three_spaces, IN(MEMORY), {PUNCH, TRUNCATE(2), WRITE_A}},
    {two_threads, IN(MEMORY), {WRITE_A, READ_A, PUNCH}},
    {one_space, IN(MEMORY), {PUNCH, WRITE_A, READ_A}},

    /* The kernel reads a page for another process while the page is replaced, reused or dropped. */
    {two_threads, IN(ALL) | IN(LEAF) | IN(TWO), {PEEK(B), WRITE_B, WRITE_B}},
    {two_threads, IN(LEAF) | IN(TWO), {PEEK(B), UNMAP_B, EXIT}},
    {two_threads, IN(ALL) | IN(LEAF) | IN(MAPPING), {PEEK(A), WRITE_B, TRUNCATE(0)}},
    {two_threads, IN(TWO) | IN(CHAIN), {PEEK(B), WRITE_B, EXIT}},
    {two_threads, IN(OWNED), {UNMAP_B, READ_A, BY(1, OP_PEEK, B)}},

    /* The kernel writes a page for a debugger while the page is read, shared or dropped. */
    {two_threads, IN(CONSTANT) | IN(TWO), {POKE(B), READ_B, EXIT}},
    {two_threads, IN(CONSTANT) | IN(TWO), {POKE(B), UNMAP_B, EXIT}},
    {two_threads, IN(CONSTANT) | IN(LEAF), {POKE(B), FORK_NOW, READ_B}},
    {two_threads, IN(CONSTANT) | IN(MAPPING), {POKE(A), READ_A, TRUNCATE(0)}},
    {two_threads, IN(CONSTANT), {POKE(B), POKE(B), POKE(B)}},
    {two_threads, IN(TWO), {FORK_NOW, WRITE_B_BESIDE, BY(1, OP_POKE, B)}},
    {two_threads, IN(TWO), {UNMAP_B, READ_A, BY(1, OP_POKE, B)}},

    /* A CPU is idle while others flush, or two CPUs ask a third one at the same time. */
    {one_space, IN(ALL) | IN(TWO), {WRITE_B, READ_A, REST(B)}},
    {one_space, IN(TWO) | IN(CHAIN), {WRITE_B, WRITE_A, REST(B)}},
    {one_space, IN(LEAF) | IN(TWO), {WRITE_B, UNMAP_A, REST(A)}},
    {one_space, IN(TWO), {UNMAP_B, PROTECT_A, REST(B)}},
    {one_space, IN(LEAF) | IN(TWO), {WRITE_A, WRITE_B, READ_B}},
    {one_space, IN(TWO), {WRITE_B, FORK_NOW, REST(B)}},
    {one_space, IN(LEAF), {UNMAP_B, REST(B), REST(A)}},
    {two_threads, IN(ALL) | IN(TWO), {WRITE_B, REST(B), WRITE_B}},
    {two_threads, IN(ALL) | IN(LEAF), {UNMAP_B, REST(B), EXIT}},
    {two_threads, IN(LEAF) | IN(MAPPING), {WRITE_A, REST(B), TRUNCATE(0)}},

    /* A CPU loads another space, and then the one in which others flush. */
    {one_space, IN(TWO), {UNMAP_B, AWAY(B), READ_B}},
    {one_space, IN(LEAF), {WRITE_B, AWAY(B), REST(B)}},
    {one_space, IN(TWO), {PROTECT_A, AWAY(A), AWAY(B)}},
    {two_threads, IN(ALL), {FORK_NOW, AWAY(B), WRITE_B}},
    {two_threads, IN(MAPPING), {AWAY(A), REST(B), TRUNCATE(0)}},

    /* Readers and writers of one address space's lock: two and one, then one and two. */
    {one_space, IN(ALL) | IN(LEAF), {READ_A, WRITE_B, UNMAP_B}},
    {one_space, IN(LEAF), {WRITE_A, WRITE_B, FORK_NOW}},
    {one_space, IN(TWO), {PEEK(A), READ_B, POKE(B)}},
    {one_space, IN(TWO), {SURVEY, WRITE_A, TRUNCATE(0)}},
    {one_space, IN(LEAF), {WRITE_B, UNMAP_B, PROTECT_A}},
    {one_space, IN(TWO), {READ_B, UNMAP_B, FORK_NOW}},

    /* Pages move to other addresses while others write, read, share or drop them. */
    {one_space, IN(ALL) | IN(LEAF) | IN(TWO), {REMAP, WRITE_B, REST(A)}},
    {one_space, IN(LEAF) | IN(TWO), {REMAP, PEEK(B), FORK_NOW}},
    {two_threads, IN(ALL) | IN(LEAF) | IN(MAPPING), {REMAP, WRITE_B, TRUNCATE(0)}},
    {two_threads, IN(LEAF) | IN(TWO) | IN(CHAIN), {REMAP, WRITE_B, EXIT}},
    {two_threads, IN(LEAF), {REMAP, POKE(B), WRITE_B}},
    {three_spaces, IN(ALL) | IN(LEAF) | IN(CHAIN), {REMAP, WRITE_B, EXIT}},
    {three_spaces, IN(LEAF), {REMAP, TRUNCATE(0), WRITE_A}},

    /* All three CPUs copy a table, use it, or drop it. */
    {three_spaces, IN(ALL) | IN(LEAF) | IN(TWO) | IN(COPIES), {WRITE_A, WRITE_A, WRITE_A}},
    {three_spaces, IN(ALL) | IN(LEAF) | IN(TWO), {WRITE_A, WRITE_B, EXIT}},
    {three_spaces, IN(LEAF) | IN(TWO) | IN(CHAIN), {WRITE_B, WRITE_B, EXIT}},
    {three_spaces, IN(ALL) | IN(LEAF) | IN(CHAIN), {WRITE_B, EXIT, EXIT}},
    {three_spaces, IN(LEAF) | IN(CHAIN), {WRITE_B, EXIT, FORK_NOW}},
    {three_spaces, IN(LEAF), {WRITE_B, FORK_NOW, READ_A}},
    {three_spaces, IN(LEAF) | IN(CHAIN), {WRITE_B, SURVEY, EXIT}},
    {two_threads, IN(TWO) | IN(CHAIN), {READ_A, WRITE_B, EXIT}},
    {two_threads, IN(TWO) | IN(COPIES), {WRITE_A, WRITE_A, EXIT}},
    {two_threads, IN(TWO) | IN(CHAIN), {WRITE_B, FORK_NOW, EXIT}},
    {two_threads, IN(TWO) | IN(CHAIN), {WRITE_B, UNMAP_B, EXIT}},
    {two_threads, IN(TWO) | IN(CHAIN), {WRITE_B, SURVEY, EXIT}},
};

static unsigned count_trios(void)
{
    unsigned count = 0;

    for (unsigned n = 0; n < ARRAY_SIZE(trios); n++)
        count += __builtin_popcount(trios[n].sharings);
    return count;
}

/* Returns the trio of scenario `*number` among the trios, and sets `*number` to the number of
   its sharing. */
static const struct trio *find_trio(unsigned *number)
{
    const struct trio *trio = trios;

    for (unsigned count; *number >= (count = __builtin_popcount(trio->sharings)); trio++)
        *number -= count;
    for (unsigned rest = trio->sharings, n = *number;; rest &= rest - 1, n--)
        if (n == 0) {
            *number = __builtin_ctz(rest);
            return trio;
        }
}

/* ---- All scenarios ---- */

static void begin_with(struct scenario *scenario, const struct beginning *beginning)
{
    scenario->name = beginning->name;
    scenario_add_setup(scenario, (struct op){.kind = OP_PROGRAM});
    for (unsigned n = 0; n < beginning->nops; n++)
        scenario_add_setup(scenario, beginning->ops[n]);
}

static void make_pair(struct scenario *scenario, unsigned number)
{
    unsigned rest = number / 2 / NBEGINNINGS;

    *scenario = (struct scenario){.ncpus = 2, .process_of = {0, number % 2}};
    begin_with(scenario, &beginnings[number / 2 % NBEGINNINGS]);
    scenario_add_op(scenario, 0, choices_0[rest % NCHOICES_0]);
    for (unsigned n = 0; n < OPS_CPU_1; n++)
        scenario_add_op(scenario, 1, choices_1[rest / NCHOICES_0][n]);
}

/* Adds one operation for each CPU. */
static void add_ops(struct scenario *scenario, const struct op *ops)
{
    for (unsigned cpu = 0; cpu < scenario->ncpus; cpu++)
        scenario_add_op(scenario, cpu, ops[cpu]);
}

static void make_deep(struct scenario *scenario, const struct deep *from)
{
    *scenario = (struct scenario){.ncpus = 2};
    begin_with(scenario, &from->beginning);
    add_ops(scenario, from->ops);
}

static void make_trio(struct scenario *scenario, unsigned number)
{
    const struct trio *trio = find_trio(&number);

    *scenario = (struct scenario){.ncpus = MAX_COROUTINES};
    memcpy(scenario->process_of, trio->process_of, sizeof(scenario->process_of));
    begin_with(scenario, &sharings[number]);
    add_ops(scenario, trio->ops);
}

unsigned scenarios_count(void)
{
    return NPAIRS + NDEEP + count_trios();
}

unsigned scenario_make(struct scenario *scenario, unsigned wanted)
{
    unsigned number = wanted, preemptions = 0;

    if (number < NPAIRS) {
        make_pair(scenario, number);
    } else if ((number -= NPAIRS) < NDEEP) {
        make_deep(scenario, &deep[number]);
        preemptions = deep[number].preemptions;
    } else {
        make_trio(scenario, number - NDEEP);
    }
    scenario->number = wanted;
    scenario_load_cpus(scenario);
    return preemptions;
}
