/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/conn.h
 * @brief Connections in the segment: accepted, reused, closed and why; TLS handshakes; the bytes on
 * them.
 *
 * A record_conn_t lives in its connection's pool and belongs to whoever owns the connection: one
 * thread at a time.
 */
#ifndef MPMSTATS_STATS_RECORD_CONN_H
#define MPMSTATS_STATS_RECORD_CONN_H

#include <stdbool.h>
#include <stdint.h>

#include "mpm/mpm_hybrid.h"
#include "scoreboard.h"
#include "stats/config.h"

struct record_request_t;

/** Room that the scoreboard has for a client's address. */
#define SCORE_CLIENT (sizeof(((worker_score *)0)->client64))

/* What every request looks at comes first, and together. */
typedef struct record_conn_t {
    struct record_request_t *current; /**< the request whose response is being made; NULL: none */
    conn_rec *c;
    /** mpm_hybrid's; NULL: it is not there, or this is an HTTP/2 stream's */
    const mpm_hybrid_times_t *times;
    /** of mpm_hybrid's times for the last request, to know them for old */
    int64_t last_dispatch;
    int64_t last_end;         /**< when the last response was over; 0: none was yet */
    uint64_t requests;        /**< that came on it */
    const server_rec *server; /**< the last request's */
    unsigned row;             /**< its record */
    _Atomic uint64_t *folded; /**< where else its requests are counted; NULL: nowhere */
    bool read_by_hybrid;      /**< times says what has been read: no filter of ours is there */
    bool secondary;           /**< an HTTP/2 stream's: no socket of its own */
    bool ended;               /**< the client has closed its side */
    bool timed_out;           /**< a read waited in vain */
    bool body_timed_out;      /**< and it was for a request's body */
    bool h2;                  /**< HTTP/2: its requests are those of its streams */
    bool tls_broken;          /**< its handshake failed */
    _Atomic unsigned streams; /**< HTTP/2: requests under way; by the threads that run them */
    bool broken;              /**< reading failed otherwise */
    bool cut_short;           /**< the last request ended that way */
    bool said_close;          /**< its last response was to be the last */
    bool limit_reached;       /**< its last response said close because of MaxKeepAliveRequests */
    bool tls;                 /**< mod_ssl is on it */
    bool tls_counted;         /**< its handshake is in the segment */
    bool tls_timed;           /**< so is the time that took */
    _Atomic bool stream_cut;  /**< HTTP/2: the last of them to end was broken off */
    uint64_t bytes_in;        /**< received so far, without TLS */
    uint64_t bytes_in_told;   /**< of those, the ones in the segment */
    uint64_t bytes_done;      /**< received up to the end of the last request that was one */
    /** when what is being handed down now was; 0: nothing is that writes */
    int64_t pass_begin;
    /** written to the socket so far, TLS included; HTTP/2 stream: what mod_http2 says of it */
    uint64_t sent;
    uint64_t sent_told; /**< of those, the ones the scoreboard has */
    /** whose bytes they are: of an HTTP/2 connection the stream's that began last, by its thread */
    _Atomic unsigned sent_row;
    /** ap_get_protocol()'s for that server, if record_score.c has asked; NULL: not yet */
    const char *protocol;
    const char *client_ip; /**< the connection's that the next one is of; NULL: none yet */
    /** as record_score.c writes it into the scoreboard, NUL to the end */
    char client[SCORE_CLIENT];
} record_conn_t;

/** What is kept for @a c; NULL for a connection that is not a client's. */
static inline record_conn_t *record_conn_of(const conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &mpmstats_module);
}

/** Reading came to @a rv. */
void record_conn_input_ended(record_conn_t *conn, apr_status_t rv);

/** Brings up to date what is known of the input, before it is looked at. */
static inline void record_conn_look_at_input(record_conn_t *conn)
{
    if (conn->read_by_hybrid) {
        conn->bytes_in = conn->times->received;
        if (conn->times->input_ended != APR_SUCCESS) {
            record_conn_input_ended(conn, conn->times->input_ended);
        }
    }
}

/** The first request has come: the handshake, if there was one, is over. */
void record_conn_first_request(record_conn_t *conn);

/** Whether mod_logio is there, whose counts of bytes others show. */
bool record_conn_has_logio(void);

/* For the module record. */
void record_conn_register(void);
int record_conn_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);
int record_conn_pre_connection(conn_rec *c, void *csd);
int record_conn_pre_close(conn_rec *c);

#endif
