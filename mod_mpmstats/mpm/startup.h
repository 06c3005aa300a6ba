/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/startup.h
 * @brief The hooks between the start of the program and the first fork.
 */
#ifndef MPMSTATS_MPM_STARTUP_H
#define MPMSTATS_MPM_STARTUP_H

#include "httpd.h"
#include "mpm/lane.h"

int startup_pre_config(lane_t *lane, apr_pool_t *pconf);
int startup_check_config(lane_t *lane, server_rec *s);
int startup_post_config(const lane_t *lane, apr_pool_t *p, apr_pool_t *ptemp, server_rec *s);
int startup_open_logs(apr_pool_t *p, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);

#endif
