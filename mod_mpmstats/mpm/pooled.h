/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/pooled.h
 * @brief mod_http2's thread pool, and the system's limit on threads.
 *
 * mod_http2 starts H2MinWorkers threads in each new child, by default as many as the process may
 * have workers (AP_MPMQ_MAX_THREADS): 25 in stock MPMs, possibly hundreds here, where workers are
 * created on demand. Other modules that query the number (mod_proxy for its connections,
 * mod_status) need the true one, so mod_http2's default is set instead. Its pool grows on demand up
 * to H2MaxWorkers; docs/directives.md says how it and the workers add up.
 */
#ifndef MPMSTATS_MPM_POOLED_H
#define MPMSTATS_MPM_POOLED_H

#include "httpd.h"
#include "mpm/lane.h"

/**
 * Set mod_http2's limits through its own directives, unless the administrator has set them, and
 * take its child_stopping hook out of the list. Configuration phase, after the hooks are sorted.
 */
void pooled_set_http2(const lane_t *lane, apr_pool_t *p, apr_pool_t *ptemp, server_rec *s);

/** Logs a warning when the system's limits allow fewer threads than the lane's and mod_http2's. */
void pooled_check_system(const lane_t *lane, server_rec *s);

#endif
