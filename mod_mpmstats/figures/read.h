/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/read.h
 * @brief From a segment to a snapshot: the one reader, for the server's views and the command line.
 *
 * Knows no httpd: the segment may be this server's own mapping or a file. Whatever is in it, every
 * number of the snapshot is unknown or not negative, and every text ends.
 */
#ifndef MPMSTATS_FIGURES_READ_H
#define MPMSTATS_FIGURES_READ_H

#include "apr_pools.h"
#include "figures/snapshot.h"
#include "segment/board.h"

/**
 * Fills @a snapshot, allocating from @a pool: of a living server as it is now, of a dead one as it
 * was when it was last seen at work. @a board is httpd's scoreboard as the segment describes it;
 * NULL: it cannot be read, and single workers are unknown. Histograms and single workers are read
 * only if @a parts (parts.h) has use for them. Any thread; neither @a view nor @a board is needed
 * afterwards.
 */
void read_snapshot(snapshot_t *snapshot, apr_pool_t *pool, const segment_view_t *view,
                   const board_t *board, unsigned parts);

#endif
