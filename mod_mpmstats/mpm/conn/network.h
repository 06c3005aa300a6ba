/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/network.h
 * @brief The end of the input filter chain: the socket and its state.
 *
 * For the connection's owner.
 */
#ifndef MPMSTATS_MPM_CONN_NETWORK_H
#define MPMSTATS_MPM_CONN_NETWORK_H

#include "apr_buckets.h"
#include "apr_network_io.h"
#include "httpd.h"

#include "mpm/conn/conn.h"

/**
 * Sent bytes that the client has acknowledged, total; without the kernel's figure the current time,
 * which always counts as progress.
 */
apr_uint64_t network_bytes_taken(int fd);

/** Hook insert_network_bucket: makes k->network, in c->pool. */
apr_status_t network_insert_bucket(conn_rec *c, apr_bucket_brigade *bb, apr_socket_t *sock);

#endif
