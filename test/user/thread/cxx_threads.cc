/* The threads of C++, by glibc and its C++ library: std::thread and what synchronizes threads,
   beside exceptions, streams and thread-local objects. */
#include <atomic>
#include <condition_variable>
#include <future>
#include <iostream>
#include <memory>
#include <mutex>
#include <numeric>
#include <queue>
#include <shared_mutex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "test.h"

static const int threads = 6, times = 1000;

/* Runs a function with the numbers 0, 1, ... in as many threads, and waits for all. */
template <class Body> static void in_threads(int count, Body body)
{
    std::vector<std::thread> all;

    for (int n = 0; n < count; n++)
        all.emplace_back(body, n);
    for (auto &thread : all)
        thread.join();
}

static void a_mutex_admits_one_thread()
{
    std::mutex mutex;
    std::atomic<int> atomic{0};
    int count = 0;

    in_threads(threads, [&](int) {
        for (int n = 0; n < times; n++) {
            std::lock_guard<std::mutex> guard(mutex);
            count++;
            atomic++;
        }
    });
    CHECK_EQ(count, threads * times);
    CHECK_EQ(atomic.load(), threads * times);
}

static void two_mutexes_are_locked_without_deadlock()
{
    std::mutex first, second;
    int count = 0;

    in_threads(threads, [&](int number) {
        for (int n = 0; n < times; n++) {
            std::scoped_lock both(number % 2 ? first : second, number % 2 ? second : first);
            count++;
        }
    });
    CHECK_EQ(count, threads * times);
}

static void a_queue_of_strings_joins_threads()
{
    std::queue<std::string> queue;
    std::condition_variable not_empty;
    std::mutex mutex;
    size_t length = 0;

    in_threads(2, [&](int number) {
        for (int n = 0; n < times; n++) {
            std::unique_lock<std::mutex> lock(mutex);
            if (number == 0) {
                queue.push(std::string(n % 100, 'x'));
                not_empty.notify_one();
            } else {
                not_empty.wait(lock, [&] { return !queue.empty(); });
                length += queue.front().size();
                queue.pop();
            }
        }
    });
    CHECK_EQ(length, times / 100 * 4950);
    CHECK(queue.empty());
}

static void a_wait_ends_at_its_time()
{
    std::condition_variable never;
    std::timed_mutex timed;
    std::mutex mutex;
    std::unique_lock<std::mutex> lock(mutex);

    CHECK(never.wait_for(lock, std::chrono::milliseconds(1)) == std::cv_status::timeout);
    timed.lock();
    std::thread([&] { CHECK(!timed.try_lock_for(std::chrono::milliseconds(1))); }).join();
    timed.unlock();
}

static void readers_share_a_lock()
{
    std::shared_mutex mutex;
    long first = 0, second = 0;

    in_threads(threads, [&](int number) {
        for (int n = 0; n < times; n++) {
            if (number % 3 == 0) {
                std::unique_lock<std::shared_mutex> lock(mutex);
                first++, second++;
            } else {
                std::shared_lock<std::shared_mutex> lock(mutex);
                CHECK_EQ(first, second);
            }
        }
    });
    CHECK_EQ(first, threads / 3 * times);
}

static void async_returns_results()
{
    std::vector<std::future<long>> sums;
    long sum = 0;

    for (int n = 0; n < threads; n++)
        sums.push_back(std::async(std::launch::async, [n] {
            std::vector<long> numbers(1000);

            std::iota(numbers.begin(), numbers.end(), n * 1000L);
            return std::accumulate(numbers.begin(), numbers.end(), 0L);
        }));
    for (auto &part : sums)
        sum += part.get();
    CHECK_EQ(sum, threads * 1000L * (threads * 1000L - 1) / 2);
}

