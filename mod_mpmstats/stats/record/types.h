/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/types.h
 * @brief What is known of a connection and of a request while they last.
 *
 * Each lives in its connection's or request's pool and belongs to whoever owns the connection, one
 * thread at a time; an HTTP/2 stream's belongs to the thread that runs the stream.
 */
#ifndef MPMSTATS_STATS_RECORD_TYPES_H
#define MPMSTATS_STATS_RECORD_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "mpm/mpm_hybrid.h"
#include "httpd.h"
#include "http_config.h"
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

/** A time that is not known. */
#define RECORD_UNKNOWN (-1)

/** Times are microseconds; points in time are record_clock()'s. */
typedef struct record_request_t {
    record_conn_t *conn;
    /** the client wants it to become a tunnel; NULL: it does not, or it has */
    const request_rec *may_tunnel;
    worker_score *score; /**< where it was noted; NULL: nowhere */
    int64_t begun;       /**< first byte known of */
    int64_t dispatched;  /**< a worker began to run it */
    /**
     * since when it is the client's time, unless there is more to come; 0: never yet, or it is not
     */
    int64_t written;
    int64_t head; /**< the phases, in the order of the segment; RECORD_UNKNOWN */
    int64_t queue;
    int64_t handler; /**< this and the next two: valid while and after it is logged */
    int64_t writing; /**< adds up as it goes on */
    int64_t total;
    uint64_t bytes_out;
    unsigned row; /**< its virtual host's record */
    unsigned handler_row;
    bool handled; /**< it is among its handler's busy ones */
    bool ended;   /**< the end of its response has been handed down */
    bool late;    /**< and the client had gone by then */
} record_request_t;

/** What is kept for @a c; NULL for a connection that is not a client's. */
static inline record_conn_t *record_conn_of(const conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &mpmstats_module);
}

/** What is kept for @a r, or for the request it is a part of; NULL for what was no request. */
static inline record_request_t *record_request_of(const request_rec *r)
{
    while (r->prev != NULL || r->main != NULL) {
        r = r->prev != NULL ? r->prev : r->main;
    }
    return ap_get_module_config(r->request_config, &mpmstats_module);
}

#endif
