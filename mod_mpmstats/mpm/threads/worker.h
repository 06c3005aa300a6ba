/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/worker.h
 * @brief The threads that run requests, and who of them polls.
 *
 * Each process has `concurrency` polling slots. A worker polls (epoll_wait) and runs what it gets only
 * while it holds a polling slot; all others sleep, and the one that slept least is woken first. When the
 * ticker sees that a holder blocks, or takes much CPU time for one request, it takes the polling slot and
 * gives it, with the events already fetched, to a sleeping worker, or to a new one below the
 * ceiling. A holder that is about to run a handler whose requests have blocked before does so
 * itself. A worker that comes back without its polling slot sleeps, unless a polling slot lies about.
 */
#ifndef MPMSTATS_MPM_THREADS_WORKER_H
#define MPMSTATS_MPM_THREADS_WORKER_H

#include "apr_errno.h"
#include "apr_time.h"

/** Start the first workers. Ticker. */
apr_status_t workers_start(void);

typedef enum {
    WORKERS_QUIET, /**< no holder of a polling slot is in a run */
    WORKERS_RUN,
    WORKERS_BLOCK /**< one was found to block; whoever holds its polling slot now may do the same */
} workers_e;

/** Ticker: hand on the polling slots of workers that block. */
workers_e workers_watch(void);

/**
 * Worker @a index is about to give a request to @a handler (NULL: none is named). Does nothing in
 * another thread.
 */
void workers_about_to_run(int index, const char *handler);

/** Ticker, now and then: create spare workers, let superfluous ones go, join those that left. */
void workers_maintain(apr_time_t now);

/** Tell all to leave once they have finished what they run. Any thread. */
void workers_leave(void);

/**
 * Ticker: wait for all to have left, at most @a patience (µs, 0 = for ever). How many are still
 * there.
 */
int workers_join(apr_interval_time_t patience);

/** Runs begun so far; wraps. */
unsigned long workers_runs(void);

/** Number of the run worker @a index is in, 0 if it is in none. Any thread. */
apr_uint64_t workers_run_of(int index);

/** Workers that are in a run. */
int workers_busy(void);

#endif
