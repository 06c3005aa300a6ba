/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/slots.h
 * @brief Reads httpd's scoreboard: processes, workers and their sums.
 */
#ifndef MPMSTATS_STATS_SLOTS_H
#define MPMSTATS_STATS_SLOTS_H

#include "apr_pools.h"
#include "figures/snapshot.h"

/**
 * Fills processes, workers, totals and connections of @a snapshot, whose server
 * and limits are there already. Allocates from @a pool.
 */
void slots_read(snapshot_t *snapshot, apr_pool_t *pool);

#endif
