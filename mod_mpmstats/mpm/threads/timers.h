/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/timers.h
 * @brief Timed callbacks (ap_mpm_register_timed_callback). They run in workers.
 *
 * A worker runs only the callbacks that were due when it began to serve the queue
 * (timers_run_due()), then polls: callbacks that register themselves again without delay do not
 * starve events.
 *
 * The list has its own lock, a leaf.
 */
#ifndef MPMSTATS_MPM_THREADS_TIMERS_H
#define MPMSTATS_MPM_THREADS_TIMERS_H

#include <stdbool.h>

#include "ap_mpm.h"

/** Prepare this child. Ticker, before the workers start. */
void timers_child_init(apr_pool_t *pchild);

/** The hook: run @a fn(@a baton) in @a t µs from now. Any thread. */
apr_status_t timers_register(apr_time_t t, ap_mpm_callback_fn_t *fn, void *baton);

/** Ticker: due time of the next callback (monotonic µs), 0 if none. */
apr_time_t timers_next(void);

/**
 * A worker runs one callback that is due; zero: there is none. It may have finished a suspended
 * request: call park_check_suspended(). @a of: out, the connection it was registered for, or NULL.
 */
bool timers_run_due(apr_time_t now, const void **of);

/** Whether a callback is due. Any thread, cheap. */
bool timers_due(apr_time_t now);

/** Number of running callbacks. */
int timers_running(void);

/**
 * The number the next callback gets when it begins. All callbacks that had begun at some moment
 * have ended when none with a number below the next one of that moment runs.
 */
apr_uint64_t timers_next_number(void);

#define TIMERS_SEEN 32

/** Snapshot of the running callbacks; of those beyond TIMERS_SEEN only the oldest number. */
typedef struct {
    int count;
    struct {
        apr_uint64_t number;
        const void *of; /**< connection that ran, or whose callback did, at registration; or NULL */
    } seen[TIMERS_SEEN];
    apr_uint64_t oldest_unseen; /**< 0: all are in `seen` */
    apr_uint64_t next;          /**< timers_next_number() at the snapshot */
} timers_runners_t;

void timers_runners(timers_runners_t *out);

/** Selection of callbacks by the connection they were registered for. */
typedef enum {
    TIMERS_ANY,
    TIMERS_OF_OR_NONE, /**< of the given one, or of none */
    TIMERS_OF
} timers_whose_e;

/** Whether a selected callback below number @a before ran at the snapshot, or may run since. */
bool timers_runs_before(const timers_runners_t *runners, apr_uint64_t before, timers_whose_e whose,
                        const void *of);

/** Whether this thread has registered a callback since the last call. */
int timers_registered_here(void);

#endif
