/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/steps.h
 * @brief The steps of a connection in the event and worker models, from accept to close.
 */
#ifndef MPMSTATS_MPM_THREADS_STEPS_H
#define MPMSTATS_MPM_THREADS_STEPS_H

#include <stdbool.h>

#include "mpm/conn/conn.h"

/**
 * Prepare this child. Ticker, before the workers start.
 * @param gone  called when a connection has ended, or could not be created; any thread
 */
void steps_child_init(void (*gone)(void));

/** Run a new connection until it parks or closes. */
void steps_read(conn_worker_t *w, conn_t *k);

/** Close a connection that cannot be run. */
void steps_close(conn_t *k);

/** Pre-cleanup of a connection's pool: run resume_connection before the cleanups of modules. */
apr_status_t steps_resume_before_cleanup(void *k);

/** Report a connection that could not be created. */
void steps_note_gone(void);

/** Run @a k, owned by the worker and ready or overdue, until it parks or closes. */
void steps_run(conn_worker_t *w, conn_t *k);

/** Close @a k, owned by the worker, to make room for other connections. */
void steps_shed(conn_worker_t *w, conn_t *k);

/** The same for an idle HTTP/2 connection: its client is sent a GOAWAY first. */
void steps_shed_idle(conn_worker_t *w, conn_t *k);

/** Ticker: true if a module's filter has ended the handshake of @a k (a timeout, mostly). */
bool steps_look(conn_t *k, apr_thread_t *ticker);

#endif
