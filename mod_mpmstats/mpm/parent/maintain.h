/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/maintain.h
 * @brief Decides how many children run, starts and retires them. Parent only.
 */
#ifndef MPMSTATS_MPM_PARENT_MAINTAIN_H
#define MPMSTATS_MPM_PARENT_MAINTAIN_H

#include "apr_time.h"
#include "mpm/lane.h"
#include "mpm/parent/start.h"

/**
 * Prepare a run: maintain_run() then starts StartServers children and drains older generations.
 */
void maintain_start(const lane_t *lane, const start_mains_t *mains, int help_fd);

/** No child will be started any more: close the sockets kept for new children. */
void maintain_end(void);

/** Start, retire and drain children as needed. Returns the µs until the next call is due. */
apr_interval_time_t maintain_run(apr_time_t now);

/** A child of this generation crashed or lacked resources, @a lived µs after its start. */
void maintain_child_failed(apr_interval_time_t lived);

#endif
