/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/saturation.h
 * @brief Logs when all workers become busy, with what, or all threads of mod_http2, and when it ends.
 * Parent only.
 */
#ifndef MPMSTATS_MPM_PARENT_SATURATION_H
#define MPMSTATS_MPM_PARENT_SATURATION_H

#include "apr_time.h"
#include "mpm/lane.h"

typedef struct {
    int full;    /**< all workers of the lane are busy and MaxRequestWorkers allows no more */
    int waiting; /**< connections in the accept queues */
    int ready;   /**< processes that accept */
    int streams; /**< HTTP/2 streams that threads of mod_http2 run in them */
} saturation_t;

/** Record the current state. */
void saturation_note(const lane_t *lane, const saturation_t *state, apr_time_t now);

#endif
