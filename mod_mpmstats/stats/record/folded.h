/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/folded.h
 * @brief Virtual hosts beyond MPMStatsVHosts: how busy each of them is, which decides who has a
 * record after the next restart.
 *
 * What is counted here is shown nowhere. The parent's; its children count.
 */
#ifndef MPMSTATS_STATS_RECORD_FOLDED_H
#define MPMSTATS_STATS_RECORD_FOLDED_H

#include "apr_pools.h"
#include "segment/write.h"

/** What outlives a restart; all zero to begin with. */
typedef struct {
    /** those counted together by the last configuration; by malloc() */
    char **names;
    unsigned count;
    /** of each of them, shared with children (relaxed: each is true by itself); NULL: none */
    _Atomic uint64_t *requests;
    /** requests of each record at the last restart; by malloc() */
    uint64_t *seen;
    apr_time_t *since; /**< since when, at least, it has had no other number */
} folded_t;

/**
 * Who comes first, before the records are given anew: hosts of an earlier configuration that are
 * back; those that were counted together and had requests, the busiest first; those with a record
 * that have had none since they have it, or for a day, which yield it; then the rest, as the
 * configuration has them.
 */
segment_rank_t folded_rank(folded_t *folded, const segment_t *segment, const char *const *names,
                           unsigned count, apr_pool_t *ptemp);

/**
 * The records have been given: counts anew for those without one.
 * @param counters  for each name where its requests are to be counted; NULL: it has a record
 */
void folded_begin(folded_t *folded, const segment_t *segment, const char *const *names,
                  const unsigned *rows, unsigned count, _Atomic uint64_t **counters,
                  apr_pool_t *ptemp);

#endif
