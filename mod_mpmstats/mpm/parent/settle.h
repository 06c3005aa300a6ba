/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/settle.h
 * @brief Before httpd destroys the configuration pool at a graceful restart: let what runs end.
 * Parent only.
 */
#ifndef MPMSTATS_MPM_PARENT_SETTLE_H
#define MPMSTATS_MPM_PARENT_SETTLE_H

#include "mpm/lane.h"

/** Whether a restart now takes from the children something they need (MPMRestartHold). */
int settle_is_due(const lane_t *lane);

/**
 * Tell the children to begin nothing new, and wait until nothing runs in them and the programs that
 * logs are piped to have read all; not longer than the lane says. @a skip_fd: either end of a pipe
 * that is nobody's log.
 * @param keep_house  called while it waits; nonzero ends the wait
 */
void settle(const lane_t *lane, int skip_fd, int (*keep_house)(void));

#endif
