/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/collect.h
 * @brief Takes a snapshot of the running httpd.
 */
#ifndef MPMSTATS_STATS_COLLECT_H
#define MPMSTATS_STATS_COLLECT_H

#include "apr_pools.h"
#include "figures/snapshot.h"

/**
 * The server as it is now, allocated from @a pool; NULL if this httpd keeps no scoreboard. What
 * only @a parts (parts.h) other than those asked for need may be left out. @a name is what the
 * server is called, NULL for nothing; it is kept. Any worker thread may call it, and the parent's
 * main thread; it takes no lock, so two figures of one snapshot may be some microseconds apart.
 */
const snapshot_t *collect_snapshot(apr_pool_t *pool, const char *name, unsigned parts);

/** The limits in force and the MPM's model (static storage; NULL where it has but one). */
void collect_limits_only(snapshot_limits_t *limits, const char **model);

#endif
