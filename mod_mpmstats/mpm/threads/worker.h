/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/worker.h
 * @brief The worker threads, and the polling slots.
 *
 * Each process has `concurrency` polling slots. A worker polls (epoll_wait) and runs events only
 * while it holds one; all others sleep, and the last to fall asleep is woken first. When the ticker
 * detects that a holder blocks, or uses much CPU time for one request, it gives the polling slot,
 * with the events already fetched, to a sleeping worker, or to a new one below ThreadsPerChild. A
 * holder that is about to run a handler whose requests have blocked before does so itself. A worker
 * that ends its run without its polling slot takes a free one, or sleeps.
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
    WORKERS_BLOCK /**< one was found to block; the next holder of its slot may block too */
} workers_e;

/** Ticker: pass on the polling slots of workers that block or compute. */
workers_e workers_watch(void);

/**
 * Worker @a index is about to run @a handler (NULL: no name). No-op in other threads.
 */
void workers_about_to_run(int index, const char *handler);

/** Ticker, periodically: create spare workers, retire surplus ones, join those that have exited. */
void workers_maintain(apr_time_t now);

/** Make all workers exit after their current run. Any thread. */
void workers_leave(void);

/**
 * Ticker: wait until all have exited, at most @a patience (µs, 0 = no limit). Returns the number
 * left.
 */
int workers_join(apr_interval_time_t patience);

/** Runs started so far; wraps. */
unsigned long workers_runs(void);

/** Number of the current run of worker @a index, 0 if none. Any thread. */
apr_uint64_t workers_run_of(int index);

/** Number of workers in a run. */
int workers_busy(void);

#endif
