/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/prefork/peek.h
 * @brief Checks whether a connection's first request is complete, without reading it.
 *
 * MSG_PEEK leaves the bytes in the socket, so the process that runs the request reads them as
 * usual. With TLS only the first record, the ClientHello, can be checked. A request that fills the
 * socket's receive buffer counts as complete: it must be read before the rest can arrive.
 */
#ifndef MPMSTATS_MPM_PREFORK_PEEK_H
#define MPMSTATS_MPM_PREFORK_PEEK_H

#include "http/body.h"
#include "http/head.h"
#include "mpm/mpm_hybrid.h"
#include "mpm/conn/reqtimeout.h"

typedef enum {
    PEEK_WAIT,  /**< incomplete */
    PEEK_READY, /**< complete, or for httpd to decide (invalid, closed midway) */
    PEEK_GONE   /**< closed before the first byte */
} peek_e;

/** State of one connection. */
typedef struct {
    unsigned char is_tls;     /**< by the listener, or by the first byte */
    const server_rec *server; /**< first virtual host of the address */
    unsigned char in_body;    /**< the head is complete, a small body is not */
    size_t seen;              /**< bytes peeked at */
    /** time of the first byte, CLOCK_MONOTONIC µs; 0: none yet */
    int64_t first_us;
    int64_t whole_us; /**< time it was ready; 0: not yet */
    head_scan_t scan;
    body_scan_t body;
    size_t scanned;           /**< bytes of `seen` that were scanned */
    reqtimeout_body_t budget; /**< mod_reqtimeout's budget */
} peek_t;

/** Once per process, after the configuration. */
void peek_set_up(void);

/** A new connection, at an address of which @a s is the first virtual host. */
void peek_begin(peek_t *p, const server_rec *s, int is_tls);

/** Check what @a fd has received. One thread at a time per process: the buffer is static. */
peek_e peek_look(peek_t *p, int fd);

/** The connection's state. */
mpm_hybrid_conn_e peek_kind(const peek_t *p);

#endif
