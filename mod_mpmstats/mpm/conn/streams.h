/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/streams.h
 * @brief Running HTTP/2 streams. mod_http2's threads run them, so the workers' times do not
 * include them.
 */
#ifndef MPMSTATS_MPM_CONN_STREAMS_H
#define MPMSTATS_MPM_CONN_STREAMS_H

#include "httpd.h"

/**
 * A stream's request @a r begins; it ends with its pool. Any thread. shared_process_t.stream_since
 * is the begin of the youngest one.
 */
void streams_begin(request_rec *r);

#endif
