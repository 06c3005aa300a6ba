/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/accept.h
 * @brief The listening sockets of a child.
 *
 * They are in every child's epoll with EPOLLEXCLUSIVE. accept.c's lock guards
 * whether they are there and whether they are open: a socket is never closed
 * under an accept(2).
 */
#ifndef MPMSTATS_MPM_THREADS_ACCEPT_H
#define MPMSTATS_MPM_THREADS_ACCEPT_H

#include "apr_time.h"
#include "mpm/conn/conn.h"

/** Put the listeners in epoll. Ticker, before the workers start. */
void accept_start(void);

/**
 * A listener is readable: accept one connection and run it. @a n is the number in the
 * event's tag. Nonzero if there was one, so there may be more.
 */
int accept_ready(conn_worker_t *w, unsigned n);

/** Ticker: go on accepting what waits in the kernel's queue, and then stop. */
void accept_drain(void);

/** Ticker: whether that is still going on. */
int accept_draining(void);

/**
 * Ticker: accept nothing, and leave what comes in the kernel's queue, until accept_go_on(). The
 * sockets stay open.
 */
void accept_hold(void);
void accept_go_on(void);

/** Stop accepting for good and close the sockets. Any thread. */
void accept_stop(void);

/**
 * Ticker: stop accepting because others accept instead. A connection of which only we were told,
 * or shall be told in a moment, is ours nevertheless: workers take what is in the kernel's queue
 * now (accept_last) before the sockets are closed. Until then accept_draining().
 */
void accept_finish(void);

/** Whether there may be something for accept_last(). Any thread; a hint. */
int accept_has_last(void);

/** Take and run one of the last connections, or find that there is none any more. */
void accept_last(conn_worker_t *w);

/**
 * Ticker, now and then: look whether a connection waits of which somebody else was told who cannot
 * take it.
 */
void accept_look(void);

/** A connection has gone: accept again if the limit was why we did not. Any thread. */
void accept_room(void);

/** Ticker: accept again after a shortage, send the others to look. Returns when to come again, 0 for never. */
apr_time_t accept_resume(apr_time_t now);

#endif
