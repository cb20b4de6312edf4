/* The language of the unit tests. A test is a scenario of a few operations; the model runs each
   operation too, and all checks follow (check.h). A test adds its own expectations.

       static void a_first_read_maps_the_zero_page(void)
       {
           start(P);
           map(BOTTOM, 1, RW);
           load(BOTTOM);
           expect_fault(FAULT_ZERO_MAPPED);
       }

   Every test runs in a process of its own. The first run is normal. In each later run, the
   first, the second, ... request for memory fails, until no request is left to fail. After a
   failure, expectations are void; the checks still hold. */
#pragma once

#include <linux/errno.h>
#include "check.h"
#include "platform.h"
#include "sequence.h"
#include "system.h"

struct test {
    const char *name;
    void (*run)(void);
    bool only_once; /* no runs with failures: too many requests */
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
    regression_tests, remap_tests, verify_tests, writeback_tests;

/* The numbers of the processes. CPUs have numbers too. */
enum { P, Q, R };

#define READ PROT_R
#define RW   (PROT_R | PROT_W)
#define RX   (PROT_R | PROT_X)
#define NONE 0

/* ---- Processes and threads ---- */

/* Makes a thread of `process` on `cpu` do the following operations. */
void on(unsigned cpu, unsigned process);

/* Starts a new program in `process`, on CPU 0. */
void start(unsigned process);

/* Process calls of the current process. fork_into forks it into `child`. */
void fork_into(unsigned child);
void exec(void);
void leave(void); /* exit */

/* Adds a thread to the process, and runs it on `cpu`. */
void thread_on(unsigned cpu);

/* Ends the thread that runs on this CPU. */
void thread_leave(void);

/* ---- Memory operations ---- */

void load(unsigned place);
void store(unsigned place);
void fetch(unsigned place);

/* Loads from any address, without a result from the model. */
void load_address(uaddr_t addr);

/* User copies by the kernel, across the end of the page. */
void copy_in(unsigned place);
void copy_out(unsigned place);
void string_in(unsigned place);

/* Reads the page for another process, in the kernel. */
void peek(unsigned place);

/* Read and write the page for a debugger, in the kernel, also where the region forbids it. */
void forced_peek(unsigned place);
void poke(unsigned place);

void map(unsigned place, unsigned nplaces, unsigned prot);
void map_new(unsigned place, unsigned nplaces, unsigned prot); /* only if the range is free */
void map_shared(unsigned place, unsigned nplaces, unsigned prot, unsigned object, unsigned index);
void map_file(unsigned place, unsigned nplaces, unsigned prot, unsigned object, unsigned index);
void map_file_in_part(unsigned place, unsigned nplaces, unsigned prot, unsigned object,
                      unsigned index);
void map_file_to_last_but_one(unsigned place, unsigned nplaces, unsigned prot, unsigned object,
                              unsigned index);
void map_anywhere(unsigned npages);
void map_at_wish(unsigned place, unsigned npages); /* at most 4 */
void unmap(unsigned place, unsigned nplaces);
void protect(unsigned place, unsigned nplaces, unsigned prot);

/* Moves `old` places to `to`, or changes their number to `new`. 0 places: a shared region is
   doubled. The flags are those of OP_REMAP. */
void remap(unsigned place, unsigned old, unsigned to, unsigned new, unsigned flags);

/* Does what the ADVISE_ number says. */
void advise(unsigned place, unsigned nplaces, unsigned advice);
void move_break(int64_t bytes);
void truncate_object(unsigned object, unsigned npages);
void extend_object(unsigned object);

/* Write back or punch a hole into `npages` pages of the object. */
void write_back(unsigned object, unsigned index, unsigned npages);
void punch(unsigned object, unsigned index, unsigned npages);

/* Makes the n-th request for memory in the next operation fail. */
void fail_next(unsigned nth);

/* ---- Expectations about the last operation ---- */

void expect_error(int err);
void expect_value(uint64_t value);

/* Expects the outcome of the first fault; FAULT_OUTCOMES means that there was none. */
void expect_fault(enum fault_outcome outcome);

/* Record the frames in use, and expect so many more of a kind since then. */
void mark(void);
void expect_frames(enum frame_kind kind, int64_t more);

/* Expects a condition. `what` describes it in a finding. */
void expect(bool condition, const char *what);

/* Returns the vspace of the current process. */
struct vspace *vspace_now(void);

/* Runs all checks, after a step of the test that was not an operation. */
void check_unchanged(void);
