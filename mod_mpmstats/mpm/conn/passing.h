/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/passing.h
 * @brief Passing a connection on to the next generation, and waiting for the time to do so.
 *
 * For the connection's owner. handover.h says which connections are passed on.
 */
#ifndef MPMSTATS_MPM_CONN_PASSING_H
#define MPMSTATS_MPM_CONN_PASSING_H

#include <stdbool.h>

#include "mpm/conn/conn.h"

/** Pass @a k on, if possible. True: done; the caller closes our descriptor only. */
bool passing_give(conn_t *k);

/**
 * For a worker that keeps its connection: wait for the next request until @a timeout, and for the
 * end of a hold. @return APR_SUCCESS: read it; APR_EOF: the connection was passed on, or is to be
 * closed; APR_TIMEUP.
 */
apr_status_t passing_wait(conn_t *k, apr_interval_time_t timeout);

#endif
