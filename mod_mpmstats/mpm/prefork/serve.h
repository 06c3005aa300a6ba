/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/serve.h
 * @brief Serving a connection in a prefork child, from its first request to its end.
 */
#ifndef MPMSTATS_MPM_PREFORK_SERVE_H
#define MPMSTATS_MPM_PREFORK_SERVE_H

#include "mpm/conn/conn.h"
#include "mpm/process/handoff.h"

/** @a sbh: this child's scoreboard handle. */
void serve_init(ap_sb_handle_t *sbh);

/** Number of connections so far. */
unsigned serve_count(void);

/**
 * Serve the connection @a sock with descriptor @a fd, described by @a what, or keep it as a pending
 * TLS connection. Takes ownership of @a pool.
 */
void serve_new(apr_pool_t *pool, apr_socket_t *sock, int fd, const handoff_t *what);

/** The same for a descriptor received from another process. */
void serve_handed_over(apr_pool_t *pool, int fd, const handoff_t *what);

/** Run the connection @a k that was pending. */
void serve_held(conn_t *k);

/** Close the connection @a k that was pending, without a response. NULL: none. */
void serve_close_dropped(conn_t *k);

#endif
