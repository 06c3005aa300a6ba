/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/http2.h
 * @brief mod_http2's threads in a process: their number, whether it starts them, and when its
 * child_stopping hook runs in a child that ends.
 */
#ifndef MPMSTATS_MPM_PROCESS_HTTP2_H
#define MPMSTATS_MPM_PROCESS_HTTP2_H

#include "httpd.h"

/** H2MaxWorkers: the most threads that mod_http2 has in a process; 0 without mod_http2. */
int http2_threads(server_rec *s);

/**
 * Take mod_http2's child_init hook, which starts its threads, out of httpd's list: it then refuses
 * connections that ask for HTTP/2. Configuration phase.
 */
void http2_leave_out_threads(void);

/**
 * Take its child_stopping hook out of the list, for the functions below. Configuration phase.
 */
void http2_take_stopping(void);

/**
 * The child is to end now: run mod_http2's child_stopping hook, not graceful. Main thread.
 */
void http2_end_now(apr_pool_t *pchild);

/**
 * The child drains: run that hook, graceful, when it is due. Returns the time at which to call
 * again (monotonic µs), 0 for never. Main thread.
 *
 * From its first call on mod_http2 creates no thread, so it comes when what clients have sent has
 * been read and has its threads. Its calls make the connections that wait in mod_http2 send GOAWAY,
 * and they wake all idle stream threads: mod_http2 leaves streams waiting beside idle threads once
 * streams have arrived that it could not create a thread for. Each call restarts the timeouts of
 * the connections without waiting streams; so the intervals double.
 */
apr_time_t http2_end_drain(apr_pool_t *pchild, apr_time_t now);

#endif
