/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/timers.h
 * @brief Timed callbacks (ap_mpm_register_timed_callback). They run in workers.
 *
 * One that is due at once, as it registers itself again and again for instance, has its turn like
 * an event: whoever serves the queue runs what was due as it began (timers_run_due()), and then
 * polls.
 *
 * A lock of its own guards the list; it is a leaf.
 */
#ifndef MPMSTATS_MPM_THREADS_TIMERS_H
#define MPMSTATS_MPM_THREADS_TIMERS_H

#include "ap_mpm.h"

/** Prepare this child. Ticker, before the workers start. */
void timers_child_init(apr_pool_t *pchild);

/** The hook: run @a fn(@a baton) in @a t µs from now. Any thread. */
apr_status_t timers_register(apr_time_t t, ap_mpm_callback_fn_t *fn, void *baton);

/** Ticker: when the next is due (monotonic µs), 0 if there is none. */
apr_time_t timers_next(void);

/**
 * A worker runs one that is due; zero when there is none. It may have finished a suspended request:
 * park_check_suspended(). @a of: out, the connection for which it was registered; NULL: none is known.
 */
int timers_run_due(apr_time_t now, const void **of);

/** Whether one is due, without taking it. Any thread, cheap. */
int timers_due(apr_time_t now);

/** Callbacks that run at this moment. */
int timers_running(void);

/**
 * Callbacks are numbered as they begin: what had begun by a certain moment is over when no number
 * below the next one of that moment runs any more. @a of is the connection that ran, or whose
 * callback did, as it was registered; NULL: none.
 */
apr_uint64_t timers_next_number(void);

#define TIMERS_SEEN 32

/** The callbacks that run at one moment; those beyond TIMERS_SEEN by the oldest of them alone. */
typedef struct {
    int count;
    struct {
        apr_uint64_t number;
        const void *of;
    } seen[TIMERS_SEEN];
    apr_uint64_t oldest_unseen; /**< 0: all are seen */
    apr_uint64_t next;          /**< number of the first that had not begun */
} timers_runners_t;

void timers_runners(timers_runners_t *out);

/** Callbacks, by the connection for which they were registered. */
typedef enum {
    TIMERS_ANY,
    TIMERS_OF_OR_NONE, /**< of the one that is given, or of none */
    TIMERS_OF
} timers_whose_e;

/** Whether a callback with a number below @a before runs there, or has begun since. */
int timers_runs_before(const timers_runners_t *runners, apr_uint64_t before, timers_whose_e whose,
                       const void *of);

/** Whether this thread has registered a callback since it was asked last. */
int timers_registered_here(void);

#endif
