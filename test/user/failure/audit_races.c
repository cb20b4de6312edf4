/* The audit stops the world while processes start and end. It must find them at rest at any point,
   and must not wait for a thread that will not return. */

#include "test.h"

static unsigned state = 1;

/* Returns a pseudo-random number. The sequence is the same in every run. */
static unsigned next_random(void)
{
    state = state * 1103515245 + 12345;
    return state >> 16;
}

static void spin(unsigned turns)
{
    for (volatile unsigned n = 0; n < turns; n++)
        continue;
}

/* Touches so many pages that time slices end on the way, some of them during the exit. */
static void touch_and_end(void *npages)
{
    char *pages = map_pages((uintptr_t)npages);

    for (size_t n = 0; n < (uintptr_t)npages; n++)
        poke(pages + n * PAGE, 1);
}

/* The audit once waited for a thread that was interrupted in its exit, and that returned only to
   die. */
static void the_audit_does_not_wait_for_the_dying(void)
{
    for (int round = 0; round < 15; round++) {
        pid_t pids[3];

        for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
            pids[i] = start_child(touch_and_end, (void *)(uintptr_t)(500 + next_random() % 4096));
        spin(next_random() * 48);
        CHECK_EQ(pagoda_audit(), 0);
        for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
            CHECK(exited_with(wait_child(pids[i]), 0));
    }
}

static void run_audits(void *unused)
{
    (void)unused;
    for (int round = 0; round < 20; round++)
        CHECK_EQ(pagoda_audit(), 0);
}

/* One audit stops the world at a time. The others wait their turn, at rest themselves. */
static void several_audits_take_turns(void)
{
    pid_t pids[4];

    for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
        pids[i] = start_child(run_audits, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(pids); i++)
        CHECK(exited_with(wait_child(pids[i]), 0));
}

int main(void)
{
    pagoda_only();
    RUN(the_audit_does_not_wait_for_the_dying);
    RUN(several_audits_take_turns);
    return test_end();
}
