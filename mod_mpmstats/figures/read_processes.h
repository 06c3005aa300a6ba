/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/read_processes.h
 * @brief Processes and workers: from httpd's scoreboard and the processes' records in the segment.
 */
#ifndef MPMSTATS_FIGURES_READ_PROCESSES_H
#define MPMSTATS_FIGURES_READ_PROCESSES_H

#include "apr_pools.h"
#include "figures/snapshot.h"
#include "segment/board.h"

/**
 * Fills processes, workers, the totals that are sums over them, and the server's figures from the
 * scoreboard. The other figures of the server and its limits must be filled already. See
 * read_snapshot().
 */
void read_processes(snapshot_t *snapshot, apr_pool_t *pool, const segment_view_t *view,
                    const board_t *board, unsigned parts);

#endif
