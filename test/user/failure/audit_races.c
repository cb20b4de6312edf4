/* The audit, which stops the world, against processes that come and go meanwhile. It must find them at rest, however
   far they are on their way, and never wait for one that will not come back. */

#include "test.h"

static unsigned state = 1;

/* A pseudo-random number: the same in every run. */
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

/* Touches so much that turns end on the way, some of them while the kernel takes it all back. */
static void touch_and_end(void *npages)
{
    char *pages = map_pages((uintptr_t)npages);

    for (size_t n = 0; n < (uintptr_t)npages; n++)
        poke(pages + n * PAGE, 1);
}

/* A thread that was interrupted in its exit, and came back only to die, was waited for, for ever. */
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

/* One stops the world at a time; the others wait their turn, at rest themselves. */
static void several_audits_at_once(void)
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
    RUN(several_audits_at_once);
    return test_end();
}
