/* The unit tests' language: each test is a scenario of a few operations, of which every one is also carried out by the
   model and followed by all checks (check.h). What a test adds is what it expects to see.

       static void a_first_read_maps_the_zero_page(void)
       {
           start(P);
           map(BOTTOM, 1, RW);
           load(BOTTOM);
           expect_fault(FAULT_ZERO_MAPPED);
       }

   Every test runs in a process of its own: first as it is, then again and again with the first, the second, ... request
   for memory failing, until none is left to fail. From a failure on expectations are void, but the checks are not. */
#pragma once

#include <linux/errno.h>
#include "check.h"
#include "platform.h"
#include "sequence.h"
#include "system.h"

struct test {
    const char *name;
    void (*run)(void);
    bool only_once; /* without failures: it makes too many requests */
};

#define TEST(name)         \
    {                      \
#name, name, false \
    }
#define TEST_ONCE(name)   \
    {                     \
#name, name, true \
    }

struct test_file {
    const struct test *tests;
    unsigned count;
};

extern const struct test_file audit_tests, fault_tests, memory_tests, pitfall_tests, region_tests,
    regression_tests;

/* Processes have numbers; so have CPUs. */
enum { P, Q, R };

#define READ PROT_R
#define RW   (PROT_R | PROT_W)
#define RX   (PROT_R | PROT_X)
#define NONE 0

/* ---- Who does it ---- */

/* From now on operations are done by a thread of `process` on `cpu`. */
void on(unsigned cpu, unsigned process);

/* A new program in `process`, on CPU 0. */
void start(unsigned process);

/* The parent is who operates now. */
void fork_into(unsigned child);
void exec(void);
void leave(void); /* exit */

/* One more thread of the process, on `cpu`; it begins to run there. */
void thread_on(unsigned cpu);

/* The thread that runs on this CPU ends. */
void thread_leave(void);

/* ---- What is done ---- */

void load(unsigned place);
void store(unsigned place);
void fetch(unsigned place);

/* The same of any address; there is nothing in the model that says what should come of it. */
void load_address(uaddr_t addr);

/* The kernel's accesses to user memory, across the end of the page. */
void copy_in(unsigned place);
void copy_out(unsigned place);
void string_in(unsigned place);

/* The kernel reads the page for another process. */
void peek(unsigned place);

void map(unsigned place, unsigned nplaces, unsigned prot);
void map_new(unsigned place, unsigned nplaces, unsigned prot); /* only if nothing is there */
void map_shared(unsigned place, unsigned nplaces, unsigned prot, unsigned object, unsigned index);
void map_file(unsigned place, unsigned nplaces, unsigned prot, unsigned object, unsigned index);
void map_file_in_part(unsigned place, unsigned nplaces, unsigned prot, unsigned object,
                      unsigned index);
void map_file_to_last_but_one(unsigned place, unsigned nplaces, unsigned prot, unsigned object,
                              unsigned index);
void map_anywhere(unsigned npages);
void unmap(unsigned place, unsigned nplaces);
void protect(unsigned place, unsigned nplaces, unsigned prot);
void move_break(int64_t bytes);
void truncate_object(unsigned object, unsigned npages);
void extend_object(unsigned object);

/* The next operation's n-th request for memory fails. */
void fail_next(unsigned nth);

/* ---- What is expected of the last operation ---- */

void expect_error(int err);
void expect_value(uint64_t value);

/* Its first fault ended so; FAULT_OUTCOMES: it had none. */
void expect_fault(enum fault_outcome outcome);

/* Frames of a kind are in use now, more than at the last mark(). */
void mark(void);
void expect_frames(enum frame_kind kind, int64_t more);

/* Anything else. */
void expect(bool condition, const char *what);

/* The vspace of the process that operates now. */
struct vspace *vspace_now(void);

/* After something that was not an operation: all checks. */
void check_unchanged(void);
