/* Threads of POSIX in a test. */
#pragma once

#include "test.h"

#include <pthread.h>

/* Starts a thread; waits for the end of one, and returns its result. */
pthread_t thread_start(void *(*body)(void *), void *arg);
void *thread_join(pthread_t thread);
