/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/here.h
 * @brief The connection whose hooks this thread runs, for the MPM queries of its modules.
 */
#ifndef MPMSTATS_MPM_CONN_HERE_H
#define MPMSTATS_MPM_CONN_HERE_H

#include <stdbool.h>

#include "mpm/conn/conn.h"

/** Set before this thread runs @a k's hooks; NULL afterwards. */
void here_runs(conn_t *k);

/** The connection whose hooks this thread runs; NULL: none. */
const conn_t *here_conn(void);

/** Whether this thread runs the hooks of a client connection. */
bool here_is_conn(void);

/** Whether a restart passes that connection on instead of closing it. */
bool here_is_passed_on(void);

/**
 * Whether a response on that HTTP/1 connection has announced keep-alive: the client may send
 * another request.
 */
bool here_promised_keepalive(void);

/** Whether that connection ends with the current response. */
bool here_is_to_end(void);

/**
 * Whether that connection, which speaks another protocol than HTTP/1, has not yet read what its
 * client had sent when this was first asked.
 */
bool here_was_spoken_to(void);

/**
 * Ask before the hooks of that connection are told that the process stops; see
 * inbound_refuse_streams(), which this calls.
 */
bool here_may_be_told_to_stop(void);

#endif
