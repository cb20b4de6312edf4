/* The harness of the unit tests (test.h). Prints TAP, and the totals in the last line. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "test.h"

#define MAX_SECONDS  60  /* per test; after that it hangs */
#define MAX_REQUESTS 500 /* per test, for memory */

static struct {
    uint8_t cpu, process;
    uint8_t fail;
    struct result result;
    uint64_t frames[FRAME_KINDS];
    bool sweeping;
    bool failed; /* an operation of this sweep had a failing request */
} now;

/* ---- Operations ---- */

static void operate(struct op op)
{
    op.cpu = now.cpu;
    op.process = now.process;
    op.fail = now.fail;
    now.fail = 0;
    now.result = sequence_step(&op);
    now.failed |= op.fail > 0;
}

void on(unsigned cpu, unsigned process)
{
    now.cpu = cpu;
    now.process = process;
    operate((struct op){.kind = OP_LOAD});
}

void start(unsigned process)
{
    now.cpu = 0;
    now.process = process;
    exec();
}

void exec(void)
{
    operate((struct op){.kind = OP_PROGRAM});
}

void fork_into(unsigned child)
{
    operate((struct op){.kind = OP_FORK, .other = child});
}

void leave(void)
{
    operate((struct op){.kind = OP_EXIT});
}

void thread_on(unsigned cpu)
{
    operate((struct op){.kind = OP_THREAD});
    on(cpu, now.process);
}

void thread_leave(void)
{
    operate((struct op){.kind = OP_THREAD_EXIT});
}

void load(unsigned place)
{
    operate((struct op){.kind = OP_READ, .first = place});
}

void store(unsigned place)
{
    static uint32_t value;

    operate((struct op){.kind = OP_WRITE, .first = place, .value = value++});
}

void fetch(unsigned place)
{
    operate((struct op){.kind = OP_FETCH, .first = place});
}

void load_address(uaddr_t addr)
{
    uint64_t value;

    if (vspace_now())
        now.result.err = cpu_load(addr, &value);
}

void copy_in(unsigned place)
{
    operate((struct op){.kind = OP_COPY_IN, .first = place});
}

void copy_out(unsigned place)
{
    operate((struct op){.kind = OP_COPY_OUT, .first = place, .value = 77});
}

void string_in(unsigned place)
{
    operate((struct op){.kind = OP_STRING, .first = place});
}

void peek(unsigned place)
{
    operate((struct op){.kind = OP_PEEK, .first = place});
}

void forced_peek(unsigned place)
{
    operate((struct op){.kind = OP_FORCED_PEEK, .first = place});
}

void poke(unsigned place)
{
    operate((struct op){.kind = OP_POKE, .first = place, .value = 78});
}

static struct op range(enum op_kind kind, unsigned place, unsigned nplaces, unsigned prot)
{
    return (struct op){.kind = kind, .first = place, .last = place + nplaces - 1, .prot = prot};
}

void map(unsigned place, unsigned nplaces, unsigned prot)
{
    operate(range(OP_MAP, place, nplaces, prot));
}

void map_new(unsigned place, unsigned nplaces, unsigned prot)
{
    struct op op = range(OP_MAP, place, nplaces, prot);

    op.flags = F_NO_REPLACE;
    operate(op);
}

static void map_object(struct op op, unsigned flags, unsigned object, unsigned index)
{
    op.flags = flags;
    op.object = object;
    op.index = index;
    operate(op);
}

void map_shared(unsigned place, unsigned nplaces, unsigned prot, unsigned object, unsigned index)
{
    map_object(range(OP_MAP, place, nplaces, prot), F_SHARED, object, index);
}

void map_file(unsigned place, unsigned nplaces, unsigned prot, unsigned object, unsigned index)
{
    map_object(range(OP_MAP, place, nplaces, prot), F_OBJECT, object, index);
}

void map_file_in_part(unsigned place, unsigned nplaces, unsigned prot, unsigned object,
                      unsigned index)
{
    map_object(range(OP_MAP, place, nplaces, prot), F_OBJECT | F_PARTIAL, object, index);
}

void map_file_to_last_but_one(unsigned place, unsigned nplaces, unsigned prot, unsigned object,
                              unsigned index)
{
    struct op op = range(OP_MAP, place, nplaces, prot);

    op.word = 1;
    map_object(op, F_OBJECT | F_PARTIAL, object, index);
}

void map_anywhere(unsigned npages)
{
    operate((struct op){.kind = OP_MAP_ANYWHERE, .last = npages - 1, .prot = RW});
}

/* OP_MAP_ANYWHERE takes the number of pages from the last bits of `last`, which may lie behind the
   pages. */
void map_at_wish(unsigned place, unsigned npages)
{
    unsigned last = place;

    while (last % 4 != npages - 1)
        last++;
    operate((struct op){
        .kind = OP_MAP_ANYWHERE, .first = place, .last = last, .prot = RW, .flags = F_HINT});
}

void unmap(unsigned place, unsigned nplaces)
{
    operate(range(OP_UNMAP, place, nplaces, 0));
}

