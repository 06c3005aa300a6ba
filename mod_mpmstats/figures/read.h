/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/read.h
 * @brief From a segment to a snapshot: the only reader, for the server's views and the CLI.
 *
 * Independent of httpd: the segment may be this server's own mapping or a file. Whatever it
 * contains, every number of the snapshot is unknown or not negative, and every text is terminated.
 */
#ifndef MPMSTATS_FIGURES_READ_H
#define MPMSTATS_FIGURES_READ_H

#include "apr_pools.h"
#include "figures/snapshot.h"
#include "segment/board.h"

/**
 * Fills @a snapshot, allocating from @a pool: of a live server as it is now, of a dead one as of
 * its last sign of life. @a board is httpd's scoreboard as the segment describes it; NULL: it
 * cannot be read, and single workers are unknown. Histograms and single workers are read only if
 * @a parts (parts.h) needs them. Any thread; the snapshot does not refer to @a view or @a board.
 */
void read_snapshot(snapshot_t *snapshot, apr_pool_t *pool, const segment_view_t *view,
                   const board_t *board, unsigned parts);

#endif
