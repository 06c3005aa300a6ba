/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/query.h
 * @brief Answers to ap_mpm_query() and the MPM's name.
 */
#ifndef MPMSTATS_MPM_QUERY_H
#define MPMSTATS_MPM_QUERY_H

#include "apr_errno.h"
#include "mpm/lane.h"

/** The mpm_query hook. Uses @a configured until the process has its lane. */
int query_mpm(const lane_t *configured, int code, int *result, apr_status_t *rv);

/** The mpm_get_name hook. */
const char *query_name(void);

#endif
