/* Workloads (workload.h). */
#include "workload.h"

#include <pthread.h>

void exec_exits(int status)
{
    char text[2] = {'0' + status, '\0'};
    char *argv[] = {(char *)self_path(), "exits", text, NULL};

    execv(argv[0], argv);
    test_fail(__FILE__, __LINE__, "%s: %s", argv[0], strerror(errno));
}

void dawdle(uint64_t *random, uint32_t limit)
{
    uint32_t steps = random_below(random, limit);

    for (volatile uint32_t n = 0; n < steps; n++)
        continue;
}

struct crew_member {
    struct member member;
    pthread_barrier_t *begin;
};

static void *crew_body(void *arg)
{
    struct crew_member *own = arg;

    pthread_barrier_wait(own->begin);
    own->member.body(&own->member);
    return NULL;
}

void crew_run(uint64_t *random, int count, void (*const bodies[])(struct member *))
{
    struct crew_member members[CREW_MAX];
    pthread_t threads[CREW_MAX];
    pthread_barrier_t begin;

    CHECK(count <= CREW_MAX);
    CHECK_EQ(pthread_barrier_init(&begin, NULL, count), 0);
    for (int n = 0; n < count; n++) {
        members[n] = (struct crew_member){
            .member = {.random = random_next(random), .number = n, .body = bodies[n]},
            .begin = &begin,
        };
        CHECK_EQ(pthread_create(&threads[n], NULL, crew_body, &members[n]), 0);
    }
    for (int n = 0; n < count; n++)
        CHECK_EQ(pthread_join(threads[n], NULL), 0);
    CHECK_EQ(pthread_barrier_destroy(&begin), 0);
}

struct run {
    const struct workload *workload;
    uint64_t random;
};

static void run_workload(void *arg)
{
    struct run *run = arg;

    run->workload->run(&run->random);
}

static void case_of_workload(void *workload)
{
    struct run run = {.workload = workload, .random = random_seed()};

    CHECK(exits_with(0, run_workload, &run));
}

int workloads_main(int argc, char **argv, const struct workload *all, uint32_t count)
{
    self_path(); /* which threads ask for later, all at once */
    if (argc == 3)
        return atoi(argv[2]);
    if (argc == 2) {
        struct run run = {.random = strtoul(argv[1], NULL, 0)};

        run.workload = &all[random_below(&run.random, count)];
        test_begin(run.workload->name);
        run_workload(&run);
        return TEST_PASSED;
    }
    for (uint32_t n = 0; n < count; n++)
        test_run_with(all[n].name, case_of_workload, (void *)&all[n]);
    return test_end();
}
