/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/extended.h
 * @brief ExtendedStatus On at the cost of recording once.
 *
 * With ExtendedStatus On httpd writes who is served at each change of a worker's state, and calls
 * times(2) after each request, for which the kernel adds up the CPU time of every thread of the
 * process. Where the configuration turns it on (ExtendedStatus On, or mod_status is loaded),
 * score.c writes these fields once a request, and this file sets ap_extended_status to 0 in the
 * children. Two readers need it to be 1 there:
 *
 * - mod_status, while it answers: the page would say that ExtendedStatus is Off;
 * - mod_http2, for the text about an HTTP/2 connection that it alone knows.
 *
 * So it is 1 in a process while that process answers such a request or has such a connection, for
 * all of its threads: httpd then writes the same texts once more. It counts no request: its
 * function finds no scoreboard entry (record_extended_hide()). The parent's value does not
 * change.
 */
#ifndef MPMSTATS_STATS_RECORD_EXTENDED_H
#define MPMSTATS_STATS_RECORD_EXTENDED_H

#include "httpd.h"

#include "stats/record/types.h"

/** In child_init, before the child has another thread: takes over if it is to. */
void record_extended_child_init(void);

/** From here on ap_extended_status is 1, until as many calls of record_extended_done(). */
void record_extended_need(void);

/** Any thread, as often as record_extended_need(). */
void record_extended_done(void);

/**
 * @a carrier has HTTP/2: needed until the connection ends. Any thread; repeated calls count once.
 */
void record_extended_carries(record_conn_t *carrier);

/** The connection ends. */
void record_extended_closed(record_conn_t *conn);

/**
 * Whether ap_extended_status is 1 for a connection, and so for some time: httpd will add the time
 * of the request that ends now. While it is 1 for a page only, the module adds it, and what httpd
 * may add goes with the next request of that worker.
 */
bool record_extended_stays(void);

/**
 * At the handler: needed until @a r, or the request it is a part of, is logged, if mod_status
 * answers it. A request that is not valid (with an ErrorDocument): until its pool is destroyed.
 */
void record_extended_handler(request_rec *r);

/**
 * At the end of hook log_transaction, for a request that is counted. httpd calls
 * ap_increment_counts() right after the hook if ap_extended_status is 1, which another thread may
 * change between the two. The connection has no scoreboard entry while that function runs, so the
 * request is counted once, and times(2) is not called.
 */
void record_extended_hide(request_rec *r, record_conn_t *conn);

#endif
