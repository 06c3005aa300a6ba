/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/parent.h
 * @brief The parent's main loop: one run, from the configuration to a stop or restart.
 */
#ifndef MPMSTATS_MPM_PARENT_PARENT_H
#define MPMSTATS_MPM_PARENT_PARENT_H

#include "httpd.h"
#include "mpm/lane.h"
#include "mpm/parent/start.h"

/** The mpm hook, for @a lane. OK: restart (read the configuration again), DONE: stop. */
int parent_run(const lane_t *lane, const start_mains_t *mains, apr_pool_t *pconf, apr_pool_t *plog,
               server_rec *s);

#endif
