/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/linger.h
 * @brief Non-blocking lingering close: shut our side, drain the client's.
 *
 * Closing with unread input makes the kernel send a reset, which can destroy
 * the response in transit.
 */
#ifndef MPMSTATS_MPM_CONN_LINGER_H
#define MPMSTATS_MPM_CONN_LINGER_H

#include "mpm/conn/conn.h"

typedef enum {
    LINGER_WAIT, /**< for more bytes, at most linger_time_left() */
    LINGER_MORE, /**< from linger_drain(): more bytes may be there already */
    LINGER_OVER  /**< close */
} linger_e;

/**
 * httpd's two lingering times (SECONDS_TO_LINGER and MAX_SECS_TO_LINGER in server/connection.c), in
 * µs.
 */
#define LINGER_SHORT_TIME apr_time_from_sec(2)
#define LINGER_NORMAL_TIME apr_time_from_sec(30)

/** Read and discard received bytes, 1 MB at most; does not wait. */
linger_e linger_drain(int fd);

/** Begin or continue. Owner; returns WAIT or OVER. */
linger_e linger_step(conn_t *k);

/** µs until the connection is closed in any case. */
apr_interval_time_t linger_time_left(const conn_t *k);

#endif
