/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/score.h
 * @brief Client and request of each worker in httpd's scoreboard, without the cost of
 * ExtendedStatus.
 *
 * With ExtendedStatus httpd writes a worker's client, request and virtual host at each change of
 * its state, and reads the CPU time of the process after each request. Where the configuration
 * leaves ExtendedStatus unset (facts_t.details), the functions here write the same fields once a
 * request.
 *
 * On the thread that runs the request, which owns its scoreboard entry. Readers are not
 * synchronised, as with httpd's own writes.
 */
#ifndef MPMSTATS_STATS_RECORD_SCORE_H
#define MPMSTATS_STATS_RECORD_SCORE_H

#include "stats/record/types.h"

/** Writes the client of a new connection, before its first request. */
void record_score_conn(record_conn_t *conn);

/** Writes the begin of a request. */
void record_score_begin(request_rec *r, record_request_t *request);

/** Replaces the request line that httpd has written (ExtendedStatus On) by request_line(). */
void record_score_cut(const request_rec *r);

/**
 * Cuts the query from mod_http2's text there: "[1/0] write: stream 1, GET /path?query". On the
 * connection's thread.
 */
void record_score_cut_stream(const conn_rec *c);

/** The part of the request line that fits into @a room bytes: its end if SeeRequestTail is On. */
const char *record_score_line(const request_rec *r, size_t room);

/** Writes the end. @param request  NULL: it was not a request.  @param now  record_clock() */
void record_score_end(const request_rec *r, const record_request_t *request, int64_t now);

#endif
