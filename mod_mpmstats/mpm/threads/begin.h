/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/begin.h
 * @brief The beginning of a connection in the event and worker models.
 */
#ifndef MPMSTATS_MPM_THREADS_BEGIN_H
#define MPMSTATS_MPM_THREADS_BEGIN_H

#include "mpm/conn/conn.h"

struct handover_t;

/**
 * Set up the connection of an accepted socket and run it until it parks or closes. Takes ownership
 * of @a pool (and the socket in it).
 * @param async_ok  heads of its listener's protocol may be read without a worker
 */
void begin_accepted(conn_worker_t *w, apr_pool_t *pool, apr_socket_t *sock, int async_ok);

/** The same for a connection of the previous generation, with @a bytes read of its next request. */
void begin_adopted(conn_worker_t *w, apr_pool_t *pool, apr_socket_t *sock,
                   const struct handover_t *what, const char *bytes);

#endif
