/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file  mpm/parent/maintain.h
 * @brief How many children there should be, and making it so. Parent only.
 */
#ifndef MPMSTATS_MPM_PARENT_MAINTAIN_H
#define MPMSTATS_MPM_PARENT_MAINTAIN_H

#include "apr_time.h"
#include "mpm/lane.h"
#include "mpm/parent/start.h"

/** A run begins: start the first children, and tell those of older generations to go. */
void maintain_start(const lane_t *lane, const start_mains_t *mains, int help_fd);

/** Nobody will accept any more: what is kept for children yet to start goes. */
void maintain_end(void);

/** Look around and do what is due. Returns after how many µs to come again. */
apr_interval_time_t maintain_run(apr_time_t now);

/** A child of this generation has crashed, or found no resources, @a lived µs after its start. */
void maintain_child_failed(apr_interval_time_t lived);

#endif
