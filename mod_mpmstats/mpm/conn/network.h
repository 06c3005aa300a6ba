/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/network.h
 * @brief The end of the input filter chain: the socket, and what is known about it.
 *
 * Of the connection's owner.
 */
#ifndef MPMSTATS_MPM_CONN_NETWORK_H
#define MPMSTATS_MPM_CONN_NETWORK_H

#include "apr_buckets.h"
#include "apr_network_io.h"
#include "httpd.h"

#include "mpm/conn/conn.h"

/** Asked of the filters below at once; mod_ssl's own buffer has this size. */
#define NETWORK_READ_SIZE 8192

typedef struct network_t {
    apr_socket_t *sock;
    int fd;
    conn_t *k;
    /** something has come since a worker began to read the request */
    unsigned got : 1;
    apr_uint64_t received;  /**< bytes, in all */
    unsigned advancing : 1; /**< inbound_advance is reading: never ask twice */
    unsigned dry : 1;       /**< the last read left nothing behind */
    /** urgent data: a read ends in front of it, so a short one leaves more behind */
    unsigned stops_early : 1;
    /** and whoever asked without blocking has been told so since */
    unsigned told_dry : 1;
    unsigned eof : 1;
    /** its time is over: whoever waits for bytes is told so at once */
    unsigned late : 1;
    unsigned seen : 1; /**< anything ever came */
} network_t;

/**
 * Bytes of what was sent that the client has acknowledged, in all; where the kernel does not know,
 * another number each time.
 */
apr_uint64_t network_bytes_taken(int fd);

/** Hook insert_network_bucket: makes k->network, in c->pool. */
apr_status_t network_insert_bucket(conn_rec *c, apr_bucket_brigade *bb, apr_socket_t *sock);

#endif
