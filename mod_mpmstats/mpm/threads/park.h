/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/park.h
 * @brief Connections that wait in epoll without a thread.
 *
 * To park a connection is to give up owning it; whoever claims it next owns
 * it. Claims come from an epoll event (park_claim) and from its deadline
 * (park_next_expired, ticker only); one lock decides between them:
 *
 *   park lock  guards  conn_t.{wait, parked, missed, hangup, urgent, registered, lasting,
 *                      deadline, next, generation, fd, in_heads, head_bytes, older, younger} (fd
 *                      and in_heads: written; the owner reads them freely),
 *                      the table of connections, the run queue, the list of
 *                      suspended connections.
 *
 * It is a leaf: nothing is called with it held that could take another lock but
 * the kernel's. epoll_ctl is called with it held, so that it can never meet a
 * descriptor that has been closed and given to another connection meanwhile.
 *
 * A socket that was read dry and waits for more is registered EPOLLET and stays
 * so: between requests no system call is needed. Its events come whether or not
 * it is parked. One that comes too early is noted (`missed`); then the next park
 * arms anew, which looks at what there is. After a second one it is disarmed: a
 * client that sends a long body is not to wake pollers with each packet of it.
 * For every other wait it is registered EPOLLONESHOT, once per park. The
 * generation in the tag tells an event for a connection that is gone.
 */
#ifndef MPMSTATS_MPM_THREADS_PARK_H
#define MPMSTATS_MPM_THREADS_PARK_H

#include <stdint.h>

#include "mpm/conn/conn.h"

/** Prepare for at most @a max connections; ends the child with a message if there is no memory. */
void park_init(int max);

/** Memory for a connection on @a fd, owned by the caller; NULL when @a max are in use. */
conn_t *park_conn_new(int fd);

/** The descriptor is about to be closed: park_cut_all() must leave it alone. Owner. */
void park_forget_fd(conn_t *k);

/** Give the memory of an owned connection back. */
void park_conn_free(conn_t *k);

/** Connections in existence. */
int park_count(void);

typedef enum {
    PARK_FOR_MORE,  /**< bytes; the last read left none, and the next one may find none */
    PARK_FOR_BYTES, /**< bytes, or those that are there already */
    PARK_FOR_ROOM   /**< the socket can be written to */
} park_for_e;

/**
 * Wait for the socket, at most @a timeout (µs) from @a now (monotonic) on, looking in every @a look
 * (µs, 0 = never) through conn_look(). The caller owns @a k and, on success, does no longer. On
 * failure it still does.
 */
apr_status_t park_wait(conn_t *k, park_for_e what, apr_time_t now, apr_interval_time_t timeout,
                       apr_interval_time_t look);

/**
 * The connection that epoll told @a events of, now owned by the caller; NULL if there is nothing to
 * do.
 */
conn_t *park_claim(uint64_t tag, uint32_t events);

/**
 * Ticker: take the next connection whose time is up (k->expired is set) or
 * whose look is due (k->expired is 0); NULL when none is. The caller owns it and must
 * either hand it to park_ready() or, for a look, give it back with park_again().
 * @param next  out: when to come again (monotonic µs), 0 for never
 */
conn_t *park_next_due(apr_time_t now, apr_time_t *next);

/** Ticker: after a look that found nothing, let it wait on. */
void park_again(conn_t *k, apr_interval_time_t look);

/** The head of @a k is complete: it is no longer one to be given up. Owner. */
void park_head_done(conn_t *k);

/**
 * Of the parked connections that are still sending a head (or body), the one that
 * began first, now owned by the caller; NULL when there is none.
 */
conn_t *park_oldest_head(void);

/** Of these, the one that holds most; as park_oldest_head(). */
conn_t *park_largest_head(void);

/** Put an owned connection in the queue for the next free worker, and wake one. */
void park_ready(conn_t *k);

/** A worker takes the next from that queue; NULL if it is empty. */
conn_t *park_take_ready(void);

/**
 * A module resumes the connection by itself: keep it until its state is no longer
 * CONN_STATE_SUSPENDED (it may be so already) and every timed callback is over that ran then, for
 * the one that changed it may still use the connection. Those that were registered for another
 * connection are waited for 50 ms at most: one that ends the requests of many has then left this
 * one alone.
 */
void park_suspend(conn_t *k);

/**
 * A callback is over: queue every suspended connection that may go on. @a ended: the connection for
 * which it was registered, or NULL; not followed.
 */
void park_check_suspended(const void *ended);

/**
 * Ticker: the same where it was only a matter of time. Returns when to come again (monotonic µs), 0
 * for never.
 */
apr_time_t park_settle(apr_time_t now);

/** Ticker: what connections write to the scoreboard goes to slot @a slot from now on. */
void park_move_to_slot(int slot);

/** Ticker: queue the idle connections of protocols that can tell their client to go (HTTP/2). */
void park_ready_multiplexed(void);

/**
 * The request of @a k is whole and may not be begun: keep it, while handover_state() is
 * HANDOVER_HOLD. Gives up owning it.
 */
void park_hold(conn_t *k);

/** Ticker: the hold is over: queue what was kept. */
void park_release_held(void);

/**
 * Ticker: queue the connections that wait for a request, or more of it, and are to be passed on now
 * (HANDOVER_GIVE); at the beginning of a hold those that cannot be.
 */
void park_ready_waiting(void);

/** Ticker: no lingering close may take longer than @a most (µs) from now. */
void park_hurry_linger(apr_interval_time_t most);

/** Shut down the sockets of all connections, so that whoever waits for a client stops. */
void park_cut_all(void);

/** Make a poller look at the queues. */
void park_wake_pollers(void);

/** eventfd in the epoll set that tells pollers to look at the queue. */
int park_wake_fd(void);

#endif
