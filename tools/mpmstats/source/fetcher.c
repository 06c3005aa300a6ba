/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread, one request at a time. The mutex guards state, sample and failure,
 * the only shared data; no other lock is taken while it is held.
 */
#include "source/fetcher.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "common/memory.h"

#define STOP_WAIT_NS 100000000L

typedef enum { FETCHER_IDLE, FETCHER_ASKED, FETCHER_DONE, FETCHER_STOP } fetcher_state_e;

struct fetcher {
    source_t *source; /* used by the thread only */
    fetcher_take_fn *take;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    fetcher_state_e state;
    sample_t *sample;
    failure_t failure;
    int ready; /* eventfd: result available */
};

/* Waits for a request; false: stop the thread. */
static bool next_request(fetcher_t *fetcher)
{
    bool asked;

    pthread_mutex_lock(&fetcher->mutex);
    while (fetcher->state != FETCHER_ASKED && fetcher->state != FETCHER_STOP) {
        pthread_cond_wait(&fetcher->changed, &fetcher->mutex);
    }
    asked = fetcher->state == FETCHER_ASKED;
    pthread_mutex_unlock(&fetcher->mutex);
    return asked;
}

/* Stores the result; false when the fetcher is being stopped. */
static bool hand_over(fetcher_t *fetcher, sample_t *sample, const failure_t *failure)
{
    const uint64_t one = 1;
    bool wanted;

    pthread_mutex_lock(&fetcher->mutex);
    wanted = fetcher->state == FETCHER_ASKED;
    if (wanted) {
        fetcher->sample = sample;
        fetcher->failure = *failure;
        fetcher->state = FETCHER_DONE;
        wanted = write(fetcher->ready, &one, sizeof(one)) == sizeof(one);
    }
    else {
        sample_free(sample);
    }
    pthread_mutex_unlock(&fetcher->mutex);
    return wanted;
}

static void *thread_main(void *arg)
{
    fetcher_t *fetcher = arg;

    while (next_request(fetcher)) {
        failure_t failure = { .rc = RC_OK };
        sample_t *sample = fetcher->take(fetcher->source, &failure);

        if (!hand_over(fetcher, sample, &failure)) {
            break;
        }
    }
    return NULL;
}

static void fetcher_free(fetcher_t *fetcher)
{
    source_close(fetcher->source);
    sample_free(fetcher->sample);
    pthread_cond_destroy(&fetcher->changed);
    pthread_mutex_destroy(&fetcher->mutex);
    if (fetcher->ready >= 0) {
        close(fetcher->ready);
    }
    free(fetcher);
}

fetcher_t *fetcher_start(source_t *source, fetcher_take_fn *take, failure_t *failure)
{
    fetcher_t *fetcher = memory_get(1, sizeof(*fetcher));
    int error;

    fetcher->source = source;
    fetcher->take = take;
    pthread_mutex_init(&fetcher->mutex, NULL);
    pthread_cond_init(&fetcher->changed, NULL);
    fetcher->ready = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    error = fetcher->ready < 0 ? errno
                               : pthread_create(&fetcher->thread, NULL, thread_main, fetcher);
    if (error != 0) {
        failure_set(failure, RC_LOCAL, "cannot start a thread: %s; close something and try again",
                    strerror(error));
        fetcher_free(fetcher);
        return NULL;
    }
    return fetcher;
}

int fetcher_fd(const fetcher_t *fetcher)
{
    return fetcher->ready;
}

void fetcher_ask(fetcher_t *fetcher)
{
    pthread_mutex_lock(&fetcher->mutex);
    if (fetcher->state == FETCHER_IDLE) {
        fetcher->state = FETCHER_ASKED;
        pthread_cond_signal(&fetcher->changed);
    }
    pthread_mutex_unlock(&fetcher->mutex);
}

bool fetcher_busy(fetcher_t *fetcher)
{
    bool busy;

    pthread_mutex_lock(&fetcher->mutex);
    busy = fetcher->state != FETCHER_IDLE;
    pthread_mutex_unlock(&fetcher->mutex);
    return busy;
}

bool fetcher_result(fetcher_t *fetcher, sample_t **sample, failure_t *failure)
{
    uint64_t count;
    bool done;

    pthread_mutex_lock(&fetcher->mutex);
    done = fetcher->state == FETCHER_DONE;
    if (done) {
        done = read(fetcher->ready, &count, sizeof(count)) == sizeof(count);
        *sample = fetcher->sample;
        *failure = fetcher->failure;
        fetcher->sample = NULL;
        fetcher->state = FETCHER_IDLE;
    }
    pthread_mutex_unlock(&fetcher->mutex);
    return done;
}

bool fetcher_stop(fetcher_t *fetcher)
{
    struct timespec until;

    pthread_mutex_lock(&fetcher->mutex);
    fetcher->state = FETCHER_STOP;
    pthread_cond_signal(&fetcher->changed);
    pthread_mutex_unlock(&fetcher->mutex);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += STOP_WAIT_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    if (pthread_timedjoin_np(fetcher->thread, NULL, &until) != 0) {
        return false;
    }
    fetcher_free(fetcher);
    return true;
}
