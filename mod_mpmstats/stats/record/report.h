/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  stats/record/report.h
 * @brief Single requests in the logs: slow ones in the error log, and phases for CustomLog.
 */
#ifndef MPMSTATS_STATS_RECORD_REPORT_H
#define MPMSTATS_STATS_RECORD_REPORT_H

#include <stdint.h>

#include "httpd.h"
#include "stats/record/types.h"

/** Hook check_config: refuses a %{PHASE}^MP with an unknown phase. */
int record_report_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp,
                               server_rec *s);

/** Hook pre_config: registers %{PHASE}^MP for CustomLog. */
int record_report_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);

/** Logs a request that took longer than MPMStatsSlowThreshold. */
void record_report_slow(request_rec *r, const record_request_t *request);

/** Microseconds as milliseconds with one decimal; "?" if @a us is unknown. From @a pool. */
const char *record_report_ms(apr_pool_t *pool, int64_t us);

#endif
