/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/inbound.h
 * @brief Non-blocking reading of a request's head and small body.
 *
 * Two parts in the input filter chain of a client connection:
 *
 * - a bucket that replaces the core's socket bucket. It records when the
 *   socket is dry, which saves the system call that would return EAGAIN;
 * - a filter on top of the connection's filters (above mod_ssl). While the
 *   connection has no worker, inbound_advance() reads through the filters below
 *   without blocking, and collects the bytes in a stash until the head is complete.
 *   Later readers are served from the stash first, then from below.
 *
 * All of it belongs to the connection's owner.
 */
#ifndef MPMSTATS_MPM_CONN_INBOUND_H
#define MPMSTATS_MPM_CONN_INBOUND_H

#include <stdbool.h>

#include "mpm/conn/conn.h"

typedef enum {
    INBOUND_WAIT, /**< no more bytes now, the request is incomplete */
    INBOUND_READY /**< run the connection */
} inbound_e;

struct handover_t;

/** Register the filter; once, in register_hooks. */
void inbound_register(void);

/** Prepare this child. */
void inbound_child_init(void);

/** Collect the heads of @a k without a worker; before its other filters are added. */
void inbound_attach(conn_t *k);

/** After all pre_connection hooks: examine the filters they added below. */
void inbound_prepare(conn_t *k);

/** Read the available bytes. Never blocks. */
inbound_e inbound_advance(conn_t *k);

/** Let the filters below check their deadline for a handshake; no system call on the socket. */
inbound_e inbound_look(conn_t *k);

/** Interval (µs) of inbound_look() for a parked handshake; 0 = never. */
apr_interval_time_t inbound_look_interval(void);

/** Whether @a k needs these calls: during a handshake. */
int inbound_is_to_be_looked_at(const conn_t *k);

/** Longest wait (µs) for the next bytes: Timeout, or what is left of the budget. */
apr_interval_time_t inbound_patience(const conn_t *k);

/**
 * End the input: readers get the bytes read so far, then @a why. From here on no reader waits
 * for the client.
 */
void inbound_give_up(conn_t *k, apr_status_t why);

/**
 * As inbound_give_up() with APR_TIMEUP, when mod_reqtimeout's budget was spent while another
 * process waited.
 */
void inbound_over_budget(conn_t *k);

/** The request is dispatched: reset the scan for the next one. */
void inbound_dispatched(conn_t *k);

/** The kind to count the connection under while it waits. */
mpm_hybrid_conn_e inbound_kind(const conn_t *k);

/** Whether the connection speaks HTTP/1. */
bool inbound_has_heads(const conn_t *k);

/** Whether @a k speaks HTTP/2, and none of its streams is open; 0: it is not known. */
bool inbound_has_no_stream(const conn_t *k);

/**
 * Whether it is between accept or keep-alive and dispatch, when bytes are collected in the stash.
 */
int inbound_reads_ahead(const conn_t *k);

/** Whether inbound_give_up() was called. */
int inbound_is_late(const conn_t *k);

/** Whether the client has closed its side, or reading failed. */
bool inbound_ended(const conn_t *k);

/** Whether a byte of the next request was read. */
bool inbound_begun(const conn_t *k);

/**
 * Whether the socket is dry and the next event leads to inbound_advance(): EPOLLET is safe.
 */
bool inbound_drained(const conn_t *k);

/** Whether no unread bytes are known of; no system call. */
bool inbound_is_empty(const conn_t *k);

/** Bytes read of the incomplete request. */
apr_size_t inbound_held(const conn_t *k);

/** Whether httpd's own loop reads the requests of @a k, without reading ahead. */
bool inbound_leaves_it(const conn_t *k);

/** Whether @a c's bytes arrive as the client sent them: no filter below buffers or changes them. */
bool inbound_is_plain(conn_rec *c);

/**
 * State from which another process continues reading: fills in @a what, and @a bytes (in the
 * connection's pool) with all unconsumed bytes. Zero: more than HANDOVER_BYTES_MAX, or the input
 * has ended.
 */
bool inbound_pack(conn_t *k, struct handover_t *what, char **bytes);

/** Continue from inbound_pack()'s state. After inbound_prepare(). @return APR_ENOMEM */
apr_status_t inbound_unpack(conn_t *k, const struct handover_t *what, const char *bytes);

/** Whether the last read of an HTTP/2 connection found no bytes, in mod_ssl neither. */
bool inbound_is_read_dry(const conn_t *k);

/**
 * The reader of @a k is told that the process stops. mod_http2 then accepts no new stream, and ends
 * the connection with all its streams where one arrives. So from here on new streams do not reach it;
 * where one has come, the input ends after the last open stream. False: part of a frame that may
 * open a stream has been read, so it is too early to tell. Owner.
 */
bool inbound_refuse_streams(conn_t *k);

/** Whether bytes were read from the socket that no reader has consumed. */
bool inbound_buffered(const conn_t *k);

#endif
