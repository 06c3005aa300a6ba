/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/interval.h
 * @brief The difference between two samples of a server.
 */
#ifndef MPMSTATS_CLI_TUNE_INTERVAL_H
#define MPMSTATS_CLI_TUNE_INTERVAL_H

#include <stdbool.h>

#include "fields/sample.h"

/**
 * Replaces every counter of @a after by its growth since @a before and restricts the latencies to
 * requests in between; gauges stay. The latencies of virtual hosts become unknown unless both
 * samples have them. False and no change when the counters were reset in between: @a after then
 * covers the time since.
 */
bool interval_take(sample_t *after, sample_t *before);

#endif
