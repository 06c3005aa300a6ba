/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/score.h
 * @brief Client and request of each worker in httpd's scoreboard, without the cost of
 * ExtendedStatus.
 *
 * With ExtendedStatus httpd writes a worker's client, request and virtual host at each change of
 * its state, and reads the CPU time of the process after each request. The functions here write the
 * same fields once a request, unless the configuration says ExtendedStatus Off (facts_t.details).
 * extended.h: why httpd does not do it as well.
 *
 * On the thread that runs the request, which owns its scoreboard entry. Readers are not
 * synchronised, as with httpd's own writes.
 */
#ifndef MPMSTATS_STATS_RECORD_SCORE_H
#define MPMSTATS_STATS_RECORD_SCORE_H

#include "stats/record/types.h"

/** In child_init. */
void record_score_child_init(void);

/** Writes the client of a connection before its next request is read. */
void record_score_conn(record_conn_t *conn);

/** Writes the begin of a request, after all hooks of post_read_request. */
void record_score_begin(request_rec *r, record_request_t *request);

/**
 * Cuts the query from mod_http2's text there: "[1/0] write: stream 1, GET /path?query". On the
 * connection's thread.
 */
void record_score_cut_stream(const conn_rec *c);

/** The part of the request line that fits into @a room bytes: its end if SeeRequestTail is On. */
const char *record_score_line(const request_rec *r, size_t room);

/** Hook log_transaction, after all others: writes the end. */
int record_score_logged(request_rec *r);

/** The connection ends, on the worker that served it or on another thread. */
void record_score_closed(const conn_rec *c);

#endif
