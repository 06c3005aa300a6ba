/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/report.h
 * @brief What the logs say of single requests: the slow ones, and phases for CustomLog.
 */
#ifndef MPMSTATS_STATS_RECORD_REPORT_H
#define MPMSTATS_STATS_RECORD_REPORT_H

#include <stdint.h>

#include "httpd.h"
#include "stats/record/types.h"

/** Hook check_config: refuses a %{PHASE}^MP of a phase that there is not. */
int record_report_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                               server_rec *s);

/** Hook pre_config: makes %{PHASE}^MP known to CustomLog. */
int record_report_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);

/** Logs a request that took longer than MPMStatsSlowThreshold. */
void record_report_slow(request_rec *r, const record_request_t *request);

/** Microseconds as milliseconds with a tenth; "?" when @a us is not known. From @a pool. */
const char *record_report_ms(apr_pool_t *pool, int64_t us);

#endif
