/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/report.h
 * @brief What goes to the logs: slow requests, a threshold passed, summaries, phases for CustomLog.
 */
#ifndef MPMSTATS_STATS_RECORD_REPORT_H
#define MPMSTATS_STATS_RECORD_REPORT_H

#include <stdint.h>

#include "httpd.h"
#include "stats/record/request.h"

/** Hook check_config: refuses a %{PHASE}^MP of a phase that there is not. */
int record_report_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                               server_rec *s);

/** Hook pre_config: makes %{PHASE}^MP known to CustomLog. */
int record_report_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);

/** Logs a request that took longer than MPMStatsSlowThreshold. */
void record_report_slow(request_rec *r, const record_request_t *request);

/**
 * Warns when as many workers are busy as MPMStatsBusyThreshold says, and tells when that is over.
 */
void record_report_threshold(uint64_t busy, uint64_t limit, uint64_t now);

/** In the parent: the summary, when its time has come and the server has done something. */
void record_report_summary(server_rec *s);

#endif
