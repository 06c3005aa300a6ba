/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/request.h
 * @brief Requests in the segment: counts by kind, and the time of each phase.
 *
 * A record_request_t lives in its request's pool and belongs to the thread that runs the request.
 */
#ifndef MPMSTATS_STATS_RECORD_REQUEST_H
#define MPMSTATS_STATS_RECORD_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/record/types.h"

/** A part of its response is written: checks whether it has become a tunnel. On its thread. */
void record_request_answers(record_request_t *request);

/* Hooks. */
int record_request_post_read(request_rec *r);
int record_request_quick(request_rec *r, int lookup);
int record_request_handler(request_rec *r);
int record_request_log(request_rec *r);

/**
 * Records that the worker of @a carrier, an HTTP/2 connection, only drives it. By that worker, or
 * by a thread that begins to run one of its streams.
 */
void record_request_note_carrier(const record_conn_t *carrier);

/** A worker has been given @a conn: what it drove before is forgotten. By that worker. */
void record_request_note_turn(const record_conn_t *conn);

#endif
