/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/stuck.h
 * @brief Children that hang: before they serve, or because their main thread does not move any
 * more.
 *
 * Parent only. Children of the current generation that have not been told to go.
 */
#ifndef MPMSTATS_MPM_PARENT_STUCK_H
#define MPMSTATS_MPM_PARENT_STUCK_H

#include "apr_pools.h"
#include "apr_time.h"
#include "mpm/lane.h"

/** Begin anew: for this run, of which @a pool is the memory. */
void stuck_start(const lane_t *lane, apr_pool_t *pool);

/**
 * Look at all of them, at most once a second; one that hangs is named in the log and killed.
 * Another takes its place.
 */
void stuck_look(apr_time_t now);

/** Whether the child in @a slot hangs, and is not counted on. */
int stuck_is(int slot);

#endif
