/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/park.h
 * @brief Connections that wait in epoll without a thread.
 *
 * Parking a connection gives up its ownership; the thread that claims it becomes
 * the owner. Claims come from an epoll event (park_claim), from its deadline
 * (park_next_due, ticker only) and from pressure (park_oldest_idle,
 * park_oldest_head, park_largest_head); one lock decides between them:
 *
 *   park lock  guards  conn_t.{wait, parked, missed, hangup, urgent, registered, lasting,
 *                      deadline, next, generation, fd, in_heads, in_idle, head_bytes, older,
 *                      younger} (fd and in_heads: written; the owner reads them freely),
 *                      the table of connections, the run queue, the list of
 *                      suspended connections.
 *
 * It is a leaf: no function called with it held takes another lock. epoll_ctl()
 * is called with it held, so that it never applies to a descriptor that was
 * closed and reused for another connection.
 *
 * A dry socket that waits for more bytes is registered EPOLLET and stays so:
 * between requests no system call is needed. Its events also come while it is
 * not parked: the first one is recorded (`missed`), and the next park rearms,
 * which reports pending input again. A second one disarms the socket, so that
 * the packets of a long body do not wake pollers. Every other wait registers
 * EPOLLONESHOT, once per park. The generation in the tag identifies events of
 * closed connections.
 */
#ifndef MPMSTATS_MPM_THREADS_PARK_H
#define MPMSTATS_MPM_THREADS_PARK_H

#include <stdint.h>

#include "mpm/conn/conn.h"

/** Prepare for at most @a max connections; logs and exits the child if there is no memory. */
void park_init(int max);

/** A conn_t for @a fd, owned by the caller; NULL when @a max are in use, or without memory. */
conn_t *park_conn_new(int fd);

/** Before the descriptor is closed: exclude it from park_cut_all(). Owner. */
void park_forget_fd(conn_t *k);

/** Free an owned conn_t for reuse. */
void park_conn_free(conn_t *k);

/** Connections in use; a hint. */
int park_count(void);

typedef enum {
    PARK_FOR_MORE,  /**< input on a dry socket; the reader tolerates a spurious event */
    PARK_FOR_BYTES, /**< input, or pending input */
    PARK_FOR_ROOM   /**< the socket is writable */
} park_for_e;

/**
 * Wait for the socket, at most @a timeout (µs) from @a now (monotonic), with a look by the ticker
 * (steps_look()) every @a look (µs, 0 = never). On success the caller gives up ownership of @a k,
 * on failure it keeps it.
 */
apr_status_t park_wait(conn_t *k, park_for_e what, apr_time_t now, apr_interval_time_t timeout,
                       apr_interval_time_t look);

/**
 * Claim the connection that an epoll event is for, now owned by the caller; NULL if there is
 * nothing to do.
 */
conn_t *park_claim(uint64_t tag, uint32_t events);

/**
 * Ticker: claim the next connection whose deadline has passed (k->expired is set) or
 * whose look is due (k->expired is 0); NULL: none. The caller owns it and must
 * pass it to park_ready() or, after a look, to park_again().
 * @param next  out: time of the next call (monotonic µs), 0 for never
 */
conn_t *park_next_due(apr_time_t now, apr_time_t *next);

/** Ticker: after a look that found nothing, park it again with the same deadline. */
void park_again(conn_t *k, apr_interval_time_t look);

/** The request of @a k is complete: remove it from the heads that can be shed. Owner. */
void park_head_done(conn_t *k);

/**
 * Claim the oldest parked connection with an incomplete head (or small body), now
 * owned by the caller; NULL: none.
 */
conn_t *park_oldest_head(void);

/**
 * Claim the HTTP/2 connection that is parked longest without an open stream, now owned by the
 * caller; NULL: none.
 */
conn_t *park_oldest_idle(void);

/** As park_oldest_head(), but the one with most buffered bytes. */
conn_t *park_largest_head(void);

/** Append an owned connection to the run queue, and wake a poller. */
void park_ready(conn_t *k);

/** A worker takes the next one from the run queue; NULL if it is empty. */
conn_t *park_take_ready(void);

/**
 * A module resumes the connection: keep it until its state is no longer CONN_STATE_SUSPENDED (it
 * may have changed already) and all timed callbacks that ran at that moment have ended, since the
 * one that changed it may still use the connection. Callbacks registered for other connections
 * are waited for SETTLE_TIME (50 ms) at most.
 */
void park_suspend(conn_t *k);

/**
 * A callback has ended: queue every suspended connection that may continue. @a ended: the
 * connection it was registered for, or NULL; not dereferenced.
 */
void park_check_suspended(const void *ended);

/**
 * Ticker: the same for connections whose SETTLE_TIME has passed. Returns the time of the next call
 * (monotonic µs), 0 for never.
 */
apr_time_t park_settle(apr_time_t now);

/** Ticker: move the scoreboard handles of all connections to slot @a slot. */
void park_move_to_slot(int slot);

/** Ticker: queue the idle connections of protocols that can announce the close (HTTP/2). */
void park_ready_multiplexed(void);

/**
 * Keep @a k, whose request is complete, while handover_state() is HANDOVER_HOLD, then queue it.
 * Gives up ownership.
 */
void park_hold(conn_t *k);

/** Ticker: the hold is over: queue the kept connections. */
void park_release_held(void);

/**
 * Ticker: queue the parked connections that are to be passed on now (HANDOVER_GIVE), and idle ones
 * that cannot be; at the beginning of a hold the latter only.
 */
void park_ready_waiting(void);

/** Ticker: limit every parked lingering close to @a most (µs) from now. */
void park_hurry_linger(apr_interval_time_t most);

/** Shut down the sockets of all connections, which ends all waits for clients. */
void park_cut_all(void);

/** Wake a poller to check the queues. */
void park_wake_pollers(void);

/** The eventfd in the epoll set by which pollers are woken. */
int park_wake_fd(void);

#endif
