/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/request_line.h
 * @brief The request line as the statistics tell it: without a proxy client's password, and, where
 *        MPMStatsQueryStrings is Off, without what follows the question mark.
 */
#ifndef MPMSTATS_STATS_REQUEST_LINE_H
#define MPMSTATS_STATS_REQUEST_LINE_H

#include "httpd.h"

/** Never NULL; r's own line where there is nothing to take out. Any thread that owns @a r. */
const char *request_line(const request_rec *r);

/**
 * httpd ends what ap_log_rerror() logs with the request's Referer. Where queries are cut the
 * request has one without a query from here on; the caller, whose thread owns @a r, puts the table
 * that is returned back into r->headers_in after it has logged.
 */
apr_table_t *request_line_cut_referer(request_rec *r);

#endif