void protect(unsigned place, unsigned nplaces, unsigned prot)
{
    operate(range(OP_PROTECT, place, nplaces, prot));
}

void remap(unsigned place, unsigned old, unsigned to, unsigned new, unsigned flags)
{
    struct op op = range(OP_REMAP, place, old ? old : new, 0);

    op.to = to;
    op.more = old ? (int)new - (int)old : 0;
    op.flags = flags | (old ? 0 : F_DOUBLE) | (flags & (F_FIXED | F_KEEP) ? F_MAY_MOVE : 0);
    operate(op);
}

void advise(unsigned place, unsigned nplaces, unsigned advice)
{
    struct op op = range(OP_ADVISE, place, nplaces, 0);

    op.index = advice;
    operate(op);
}

void move_break(int64_t bytes)
{
    operate((struct op){.kind = OP_SBRK, .delta = bytes});
}

void truncate_object(unsigned object, unsigned npages)
{
    operate((struct op){.kind = OP_TRUNCATE, .object = object, .index = npages});
}

void extend_object(unsigned object)
{
    operate((struct op){.kind = OP_EXTEND, .object = object});
}

void write_back(unsigned object, unsigned index, unsigned npages)
{
    operate((struct op){.kind = OP_WRITEBACK,
                        .object = object,
                        .index = index,
                        .word = npages < NWORDS ? npages : 0});
}

void punch(unsigned object, unsigned index, unsigned npages)
{
    operate((struct op){.kind = OP_PUNCH, .object = object, .index = index, .word = npages});
}

void fail_next(unsigned nth)
{
    now.fail = nth;
}

/* ---- Expectations ---- */

/* Returns true if a request for memory has failed, so that expectations no longer hold. */
static bool is_void(void)
{
    return now.sweeping && (now.failed || !shortage_ahead());
}

void expect(bool condition, const char *what)
{
    check(condition || is_void(), "expected: %s", what);
}

void expect_error(int err)
{
    check(now.result.err == err || is_void(), "expected the result %d, not %d", err,
          now.result.err);
}

void expect_value(uint64_t value)
{
    check(now.result.value == value || is_void(), "expected the value %#lx, not %#lx", value,
          now.result.value);
}

static const char *outcome_name(enum fault_outcome outcome)
{
    return outcome == FAULT_OUTCOMES ? "no fault" : fault_outcome_name(outcome);
}

void expect_fault(enum fault_outcome outcome)
{
    check(cpu_first_fault() == outcome || is_void(), "expected %s, not %s", outcome_name(outcome),
          outcome_name(cpu_first_fault()));
}

void mark(void)
{
    for (unsigned kind = 0; kind < FRAME_KINDS; kind++)
        now.frames[kind] = frame_usage(kind);
}

void expect_frames(enum frame_kind kind, int64_t more)
{
    int64_t is = frame_usage(kind) - now.frames[kind];

    check(is == more || is_void(), "expected %ld new frames of kind %u, not %ld", more, kind, is);
}

struct vspace *vspace_now(void)
{
    return processes[now.process].vspace;
}

void check_unchanged(void)
{
    check_model(&model);
    check_audit();
}

/* ---- Running ---- */

/* Runs a test once; `fail` as in struct sequence_options. Returns true if the request that had
   to fail was made. */
static bool run_once(const struct test *test, unsigned fail)
{
    /* After a fault, a CPU keeps its cached translations until a flush drops them. */
    const struct sequence_options options = {
        .noise = {.keep_at_fault_one_in = 1}, .check_every = 1, .audit_every = 1, .fail = fail};

    memset(&now, 0, sizeof(now));
    now.sweeping = fail > 0;
    sequence_begin(&options);
    test->run();
    bool came = fail && !shortage_ahead();
    shortage_at(0);
    sequence_end();
    return came;
}

static void run_with_all_failures(const struct test *test)
{
    unsigned fail = 1;

    for (; run_once(test, fail); fail++)
        check(fail < MAX_REQUESTS, "the test makes too many requests to let each fail");
}

/* Runs a test in a new process, and again with each request for memory failing. Returns true if
   the test passes. */
static bool run_test(const struct test *test)
{
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        alarm(MAX_SECONDS);
        system_init();
        run_once(test, 0);
        if (!test->only_once)
            run_with_all_failures(test);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return status == 0;
}

int main(int argc, char **argv)
{
    const struct test_file *files[] = {&fault_tests,  &pitfall_tests, &region_tests,
                                       &memory_tests, &audit_tests,   &regression_tests,
                                       &verify_tests, &remap_tests,   &writeback_tests};
    unsigned passed = 0, failed = 0;

    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned f = 0; f < ARRAY_SIZE(files); f++)
        for (unsigned n = 0; n < files[f]->count; n++) {
            const struct test *test = &files[f]->tests[n];

            if (argc > 1 && strcmp(argv[1], test->name) != 0)
                continue;
            bool ok = run_test(test);
            passed += ok;
            failed += !ok;
            printf("%s %u - host/%s\n", ok ? "ok" : "not ok", passed + failed, test->name);
        }
    printf("%u passed, %u failed\n", passed, failed);
    return failed > 0;
}
