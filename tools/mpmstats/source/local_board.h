/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/local_board.h
 * @brief Processes and workers of a server of this machine, read from its scoreboard and segment.
 *
 * The server is not asked, so this works while it is saturated, stopped or dead. What is
 * read was written by others and is trusted in nothing but being of the size segment/board.h says.
 */
#ifndef MPMSTATS_CLI_SOURCE_LOCAL_BOARD_H
#define MPMSTATS_CLI_SOURCE_LOCAL_BOARD_H

#include "apr_pools.h"
#include "segment/board.h"
#include "segment/read.h"
#include "figures/snapshot.h"

/**
 * Fills processes, workers, and the totals that are sums over them; everything else has to be there
 * or unknown. @a board may be NULL: then the segment alone tells, which knows no single workers.
 * All is allocated from @a pool.
 */
void local_board_read(snapshot_t *snap, apr_pool_t *pool, const segment_view_t *view,
                      const board_t *board);

#endif
