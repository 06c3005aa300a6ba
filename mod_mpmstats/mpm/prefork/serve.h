/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/serve.h
 * @brief A prefork child serves a connection, from its first request to its end.
 */
#ifndef MPMSTATS_MPM_PREFORK_SERVE_H
#define MPMSTATS_MPM_PREFORK_SERVE_H

#include "mpm/conn/conn.h"
#include "mpm/process/handoff.h"

/** @a sbh: this child's in httpd's scoreboard. */
void serve_init(ap_sb_handle_t *sbh);

/** Connections so far. */
unsigned serve_count(void);

/**
 * Serve the connection @a sock on @a fd, of which @a what is known, or hold it until it can be
 * (pending_tls.h). Takes @a pool.
 */
void serve_new(apr_pool_t *pool, apr_socket_t *sock, int fd, const handoff_t *what);

/** The same with a descriptor that has been passed on. */
void serve_handed_over(apr_pool_t *pool, int fd, const handoff_t *what);

/** @a k was held, and is to be run. */
void serve_held(conn_t *k);

/** @a k was held, and is given up; NULL: nothing. */
void serve_close_dropped(conn_t *k);

#endif