static void an_exception_crosses_to_another_thread()
{
    std::promise<int> promise;
    std::future<int> future = promise.get_future();
    std::string what;

    std::thread thread([&promise] {
        try {
            throw std::runtime_error("thrown in a thread");
        } catch (...) {
            promise.set_exception(std::current_exception());
        }
    });
    try {
        future.get();
    } catch (const std::exception &error) {
        what = error.what();
    }
    thread.join();
    CHECK(what == "thrown in a thread");
}

static void exceptions_unwind_in_all_threads_at_once()
{
    static thread_local int depth;
    std::atomic<int> destroyed{0}, caught{0};

    struct guard {
        std::atomic<int> &count;
        ~guard()
        {
            count++;
        }
    };
    struct thrower {
        static void recurse(std::atomic<int> &count, int levels)
        {
            guard local{count};

            depth = levels;
            if (levels == 0)
                throw depth;
            recurse(count, levels - 1);
        }
    };
    in_threads(threads, [&](int) {
        for (int n = 0; n < 100; n++) {
            try {
                thrower::recurse(destroyed, 20);
            } catch (int level) {
                caught += level == 0;
            }
        }
    });
    CHECK_EQ(caught.load(), threads * 100);
    CHECK_EQ(destroyed.load(), threads * 100 * 21);
}

static std::atomic<int> made, gone;

struct counted {
    std::string text = "thread-local";
    counted()
    {
        made++;
    }
    ~counted()
    {
        gone++;
    }
};

static counted &local()
{
    thread_local counted object;

    return object;
}

static void thread_local_objects_live_as_long_as_their_thread()
{
    made = gone = 0;
    in_threads(threads, [](int n) {
        local().text += std::to_string(n);
        CHECK(local().text == "thread-local" + std::to_string(n));
    });
    CHECK_EQ(made.load(), threads);
    CHECK_EQ(gone.load(), threads);
}

static void a_static_object_is_made_once()
{
    made = 0;
    in_threads(threads, [](int) {
        static std::unique_ptr<counted> object = std::make_unique<counted>();

        CHECK(object->text == "thread-local");
    });
    CHECK_EQ(made.load(), 1);
}

static void a_function_is_called_once()
{
    std::once_flag flag;
    std::atomic<int> calls{0};

    in_threads(threads, [&](int) { std::call_once(flag, [&] { calls++; }); });
    CHECK_EQ(calls.load(), 1);
}

static void streams_are_synchronized()
{
    std::ostringstream lines[threads];

    in_threads(threads, [&](int n) {
        for (int line = 0; line < times; line++)
            lines[n] << n << ' ' << line * 0.5 << '\n';
    });
    for (int n = 1; n < threads; n++)
        CHECK_EQ(lines[n].str().size(), lines[0].str().size());
    in_threads(threads, [](int) { std::cout << "# a line of a stream\n" << std::flush; });
    CHECK(std::cout.good());
}

static void memory_is_passed_between_threads()
{
    std::vector<std::unique_ptr<std::string>> parts(threads * times);

    in_threads(threads, [&](int number) {
        for (int n = 0; n < times; n++)
            parts[number * times + n] = std::make_unique<std::string>(n % 200 + 1, 'x');
    });
    in_threads(threads, [&](int number) { /* each frees what all have allocated */
                                          for (int n = number; n < threads * times; n += threads) {
                                              CHECK_EQ(parts[n]->size(), n % times % 200 + 1);
                                              parts[n].reset();
                                          }
    });
}

int main()
{
    RUN(a_mutex_admits_one_thread);
    RUN(two_mutexes_are_locked_without_deadlock);
    RUN(a_queue_of_strings_joins_threads);
    RUN(a_wait_ends_at_its_time);
    RUN(readers_share_a_lock);
    RUN(async_returns_results);
    RUN(an_exception_crosses_to_another_thread);
    RUN(exceptions_unwind_in_all_threads_at_once);
    RUN(thread_local_objects_live_as_long_as_their_thread);
    RUN(a_static_object_is_made_once);
    RUN(a_function_is_called_once);
    RUN(streams_are_synchronized);
    RUN(memory_is_passed_between_threads);
    return test_end();
}
