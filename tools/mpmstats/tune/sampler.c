/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timing of observations: every LOOK_S, every second for long samples.
 */
#include "tune/sampler.h"

#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "source/fetcher.h"
#include "fields/figure.h"
#include "common/interrupt.h"
#include "common/memory.h"
#include "common/text.h"

#define LOOK_S 0.25
#define LOOKS_QUICK 1200 /* more observations than this: one per second instead */
#define GONE_S 5         /* unreachable for this time: the server has stopped */

struct sampler {
    fetcher_t *fetcher;
};

double sampler_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

sampler_t *sampler_open(source_t *source, failure_t *failure)
{
    fetcher_t *fetcher = fetcher_start(source, source_take_living, failure);
    sampler_t *sampler;

    if (fetcher == NULL) {
        return NULL;
    }
    sampler = memory_get(1, sizeof(*sampler));
    sampler->fetcher = fetcher;
    return sampler;
}

bool sampler_close(sampler_t *sampler)
{
    bool ended = fetcher_stop(sampler->fetcher);

    free(sampler);
    return ended;
}

/* Waits for a result until the time @a until. True: there is one. */
static bool wait_for_result(sampler_t *sampler, double until)
{
    struct pollfd ready = { .fd = fetcher_fd(sampler->fetcher), .events = POLLIN };
    double rest;

    while ((rest = until - sampler_clock()) > 0 && interrupt_number() == 0) {
        if (poll(&ready, 1, (int)fmin(rest * 1e3 + 1, 1000)) > 0) {
            return true;
        }
    }
    return false;
}

static bool interrupted(failure_t *failure)
{
    if (interrupt_number() == 0) {
        return false;
    }
    failure_set(failure, RC_LOCAL, "ended by signal %d (%s)", interrupt_number(),
                strsignal(interrupt_number()));
    return true;
}

sample_t *sampler_take(sampler_t *sampler, double seconds, failure_t *failure)
{
    double until = sampler_clock() + seconds;
    sample_t *sample = NULL;

    failure_set(
        failure, RC_TIMEOUT,
        "the server did not answer within %.0f s; try again when it is less busy, or with a longer --timeout",
        seconds);
    /* discard the answer to an earlier request */
    while (fetcher_busy(sampler->fetcher) && wait_for_result(sampler, until)) {
        failure_t old;

        if (fetcher_result(sampler->fetcher, &sample, &old)) {
            sample_free(sample);
        }
        sample = NULL;
    }
    if (!fetcher_busy(sampler->fetcher)) {
        fetcher_ask(sampler->fetcher);
        if (wait_for_result(sampler, until) && fetcher_result(sampler->fetcher, &sample, failure)
            && sample != NULL) {
            return sample;
        }
    }
    interrupted(failure);
    return NULL;
}

/* ---- progress ---- */

static void progress(const tuning_t *tuning, const char *word, double passed, double seconds)
{
    tuning_now_t now = tuning_now(tuning);
    char *line;

    if (isatty(STDERR_FILENO) != 1) {
        return;
    }
    line = memory_format("%s: %.0f s of %.0f s", word, passed, seconds);
    if (!isnan(now.busy)) {
        char *busy = memory_format("%s, %.0f of %.0f busy", line, now.busy, now.limit);

        free(line);
        line = busy;
    }
    if (!isnan(now.waiting)) {
        char *waiting = memory_format("%s, %.0f waiting", line, now.waiting);

        free(line);
        line = waiting;
    }
    if (!isnan(now.requests_per_s)) {
        char *requests = memory_format("%s, %.0f requests/s", line, now.requests_per_s);

        free(line);
        line = requests;
    }
    fprintf(stderr, "\r%-78.78s", line);
    fflush(stderr);
    free(line);
}

static void progress_end(void)
{
    if (isatty(STDERR_FILENO) == 1) {
        fprintf(stderr, "\r%78s\r", "");
        fflush(stderr);
    }
}

/* ---- the loop ---- */

typedef struct {
    sampler_t *sampler;
    tuning_t *tuning;
    double gone_since; /* 0: reachable */
    failure_t *failure;
} run_t;

/* True after GONE_S without a listener; a restart is shorter. */
static bool is_gone(run_t *run, const failure_t *failure)
{
    if (failure->rc != RC_UNREACHABLE) {
        run->gone_since = 0;
        return false;
    }
    if (run->gone_since <= 0) {
        run->gone_since = sampler_clock();
    }
    if (sampler_clock() - run->gone_since < GONE_S) {
        return false;
    }
    *run->failure = *failure;
    return true;
}

/* Requests a sample and records an observation by @a until at the latest. False: stop. */
static bool look(run_t *run, double until)
{
    sample_t *sample = NULL;
    failure_t failure = { .rc = RC_OK };
    bool same;

    fetcher_ask(run->sampler->fetcher);
    if (wait_for_result(run->sampler, until)
        && fetcher_result(run->sampler->fetcher, &sample, &failure) && sample == NULL) {
        if (is_gone(run, &failure)) {
            return false;
        }
    }
    if (sample != NULL) {
        run->gone_since = 0;
    }
    same = tuning_look(run->tuning, sample, sampler_clock());
    sample_free(sample);
    return same
        || failure_set(run->failure, RC_NOVALUE,
                       "the server was restarted meanwhile; let it run, then try again");
}

static void sleep_until(double until)
{
    double rest = until - sampler_clock();

    if (rest > 0 && interrupt_number() == 0) {
        poll(NULL, 0, (int)(rest * 1e3) + 1);
    }
}

static bool run_looks(run_t *run, double began, double seconds, const char *word)
{
    double step = seconds / LOOK_S > LOOKS_QUICK ? 1 : LOOK_S, next = began;
    bool middle = false;

    while (sampler_clock() < began + seconds) {
        next += step;
        if (!look(run, next) || interrupted(run->failure)) {
            return false;
        }
        if (!middle && sampler_clock() > began + seconds / 2) {
            tuning_mark(run->tuning);
            middle = true;
        }
        progress(run->tuning, word, sampler_clock() - began, seconds);
        sleep_until(next);
        if (next < sampler_clock() - step) {
            next = sampler_clock();
        }
    }
    return !interrupted(run->failure);
}

tuning_t *sampler_run(sampler_t *sampler, sample_t *first, const tuning_wishes_t *wishes,
                      double seconds, const char *word, failure_t *failure)
{
    double began = sampler_clock();
    run_t run = { .sampler = sampler,
                  .tuning = tuning_begin(first, wishes, began),
                  .failure = failure };

    if (!run_looks(&run, began, seconds, word)) {
        tuning_end(run.tuning);
        run.tuning = NULL;
    }
    progress_end();
    return run.tuning;
}
