/* Tests of kernel/mm: frames, runs of frames, and the heap. A test gives back all that it
   allocates, or the harness reports a leak. */

#include <string.h>
#include <mm/heap.h>
#include "test.h"

static struct frame *held[sizeof(memory) / PAGE_SIZE];

static unsigned take_all(void)
{
    unsigned n = 0;

    while ((held[n] = frame_alloc(FRAME_KERNEL)))
        n++;
    return n;
}

static void give_back(unsigned first, unsigned n, unsigned step_by)
{
    for (unsigned i = first; i < n; i += step_by)
        frame_put(held[i]);
}

/* Returns this CPU's cached frames to the free lists, by a request for a run that does not
   exist. */
static void drain(void)
{
    expect(!frame_alloc_run(FRAME_KERNEL, FRAME_MAX_ORDER), "no run of all memory");
}

/* Every frame is allocated once. Buddies are freed late, so they merge late; then the largest
   run exists again. */
static void all_frames_can_be_taken_and_come_back(void)
{
    unsigned n = take_all();

    expect(frame_usage(FRAME_FREE) == 0, "nothing is left");
    expect(!frame_alloc_run(FRAME_KERNEL, 0), "no run either");
    check_audit();
    give_back(0, n, 2);
    give_back(1, n, 2);
    check_audit();
    drain();
    struct frame *run = frame_alloc_run(FRAME_KERNEL, FRAME_MAX_ORDER - 1);
    expect(run != NULL, "a run of 512 frames");
    if (run)
        frame_put(run);
}

static void a_run_is_aligned_and_whole(void)
{
    for (unsigned order = 0; order < FRAME_MAX_ORDER; order++) {
        struct frame *run = frame_alloc_run(FRAME_KERNEL, order);

        expect(run != NULL, "a run");
        if (!run)
            continue;
        check(frame_to_pfn(run) % (1u << order) == 0, "a run of order %u is not aligned", order);
        memset(frame_to_virt(run), 1, PAGE_SIZE << order);
        check_audit();
        frame_put(run);
    }
    expect(!frame_alloc_run(FRAME_KERNEL, FRAME_MAX_ORDER + 1), "no run of 8 MiB");
}

static void frames_move_between_cpus(void)
{
    this_cpu_id = 1;
    unsigned n = take_all();
    this_cpu_id = 2;
    give_back(0, n, 1);
    check_audit();
    drain();
    this_cpu_id = 1;
    n = take_all();
    expect(n > ARRAY_SIZE(held) / 2, "most frames");
    give_back(0, n, 1);
    drain();
    this_cpu_id = 0;
}

static void a_zeroed_frame_is_zero_and_a_referenced_one_stays(void)
{
    struct frame *frame = frame_alloc_zeroed(FRAME_KERNEL);

    if (!frame)
        return;
    const uint64_t *words = frame_to_virt(frame);
    for (unsigned n = 0; n < PAGE_SIZE / sizeof(*words); n++)
        check(words[n] == 0, "word %u of a zeroed frame is %#lx", n, words[n]);
    frame_get(frame);
    frame_put(frame);
    check(frame_refs(frame) == 1 && words[0] == 0, "a frame with a reference was freed");
    frame_put(frame);
}

/* Frames that are freed full of zeros are kept apart, and given out when no other frame is left. */
static void zeros_are_kept_apart(void)
{
    struct frame *zeroed = frame_alloc_zeroed(FRAME_KERNEL);

    if (!zeroed || !frame_put_testzero(zeroed))
        return;
    frame_free_zeroed(zeroed);
    struct frame *other = frame_alloc(FRAME_KERNEL), *again = frame_alloc_zeroed(FRAME_KERNEL);
    expect(other && other != zeroed, "a frame with any contents");
    expect(again == zeroed, "the frame with zeros");
    if (other)
        frame_put(other);
    if (again && frame_put_testzero(again))
        frame_free_zeroed(again);
    check_audit();
    unsigned n = take_all();
    expect(frame_usage(FRAME_FREE) == 0, "nothing is left");
    for (unsigned i = 0; i < n; i++) {
        memset(frame_to_virt(held[i]), 0, PAGE_SIZE);
        if (frame_put_testzero(held[i]))
            frame_free_zeroed(held[i]);
    }
    check_audit();
    drain();
}

#define RESERVED 40

static bool is_vital;
static unsigned vital_frames;

static bool vital_may_take(uint32_t nframes)
{
    vital_frames += is_vital ? nframes : 0;
    return is_vital;
}

/* Takes all that an ordinary request can have. Returns how many frames that are. */
static unsigned take_all_but_reserve(void)
{
    drain();
    frame_set_reserve(RESERVED, vital_may_take, NULL);
    is_vital = false;
    unsigned n = take_all();
    check(frame_usage(FRAME_FREE) == RESERVED, "%lu frames are left", frame_usage(FRAME_FREE));
    return n;
}

