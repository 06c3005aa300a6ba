/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  figures/read.h
 * @brief Adds to a snapshot what the shared segment has recorded.
 *
 * Knows no httpd: the segment may be this server's own or a file.
 */
#ifndef MPMSTATS_FIGURES_READ_H
#define MPMSTATS_FIGURES_READ_H

#include "apr_pools.h"
#include "segment/read.h"
#include "figures/snapshot.h"

/** Makes all that recorded_read() fills unknown and empty. */
void recorded_clear(snapshot_t *snapshot);

/**
 * Fills what is recorded from @a view, allocating from @a pool: the figures that figures.def says
 * are kept, and what is made from them. Histograms are read only if @a parts (parts.h) has use for
 * them. To be called once, after recorded_clear() and after everything else was filled in. Any
 * thread.
 */
void recorded_read(snapshot_t *snapshot, apr_pool_t *pool, const segment_view_t *view,
                   unsigned parts);

#endif
