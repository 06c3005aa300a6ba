/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/folded.h
 * @brief Counts requests of virtual hosts beyond MPMStatsVHosts, to decide which of them get a
 * record at the next restart.
 *
 * These counts are not shown. The parent owns them; its children count.
 */
#ifndef MPMSTATS_STATS_RECORD_FOLDED_H
#define MPMSTATS_STATS_RECORD_FOLDED_H

#include "apr_pools.h"
#include "segment/write.h"

/** State that survives restarts; initially all zero. */
typedef struct {
    /** hosts counted as `other` in the last configuration: names one after another, each
     * terminated, in one block from malloc() */
    char *names;
    unsigned count;
    /** requests of each of them, shared with children (relaxed); NULL: none */
    _Atomic uint64_t *requests;
    /** requests of each record at the last restart; from malloc() */
    uint64_t *seen;
    apr_time_t *since; /**< time since when, at least, `seen` of each record is unchanged */
} folded_t;

/**
 * The precedence of hosts for the next assignment of records: hosts of an earlier configuration
 * that are back; those counted as `other` that had requests, the busiest first; those whose record
 * has had no requests at all or none for a day, which yield it; then the rest, in the order of the
 * configuration.
 */
segment_rank_t folded_rank(folded_t *folded, const segment_t *segment, const char *const *names,
                           unsigned count, apr_pool_t *ptemp);

/**
 * After the assignment of records: new counters, from 0, for hosts without one.
 * @param counters  receives the counter of each name; NULL: it has a record
 */
void folded_begin(folded_t *folded, const segment_t *segment, const char *const *names,
                  const unsigned *rows, unsigned count, _Atomic uint64_t **counters,
                  apr_pool_t *ptemp);

#endif
