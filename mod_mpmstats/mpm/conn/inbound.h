/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/inbound.h
 * @brief Reading a request's head, and a small body, without waiting.
 *
 * Two pieces in the input filter chain of a client connection:
 *
 * - a bucket of our own in place of the core's socket bucket. It knows when
 *   the socket has been read dry, and spares the system call that would only
 *   say so;
 * - a filter on top of the connection's filters (above mod_ssl). While the
 *   connection has no worker, inbound_advance() pulls through the filters below
 *   without blocking, and keeps what comes in a stash until a head is whole.
 *   Later readers are served from the stash first, then from below.
 *
 * All of it belongs to the connection's owner.
 */
#ifndef MPMSTATS_MPM_CONN_INBOUND_H
#define MPMSTATS_MPM_CONN_INBOUND_H

#include "mpm/conn/conn.h"

typedef enum {
    INBOUND_WAIT, /**< nothing more to read now, the head is not whole */
    INBOUND_READY /**< run the connection */
} inbound_e;

struct handover_t;

/** Filters are registered here; once, in register_hooks. */
void inbound_register(void);

/** Prepare this child. */
void inbound_child_init(void);

/** Hold the heads of @a k back until they are whole; before its other filters are added. */
void inbound_attach(conn_t *k);

/** All pre_connection hooks have run: stand on top of the filters they added. */
void inbound_prepare(conn_t *k);

/** Read what there is. Never blocks. */
inbound_e inbound_advance(conn_t *k);

/** Ask the filters below whether they have run out of patience with a handshake; no system call. */
inbound_e inbound_look(conn_t *k);

/** How often (µs) inbound_look() must be called for a head that waits; 0 = never. */
apr_interval_time_t inbound_look_interval(void);

/** Whether that has to be done from time to time: as long as a handshake lasts. */
int inbound_is_to_be_looked_at(const conn_t *k);

/** How long (µs) the connection may wait for more of what it is reading. */
apr_interval_time_t inbound_patience(const conn_t *k);

/**
 * Time is up: what has been read is all there will be, then @a why. From here on no reader waits
 * for the client.
 */
void inbound_give_up(conn_t *k, apr_status_t why);

/**
 * As inbound_give_up() with APR_TIMEUP, where somebody else has waited, as long as mod_reqtimeout's
 * budget allows.
 */
void inbound_over_budget(conn_t *k);

/** The request that was waited for is being run: the next one starts anew. */
void inbound_dispatched(conn_t *k);

/** As what the connection should be counted while it waits. */
mpm_hybrid_conn_e inbound_kind(const conn_t *k);

/** Whether the connection speaks HTTP/1: requests with heads, one after the other. */
int inbound_has_heads(const conn_t *k);

/**
 * Whether it is between accept or keep-alive and dispatch: what is read is kept until it is whole.
 */
int inbound_reads_ahead(const conn_t *k);

/** Whether inbound_give_up() has been called: nothing may wait for the client. */
int inbound_is_late(const conn_t *k);

/** Whether the client has closed its side, or reading failed. */
int inbound_ended(const conn_t *k);

/** Whether any byte of the next request has been seen. */
int inbound_begun(const conn_t *k);

/**
 * Whether the socket was read dry, and inbound_advance() is what comes next when it tells of more.
 */
int inbound_drained(const conn_t *k);

/** Whether nothing has come behind what was asked for, as far as is known without a system call. */
int inbound_is_empty(const conn_t *k);

/** Bytes read of the request that is not whole. */
apr_size_t inbound_held(const conn_t *k);

/** Whether httpd's own loop reads the requests of @a k, none of which is read ahead any more. */
int inbound_leaves_it(const conn_t *k);

/** Whether @a c's bytes reach us as the client sent them: no filter below keeps any back. */
int inbound_is_plain(conn_rec *c);

/**
 * What another process has to know to go on reading: fills in @a what, and @a bytes (in the
 * connection's pool) with all that has been read. Zero if that is too much, or has ended.
 */
int inbound_pack(conn_t *k, struct handover_t *what, char **bytes);

/** Begin where another process has left off. After inbound_prepare(). @return APR_ENOMEM */
apr_status_t inbound_unpack(conn_t *k, const struct handover_t *what, const char *bytes);

/** Whether bytes have been read that nobody has asked for yet. */
int inbound_buffered(const conn_t *k);

#endif
