/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/pending_tls.h
 * @brief TLS connections a prefork child has begun, and whose first request is not whole yet.
 *
 * What a client has sent over TLS cannot be looked at without taking part in it, and then nobody
 * else can go on with it: such a connection cannot wait in the lobby. It waits in the child's own
 * epoll, beside everything else that the child waits for, so it does not occupy the child;
 * inbound.h reads it without blocking. While the child runs a request those it holds wait. So that
 * this does not happen while another child is free, the child counts as busy, which makes the
 * parent start more, and takes nothing new as long as others are idle (prefork.c). Where
 * MaxRequestWorkers is reached and children do hold several, they keep no connection after its
 * answer.
 *
 * For the process's one thread.
 */
#ifndef MPMSTATS_MPM_PREFORK_PENDING_TLS_H
#define MPMSTATS_MPM_PREFORK_PENDING_TLS_H

#include "mpm/conn/conn.h"

/** Hold up to @a limit connections, in @a epoll_fd, where the event's pointer is the conn_t. */
void pending_tls_init(int epoll_fd, int limit);

/** How many are held. */
int pending_tls_count(void);

/** Read what there is of @a k's first request: nonzero if it is to be run. */
int pending_tls_is_ready(conn_t *k);

/** Hold @a k, which is not ready. Zero if that is not possible, and it has to be run. */
int pending_tls_keep(conn_t *k);

/** Epoll has told something of @a k: nonzero if it is held no longer, and to be run. */
int pending_tls_event(conn_t *k);

/** The next one that is held no longer, because its time is up: to be run. NULL: none. */
conn_t *pending_tls_overdue(apr_time_t now);

/** The one to give up for a new one, which is held no longer; NULL if there is room. */
conn_t *pending_tls_to_drop(void);

/** While MPMHeadMemory is exceeded, the one that holds most; it is held no longer. */
conn_t *held_over_budget(void);

/** The time until pending_tls_overdue() has to be called, @a most at most; in µs. */
apr_interval_time_t pending_tls_patience(apr_time_t now, apr_interval_time_t most);

#endif
