/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/segment.h
 * @brief The life of the segment: created at the start, kept over restarts, removed when the server
 * stops.
 *
 * In the parent's main thread; record_segment_limits() also in a child that starts before the
 * parent has called it.
 */
#ifndef MPMSTATS_STATS_RECORD_SEGMENT_H
#define MPMSTATS_STATS_RECORD_SEGMENT_H

#include "httpd.h"
#include "scoreboard.h"

/** Hook check_config: checks that the file of MPMStatsSegment can be created. */
int record_segment_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                                server_rec *s);

/** Hook post_config: creates the segment, or continues the one from before the restart. */
int record_segment_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                               server_rec *s);

/**
 * Hook pre_mpm, before httpd creates its scoreboard: places that in the segment, unless
 * ScoreBoardFile is set.
 */
int record_segment_pre_mpm(apr_pool_t *pool, ap_scoreboard_e type);

/** Records the limits in force, after the MPM has determined them. */
void record_segment_limits(void);

#endif
