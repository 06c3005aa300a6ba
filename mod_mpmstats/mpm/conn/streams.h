/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/streams.h
 * @brief The HTTP/2 streams this process runs. mod_http2's own threads run them, so no worker's
 * time is theirs.
 */
#ifndef MPMSTATS_MPM_CONN_STREAMS_H
#define MPMSTATS_MPM_CONN_STREAMS_H

#include "httpd.h"

/**
 * A stream's request @a r begins; it ends with its pool. Any thread. In shared_process_t is since
 * when the youngest one runs.
 */
void streams_begin(request_rec *r);

#endif
