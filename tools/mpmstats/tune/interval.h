/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  tune/interval.h
 * @brief What happened between two looks at a server.
 */
#ifndef MPMSTATS_CLI_TUNE_INTERVAL_H
#define MPMSTATS_CLI_TUNE_INTERVAL_H

#include <stdbool.h>

#include "fields/sample.h"

/**
 * Makes every counter of @a after what it grew by since @a before, and every time one of the
 * requests in between; gauges stay. What cannot be told of an interval becomes unknown: the times
 * of single virtual hosts, unless both samples have them. False, and nothing done, when the server
 * was started in between: then everything in @a after is since.
 */
bool interval_take(sample_t *after, sample_t *before);

#endif
