/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/outbound.h
 * @brief Sends files to slow clients without a worker.
 *
 * The core's output filter keeps files for sendfile(2) at no cost until the client
 * accepts them. Other data has to be read (and encrypted) first; when 64 KB of it
 * are pending, the core makes the worker wait for the client. This filter stands
 * above mod_ssl and passes a file down in portions as the client accepts them. It
 * passes data that a handler produces in memory at once, so that a fast producer
 * still waits for its client.
 *
 * For the connection's owner.
 */
#ifndef MPMSTATS_MPM_CONN_OUTBOUND_H
#define MPMSTATS_MPM_CONN_OUTBOUND_H

#include <stdbool.h>

#include "mpm/conn/conn.h"

/** Register the filter; once, in register_hooks. */
void outbound_register(void);

/** Insert the filter into the chain of @a k. */
void outbound_attach(conn_t *k);

/** Whether the filter holds data. */
bool outbound_pending(const conn_t *k);

/** Pass on as much as the client accepts. */
apr_status_t outbound_push(conn_t *k);

#endif
