/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/peek.h
 * @brief Whether a connection's first request can be read, without reading it.
 *
 * The bytes are looked at with MSG_PEEK and stay in the socket, so that whoever
 * runs the request reads them as if nobody had been there before. Of TLS no more
 * can be seen than whether the first record, the ClientHello, is whole. What does not fit into
 * the socket's receive buffer counts as whole: it has to be read before the rest can come.
 */
#ifndef MPMSTATS_MPM_PREFORK_PEEK_H
#define MPMSTATS_MPM_PREFORK_PEEK_H

#include "http/body.h"
#include "http/head.h"
#include "mpm/mpm_hybrid.h"
#include "mpm/conn/reqtimeout.h"

typedef enum {
    PEEK_WAIT,  /**< there is more to come */
    PEEK_READY, /**< whole, or httpd knows better what to make of it */
    PEEK_GONE   /**< closed before the first byte */
} peek_e;

/** Of one connection. */
typedef struct {
    unsigned char is_tls;     /**< so says the listener, or the first byte */
    const server_rec *server; /**< of the address */
    unsigned char in_body;    /**< the head is whole, a small body is not */
    size_t seen;              /**< bytes looked at */
    /** when the first of them was there, CLOCK_MONOTONIC; 0: not yet */
    int64_t first_us;
    int64_t whole_us; /**< when it was ready; 0: not yet */
    head_scan_t scan;
    body_scan_t body;
    size_t scanned;           /**< of those, as parts of the request or before it */
    reqtimeout_body_t budget; /**< mod_reqtimeout's, until when it may take */
} peek_t;

/** Once in a process, after the configuration. */
void peek_set_up(void);

/** A new connection, at an address of which @a s is the first virtual host. */
void peek_begin(peek_t *p, const server_rec *s, int is_tls);

/** Look at what has come to @a fd. Not for two threads at once. */
peek_e peek_look(peek_t *p, int fd);

/** What it waits for. */
mpm_hybrid_conn_e peek_kind(const peek_t *p);

#endif
