/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/timers.h
 * @brief Timed callbacks (ap_mpm_register_timed_callback). They run in workers.
 *
 * A lock of its own guards the list; it is a leaf.
 */
#ifndef MPM_TIMERS_H
#define MPM_TIMERS_H

#include "ap_mpm.h"

/** Prepare this child. Ticker, before the workers start. */
void timers_child_init(apr_pool_t *pchild);

/** The hook: run @a fn(@a baton) in @a t µs from now. Any thread. */
apr_status_t timers_register(apr_time_t t, ap_mpm_callback_fn_t *fn, void *baton);

/** Ticker: when the next is due (monotonic µs), 0 if there is none. */
apr_time_t timers_next(void);

/** A worker runs one that is due; zero when there is none. */
int timers_run_due(apr_time_t now);

/** Whether one is due, without taking it. Any thread, cheap. */
int timers_due(apr_time_t now);

/** Callbacks that run at this moment. */
int timers_running(void);

/**
 * Callbacks are numbered as they begin. The number the next one gets, and that of the oldest
 * that still runs (the next one's when none does): what had begun by a certain moment is
 * over when the oldest has passed the number seen then.
 */
apr_uint64_t timers_next_number(void);
apr_uint64_t timers_oldest_number(void);

/** Whether this thread has registered a callback since it was asked last. */
int timers_registered_here(void);

#endif
