/* The explorer. Runs every scenario in every interleaving with a bounded number of preemptions.

       explore [-p PREEMPTIONS] [-j WORKERS] [-s SCENARIO]

   The scenarios are in scenarios.c; -s runs only the scenario of this number.

   A CPU can be preempted before every atomic operation, lock, level of a walk, and access. After
   each run, the results of the operations and the contents of memory must match the model. The
   model runs the operations in each possible order, and one order must match. Then all processes
   exit, and the audit recounts the references.

   Each schedule runs twice. In the second run, all CPUs walk ahead to the pages at every step,
   and a page fault drops no cached translation. */

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "scenarios.h"
#include "system.h"

/* ---- All interleavings of a scenario ---- */

static unsigned max_preemptions = 2; /* scenario_make can require more */
static struct schedule schedule;
static uint64_t *runs; /* runs of each worker; shared with the parent */

/* Runs `schedule`, and every schedule that adds preemptions to its end, up to `most` in total. */
static void explore(unsigned worker, bool walk_ahead, unsigned most)
{
    unsigned last = schedule.npreemptions;
    unsigned from = last ? schedule.preemptions[last - 1].step + 1 : 0;
    struct step_count steps = scenario_run(&schedule, walk_ahead);

    runs[worker]++;
    if (last == most)
        return;
    schedule.npreemptions = last + 1;
    for (unsigned step = from; step < steps.all; step++)
        for (unsigned skip = 0; skip <= (step < steps.with_choice); skip++) {
            schedule.preemptions[last] = (struct preemption){.step = step, .skip = skip};
            explore(worker, walk_ahead, most);
        }
    schedule.npreemptions = last;
}

/* Explores the scenario with every CPU as the first, and with turns in both directions. With two
   CPUs, both directions are the same, so one of them is enough. */
static void explore_scenario(const struct scenario *scenario, unsigned worker, unsigned most)
{
    if (!scenario_makes_sense(scenario))
        return;
    scenario_begin(scenario);
    for (unsigned walk_ahead = 0; walk_ahead < 2; walk_ahead++)
        for (unsigned first = 0; first < scenario->ncpus; first++)
            for (unsigned backwards = 0; backwards < scenario->ncpus - 1; backwards++) {
                schedule = (struct schedule){.first = first, .backwards = backwards};
                explore(worker, walk_ahead, most);
            }
}

/* ---- All scenarios ---- */

#define MAX_WORKERS 16u

static unsigned first_scenario, end_scenario;

static void work(unsigned worker, unsigned nworkers)
{
    static struct scenario scenario;

    system_init();
    for (unsigned number = first_scenario + worker; number < end_scenario; number += nworkers) {
        unsigned needed = scenario_make(&scenario, number);

        explore_scenario(&scenario, worker, max(max_preemptions, needed));
    }
    _exit(0);
}

/* Divides the scenarios among `nworkers` processes. Returns true if no worker has a finding. */
static bool explore_all(unsigned nworkers)
{
    bool ok = true;
    int status;

    for (unsigned worker = 0; worker < nworkers; worker++)
        if (fork() == 0)
            work(worker, nworkers);
    while (wait(&status) > 0)
        ok &= status == 0;
    return ok;
}

int main(int argc, char **argv)
{
    unsigned nworkers = min((unsigned)sysconf(_SC_NPROCESSORS_ONLN), MAX_WORKERS);
    uint64_t total = 0;

    end_scenario = scenarios_count();
    for (int option; (option = getopt(argc, argv, "p:j:s:")) != -1;) {
        unsigned number = optarg ? strtoul(optarg, NULL, 0) : 0;

        if (option == 'p')
            max_preemptions = min(number, MAX_PREEMPTIONS);
        else if (option == 'j')
            nworkers = min(max(number, 1u), MAX_WORKERS);
        else if (option == 's')
            end_scenario = (first_scenario = min(number, end_scenario - 1)) + 1;
        else
            return 2;
    }
    runs = mmap(NULL, MAX_WORKERS * sizeof(*runs), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    bool ok = explore_all(nworkers);
    for (unsigned worker = 0; worker < nworkers; worker++)
        total += runs[worker];
    printf("# %u scenarios, %lu interleavings\n", end_scenario - first_scenario, total);
    printf("%s - host/explore, %u preemptions\n", ok ? "ok" : "not ok", max_preemptions);
    return !ok;
}
