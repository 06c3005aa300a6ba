/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/slots.h
 * @brief Reads httpd's scoreboard: processes, workers and their sums.
 */
#ifndef MPMSTATS_SLOTS_H
#define MPMSTATS_SLOTS_H

#include "apr_pools.h"
#include "stats/snapshot.h"

/**
 * Fills processes, workers, totals and connections of @a snapshot, whose server
 * and limits are there already. Allocates from @a pool.
 */
void slots_read(snapshot_t *snapshot, apr_pool_t *pool);

#endif
