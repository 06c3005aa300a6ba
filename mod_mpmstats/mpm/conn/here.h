/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/conn/here.h
 * @brief The connection whose hooks this thread runs, and what its modules are to be told of it.
 */
#ifndef MPMSTATS_MPM_CONN_HERE_H
#define MPMSTATS_MPM_CONN_HERE_H

#include "mpm/conn/conn.h"

/** This thread is about to run @a k's hooks; NULL: it is no longer. */
void here_runs(conn_t *k);

/** The connection whose hooks this thread runs; NULL: none. */
const conn_t *here_conn(void);

/** Whether this thread runs a client's connection. */
int here_is_conn(void);

/** Whether that connection goes on in the next generation: nothing is to end for a restart. */
int here_is_passed_on(void);

/**
 * Whether that connection, of HTTP/1, has been promised by a response that is out that another
 * request will be answered.
 */
int here_promised_keepalive(void);

/** Whether that connection is to end with the answer. */
int here_is_to_end(void);

/**
 * Whether the client of that connection, which speaks no HTTP/1, has sent something that is not
 * read yet. Only the first time; from then on no.
 */
int here_was_spoken_to(void);

#endif
