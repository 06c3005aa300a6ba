/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/accept.h
 * @brief The listening sockets of a child.
 *
 * Every child's epoll has them with EPOLLEXCLUSIVE. accept.c's lock guards this
 * registration and whether the sockets are open: no socket is closed during an
 * accept(2).
 */
#ifndef MPMSTATS_MPM_THREADS_ACCEPT_H
#define MPMSTATS_MPM_THREADS_ACCEPT_H

#include <stdbool.h>

#include "apr_time.h"
#include "mpm/conn/conn.h"

/** Put the listeners in epoll. Ticker, before the workers start. */
void accept_start(void);

/**
 * A listener is readable: accept one connection and run it. @a n is the number in the
 * event's tag. True if the caller should accept more.
 */
bool accept_ready(conn_worker_t *w, unsigned n);

/** Ticker: accept the connections in the kernel's queue, then stop. */
void accept_drain(void);

/** Ticker: whether accept_drain() or accept_finish() is in progress; stops when it is over. */
bool accept_draining(void);

/**
 * Ticker: accept nothing until accept_go_on(): the sockets stay open, new connections wait in the
 * kernel's queue.
 */
void accept_hold(void);
void accept_go_on(void);

/** Stop accepting for good and close the sockets. Any thread. */
void accept_stop(void);

/**
 * Ticker: stop accepting because other processes accept. The kernel may have notified only this
 * process of a connection, so workers empty its queue (accept_last) before the sockets are closed.
 * Until then accept_draining().
 */
void accept_finish(void);

/** Whether there may be something for accept_last(). Any thread; a hint. */
int accept_has_last(void);

/** Accept and run one of the last connections; stop accepting if none is left. */
void accept_last(conn_worker_t *w);

/**
 * Ticker, periodically: find connections in the queue that the kernel notified another process of,
 * which cannot accept them.
 */
void accept_look(void);

/** A connection has ended: accept again if the limit was the reason not to. Any thread. */
void accept_room(void);

/**
 * Ticker: accept again after a shortage; make other processes check their listeners, if due.
 * Returns the time of the next call, 0 for never.
 */
apr_time_t accept_resume(apr_time_t now);

#endif
