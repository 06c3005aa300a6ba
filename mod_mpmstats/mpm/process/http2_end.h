/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/process/http2_end.h
 * @brief When mod_http2's child_stopping hook runs in a child that ends.
 */
#ifndef MPMSTATS_MPM_PROCESS_HTTP2_END_H
#define MPMSTATS_MPM_PROCESS_HTTP2_END_H

#include "httpd.h"

/** Take that hook out of httpd's list, if there is one. Configuration phase. */
void http2_end_take_hook(void);

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
