/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/streams.h
 * @brief Whether HTTP/2 streams wait for the workers of mod_http2, which has a number of its own
 * and tells nobody of it.
 */
#ifndef MPMSTATS_STATS_RECORD_STREAMS_H
#define MPMSTATS_STATS_RECORD_STREAMS_H

#include <stdint.h>

/**
 * A stream that has waited for @a waited microseconds is run from @a now (record_clock()) on. Any
 * thread.
 */
void record_streams_ran(int64_t now, int64_t waited);

/** Brings the figures up to date, if it is time for that. Any thread. */
void record_streams_look(int64_t now);

#endif