static void give_all_back(unsigned n)
{
    give_back(0, n, 1);
    struct frame *frame = frame_alloc(FRAME_KERNEL);
    frame_put(frame);
    expect(frame->kind == FRAME_FREE_CACHED, "a CPU caches frames again");
    frame_set_reserve(0, NULL, NULL);
    check_audit();
}

static void the_reserve_is_for_those_that_may_take_it(void)
{
    unsigned n = take_all_but_reserve();

    expect(!frame_has_room(1) && frame_reserve() == RESERVED, "there is no room");
    expect(!frame_alloc_run(FRAME_KERNEL, 0), "no run of the reserve");
    is_vital = true;
    vital_frames = 0;
    struct frame *run = frame_alloc_run(FRAME_KERNEL, 2);
    expect(run && vital_frames == 4, "a run of four frames");
    if (run)
        frame_put(run);
    unsigned more = 0;
    for (vital_frames = 0; (held[n + more] = frame_alloc(FRAME_KERNEL));)
        more++;
    check(more == RESERVED && vital_frames == RESERVED, "the reserve gave %u frames", more);
    give_all_back(n + more);
}

/* A frame of the reserve is taken and freed on a CPU. Then an ordinary request there does not find
   it, nor does one on the CPU that took the others. */
static void what_is_freed_goes_to_the_reserve(void)
{
    unsigned n = take_all_but_reserve();

    for (this_cpu_id = 0; this_cpu_id < 2; this_cpu_id++) {
        is_vital = true;
        struct frame *one = frame_alloc(FRAME_KERNEL), *two = frame_alloc(FRAME_KERNEL);
        is_vital = false;
        expect(!frame_alloc(FRAME_KERNEL), "no frame was left over");
        frame_put(one);
        frame_put(two);
        expect(!frame_alloc(FRAME_KERNEL), "a freed frame is in the reserve");
    }
    this_cpu_id = 0;
    expect(frame_usage(FRAME_FREE) == RESERVED, "the reserve is whole");
    give_all_back(n);
}

/* Objects of every size keep their bytes, so they do not overlap. */
static void the_heap_gives_each_object_its_own_bytes(void)
{
    static unsigned char *objects[300];
    static const uint16_t sizes[] = {1, 16, 31, 48, 100, 192, 500, 1008, 2016, 2017, 5000};
    unsigned n = 0;

    for (; n < ARRAY_SIZE(objects); n++) {
        objects[n] = heap_alloc(sizes[n % ARRAY_SIZE(sizes)]);
        if (objects[n])
            memset(objects[n], n, sizes[n % ARRAY_SIZE(sizes)]);
    }
    check_audit();
    while (n-- > 0) {
        uint16_t size = sizes[n % ARRAY_SIZE(sizes)];

        for (unsigned i = 0; objects[n] && i < size; i++)
            check(objects[n][i] == (unsigned char)n, "an object of %u bytes has changed", size);
        check((uintptr_t)objects[n] % 16 == 0, "an object is not aligned");
        heap_free(objects[n]);
    }
}

static void the_heap_refuses_what_it_cannot_give(void)
{
    expect(!heap_alloc(0), "nothing");
    expect(!heap_alloc((PAGE_SIZE << FRAME_MAX_ORDER) + 1), "more than 4 MiB");
    expect(!heap_alloc(PAGE_SIZE << FRAME_MAX_ORDER), "more than there is");
    heap_free(NULL);
}

/* A program that exhausts memory gets an error, and other programs go on. */
static void a_program_can_take_all_memory_but_no_more(void)
{
    unsigned n;

    start(P);
    start(Q);
    map(BOTTOM, 8, RW);
    n = take_all();
    for (unsigned place = 0; place < 8; place++)
        store(BOTTOM + place);
    expect_error(FAULT_NO_MEMORY);
    on(1, P);
    load(STACK + 7);
    expect_error(0);
    give_back(0, n, 1);
    on(0, Q);
    store(BOTTOM + 7);
    expect_error(0);
}

static const struct test tests[] = {
    TEST_ONCE(all_frames_can_be_taken_and_come_back),
    TEST(a_run_is_aligned_and_whole),
    TEST_ONCE(frames_move_between_cpus),
    TEST_ONCE(the_reserve_is_for_those_that_may_take_it),
    TEST_ONCE(what_is_freed_goes_to_the_reserve),
    TEST(a_zeroed_frame_is_zero_and_a_referenced_one_stays),
    TEST_ONCE(zeros_are_kept_apart),
    TEST(the_heap_gives_each_object_its_own_bytes),
    TEST(the_heap_refuses_what_it_cannot_give),
    TEST_ONCE(a_program_can_take_all_memory_but_no_more),
};

const struct test_file memory_tests = {tests, ARRAY_SIZE(tests)};
