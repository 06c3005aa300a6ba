/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/streams.h
 * @brief Detects HTTP/2 streams that wait for mod_http2's own workers, for which mod_http2 has no
 * statistics.
 */
#ifndef MPMSTATS_STATS_RECORD_STREAMS_H
#define MPMSTATS_STATS_RECORD_STREAMS_H

#include <stdint.h>

/**
 * Records that a stream starts to run at @a now (record_clock()), after @a waited microseconds. Any
 * thread.
 */
void record_streams_ran(int64_t now, int64_t waited);

/** Updates the figures if due. Any thread. */
void record_streams_look(int64_t now);

#endif
