/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/types.h
 * @brief The state of a connection and of a request.
 *
 * Each lives in the pool of its connection or request and belongs to the thread that owns the
 * connection; an HTTP/2 stream's belongs to the thread that runs the stream.
 */
#ifndef MPMSTATS_STATS_RECORD_TYPES_H
#define MPMSTATS_STATS_RECORD_TYPES_H

#include <stdbool.h>
#include <stdint.h>

#include "mpm/mpm_hybrid.h"
#include "httpd.h"
#include "http_config.h"
#include "scoreboard.h"
#include "segment/segment.h"
#include "stats/config.h"

struct record_request_t;

/** Size of the scoreboard's field for a client's address. */
#define SCORE_CLIENT (sizeof(((worker_score *)0)->client64))

/* Fields that every request uses come first, in few cache lines. */
typedef struct record_conn_t {
    struct record_request_t *current; /**< the request being answered; NULL: none */
    conn_rec *c;
    /** mpm_hybrid's; NULL: not loaded, or this is an HTTP/2 stream's */
    const mpm_hybrid_times_t *times;
    /** mpm_hybrid's dispatch time of the last request, to recognise times that are not new */
    int64_t last_dispatch;
    int64_t last_end;         /**< end of the last response; 0: none yet */
    uint64_t requests;        /**< received on it */
    const server_rec *server; /**< the last request's */
    unsigned row;             /**< record of that server */
    _Atomic uint64_t *folded; /**< additional counter of its requests; NULL: none */
    bool read_by_hybrid;      /**< `times` counts the input: no input filter of this module */
    bool secondary;           /**< an HTTP/2 stream's: no socket of its own */
    bool ended;               /**< the client has closed its side */
    bool timed_out;           /**< a read timed out */
    bool body_timed_out;      /**< the read was of a request's body */
    bool h2;                  /**< HTTP/2: its requests are those of its streams */
    bool tls_broken;          /**< its handshake failed */
    _Atomic unsigned streams; /**< HTTP/2: requests in flight; by the threads that run them */
    bool broken;              /**< reading failed otherwise */
    bool cut_short;           /**< the last request was aborted */
    bool said_close;          /**< its last response announced the close */
    bool limit_reached;       /**< its last response said close because of MaxKeepAliveRequests */
    bool tls;                 /**< uses mod_ssl */
    bool tls_counted;         /**< its handshake is counted in the segment */
    bool tls_timed;           /**< the time of its handshake is in the segment, or unknown */
    _Atomic bool stream_cut;  /**< HTTP/2: the last stream to end was aborted */
    _Atomic bool extended;    /**< HTTP/2: counted by record_extended_need() */
    bool protocol_known;      /**< TLS: its handshake is done, and ALPN with it */
    uint64_t bytes_in;        /**< received so far, without TLS */
    uint64_t bytes_in_told;   /**< part of bytes_in that is in the segment */
    uint64_t bytes_done;      /**< received up to the end of the last answered request */
    /** begin of the present pass through the output filters; 0: none that writes */
    int64_t pass_begin;
    /** virtual host of what is written; HTTP/2: that of the stream begun last, by its thread */
    _Atomic unsigned sent_row;
    /** ap_get_protocol()'s for that server, cached by score.c; NULL: not yet */
    const char *protocol;
    ap_sb_handle_t *sbh;   /**< the connection's, while extended.c keeps it */
    const char *client_ip; /**< the text of which `client` is a copy; NULL: none yet */
    /** as score.c writes it into the scoreboard, NUL-padded */
    char client[SCORE_CLIENT];
} record_conn_t;

/** An unknown time. */
#define RECORD_UNKNOWN (-1)

/** Times are microseconds; points in time are record_clock()'s. */
typedef struct record_request_t {
    record_conn_t *conn;
    /** the request, if the client asks for a tunnel; NULL: it does not, or it is one already */
    const request_rec *may_tunnel;
    worker_score *score; /**< the scoreboard entry it was written to; NULL: none */
    /** of an HTTP/2 stream that runs, claimed by its thread; NULL: none */
    segment_stream_rec_t *stream;
    int64_t begun;      /**< time of its first known byte */
    int64_t dispatched; /**< a worker began to run it */
    /** the time from here on counts as writing, unless another piece follows; 0: it does not */
    int64_t written;
    int64_t head; /**< the phases, in the order of the segment; RECORD_UNKNOWN */
    int64_t queue;
    int64_t handler; /**< this and the next two: valid during and after logging */
    int64_t writing; /**< accumulates */
    int64_t total;
    uint64_t bytes_out;
    unsigned row; /**< its virtual host's record */
    unsigned handler_row;
    bool handled;  /**< counted in its handler's `busy` */
    bool ended;    /**< the end of its response has been passed to the output filters */
    bool late;     /**< the connection was aborted by then */
    bool extended; /**< counted by record_extended_need() */
    bool runs;     /**< counted as a running stream: record_streams_begin() */
} record_request_t;

/** The state of @a c; NULL: not a client's connection. */
static inline record_conn_t *record_conn_of(const conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &mpmstats_module);
}

/** The state of @a r, or of the request it is a part of; NULL: not a valid request. */
static inline record_request_t *record_request_of(const request_rec *r)
{
    while (r->prev != NULL || r->main != NULL) {
        r = r->prev != NULL ? r->prev : r->main;
    }
    return ap_get_module_config(r->request_config, &mpmstats_module);
}

#endif
