/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/summary.h
 * @brief What the error log says of the server as a whole: a threshold passed, summaries.
 */
#ifndef MPMSTATS_STATS_RECORD_SUMMARY_H
#define MPMSTATS_STATS_RECORD_SUMMARY_H

#include <stdint.h>

#include "httpd.h"

/**
 * Warns when as many workers are busy as MPMStatsBusyThreshold says, and tells when that is over.
 */
void record_summary_threshold(uint64_t busy, uint64_t limit, uint64_t now);

/** In the parent: the summary, when its time has come and the server has done something. */
void record_summary_due(server_rec *s);

#endif
