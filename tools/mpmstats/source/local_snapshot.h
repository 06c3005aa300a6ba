/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  source/local_snapshot.h
 * @brief A server of this machine as its segment shows it, without asking it.
 *
 * Of a living server as it is now, of a dead one as it was when it was last seen at work. Whatever
 * is in the segment, every number of the snapshot is unknown or not negative, and every text ends.
 */
#ifndef MPMSTATS_CLI_SOURCE_LOCAL_SNAPSHOT_H
#define MPMSTATS_CLI_SOURCE_LOCAL_SNAPSHOT_H

#include "apr_pools.h"
#include "segment/read.h"
#include "figures/snapshot.h"

/** Fills @a snap, all zero, with memory of @a pool. */
void local_snapshot_read(snapshot_t *snap, apr_pool_t *pool, const segment_view_t *view);

/** Microseconds since the epoch. */
apr_int64_t local_now(void);

/** A time of a segment; 0 where it is not known. */
apr_int64_t local_time(uint64_t time);

#endif
