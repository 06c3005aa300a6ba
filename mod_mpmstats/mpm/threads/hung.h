/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/threads/hung.h
 * @brief Reporting workers that are busy with one request for longer than MPMHungRequestTime.
 * Ticker, unless stated otherwise.
 */
#ifndef MPMSTATS_MPM_THREADS_HUNG_H
#define MPMSTATS_MPM_THREADS_HUNG_H

#include "apr_time.h"

/** Before the first look. */
void hung_child_init(void);

/**
 * Check all workers and HTTP/2 streams; log each one that is busy with one request for longer than
 * MPMHungRequestTime, once per request. Record how many there are, and how many streams run.
 */
void hung_look(apr_time_t now);

/**
 * Worker @a index begins to read a request: in the worker model a run has many. Called by the
 * thread that runs the connection.
 */
void hung_request_begins(int index);

/**
 * The current run of worker @a index lasts as long as its connection, and is never hung: a tunnel,
 * HTTP/2 in the worker model. Called by the thread that runs the connection.
 */
void hung_is_connection(int index);

#endif
