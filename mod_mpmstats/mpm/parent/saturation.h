/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/saturation.h
 * @brief Telling when every worker is busy: when it begins, who keeps them, when it ends. Parent
 * only.
 */
#ifndef MPMSTATS_MPM_PARENT_SATURATION_H
#define MPMSTATS_MPM_PARENT_SATURATION_H

#include "apr_time.h"
#include "mpm/lane.h"

/**
 * Note how it is now.
 * @param full     every worker of the lane is busy and no more may be started
 * @param waiting  connections that wait to be accepted
 */
void saturation_note(const lane_t *lane, int full, int waiting, apr_time_t now);

#endif
