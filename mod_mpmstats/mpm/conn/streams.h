/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/streams.h
 * @brief Running HTTP/2 streams. mod_http2's threads run them, so the workers' times do not
 * include them.
 */
#ifndef MPMSTATS_MPM_CONN_STREAMS_H
#define MPMSTATS_MPM_CONN_STREAMS_H

#include "apr_time.h"
#include "httpd.h"

/**
 * A stream's request @a r begins; it ends with its pool. Any thread. shared_process_t.stream_since
 * is the begin of the youngest one.
 */
void streams_begin(request_rec *r);

/** A handler is about to run @a r, or a request it was redirected to. On the stream's thread. */
void streams_note_handler(const request_rec *r);

/** @a r, the first of its redirects, has become a tunnel: never hung. On the stream's thread. */
void streams_note_tunnel(const request_rec *r);

typedef struct {
    unsigned running; /**< streams that a thread of mod_http2 runs */
    unsigned hung;    /**< of those, for longer than the limit */
} streams_t;

/**
 * Counts the streams, and logs each one that has run for longer than @a limit, once. @a limit 0:
 * none. Ticker.
 */
streams_t streams_look(apr_time_t now, apr_interval_time_t limit);

#endif
