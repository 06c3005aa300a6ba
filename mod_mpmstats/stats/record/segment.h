/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/segment.h
 * @brief The life of the segment: made at the start, kept over restarts, taken away when the server
 * stops.
 *
 * All of this is the parent's, and runs before it has a child or between two signals.
 */
#ifndef MPMSTATS_STATS_RECORD_SEGMENT_H
#define MPMSTATS_STATS_RECORD_SEGMENT_H

#include "httpd.h"
#include "scoreboard.h"

/** Hook check_config: whether there can be a file where MPMStatsSegment says. */
int record_segment_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                                server_rec *s);

/** Hook post_config: makes the segment, or goes on with the one from before the restart. */
int record_segment_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                               server_rec *s);

/**
 * Hook pre_mpm, before httpd makes its scoreboard: puts that into the segment, unless the
 * administrator said where it goes.
 */
int record_segment_pre_mpm(apr_pool_t *pool, ap_scoreboard_e type);

/** The limits in force, once the MPM has settled them. */
void record_segment_limits(void);

#endif
