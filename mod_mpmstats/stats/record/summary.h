/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/summary.h
 * @brief The server as a whole in the error log: a threshold reached, summaries.
 */
#ifndef MPMSTATS_STATS_RECORD_SUMMARY_H
#define MPMSTATS_STATS_RECORD_SUMMARY_H

#include <stdint.h>

#include "httpd.h"

/**
 * Warns when @a busy of @a limit threads reach MPMStatsBusyThreshold, and logs its end. @a what
 * names them: the kind that is nearer to its limit.
 */
void record_summary_threshold(uint64_t busy, uint64_t limit, const char *what, uint64_t now);

/** In the parent: logs the summary, if it is due and requests were served or are running. */
void record_summary_due(server_rec *s);

#endif
