/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/request.h
 * @brief Requests in the segment: how many, of what kind, and how long each phase took.
 *
 * A record_request_t lives in its request's pool and belongs to the thread that runs the request.
 */
#ifndef MPMSTATS_STATS_RECORD_REQUEST_H
#define MPMSTATS_STATS_RECORD_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/record/types.h"

/** Something of its answer goes to the client: it may have become a tunnel. Its thread. */
void record_request_answers(record_request_t *request);

/* Hooks. */
int record_request_post_read(request_rec *r);
int record_request_quick(request_rec *r, int lookup);
int record_request_handler(request_rec *r);
int record_request_log(request_rec *r);

#endif
