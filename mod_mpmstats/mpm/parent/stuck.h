/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/stuck.h
 * @brief Replaces children whose startup or main thread hangs.
 *
 * Parent only. Covers procs_is_active() children and the current lobby.
 */
#ifndef MPMSTATS_MPM_PARENT_STUCK_H
#define MPMSTATS_MPM_PARENT_STUCK_H

#include <stdbool.h>

#include "apr_pools.h"
#include "apr_time.h"
#include "mpm/lane.h"

/** Reset for a new run; allocates from @a pool, which lasts as long as the run. */
void stuck_start(const lane_t *lane, apr_pool_t *pool);

/**
 * Check all of them, at most every 900 ms; log and kill those that hang, so that new ones are
 * started. A stopped child (SIGSTOP, debugger) is logged and stays.
 */
void stuck_look(apr_time_t now);

/** Whether the child in @a slot is stopped and was logged: it does not count as a child. */
bool stuck_is(int slot);

#endif
