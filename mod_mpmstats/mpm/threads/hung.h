/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/hung.h
 * @brief Telling of workers that have been busy with one request for too long. Ticker, unless a
 * line says otherwise.
 */
#ifndef MPMSTATS_MPM_THREADS_HUNG_H
#define MPMSTATS_MPM_THREADS_HUNG_H

#include "apr_time.h"

/** Before the first look. */
void hung_child_init(void);

/**
 * Look at all workers; each that is busy with one request for too long (MPMHungRequestTime) is
 * logged once.
 */
void hung_look(apr_time_t now);

/**
 * Worker @a index begins to read a request: in the worker model there are many in one run. The
 * thread that runs the connection.
 */
void hung_request_begins(int index);

/**
 * The run that worker @a index is in lasts as long as a connection does, and none of that is the
 * time of a request: a tunnel, HTTP/2 in the worker model. The thread that runs the connection.
 */
void hung_is_connection(int index);

#endif
