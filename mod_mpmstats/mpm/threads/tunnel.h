/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/tunnel.h
 * @brief Knowing a request that becomes a tunnel (a WebSocket, CONNECT): from then on its time is
 * that of a connection.
 */
#ifndef MPMSTATS_MPM_THREADS_TUNNEL_H
#define MPMSTATS_MPM_THREADS_TUNNEL_H

#include "mpm/conn/conn.h"

/** A handler is about to run @a r, which came on @a k. Who runs it. */
void tunnel_watch(conn_t *k, const request_rec *r);

/** Hook. */
void tunnel_register(void);

#endif
