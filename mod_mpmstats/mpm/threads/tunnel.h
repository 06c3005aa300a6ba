/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/tunnel.h
 * @brief Detects a request that becomes a tunnel (WebSocket, CONNECT): from then on it does not
 * count as a long or hung request.
 */
#ifndef MPMSTATS_MPM_THREADS_TUNNEL_H
#define MPMSTATS_MPM_THREADS_TUNNEL_H

#include "mpm/conn/conn.h"

/** A handler is about to run @a r of connection @a k. The thread that runs it. */
void tunnel_watch(conn_t *k, const request_rec *r);

/** The same for an HTTP/2 stream. */
void tunnel_watch_stream(request_rec *r);

/** Register the filter; once, in register_hooks. */
void tunnel_register(void);

#endif
