/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Test-only: preloaded into apache2 (LD_PRELOAD), lets a child's ticker be overtaken: after one in
 * four pthread_mutex_unlock() its thread, the first of the process, sleeps for
 * MPM_TEST_TICKER_DELAY µs. What it has seen under a lock is then of the past.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Written by the constructor, and after fork(2). */
static int (*really_unlock)(pthread_mutex_t *);
static long delay_us;
static int forks; /* between the program that was started and this process */
static _Thread_local int is_ticker;
static unsigned dice = 1; /* the ticker's */

static void in_child(void)
{
    forks++;
    is_ticker = forks >= 2; /* the first one made the server a daemon */
}

__attribute__((constructor)) static void begin(void)
{
    const char *text = getenv("MPM_TEST_TICKER_DELAY");

    *(void **)&really_unlock = dlsym(RTLD_NEXT, "pthread_mutex_unlock");
    delay_us = text != NULL ? atol(text) : 0;
    pthread_atfork(NULL, NULL, in_child);
}

int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    struct timespec ts = { .tv_nsec = delay_us * 1000 };
    int rc = really_unlock(mutex);

    if (is_ticker && delay_us > 0) {
        dice = dice * 1103515245 + 12345;
        if (dice >> 30 == 0) {
            nanosleep(&ts, NULL);
        }
    }
    return rc;
}
