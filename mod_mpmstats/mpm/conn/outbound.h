/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/outbound.h
 * @brief A file on its way to a slow client holds no worker.
 *
 * What goes out by sendfile(2) the core's output filter keeps for nothing until the
 * client takes it. Anything else has to be read (and encrypted) first, and of that
 * the core keeps only so much before it makes the worker wait for the client. This
 * filter stands above mod_ssl and hands down portions of a file as the
 * client takes them. What a handler produces in memory is passed on at once,
 * so that a fast producer still waits for its client.
 *
 * Belongs to the connection's owner.
 */
#ifndef MPMSTATS_MPM_CONN_OUTBOUND_H
#define MPMSTATS_MPM_CONN_OUTBOUND_H

#include "mpm/conn/conn.h"

/** Register the filter; once, in register_hooks. */
void outbound_register(void);

/** Put the filter into the chain of a connection that may need it. */
void outbound_attach(conn_t *k);

/** Whether it holds anything back. */
int outbound_pending(const conn_t *k);

/** Hand on as much as the client takes. */
apr_status_t outbound_push(conn_t *k);

#endif
