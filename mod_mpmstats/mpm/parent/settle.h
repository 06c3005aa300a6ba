/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/settle.h
 * @brief Graceful restart: wait for running requests before httpd destroys the configuration pool.
 * Parent only.
 */
#ifndef MPMSTATS_MPM_PARENT_SETTLE_H
#define MPMSTATS_MPM_PARENT_SETTLE_H

#include <stdbool.h>

#include "mpm/lane.h"

/**
 * Whether a restart has to hold (MPMRestartHold); auto: when the parent has children of its own
 * beside the MPM's (daemons of modules, piped loggers), which end with the configuration.
 */
bool settle_is_due(const lane_t *lane);

/**
 * Send CONTROL_HOLD and wait until the children run no request, at most restart_wait_ms; then until
 * piped loggers have read their pipes.
 * @param skip_fd     either end of a pipe that is no log's
 * @param keep_house  called while it waits; nonzero ends the wait for requests
 */
void settle(const lane_t *lane, int skip_fd, int (*keep_house)(void));

#endif
