/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/passing.h
 * @brief Passing a connection on to the next generation, and waiting until that may be done.
 *
 * Of the connection's owner. What is begun and what is passed on says handover.h.
 */
#ifndef MPMSTATS_MPM_CONN_PASSING_H
#define MPMSTATS_MPM_CONN_PASSING_H

#include "mpm/conn/conn.h"

/**
 * Pass @a k on, if it can be. Nonzero: it has been, and is to be closed here without a word.
 */
int passing_give(conn_t *k);

/**
 * Before a worker that stays with its connection waits for the next request: wait until it has
 * come, or @a timeout. While children hold it is not read. @return APR_SUCCESS: read it; APR_EOF:
 * the connection has been passed on, or is to be closed; APR_TIMEUP.
 */
apr_status_t passing_wait(conn_t *k, apr_interval_time_t timeout);

#endif
