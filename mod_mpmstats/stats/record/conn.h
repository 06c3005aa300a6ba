/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/conn.h
 * @brief Connections in the segment: accepted, reused, closed by reason; TLS handshakes; bytes.
 *
 * A record_conn_t lives in its connection's pool and belongs to the thread that owns the
 * connection.
 */
#ifndef MPMSTATS_STATS_RECORD_CONN_H
#define MPMSTATS_STATS_RECORD_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/record/types.h"

/** Records that reading ended with @a rv. */
void record_conn_input_ended(record_conn_t *conn, apr_status_t rv);

/** Updates the input's fields from mpm_hybrid, before they are used. */
static inline void record_conn_look_at_input(record_conn_t *conn)
{
    if (conn->read_by_hybrid) {
        conn->bytes_in = conn->times->received;
        if (conn->times->input_ended != APR_SUCCESS) {
            record_conn_input_ended(conn, conn->times->input_ended);
        }
    }
}

/** Records the first request: a TLS handshake is complete by now. */
void record_conn_first_request(record_conn_t *conn);

/* For the module record. */
void record_conn_register(void);
int record_conn_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);
int record_conn_pre_connection(conn_rec *c, void *csd);
int record_conn_turn(conn_rec *c);
int record_conn_process(conn_rec *c);
int record_conn_pre_close(conn_rec *c);

#endif
