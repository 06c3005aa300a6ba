/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/steps.h
 * @brief The life of a connection in the event and worker models, from accept to close.
 */
#ifndef MPMSTATS_MPM_THREADS_STEPS_H
#define MPMSTATS_MPM_THREADS_STEPS_H

#include "mpm/conn/conn.h"

/**
 * Prepare this child. Ticker, before the workers start.
 * @param gone  called when a connection has gone, or could not be made; any thread
 */
void steps_child_init(void (*gone)(void));

/** A connection that has just been set up: run it until it parks or closes. */
void steps_read(conn_worker_t *w, conn_t *k);

/** It cannot be run: close it. */
void steps_close(conn_t *k);

/** Pre-cleanup of the pool of a conn_t: modules must see a resume before their cleanups run. */
apr_status_t steps_resume_before_cleanup(void *k);

/** A connection could not be made. */
void steps_note_gone(void);

/** The worker owns @a k, which is ready or overdue: run it until it parks or closes. */
void steps_run(conn_worker_t *w, conn_t *k);

/** The worker owns @a k, which is given up because there are too many connections. */
void steps_shed(conn_worker_t *w, conn_t *k);

/**
 * Ticker: look whether a module's filter has run out of patience with a parked head; then nonzero.
 */
int steps_look(conn_t *k, apr_thread_t *ticker);

#endif
