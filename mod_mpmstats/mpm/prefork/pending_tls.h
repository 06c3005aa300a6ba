/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/pending_tls.h
 * @brief Pending TLS connections: begun by a prefork child, their first request incomplete.
 *
 * To read over TLS a process must take part in the handshake, and no other process can then
 * continue the connection, so it cannot wait in the lobby. It waits in the child's own epoll
 * instance and is read without blocking (inbound.h). While the child runs a request, its pending
 * connections wait. To avoid that while other children are free, the child counts as busy, which
 * makes the parent start more, and accepts nothing while others are idle (prefork.c). A child that
 * has pending connections allows no keep-alive, so they wait for one request only.
 *
 * Used by the process's only thread.
 */
#ifndef MPMSTATS_MPM_PREFORK_PENDING_TLS_H
#define MPMSTATS_MPM_PREFORK_PENDING_TLS_H

#include <stdbool.h>

#include "mpm/conn/conn.h"

/** Watch up to @a limit connections in @a epoll_fd, with the conn_t as the event's pointer. */
void pending_tls_init(int epoll_fd, int limit);

/** Number of pending connections. */
int pending_tls_count(void);

/** Read what @a k has received of its first request: true if it is to be run. */
bool pending_tls_is_ready(conn_t *k);

/** Add @a k, which is not ready. Zero if that fails: run it. */
bool pending_tls_keep(conn_t *k);

/** Handle an epoll event of @a k: true if it was removed and is to be run. */
bool pending_tls_event(conn_t *k);

/** Remove a connection that timed out, to be run. NULL: none. */
conn_t *pending_tls_overdue(apr_time_t now);

/** At the limit, remove the oldest connection, to be closed; NULL: below the limit. */
conn_t *pending_tls_to_drop(void);

/** Above MPMHeadMemory, remove the connection with most bytes, to be closed; else NULL. */
conn_t *held_over_budget(void);

/** µs until pending_tls_overdue() must be called, at most @a most. */
apr_interval_time_t pending_tls_patience(apr_time_t now, apr_interval_time_t most);

#endif
