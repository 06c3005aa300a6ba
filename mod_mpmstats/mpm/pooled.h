/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/pooled.h
 * @brief Modules that start a thread for each worker of a process, and what the system lets us
 * start.
 *
 * mod_http2 starts H2MinWorkers threads in each new child; not set, that is the number of workers
 * the process may have (AP_MPMQ_MAX_THREADS). Stock MPMs have 25. Here a process may have hundreds,
 * which are created when they are needed. Others that ask (mod_proxy for its connections,
 * mod_status) need the true number.
 */
#ifndef MPMSTATS_MPM_POOLED_H
#define MPMSTATS_MPM_POOLED_H

#include "httpd.h"
#include "mpm/lane.h"

/**
 * Where the administrator has not set them, give mod_http2 its limits, through its own directives.
 * Configuration phase.
 */
void pooled_set_http2(const lane_t *lane, apr_pool_t *p, apr_pool_t *ptemp, server_rec *s);

/** Say when the system does not allow so many threads as the limits do. */
void pooled_check_system(const lane_t *lane, server_rec *s);

#endif
