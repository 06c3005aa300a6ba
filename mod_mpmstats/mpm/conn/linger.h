/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/linger.h
 * @brief Lingering close: our side is shut, the client's is drained, nobody waits.
 *
 * Why it is needed: closing with unread input makes the kernel send a reset,
 * which can destroy the response on its way.
 */
#ifndef MPMSTATS_MPM_CONN_LINGER_H
#define MPMSTATS_MPM_CONN_LINGER_H

#include "mpm/conn/conn.h"

typedef enum {
    LINGER_WAIT, /**< until there is more to drain, or linger_time_left() is over */
    LINGER_MORE, /**< of linger_drain(): there may be more already */
    LINGER_OVER  /**< close */
} linger_e;

/**
 * httpd's two lingering times (SECONDS_TO_LINGER and MAX_SECS_TO_LINGER in server/connection.c), in
 * µs.
 */
#define LINGER_SHORT_TIME apr_time_from_sec(2)
#define LINGER_NORMAL_TIME apr_time_from_sec(30)

/** Take and forget what the client has sent, 1 MB at most; does not wait. */
linger_e linger_drain(int fd);

/** Begin or go on. Owner; WAIT or OVER. */
linger_e linger_step(conn_t *k);

/** µs that may still pass before the connection is closed anyway. */
apr_interval_time_t linger_time_left(const conn_t *k);

#endif
