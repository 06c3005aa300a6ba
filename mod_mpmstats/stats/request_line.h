/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/request_line.h
 * @brief The request line as shown in statistics: without a proxy client's password, and without
 *        the query string where MPMStatsQueryStrings is Off.
 */
#ifndef MPMSTATS_STATS_REQUEST_LINE_H
#define MPMSTATS_STATS_REQUEST_LINE_H

#include "httpd.h"

/** Never NULL; r's own line if nothing is to be removed. On the thread that owns @a r. */
const char *request_line(const request_rec *r);

/**
 * ap_log_rerror() appends the request's Referer to the message. Where queries are cut this removes
 * the query from the request's Referer. The caller, on the thread that owns @a r, logs and then
 * restores r->headers_in to the returned table.
 */
apr_table_t *request_line_cut_referer(request_rec *r);

#endif
