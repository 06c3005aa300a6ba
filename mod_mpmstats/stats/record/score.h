/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/score.h
 * @brief Who is served, in httpd's scoreboard, without what ExtendedStatus costs.
 *
 * With ExtendedStatus httpd writes client, request and virtual host of a worker anew with each
 * change of its state, and asks the kernel after each request for the CPU time of the process.
 * Where the configuration does not ask for that (facts_t.details), the same fields are written
 * here, once a request.
 *
 * On the thread that runs the request, which owns its entry of the scoreboard. Readers take what
 * they find, as with httpd's own.
 */
#ifndef MPMSTATS_STATS_RECORD_SCORE_H
#define MPMSTATS_STATS_RECORD_SCORE_H

#include "stats/record/types.h"

/** A connection has come that its worker will read from: nothing is known of it but the client. */
void record_score_conn(record_conn_t *conn);

/** A request begins. */
void record_score_begin(request_rec *r, record_request_t *request);

/**
 * httpd has written the request line (ExtendedStatus On): it is written again, as request_line()
 * has it.
 */
void record_score_cut(const request_rec *r);

/**
 * The same for what mod_http2 writes there: "[1/0] write: stream 1, GET /path?query". On the
 * connection's thread.
 */
void record_score_cut_stream(const conn_rec *c);

/** It is over. @param request  NULL for what was none.  @param now  record_clock() */
void record_score_end(const request_rec *r, const record_request_t *request, int64_t now);

#endif
