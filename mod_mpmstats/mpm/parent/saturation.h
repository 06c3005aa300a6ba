/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/saturation.h
 * @brief Logs when all workers become busy, with what, and when it ends. Parent only.
 */
#ifndef MPMSTATS_MPM_PARENT_SATURATION_H
#define MPMSTATS_MPM_PARENT_SATURATION_H

#include "apr_time.h"
#include "mpm/lane.h"

/**
 * Record the current state.
 * @param full     all workers of the lane are busy and MaxRequestWorkers allows no more
 * @param waiting  connections in the accept queues
 */
void saturation_note(const lane_t *lane, int full, int waiting, apr_time_t now);

#endif
