/* Futexes: threads that sleep until another thread says that a word of user memory has changed, for
   futex(2). The C library's locks and once-initialisations are made of them.

   Threads meet at a word of their address space, and processes at a word of an object that they map
   shared. */
#pragma once

#include <lib/base.h>

#define FUTEX_ANY_BITS UINT32_MAX

/* A word of user memory, at a multiple of 4. Private: the program promises that only threads of its
   address space use it, so nobody needs to look at the region. */
struct futex_word {
    uint32_t __user *at;
    bool is_private;
};

/* Sleeps while the word is `expected`, until a wake-up of one of the bits, or until `deadline_ns`
   (monotonic; UINT64_MAX: never). Errors: -EAGAIN (the word has another
   value), -EFAULT, -ETIMEDOUT, -EINTR. */
__must_check int futex_wait(const struct futex_word *word, uint32_t expected, uint32_t bits,
                            uint64_t deadline_ns);

/* Wakes waiters of the word that wait for one of the bits, in the order of their arrival: as many
   as `limit`, and at least one if there is one, as on Linux. Returns how many. Does not access the
   word. */
int futex_wake(const struct futex_word *word, int limit, uint32_t bits);

/* Wakes up to `wake_limit` waiters of the word `from`, and makes up to `move_limit` others wait at
   `to`. Returns how many were woken; *moved is how many wait at `to` now. */
int futex_requeue(const struct futex_word *from, int wake_limit, const struct futex_word *to,
                  int move_limit, int *moved);

/* FUTEX_WAKE_OP: changes the word `second` in one atomic step, as `operation` says; wakes up to
   `limit` waiters of `first`; and, if the old value of `second` compares as `operation` says, up to
   `second_limit` waiters of `second`. Returns how many were woken. -EFAULT; -ENOSYS: no operation or
   comparison has that number. */
int futex_wake_op(const struct futex_word *first, int limit, const struct futex_word *second,
                  int second_limit, uint32_t operation);

/* Called when the current task is about to leave its address space, by exec or exit.
   Marks the words of the robust list that the task holds with FUTEX_OWNER_DIED. If others use the
   space, clears the word that set_tid_address(2) has named. Wakes a waiter at each. The caller holds no lock. */
void futex_leave(void);
